//! What the daemon does by itself, and how anybody asks for it now.

use std::fmt;

/// A job of the daemon. One at a time, and each carries no input: what is due, the ledger says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// collect, probe, judge
    Scan,
    /// notify: steps, digests, delivery
    Mail,
    /// the ledger's own maintenance
    Upkeep,
}

impl Job {
    /// All of them, in the order in which they are done where several are due.
    pub const ALL: [Self; 3] = [Self::Scan, Self::Mail, Self::Upkeep];

    /// The same word in configuration, metric, log and page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Mail => "mail",
            Self::Upkeep => "upkeep",
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Asks for a job now: the schedule, a signal, the API and the verb all ring the same bell.
pub trait Bell {
    /// Rings for this job. Ringing again before the work has begun is ringing once; ringing during the work
    /// asks for it once more.
    fn ring(&self, job: Job);

    /// Rings for whoever waits for a provider's answer: which, the ledger says. It is given between two jobs, before
    /// whatever is due.
    fn answer(&self);
}
