//! What the daemon knows of its own parts: the same words in log, metric, page and readiness.

use std::collections::BTreeMap;

use super::activation::Job;
use super::meter::PartName;
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;

/// How something was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// since when it has been so
    pub since: Timestamp,
    /// what is wrong with it and what to do; `None` where nothing is
    pub trouble: Option<String>,
}

impl Seen {
    /// True where nothing is wrong.
    pub const fn is_up(&self) -> bool {
        self.trouble.is_none()
    }
}

/// Where the daemon is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// nothing has been looked at yet
    #[default]
    Starting,
    /// it does its work
    Running,
    /// it was asked to end and takes no new work
    Stopping,
}

/// How far one job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobState {
    /// when the run that is under way began
    pub running_since: Option<Timestamp>,
    /// when the last run ended, however it ended
    pub last_run: Option<Timestamp>,
    /// when the last run ended that left nothing to make up
    pub last_success: Option<Timestamp>,
    /// when it is next due; `None` where it has no schedule
    pub next: Option<Timestamp>,
}

/// Everything at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthReport {
    /// where the daemon is in its life
    pub phase: Phase,
    /// the parts; one that nothing has been seen of yet is absent
    pub parts: BTreeMap<PartName, Seen>,
    /// the configuration: in trouble where the last reload was refused. `None` before the start
    pub config: Option<Seen>,
    /// providers that answered nothing when they were last asked, or were given up then: since when, and how it looked. One
    /// that answers, that was never asked, or of which nothing is left to ask is not among them
    pub given_up: BTreeMap<ProviderName, Seen>,
    /// the jobs
    pub jobs: BTreeMap<Job, JobState>,
}

impl HealthReport {
    /// Why work should not be sent here, a sentence each; empty where it may. Only of the daemon's own: that a mail
    /// server or a provider is down makes nobody else readier.
    pub fn not_ready(&self) -> Vec<String> {
        let mut why = Vec::new();
        match self.phase {
            Phase::Starting => why.push("it is starting".to_owned()),
            Phase::Stopping => why.push("it is stopping".to_owned()),
            Phase::Running => {}
        }
        let ledger = self.parts.get(&PartName::Ledger).and_then(|seen| seen.trouble.as_ref());
        why.extend(ledger.map(|trouble| format!("ledger: {trouble}")));
        why
    }
}

/// Tells how the daemon is. Asking costs no look at the ledger.
pub trait Readiness {
    /// The state at this moment.
    fn report(&self) -> HealthReport;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> HealthReport {
        HealthReport { phase: Phase::Running, ..HealthReport::default() }
    }

    fn down(part: PartName) -> HealthReport {
        let seen = Seen { since: Timestamp::from_secs(1), trouble: Some("gone".to_owned()) };
        HealthReport { parts: BTreeMap::from([(part, seen)]), ..running() }
    }

    #[test]
    fn a_daemon_is_ready_while_it_runs_and_has_its_ledger_whatever_else_is_down() {
        assert!(running().not_ready().is_empty());
        for part in [PartName::Smtp, PartName::Inventory, PartName::Clock] {
            assert!(down(part).not_ready().is_empty(), "{part}");
        }
        assert_eq!(down(PartName::Ledger).not_ready(), ["ledger: gone"]);
        assert_eq!(HealthReport::default().not_ready(), ["it is starting"]);
        assert_eq!(HealthReport { phase: Phase::Stopping, ..running() }.not_ready(), ["it is stopping"]);
    }
}
