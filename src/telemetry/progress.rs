//! Progress on terminals: how far a stage is, how fast it goes and how long it still takes.

use std::io::{self, IsTerminal as _, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::ports::Progress;

const KNOWN: &str = "{prefix:>8} [{wide_bar}] {human_pos}/{human_len} {per_sec}, {eta} left";
const OPEN: &str = "{prefix:>8} {spinner} {human_pos} {per_sec}, {elapsed}";

/// Draws one bar a stage on standard error where that is a terminal, and nothing where it is not. A clone draws the same.
#[derive(Clone)]
pub struct Bars {
    visible: bool,
    bar: Arc<Mutex<ProgressBar>>,
}

impl Bars {
    /// Looks at standard error once, and keeps to what it is.
    pub fn on_stderr() -> Self {
        Self { visible: stderr().is_terminal(), bar: Arc::new(Mutex::new(ProgressBar::hidden())) }
    }

    /// Standard error for lines that are written while a bar may be drawn there: it makes way for each of them.
    pub fn lines(&self) -> Lines {
        Lines(self.clone())
    }

    fn bar(&self) -> MutexGuard<'_, ProgressBar> {
        // a panic elsewhere leaves a bar that is wrong at worst
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whole lines above the bar, each handed over at once.
#[derive(Clone)]
pub struct Lines(Bars);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bar = self.0.bar().clone();
        bar.suspend(|| stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}

impl Progress for Bars {
    fn stage(&self, name: &'static str, total: Option<u64>) {
        if !self.visible {
            return;
        }
        // eight draws a second are plenty, also over a slow line
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(8));
        bar.set_style(style(total));
        bar.set_prefix(name);
        bar.enable_steady_tick(Duration::from_millis(250));
        std::mem::replace(&mut *self.bar(), bar).finish_and_clear();
    }

    fn advance(&self, count: u64) {
        self.bar().inc(count);
    }

    fn done(&self) {
        self.bar().finish_and_clear();
    }
}

fn style(total: Option<u64>) -> ProgressStyle {
    let template = if total.is_some() { KNOWN } else { OPEN };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_templates_are_readable() {
        for template in [KNOWN, OPEN] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_pipe_sees_nothing_and_counting_goes_on() {
        let bars = Bars { visible: false, bar: Arc::new(Mutex::new(ProgressBar::hidden())) };
        bars.stage("collect", Some(10));
        bars.advance(3);
        bars.done();
        assert!(bars.bar().is_hidden());
    }
}
