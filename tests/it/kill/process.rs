//! How long a process lives, and how its end falls to a write.

use std::cell::Cell;

/// On which side of the commit the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// what was to be written is lost
    Before,
    /// it is written, and nobody hears of it
    After,
}

/// How long a process lives, in writes.
#[derive(Debug)]
pub struct Life {
    /// the write at which it dies, counted from 1; `None` for never
    dies_at: Option<(u32, Side)>,
    writes: Cell<u32>,
    died_in: Cell<Option<&'static str>>,
}

impl Life {
    /// One that never ends.
    pub const fn long() -> Self {
        Self { dies_at: None, writes: Cell::new(0), died_in: Cell::new(None) }
    }

    /// One that ends at its write number `write`.
    pub const fn until(write: u32, side: Side) -> Self {
        Self { dies_at: Some((write, side)), ..Self::long() }
    }

    /// The write in which it ended, if it has.
    pub fn died_in(&self) -> Option<&'static str> {
        self.died_in.get()
    }

    /// Whether the process lives through this write.
    pub fn next(&self, call: &'static str) -> Result<(), Side> {
        if self.died_in().is_some() {
            return Err(Side::Before); // the dead write nothing
        }
        self.writes.set(self.writes.get() + 1);
        match self.dies_at {
            Some((write, side)) if write == self.writes.get() => {
                self.died_in.set(Some(call));
                Err(side)
            }
            _ => Ok(()),
        }
    }
}
