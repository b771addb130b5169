//! systemd's notifications (`Type=notify`). Started by anything else, all of it does nothing.

use std::time::Duration;
use std::{env, io, sync, thread};

use sd_notify::NotifyState;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};

use super::{News, Supervisor};

/// What waits for a manager that doesn't read just now; the system's own queue is short (10 on Linux).
const WAITING: usize = 64;

/// How long the end waits for what is still to be told.
const PATIENCE: Duration = Duration::from_secs(1);

/// systemd, if it started us.
#[derive(Debug)]
pub struct Systemd {
    beats: Option<Interval>,
    messenger: Option<Messenger>,
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
        let listens = env::var_os("NOTIFY_SOCKET").is_some();
        let messenger = listens.then(Messenger::start).and_then(|started| {
            started.inspect_err(|error| tracing::warn!(%error, "systemd is not told: no thread can be had")).ok()
        });
        Self { beats, messenger }
    }
}

impl Supervisor for Systemd {
    fn tell(&self, news: News<'_>) {
        if let Some(messenger) = &self.messenger {
            messenger.take(news);
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

/// A thread of its own that tells: sending waits while nobody reads, and the work must not.
#[derive(Debug)]
struct Messenger {
    letters: Option<mpsc::Sender<String>>,
    done: sync::mpsc::Receiver<()>,
}

impl Messenger {
    fn start() -> io::Result<Self> {
        let (letters, mut waiting) = mpsc::channel::<String>(WAITING);
        let (finished, done) = sync::mpsc::channel();
        thread::Builder::new().name("keysweep-systemd".to_owned()).spawn(move || {
            while let Some(letter) = waiting.blocking_recv() {
                if let Err(error) = sd_notify::notify(&[NotifyState::Custom(&letter)]) {
                    tracing::debug!(%error, "systemd could not be told");
                }
            }
            drop(finished); // whoever waits for the end hears it by this
        })?;
        Ok(Self { letters: Some(letters), done })
    }

    /// Puts it in the queue. Of a manager that doesn't read, what comes again anyway stays behind first.
    fn take(&self, news: News<'_>) {
        let Some(letters) = &self.letters else { return };
        let comes_again = matches!(news, News::Status(_) | News::Alive);
        if comes_again && letters.capacity() < WAITING / 2 {
            return;
        }
        let queued = letter(news).and_then(|letter| letters.try_send(letter).map_err(io::Error::other));
        if let Err(error) = queued {
            tracing::debug!(%error, "systemd could not be told");
        }
    }
}

/// As systemd reads it: an assignment a line, in one message.
fn letter(news: News<'_>) -> io::Result<String> {
    Ok(match news {
        News::Ready => NotifyState::Ready.to_string(),
        News::Reloading => format!("{}\n{}", NotifyState::Reloading, NotifyState::monotonic_usec_now()?),
        News::Stopping => NotifyState::Stopping.to_string(),
        News::Status(words) => NotifyState::Status(words).to_string(),
        News::Alive => NotifyState::Watchdog.to_string(),
    })
}

impl Drop for Messenger {
    fn drop(&mut self) {
        self.letters = None; // the thread ends when it has told what waits
        _ = self.done.recv_timeout(PATIENCE);
    }
}
