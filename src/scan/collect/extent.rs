//! Readings of what changed alone: when the next one may be such a one, and from when on it asks.

use std::time::Duration;

use super::Reading;
use crate::domain::time::{Timestamp, minutes};
use crate::ports::Extent;
use crate::ports::collect::{Mark, SourceState};

/// How much before the last reading a reading of changes begins. What is committed late bears an instant that had passed
/// already, and the platform's clock may go behind ours. A row that is shown twice is taken once: newer facts win.
const OVERLAP: Duration = minutes(5);

/// Since when the next reading of a source asks for changes; `None` where it is to be of everything: at first, after each
/// reading that had something to set aside, every `full_every`, and where the source is asked on another `basis` than before.
pub fn since(state: &SourceState, full_every: Duration, basis: &str, now: Timestamp) -> Option<Timestamp> {
    let mark = state.changes.as_ref().filter(|mark| mark.basis == basis)?;
    let is_fresh = state.last_complete.is_some_and(|at| now.since(at) < full_every && at <= now);
    is_fresh.then(|| mark.from - OVERLAP)
}

/// What a reading means for the next one. `whole` is whether it came to its end.
pub(super) fn mark<L, V>(reading: &Reading<'_, L, V>, whole: bool) -> Mark {
    // a secret that is kept elsewhere and could not be had is asked for again only when its row is shown again
    let is_followed = reading.sum.unfollowed == 0;
    let is_spotless = reading.sum.quarantined == 0 && !reading.unreadable_id && !reading.dropped_facts && is_followed;
    match &reading.extent {
        // A whole reading shows what it set aside until the next one; after it, changes may be asked for.
        Extent::Whole { basis: Some(basis) } if whole && !reading.unreadable_id && is_followed => {
            Mark::Here(basis.clone())
        }
        Extent::Changes { basis } if whole && is_spotless => Mark::Here(basis.clone()),
        // What was set aside would be forgotten: by the next reading of changes its row has not changed again.
        Extent::Changes { .. } if !is_spotless => Mark::Gone,
        Extent::Whole { .. } if whole => Mark::Gone,
        Extent::Whole { .. } | Extent::Changes { .. } => Mark::Stays,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::SourceId;
    use crate::domain::time::{days, hours};
    use crate::ports::collect::ChangesMark;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn state(whole_ago: Option<Duration>, changes: Option<(Duration, &str)>) -> SourceState {
        SourceState {
            id: SourceId(1),
            last_complete: whole_ago.map(|ago| NOW - ago),
            last_through: whole_ago.map(|ago| NOW - ago),
            last_taken: None,
            last_people: None,
            changes: changes.map(|(ago, basis)| ChangesMark { from: NOW - ago, basis: basis.to_owned() }),
            max_connection: 0,
            max_person: 0,
            last_rows: 0,
        }
    }

    #[test]
    fn changes_are_asked_for_between_two_whole_readings_on_one_basis_alone() {
        let since = |state: &SourceState| since(state, days(1), "q", NOW);
        let from = Some(NOW - hours(1) - OVERLAP);
        assert_eq!(since(&state(Some(hours(23)), Some((hours(1), "q")))), from);
        assert_eq!(since(&state(None, None)), None, "never read");
        assert_eq!(since(&state(Some(hours(23)), None)), None, "something was set aside");
        assert_eq!(since(&state(Some(days(1)), Some((hours(1), "q")))), None, "a whole one is due");
        assert_eq!(since(&state(Some(hours(1)), Some((hours(1), "other")))), None, "the query is another");
        assert_eq!(since(&state(None, Some((hours(1), "q")))), None, "no whole one yet");
        let ahead = SourceState { last_complete: Some(NOW + hours(1)), ..state(None, Some((hours(1), "q"))) };
        assert_eq!(since(&ahead), None, "a clock that was set back");
    }
}
