//! How old a secret is, and how that is known (DESIGN.md 5).
//!
//! The boundary, written once: a secret is stale when `now - since > max_age`, in whole seconds of age,
//! in UTC. At exactly 90 d 0 h 0 m 0 s it is not yet stale; one second later it is.

mod band;

use std::time::Duration;

pub use band::AgeBand;

use super::facts::Provenance;
use super::time::Timestamp;

const SECOND: Duration = Duration::from_secs(1);

/// From when a secret is known to have existed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Known {
    /// the instant
    pub since: Timestamp,
    /// how that is known
    pub provenance: Provenance,
}

/// Returns what one connection tells about a value when it first shows it, at `shown_at`: `now`, or the date of an event that
/// arrives now. It is the date that the inventory declares; else `shown_at` if the value replaced another between two scans;
/// else the connection's creation, where the source doesn't say that secrets can be replaced in place
/// (`secrets_replaceable`); else only that it exists. Dates after `now` don't count.
pub fn at_first_sight(
    declared: Option<Timestamp>,
    created_at: Option<Timestamp>,
    replaces_another: bool,
    secrets_replaceable: bool,
    shown_at: Timestamp,
    now: Timestamp,
) -> Known {
    let shown_at = shown_at.min(now);
    let past = |at: &Timestamp| *at <= now;
    if let Some(since) = declared.filter(past) {
        return Known { since, provenance: Provenance::Declared };
    }
    if replaces_another {
        return Known { since: shown_at, provenance: Provenance::Observed };
    }
    match created_at.filter(past) {
        Some(since) if !secrets_replaceable => Known { since, provenance: Provenance::Connected },
        _ => Known { since: shown_at, provenance: Provenance::FirstSeen },
    }
}

/// Returns what a connection's row tells later of the value that it goes on to show: the date that the inventory declares, else
/// the connection's creation, as at first sight. `None` where it tells nothing. `is_first`: the connection has not ended, nor
/// shown another value, since it was first seen.
pub fn told_later(
    declared: Option<Timestamp>,
    created_at: Option<Timestamp>,
    is_first: bool,
    secrets_replaceable: bool,
) -> Option<Known> {
    let declared = declared.map(|since| Known { since, provenance: Provenance::Declared });
    let connected = created_at.filter(|_| is_first && !secrets_replaceable);
    declared.or(connected.map(|since| Known { since, provenance: Provenance::Connected }))
}

/// Returns the earlier of the two: nothing moves a secret's age forward. On the same instant the better
/// provenance wins.
pub fn earliest(known: Known, other: Known) -> Known {
    known.min(other)
}

/// True where the secret is older than `max_age`.
pub fn is_stale(since: Timestamp, now: Timestamp, max_age: Duration) -> bool {
    now >= stale_at(since, max_age)
}

/// The first instant at which the secret is stale: a full second after it has reached `max_age`.
pub fn stale_at(since: Timestamp, max_age: Duration) -> Timestamp {
    since + whole_seconds(max_age).saturating_add(SECOND)
}

/// True where the secret is not yet stale, but within `warn_before` of `max_age`.
pub fn is_due(since: Timestamp, now: Timestamp, max_age: Duration, warn_before: Duration) -> bool {
    now >= due_at(since, max_age, warn_before) && !is_stale(since, now, max_age)
}

/// The first instant at which the secret is due: `since` itself where `warn_before` is not shorter than `max_age`.
pub fn due_at(since: Timestamp, max_age: Duration, warn_before: Duration) -> Timestamp {
    since + whole_seconds(max_age.saturating_sub(warn_before))
}

