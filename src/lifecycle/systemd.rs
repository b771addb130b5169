//! systemd's notifications (`Type=notify`). Started by anything else, all of it does nothing.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior};

use super::{News, Supervisor};

/// systemd, if it started us.
#[derive(Debug)]
pub struct Systemd {
    beats: Option<Interval>,
}

impl Systemd {
    /// Looks at what systemd set for this process: where to send, and how often it wants to hear that we live. Within a
    /// tokio runtime.
    pub fn from_env() -> Self {
        // Half of what it grants: one beat may be late.
        let period = sd_notify::watchdog_enabled().map(|granted| granted / 2).filter(|half| !half.is_zero());
        let beats = period.map(|half| {
            let mut beats = tokio::time::interval(half);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beats
        });
        Self { beats }
    }
}

impl Supervisor for Systemd {
    fn tell(&self, news: News<'_>) {
        let sent = match news {
            News::Ready => sd_notify::notify(&[NotifyState::Ready]),
            News::Reloading => {
                NotifyState::monotonic_usec_now().and_then(|since| sd_notify::notify(&[NotifyState::Reloading, since]))
            }
            News::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
            News::Status(words) => sd_notify::notify(&[NotifyState::Status(words)]),
            News::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "systemd could not be told");
        }
    }

    async fn beat(&mut self) {
        match &mut self.beats {
            Some(beats) => drop(beats.tick().await),
            None => std::future::pending().await,
        }
    }

    fn period(&self) -> Option<Duration> {
        self.beats.as_ref().map(Interval::period)
    }
}
