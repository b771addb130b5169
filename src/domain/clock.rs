//! Our clock, by those of the providers (DESIGN.md 4): their answers are dated.
//!
//! Shredding, deaths and mail go by our clock, so they wait while most providers say that it is more than an hour off.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::ProviderName;
use super::time::{Timestamp, hours};

/// A clock that is off by more is not gone by.
pub const LIMIT: Duration = hours(1);
/// A look at a provider's clock says something for so long. Not longer than [`LIMIT`]: a clock that jumps by more leaves
/// every earlier look behind, so that the next one alone is enough.
const HOLDS: Duration = LIMIT;
/// What is known of a provider is written anew when it has changed by so much, or is half as old as it may be.
const WORTH_WRITING: i64 = 60_000;

/// What one answer's date said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    /// when, by our clock
    pub at: Timestamp,
    /// how far our clock was ahead of the provider's, in milliseconds; negative where it was behind
    pub ahead: i64,
}

/// A clock that is not gone by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// since when, by itself
    pub since: Timestamp,
    /// how far it is ahead of the middle one of the providers', in milliseconds; negative where it is behind
    pub ahead: i64,
}

impl Suspect {
    /// `90 min behind the clocks of the providers`, to the nearest minute; in hours from ten of them on.
    pub fn words(&self) -> String {
        let minutes = (self.ahead.unsigned_abs() + 30_000) / 60_000;
        let by = if minutes >= 600 { format!("{} h", minutes / 60) } else { format!("{minutes} min") };
        let side = if self.ahead < 0 { "behind" } else { "ahead of" };
        format!("{by} {side} the clocks of the providers")
    }
}

/// What the providers say of our clock, and what is made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Clocks {
    skews: BTreeMap<ProviderName, Skew>,
    /// not to be gone by, until providers say otherwise
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspect: Option<Suspect>,
}

impl Clocks {
    /// Takes in the date of an answer, which had one-second precision and may have been on its way for a while. Returns
    /// whether anything changed that is worth writing down.
    pub fn tell(&mut self, provider: &ProviderName, ours: Timestamp, theirs: Timestamp) -> bool {
        let skew = Skew { at: ours, ahead: ours.as_millis().saturating_sub(theirs.as_millis()) };
        let known = self.skews.get(provider).copied();
        let is_news = known.is_none_or(|known| {
            let aged = ours.since(known.at) >= HOLDS / 2 || ours < known.at;
            aged || known.ahead.abs_diff(skew.ahead) >= WORTH_WRITING.unsigned_abs()
        });
        if !is_news {
            return false; // the majority can't have changed
        }
        self.skews.insert(provider.clone(), skew);
        self.judge(ours);
        true
    }

    /// Suspect where most of those who were heard of late say so; without anybody to hear, it stays as it was.
    fn judge(&mut self, now: Timestamp) {
        let is_fresh = |skew: &&Skew| skew.at <= now && now.since(skew.at) <= HOLDS;
        let mut heard: Vec<i64> = self.skews.values().filter(is_fresh).map(|skew| skew.ahead).collect();
        let is_off = |ahead: &&i64| u128::from(ahead.unsigned_abs()) > LIMIT.as_millis();
        let off = heard.iter().filter(is_off).count();
        if heard.is_empty() {
            return;
        }
        if off * 2 <= heard.len() {
            self.suspect = None;
            return;
        }
        heard.sort_unstable();
        let since = self.suspect.map_or(now, |suspect| suspect.since);
        self.suspect = Some(Suspect { since, ahead: heard[heard.len() / 2] });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::time::minutes;

    const NOON: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn kit() -> ProviderName {
        ProviderName::new("kit")
    }

    fn told(by: &[(&str, i64)]) -> Clocks {
        let mut clocks = Clocks::default();
        for (name, seconds) in by {
            let theirs = Timestamp::from_millis(NOON.as_millis() - seconds * 1000);
            clocks.tell(&ProviderName::new(name), NOON, theirs);
        }
        clocks
    }

    #[test]
    fn our_clock_is_suspect_where_most_providers_say_more_than_an_hour() {
        for (by, suspect) in [
            (vec![], None),
            (vec![("a", 0)], None),
            (vec![("a", 3600)], None),
            (vec![("a", 3601)], Some(3601)),
            (vec![("a", -3601)], Some(-3601)),
            (vec![("a", 9000), ("b", 0)], None),
            (vec![("a", 9000), ("b", 0), ("c", 9003)], Some(9000)),
            (vec![("a", 9000), ("b", 1), ("c", 2), ("d", 3)], None),
        ] {
            let found = told(&by).suspect.map(|suspect| suspect.ahead);
            assert_eq!(found, suspect.map(|seconds: i64| seconds * 1000), "{by:?}");
        }
    }

    #[test]
    fn it_stays_suspect_while_nobody_answers_and_until_they_agree_again() {
        let mut clocks = told(&[("kit", 7200)]);
        let since = clocks.suspect.expect("suspect").since;
        let later = NOON + hours(5);
        assert!(clocks.tell(&kit(), later, later - hours(2)));
        assert_eq!(clocks.suspect.map(|suspect| suspect.since), Some(since), "one period");
        assert!(clocks.tell(&kit(), later + minutes(1), later + minutes(1)));
        assert_eq!(clocks.suspect, None);
    }

    #[test]
    fn one_provider_is_enough_right_after_a_jump_however_many_agreed_before() {
        let names: Vec<String> = (0..17).map(|number| format!("p{number}")).collect();
        for jump in [NOON + hours(2), NOON - hours(2)] {
            let mut clocks = told(&names.iter().map(|name| (name.as_str(), 0)).collect::<Vec<_>>());
            clocks.tell(&ProviderName::new("p3"), jump, NOON + Duration::from_secs(1));
            assert!(clocks.suspect.is_some(), "{jump}");
        }
    }

    #[test]
    fn what_says_nothing_new_is_not_written_down() {
        let mut clocks = Clocks::default();
        assert!(clocks.tell(&kit(), NOON, NOON));
        assert!(!clocks.tell(&kit(), NOON + minutes(1), NOON + minutes(1) - Duration::from_secs(2)));
        assert!(clocks.tell(&kit(), NOON + minutes(30), NOON + minutes(30)), "it grows old");
        assert!(clocks.tell(&kit(), NOON + minutes(31), NOON + minutes(33)), "it has changed");
    }

    #[test]
    fn how_far_it_is_off_is_said_in_words() {
        for (ahead, words) in
            [(7_200_000, "120 min ahead of"), (-5_400_000, "90 min behind"), (86_400_000, "24 h ahead of")]
        {
            let suspect = Suspect { since: NOON, ahead };
            assert_eq!(suspect.words(), format!("{words} the clocks of the providers"));
        }
    }

    proptest! {
        #[test]
        fn a_clock_that_is_right_is_never_suspect_for_one_wrong_provider_among_three(
            wrong in -90_000_000_i64..90_000_000,
            drift in -3_000_000_i64..3_000_000,
        ) {
            let clocks = told(&[("a", drift / 1000), ("b", wrong / 1000), ("c", drift / 1000)]);
            prop_assert_eq!(clocks.suspect, None);
        }
    }
}