const fn whole_seconds(span: Duration) -> Duration {
    Duration::from_secs(span.as_secs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::days;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn what_an_event_shows_is_as_old_as_the_event_and_never_younger_than_now() {
        let (told, ahead) = (NOW - days(4), NOW + days(1));
        let seen = |replaces, shown_at| at_first_sight(None, None, replaces, false, shown_at, NOW);
        assert_eq!(seen(true, told), Known { since: told, provenance: Provenance::Observed });
        assert_eq!(seen(false, told), Known { since: told, provenance: Provenance::FirstSeen });
        assert_eq!(seen(true, ahead).since, NOW, "no date ahead of us counts");
        let declared = at_first_sight(Some(NOW - days(1)), None, true, false, told, NOW);
        assert_eq!(
            declared,
            Known { since: NOW - days(1), provenance: Provenance::Declared },
            "the platform's own date does"
        );
    }

    #[test]
    fn the_best_source_at_first_sight_wins_and_the_future_never_counts() {
        let (past, future) = (Some(NOW - days(30)), Some(NOW + SECOND));
        let older = Some(NOW - days(200));
        let cases = [
            // declared, created, replaces, replaceable -> since, provenance
            (past, older, false, false, past, Provenance::Declared),
            (past, older, true, true, past, Provenance::Declared),
            (Some(NOW), older, false, false, Some(NOW), Provenance::Declared),
            (future, older, false, false, older, Provenance::Connected),
            (future, older, true, false, Some(NOW), Provenance::Observed),
            (None, older, true, false, Some(NOW), Provenance::Observed),
            (None, older, false, false, older, Provenance::Connected),
            (None, older, false, true, Some(NOW), Provenance::FirstSeen),
            (None, future, false, false, Some(NOW), Provenance::FirstSeen),
            (None, None, false, false, Some(NOW), Provenance::FirstSeen),
        ];
        for (row, (declared, created_at, replaces, replaceable, since, provenance)) in cases.into_iter().enumerate() {
            let known = at_first_sight(declared, created_at, replaces, replaceable, NOW, NOW);
            assert_eq!((Some(known.since), known.provenance), (since, provenance), "row {row}");
        }
    }

    #[test]
    fn a_creation_that_is_told_later_dates_the_first_value_of_a_connection_and_no_other() {
        let (declared, created) = (Some(NOW - days(30)), Some(NOW - days(200)));
        let later = |declared, is_first, replaceable| {
            told_later(declared, created, is_first, replaceable).map(|known| (Some(known.since), known.provenance))
        };
        assert_eq!(later(None, true, false), Some((created, Provenance::Connected)));
        assert_eq!(later(None, false, false), None, "another value was there before");
        assert_eq!(later(None, true, true), None, "it may have been replaced in place before we came");
        assert_eq!(later(declared, true, false), Some((declared, Provenance::Declared)));
        assert_eq!(told_later(None, None, true, false), None);
    }

    #[test]
    fn on_the_same_instant_the_better_provenance_wins() {
        let declared = Known { since: NOW, provenance: Provenance::Declared };
        let first_seen = Known { since: NOW, provenance: Provenance::FirstSeen };
        assert_eq!(earliest(first_seen, declared), declared);
        assert_eq!(earliest(declared, first_seen), declared);
    }

    #[test]
    fn a_secret_is_not_stale_at_exactly_its_limit_but_a_second_later() {
        let limit = days(90);
        for (age, stale) in [
            (limit - SECOND, false),
            (limit, false),
            (limit + Duration::from_millis(400), false),
            (limit + Duration::from_millis(999), false),
            (limit + SECOND, true),
            (limit * 2, true),
        ] {
            // Wherever in its second the secret began.
            for offset in [0, 1, 700, 999] {
                let since = NOW + Duration::from_millis(offset);
                assert_eq!(is_stale(since, since + age, limit), stale, "{age:?} from {offset} ms");
            }
        }
    }

    #[test]
    fn a_secret_is_due_from_the_warning_to_the_limit() {
        let (limit, warning) = (days(90), days(14));
        for (age, due) in [
            (days(76) - SECOND, false),
            (days(76), true),
            (limit, true),
            (limit + Duration::from_millis(999), true),
            (limit + SECOND, false),
        ] {
            assert_eq!(is_due(NOW, NOW + age, limit, warning), due, "{age:?}");
        }
        assert_eq!(due_at(NOW, days(1), days(2)), NOW, "a warning longer than the limit begins at once");
    }

    #[test]
    fn a_limit_beyond_all_time_is_never_reached() {
        assert!(!is_stale(NOW, NOW + days(1_000_000), Duration::MAX));
        assert!(!is_due(NOW, NOW + days(1_000_000), Duration::MAX, days(14)));
    }

    fn instant() -> impl Strategy<Value = Timestamp> {
        (0..4_000_000_000_000_i64).prop_map(Timestamp::from_millis)
    }

    fn known() -> impl Strategy<Value = Known> {
        let provenance = prop::sample::select(vec![
            Provenance::Declared,
            Provenance::Observed,
            Provenance::Connected,
            Provenance::FirstSeen,
        ]);
        // Few instants, so that equal ones are met.
        ((0..4_i64), provenance).prop_map(|(at, provenance)| Known { since: Timestamp::from_secs(at), provenance })
    }

    proptest! {
        #[test]
        fn stale_means_an_age_in_whole_seconds_above_the_limit(
            since in instant(),
            limit in 0..20_000_000_000_u64,
            past in -3000..3000_i64,
        ) {
            let limit = Duration::from_millis(limit);
            let now = Timestamp::from_millis((since + limit).as_millis() + past);
            prop_assert_eq!(is_stale(since, now, limit), now.since(since).as_secs() > limit.as_secs());
            prop_assert_eq!(is_stale(since, now, limit), now >= stale_at(since, limit));
        }

        #[test]
        fn due_and_stale_follow_each_other_without_gap_or_overlap(
            since in instant(),
            now in instant(),
            limit in 0..20_000_000_u64,
            warning in 0..20_000_000_u64,
        ) {
            let (limit, warning) = (Duration::from_secs(limit), Duration::from_secs(warning));
            prop_assert!(due_at(since, limit, warning) < stale_at(since, limit));
            let (due, stale) = (is_due(since, now, limit, warning), is_stale(since, now, limit));
            prop_assert!(!(due && stale));
            prop_assert_eq!(due || stale, now >= due_at(since, limit, warning));
        }

        #[test]
        fn nothing_moves_an_age_forward_in_whatever_order_it_is_learnt(a in known(), b in known(), c in known()) {
            prop_assert!(earliest(a, b).since <= a.since);
            prop_assert!(earliest(a, b).since <= b.since);
            prop_assert_eq!(earliest(a, b), earliest(b, a));
            prop_assert_eq!(earliest(earliest(a, b), c), earliest(a, earliest(b, c)));
        }
    }
}
