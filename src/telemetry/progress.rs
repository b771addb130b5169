//! Progress on terminals: how far a stage is, how fast it goes and how long it still takes.

use std::io::{IsTerminal as _, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::ports::Progress;

const KNOWN: &str = "{prefix:>8} [{wide_bar}] {human_pos}/{human_len} {per_sec}, {eta} left";
const OPEN: &str = "{prefix:>8} {spinner} {human_pos} {per_sec}, {elapsed}";

/// Draws one bar a stage on standard error where that is a terminal, and nothing where it is not.
pub struct Bars {
    visible: bool,
    bar: Mutex<ProgressBar>,
}

impl Bars {
    /// Looks at standard error once, and keeps to what it is.
    pub fn on_stderr() -> Self {
        Self { visible: stderr().is_terminal(), bar: Mutex::new(ProgressBar::hidden()) }
    }

    fn bar(&self) -> MutexGuard<'_, ProgressBar> {
        // a panic elsewhere leaves a bar that is wrong at worst
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
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
        let bars = Bars { visible: false, bar: Mutex::new(ProgressBar::hidden()) };
        bars.stage("collect", Some(10));
        bars.advance(3);
        bars.done();
        assert!(bars.bar().is_hidden());
    }
}
