//! Instants, kept at one precision everywhere: whole milliseconds in UTC.
//!
//! What was written to a ledger equals what is read back from it, on every database.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::{OffsetName as _, Tz};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// An instant: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant that lies `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The instant that lies `secs` seconds after the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Reads RFC 3339 or Unix seconds, the two forms of the inventory contract.
    ///
    /// Returns `None` for anything else, and for years outside 1970 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        const LAST: i64 = 253_402_300_799;
        if let Ok(secs) = text.parse::<i64>() {
            return (0..=LAST).contains(&secs).then(|| Self::from_secs(secs));
        }
        let parsed = DateTime::parse_from_rfc3339(text).ok()?;
        (0..=LAST).contains(&parsed.timestamp()).then(|| Self(parsed.timestamp_millis()))
    }

    /// The first instant of a day in UTC, as in `2026-09-30`. Returns `None` for anything else.
    pub fn of_day(text: &str) -> Option<Self> {
        Self::parse(&format!("{text}T00:00:00Z"))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The first instant of its day, in UTC.
    #[must_use]
    pub const fn day_start(self) -> Self {
        Self(self.0.div_euclid(DAY).saturating_mul(DAY))
    }

    /// The first instant of the next day, in UTC.
    #[must_use]
    pub const fn day_end(self) -> Self {
        Self(self.day_start().0.saturating_add(DAY))
    }

    /// The same instant for calendars.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_millis())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }
}

/// RFC 3339 in UTC; the fraction is shown only where there is one.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = if self.0 % 1000 == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
        f.write_str(&self.to_datetime().to_rfc3339_opts(format, true))
    }
}

/// RFC 3339, as in everything that programs are given: never the form of the ledger, which is the one below.
impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let text = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
        text.description(Some("An instant as RFC 3339, in UTC.")).into()
    }
}

impl ToSchema for Timestamp {}

/// Milliseconds: the form of the ledger. What people read is made with [`fmt::Display`].
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Self)
    }
}

/// A whole number of days.
pub const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 86_400)
}

/// A whole number of hours.
pub const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

/// A whole number of minutes.
pub const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// A duration in the largest unit that names it exactly: `90d`, `6h`, `15m`, `20s`, `250ms`.
pub fn words(span: Duration) -> String {
    let ms = span.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if ms >= size && ms.is_multiple_of(size) {
            return format!("{}{unit}", ms / size);
        }
    }
    if ms == 0 { "0s".to_owned() } else { format!("{ms}ms") }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// What people call a zone at an instant, as in `CEST`; `UTC+05:45` where they have no letters for it.
pub fn zone_name(local: &DateTime<Tz>) -> String {
    match local.offset().abbreviation() {
        Some(name) if name.starts_with(|c: char| c.is_ascii_alphabetic()) => name.to_owned(),
        _ => format!("UTC{}", local.format("%:z")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_contract_are_read_and_nothing_else() {
        let at = Timestamp::from_secs(1_790_000_000);
        assert_eq!(Timestamp::parse("1790000000"), Some(at));
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        assert_eq!(Timestamp::parse("2026-09-21T16:13:20+02:00"), Timestamp::parse("2026-09-21T14:13:20Z"));
        for nonsense in ["", "yesterday", "2026-09-21", "-5", "1e9", "99999999999999"] {
            assert_eq!(Timestamp::parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn words_name_a_duration_exactly() {
        for (span, text) in
            [(days(90), "90d"), (hours(36), "36h"), (Duration::from_millis(1500), "1500ms"), (Duration::ZERO, "0s")]
        {
            assert_eq!(words(span), text);
        }
    }
}
