//! Our clock, by those of the providers (DESIGN.md 4): their answers are dated.
//!
//! What keysweep writes goes by our clock, set right by theirs. Shredding, deaths and mail wait while most of them say that
//! ours is more than an hour off.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::ProviderName;
use super::time::{Timestamp, hours, minutes};

/// A clock that is off by more is not gone by.
pub const LIMIT: Duration = hours(1);
/// A clock that is off by less is gone by as it is: answers are dated to the second, and some time on their way.
const SLACK: Duration = minutes(5);
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

impl Skew {
    /// Whether it still says something when our clock shows this.
    fn is_fresh(&self, shown: Timestamp) -> bool {
        self.at <= shown && shown.since(self.at) <= HOLDS
    }
}

/// A clock that is not gone by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// how far our clock is set right, in milliseconds: what is to be taken from it
    #[serde(skip_serializing_if = "is_zero")]
    pub ahead: i64,
}

/// Whether `now` can be the time, with nothing known but when the ledger was last worked with: neither before that, nor so
/// much later that a clock which was set forward would do harm. Where it can't, the providers are asked for the time.
pub fn follows(last: Timestamp, now: Timestamp) -> bool {
    last <= now + SLACK && now <= last + LIMIT
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

    /// Whether some provider's date was heard so lately, by what our clock shows, that it is known how right that is.
    pub fn is_known(&self, shown: Timestamp) -> bool {
        self.skews.values().any(|skew| skew.is_fresh(shown))
    }

    /// Suspect where most of those who were heard of late say so; without anybody to hear, it stays as it was.
    fn judge(&mut self, now: Timestamp) {
        let fresh = self.skews.values().filter(|skew| skew.is_fresh(now));
        let mut heard: Vec<i64> = fresh.map(|skew| skew.ahead).collect();
        let is_off = |ahead: &&i64| u128::from(ahead.unsigned_abs()) > LIMIT.as_millis();
        let off = heard.iter().filter(is_off).count();
        if heard.is_empty() {
            return;
        }
        let most_say_so = off * 2 > heard.len();
        heard.sort_unstable();
        let middle = if most_say_so { heard[heard.len() / 2] } else { nearest_to_ours(&heard) };
        self.ahead = if u128::from(middle.unsigned_abs()) > SLACK.as_millis() { middle } else { 0 };
        let since = self.suspect.map_or(now, |suspect| suspect.since);
        self.suspect = most_say_so.then_some(Suspect { since, ahead: middle });
    }
}

/// The middle one of sorted skews; of two in the middle, the one that says less against our clock.
fn nearest_to_ours(sorted: &[i64]) -> i64 {
    let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
    if low.unsigned_abs() <= high.unsigned_abs() { low } else { high }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
const fn is_zero(ahead: &i64) -> bool {
    *ahead == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
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
    fn it_is_set_right_by_the_middle_one_beyond_five_minutes() {
        for (by, ahead) in [
            (vec![], 0),
            (vec![("a", 300)], 0),
            (vec![("a", 301)], 301),
            (vec![("a", -86_400)], -86_400),
            (vec![("a", 9000), ("b", 0)], 0),
            (vec![("a", 1000), ("b", 1200)], 1000),
            (vec![("a", 9000), ("b", 0), ("c", 9003)], 9000),
            (vec![("a", 9000), ("b", 1), ("c", 2), ("d", 3)], 0),
        ] {
            assert_eq!(told(&by).ahead, ahead * 1000, "{by:?}");
        }
    }

    #[test]
    fn it_is_gone_by_again_as_soon_as_the_middle_one_agrees() {
        let mut clocks = told(&[("kit", 86_400)]);
        clocks.tell(&kit(), NOON, NOON);
        assert_eq!((clocks.ahead, clocks.suspect), (0, None));
    }

    #[test]
    fn how_right_it_is_is_known_for_an_hour_and_no_longer_after_a_jump() {
        let clocks = told(&[("kit", 0)]);
        for (shown, known) in
            [(NOON, true), (NOON + hours(1), true), (NOON + hours(2), false), (NOON - hours(1), false)]
        {
            assert_eq!(clocks.is_known(shown), known, "{shown}");
        }
        assert!(!Clocks::default().is_known(NOON));
    }

    #[test]
    fn a_time_follows_the_last_one_unless_it_is_before_it_or_long_after() {
        for (seconds, can_be) in [(0, true), (900, true), (3600, true), (3601, false), (-300, true), (-301, false)] {
            let now = Timestamp::from_millis(NOON.as_millis() + seconds * 1000);
            assert_eq!(follows(NOON, now), can_be, "{seconds}");
        }
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
