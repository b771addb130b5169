//! How long something took, or has lasted, in a few bands: for counts.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time::{Timestamp, days, hours};

/// A band of spans that are over. Its end belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Took {
    /// at most an hour
    #[serde(rename = "1h")]
    Hour,
    /// at most six hours
    #[serde(rename = "6h")]
    SixHours,
    /// at most a day
    #[serde(rename = "1d")]
    Day,
    /// at most three days
    #[serde(rename = "3d")]
    ThreeDays,
    /// at most a week
    #[serde(rename = "7d")]
    Week,
    /// at most two weeks
    #[serde(rename = "14d")]
    TwoWeeks,
    /// at most 30 days
    #[serde(rename = "30d")]
    Month,
    /// at most 60 days
    #[serde(rename = "60d")]
    TwoMonths,
    /// at most 90 days
    #[serde(rename = "90d")]
    ThreeMonths,
    /// at most 180 days
    #[serde(rename = "180d")]
    HalfYear,
    /// longer
    #[serde(rename = "over-180d")]
    Longer,
}

impl Took {
    /// The bands that end, shortest first, and where.
    pub const LIMITED: [(Self, Duration); 10] = [
        (Self::Hour, hours(1)),
        (Self::SixHours, hours(6)),
        (Self::Day, days(1)),
        (Self::ThreeDays, days(3)),
        (Self::Week, days(7)),
        (Self::TwoWeeks, days(14)),
        (Self::Month, days(30)),
        (Self::TwoMonths, days(60)),
        (Self::ThreeMonths, days(90)),
        (Self::HalfYear, days(180)),
    ];

    /// The band of a span.
    pub fn of(span: Duration) -> Self {
        Self::LIMITED.into_iter().find(|(_, limit)| span <= *limit).map_or(Self::Longer, |(band, _)| band)
    }
}

/// A band of spans that go on: how long a finding has been open. Its end belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum OpenFor {
    /// at most a week
    #[serde(rename = "0-7d")]
    To7,
    /// at most 30 days
    #[serde(rename = "7-30d")]
    To30,
    /// at most 90 days
    #[serde(rename = "30-90d")]
    To90,
    /// longer
    #[serde(rename = "over-90d")]
    Over90,
}

impl OpenFor {
    /// Every band, shortest first.
    pub const ALL: [Self; 4] = [Self::To7, Self::To30, Self::To90, Self::Over90];

    /// For each band that ends: the earliest instant at which what is in it at `now` was opened.
    pub fn opened_from(now: Timestamp) -> [Timestamp; 3] {
        [days(7), days(30), days(90)].map(|limit| now - limit)
    }

    /// The one word: `0-7d`, `over-90d`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::To7 => "0-7d",
            Self::To30 => "7-30d",
            Self::To90 => "30-90d",
            Self::Over90 => "over-90d",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_band_belongs_to_it_and_the_next_instant_does_not() {
        const INSTANT: Duration = Duration::from_millis(1);
        for (at, (band, limit)) in Took::LIMITED.into_iter().enumerate() {
            assert_eq!(Took::of(limit), band, "{limit:?}");
            let next = Took::LIMITED.get(at + 1).map_or(Took::Longer, |(next, _)| *next);
            assert_eq!(Took::of(limit + INSTANT), next, "just over {limit:?}");
        }
        assert_eq!(Took::of(Duration::ZERO), Took::Hour);
        assert!(Took::LIMITED.is_sorted_by_key(|(_, limit)| *limit));
    }

    #[test]
    fn a_word_is_the_same_where_it_is_stored_and_where_it_is_shown() {
        for band in OpenFor::ALL {
            assert_eq!(serde_json::to_value(band).unwrap(), band.as_str());
        }
    }
}
