//! What a report is written on: pieces go on their way while the rest is still being read, so that a report of any length
//! takes flat memory, on a terminal's pipe and over a network alike.

use std::io::{self, Write};

/// A piece is passed on once it has so many bytes.
const PIECE: usize = 16 * 1024;

/// Where the pieces of a report go.
pub trait Outlet: Send {
    /// Takes the next piece, and the time that it needs for it.
    ///
    /// # Errors
    /// Where nobody takes pieces any more: then the report is given up.
    fn take(&mut self, piece: Vec<u8>) -> impl Future<Output = io::Result<()>> + Send;
}

/// A report in the making.
#[derive(Debug)]
pub struct Paper<O> {
    outlet: O,
    piece: Vec<u8>,
}

impl<O: Outlet> Paper<O> {
    /// An empty one.
    pub const fn new(outlet: O) -> Self {
        Self { outlet, piece: Vec::new() }
    }

    /// Passes on what was written, where that is enough for a piece.
    ///
    /// # Errors
    /// Those of the outlet.
    pub async fn pass(&mut self) -> io::Result<()> {
        if self.piece.len() < PIECE {
            return Ok(());
        }
        self.outlet.take(std::mem::take(&mut self.piece)).await
    }

    /// Passes on the rest.
    ///
    /// # Errors
    /// Those of the outlet.
    pub async fn end(mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.outlet.take(self.piece).await
    }
}

impl<O> Write for Paper<O> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Pieces that are written where they belong at once.
#[derive(Debug)]
pub struct Written<W>(pub W);

impl<W: Write + Send> Outlet for Written<W> {
    async fn take(&mut self, piece: Vec<u8>) -> io::Result<()> {
        self.0.write_all(&piece)?;
        self.0.flush()
    }
}
