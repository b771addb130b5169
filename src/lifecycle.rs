//! Signals, and what the service manager is told.

mod systemd;

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

pub use self::systemd::Systemd;
use crate::ports::activation::Job;

/// What the daemon is asked from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// end in good order; a second time: end at once
    Stop,
    /// read the configuration again
    Reload,
    /// do this job now
    Ring(Job),
}

/// Where orders come from.
pub trait Orders {
    /// The next order, whenever it comes. Dropped while it waits, it loses none.
    fn next(&mut self) -> impl Future<Output = Order>;
}

/// What the service manager is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News<'a> {
    /// started, or done with a reload
    Ready,
    /// reading the configuration again
    Reloading,
    /// on the way to the end
    Stopping,
    /// what it does now, for people
    Status(&'a str),
    /// the loop turns
    Alive,
}

/// Whoever watches over the process.
pub trait Supervisor {
    /// Tells it something. What can't be told is let go: the work matters more.
    fn tell(&self, news: News<'_>);

    /// Resolves when it should be told that the loop turns; never, where nobody wants to know. Real time: it has
    /// nothing to do with the estate's.
    fn beat(&mut self) -> impl Future<Output = ()>;

    /// The time between two beats; `None` where there are none.
    fn period(&self) -> Option<Duration>;
}

/// Orders as signals: SIGTERM and SIGINT stop, SIGHUP reloads, SIGUSR1 rings for a scan and SIGUSR2 for mail.
#[derive(Debug)]
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    usr1: Signal,
    usr2: Signal,
}

impl Signals {
    /// Takes the signals from here on: none of them ends the process by itself any more.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn take() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
            usr1: signal(SignalKind::user_defined1())?,
            usr2: signal(SignalKind::user_defined2())?,
        })
    }
}

impl Orders for Signals {
    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.term.recv() => Order::Stop,
            _ = self.int.recv() => Order::Stop,
            _ = self.hup.recv() => Order::Reload,
            _ = self.usr1.recv() => Order::Ring(Job::Scan),
            _ = self.usr2.recv() => Order::Ring(Job::Mail),
        }
    }
}

/// Resolves when the process is asked to end (Ctrl-C, or SIGTERM). What was committed stays, the rest is still due.
pub async fn interrupted() {
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        return std::future::pending().await; // without a handler the default applies: the process ends
    };
    tokio::select! {
        _ = term.recv() => {}
        result = tokio::signal::ctrl_c() => if result.is_err() { std::future::pending::<()>().await },
    }
}
