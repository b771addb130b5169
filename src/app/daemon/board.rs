//! The board on which the daemon's state is written: read by readiness, page and metrics, told once to the log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::ids::ProviderName;
use crate::domain::time::{Timestamp, words};
use crate::ports::activation::Job;
use crate::ports::health::{HealthReport, JobState, Phase, Readiness, Seen};
use crate::ports::meter::{JobOutcome, Meter, PartName, Unmetered};
use crate::schedule::plan::LastRun;
use crate::telemetry::metrics::Heard;

/// The daemon's board. Clones are the same one.
#[derive(Clone)]
pub struct Board {
    state: Arc<Mutex<HealthReport>>,
    meter: Arc<dyn Meter>,
}

impl Default for Board {
    /// One that nobody counts.
    fn default() -> Self {
        Self::new(Arc::new(Unmetered))
    }
}

impl Readiness for Board {
    fn report(&self) -> HealthReport {
        self.state().clone()
    }
}

impl Board {
    /// An empty one; what is written on it is counted by `meter`.
    pub fn new(meter: Arc<dyn Meter>) -> Self {
        Self { state: Arc::default(), meter }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.state().phase = phase;
    }

    /// Notes how a part was just seen. The log hears of it when trouble begins and when it ends, not in between.
    pub(super) fn see(&self, part: PartName, now: Timestamp, seen: Result<(), &str>) {
        self.meter.part(part, seen.is_ok());
        let mut state = self.state();
        let last = state.parts.get(&part);
        match change(last, now, seen) {
            Change::Same => return,
            Change::First => {}
            Change::Began => {
                tracing::warn!(
                    part = part.as_str(),
                    reason = seen.err().unwrap_or_default(),
                    "a part is in trouble; it is tried again by itself"
                );
            }
            Change::Ended { after } => {
                tracing::info!(part = part.as_str(), after, "the part is well again");
            }
        }
        state.parts.insert(part, entry(now, seen));
    }

    /// Notes which providers answer, and which don't. Of one that was not asked since it stays as it was; one that is asked
    /// no more is told of no more.
    pub(super) fn hear(&self, now: Timestamp, heard: &Heard) {
        let mut state = self.state();
        let silent = |name: &ProviderName| heard.get(name).is_some_and(Result::is_err);
        for (name, _) in state.given_up.extract_if(.., |name, _| !silent(name)) {
            if heard.contains_key(&name) {
                tracing::info!(provider = %name, "the provider answers again");
            }
        }
        for (name, why) in heard.iter().filter_map(|(name, heard)| Some((name, heard.as_ref().err()?))) {
            let since = state.given_up.get(name).map(|seen| seen.since);
            if since.is_none() {
                tracing::warn!(provider = %name, reason = why, "a provider does not answer; its credentials stay due");
            }
            let seen = Seen { since: since.unwrap_or(now), trouble: Some(why.clone()) };
            state.given_up.insert(name.clone(), seen);
        }
    }

    /// Notes how the configuration was just read.
    pub(super) fn configured(&self, now: Timestamp, read: Result<(), &str>) {
        self.meter.reloaded(now, read.is_ok());
        self.state().config = Some(entry(now, read));
    }

    pub(super) fn started(&self, job: Job, now: Timestamp) {
        self.job(job, |state| state.running_since = Some(now));
    }

    pub(super) fn ended(&self, job: Job, outcome: JobOutcome) {
        self.meter.job(job, outcome);
        self.job(job, |state| state.running_since = None);
    }

    /// Notes how the last run of a job ended and when it is next due. Returns all that is known of the job.
    pub(super) fn planned(&self, job: Job, last: &LastRun, next: Option<Timestamp>) -> JobState {
        let mut state = self.state();
        let state = state.jobs.entry(job).or_default();
        (state.last_run, state.last_success, state.next) = (last.ended(), last.succeeded(), next);
        *state
    }

    fn job(&self, job: Job, change: impl FnOnce(&mut JobState)) {
        change(self.state().jobs.entry(job).or_default());
    }

    fn state(&self) -> MutexGuard<'_, HealthReport> {
        // a panic elsewhere leaves it whole: every change to it is a single step
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Change {
    /// seen for the first time, and well
    First,
    Same,
    Began,
    Ended {
        after: String,
    },
}

fn change(last: Option<&Seen>, now: Timestamp, seen: Result<(), &str>) -> Change {
    match (last, seen) {
        (None, Ok(())) => Change::First,
        (None, Err(_)) => Change::Began,
        (Some(last), _) if last.is_up() == seen.is_ok() => Change::Same,
        (Some(_), Err(_)) => Change::Began,
        (Some(last), Ok(())) => {
            let whole = std::time::Duration::from_secs(now.since(last.since).as_secs());
            Change::Ended { after: words(whole) }
        }
    }
}

fn entry(now: Timestamp, seen: Result<(), &str>) -> Seen {
    Seen { since: now, trouble: seen.err().map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ProviderName;
    use crate::domain::time::hours;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn trouble_keeps_the_instant_and_the_words_with_which_it_began() {
        let board = Board::default();
        board.see(PartName::Smtp, NOW, Ok(()));
        board.see(PartName::Smtp, NOW + hours(1), Err("refused"));
        board.see(PartName::Smtp, NOW + hours(2), Err("timed out"));
        let seen = board.report().parts[&PartName::Smtp].clone();
        assert_eq!(seen, Seen { since: NOW + hours(1), trouble: Some("refused".to_owned()) });
        board.see(PartName::Smtp, NOW + hours(3), Ok(()));
        assert_eq!(board.report().parts[&PartName::Smtp], Seen { since: NOW + hours(3), trouble: None });
    }

    #[test]
    fn a_provider_is_given_up_until_it_answers_or_is_asked_no_more() {
        let board = Board::default();
        let kit = ProviderName::new("kit");
        let silent = |failed: u32| Heard::from([(kit.clone(), Err(format!("{failed} failures in a row")))]);
        board.hear(NOW, &silent(10));
        board.hear(NOW + hours(1), &silent(12));
        let seen = board.report().given_up[&kit].clone();
        assert_eq!(seen, Seen { since: NOW, trouble: Some("12 failures in a row".to_owned()) });
        board.hear(NOW + hours(2), &Heard::from([(kit.clone(), Ok(()))]));
        assert!(board.report().given_up.is_empty());
        board.hear(NOW + hours(3), &silent(10));
        assert_eq!(board.report().given_up[&kit].since, NOW + hours(3));
        board.hear(NOW + hours(4), &Heard::new());
        assert!(board.report().given_up.is_empty());
    }
}
