//! Ages in a few bands, for counts.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Known, is_stale, stale_at};
use crate::domain::facts::Provenance;
use crate::domain::time::{Timestamp, days};

/// A band of ages. Its end belongs to it, as a limit belongs to what is not yet stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum AgeBand {
    /// at most 30 days
    #[serde(rename = "0-30d")]
    To30,
    /// at most 60
    #[serde(rename = "30-60d")]
    To60,
    /// at most 90
    #[serde(rename = "60-90d")]
    To90,
    /// at most 180
    #[serde(rename = "90-180d")]
    To180,
    /// at most 365
    #[serde(rename = "180-365d")]
    To365,
    /// older
    #[serde(rename = "over-365d")]
    Over365,
    /// only a lower bound is known
    #[serde(rename = "at-least")]
    AtLeast,
}

impl AgeBand {
    /// Every band, youngest first, the unknown last.
    pub const ALL: [Self; 7] =
        [Self::To30, Self::To60, Self::To90, Self::To180, Self::To365, Self::Over365, Self::AtLeast];

    /// The bands that end, youngest first, and where.
    pub const LIMITED: [(Self, Duration); 5] = [
        (Self::To30, days(30)),
        (Self::To60, days(60)),
        (Self::To90, days(90)),
        (Self::To180, days(180)),
        (Self::To365, days(365)),
    ];

    /// The band of a secret's age at `now`.
    pub fn of(known: Known, now: Timestamp) -> Self {
        if known.provenance == Provenance::FirstSeen {
            return Self::AtLeast;
        }
        let holds = |(_, limit): &(Self, Duration)| !is_stale(known.since, now, *limit);
        Self::LIMITED.into_iter().find(holds).map_or(Self::Over365, |(band, _)| band)
    }

    /// For each of [`AgeBand::LIMITED`]: the latest instant of a secret that is too old for it at `now`.
    pub fn too_old_at(now: Timestamp) -> [Timestamp; 5] {
        let epoch = Timestamp::from_millis(0);
        Self::LIMITED.map(|(_, limit)| now - stale_at(epoch, limit).since(epoch))
    }

    /// The one word: `0-30d`, `over-365d`, `at-least`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::To30 => "0-30d",
            Self::To60 => "30-60d",
            Self::To90 => "60-90d",
            Self::To180 => "90-180d",
            Self::To365 => "180-365d",
            Self::Over365 => "over-365d",
            Self::AtLeast => "at-least",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn band(since: Timestamp) -> AgeBand {
        AgeBand::of(Known { since, provenance: Provenance::Declared }, NOW)
    }

    #[test]
    fn the_end_of_a_band_belongs_to_it_and_the_next_second_does_not() {
        for (age, expected) in [
            (Duration::ZERO, AgeBand::To30),
            (days(30), AgeBand::To30),
            (days(30) + Duration::from_secs(1), AgeBand::To60),
            (days(90), AgeBand::To90),
            (days(90) + Duration::from_millis(999), AgeBand::To90),
            (days(90) + Duration::from_secs(1), AgeBand::To180),
            (days(365), AgeBand::To365),
            (days(366), AgeBand::Over365),
        ] {
            assert_eq!(band(NOW - age), expected, "{age:?}");
        }
        assert_eq!(band(NOW + days(1)), AgeBand::To30, "a date ahead of our clock");
    }

    #[test]
    fn a_lower_bound_is_in_no_band_of_ages() {
        for age in [0, 50, 500] {
            let known = Known { since: NOW - days(age), provenance: Provenance::FirstSeen };
            assert_eq!(AgeBand::of(known, NOW), AgeBand::AtLeast);
        }
    }

    proptest! {
        #[test]
        fn the_instants_that_bound_the_bands_say_what_the_bands_say(
            now in 1_500_000_000_000..2_000_000_000_000_i64,
            age in 0..40_000_000_000_i64,
        ) {
            let (now, since) = (Timestamp::from_millis(now), Timestamp::from_millis(now - age));
            let fits = AgeBand::too_old_at(now).into_iter().position(|too_old| since > too_old);
            let expected = fits.map_or(AgeBand::Over365, |at| AgeBand::LIMITED[at].0);
            prop_assert_eq!(AgeBand::of(Known { since, provenance: Provenance::Observed }, now), expected);
        }
    }
}
