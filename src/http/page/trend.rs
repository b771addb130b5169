//! What was open after the last scan of each of the last days, or hours, drawn on the server, with the same numbers as a table.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::words::{When, count};
use crate::domain::finding::Severity;
use crate::domain::time::{Timestamp, days, hours};
use crate::ledger::read::{LEFT_BEHIND, ScanRow, open_count};

/// So many of the last days are drawn, today among them.
const DAYS: u64 = 90;

/// Where fewer days than this have a counted scan, hours are drawn.
const FEW_DAYS: usize = 4;

/// So many of the last hours, then, this one among them.
const HOURS: u64 = 72;

/// The picture's own measures; it is stretched to whatever room there is.
const WIDTH: i64 = 1000;
const HEIGHT: i64 = 240;

/// Two pictures of the last scans: open findings by severity, and uses left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Trend {
    charts: Vec<Chart>,
    rows: Vec<Row>,
    columns: Vec<&'static str>,
    /// the first and the last scan of the pictures
    from: When,
    to: When,
    /// scans that ended without numbers, in words; empty for none
    gaps: String,
}

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Chart {
    title: &'static str,
    /// what the picture shows, for who doesn't see it
    told: String,
    /// the number at its upper edge
    top: String,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Line {
    name: &'static str,
    /// SVG's path; it is broken where a scan has no number
    path: String,
    /// the last number
    last: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Row {
    at: When,
    outcome: String,
    counts: Vec<String>,
}

/// A scan and what it left: by severity, the worst first, and uses left behind.
struct Point {
    at: Timestamp,
    counts: Option<[u64; 5]>,
}

const WORST_FIRST: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
const NAMES: [&str; 5] = ["critical", "high", "medium", "low", "left"];

/// The last days, each from its beginning to its end.
pub(super) fn last_days(now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    spans(now, days(1), DAYS)
}

/// The last hours, likewise.
pub(super) fn last_hours(now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    spans(now, hours(1), HOURS)
}

/// Whether so few days have a counted scan that hours say more.
pub(super) const fn are_few(days: &[ScanRow]) -> bool {
    days.len() < FEW_DAYS
}

/// The last `count` spans of this length, of which the last has `now` in it.
fn spans(now: Timestamp, length: Duration, count: u64) -> Vec<(Timestamp, Timestamp)> {
    let millis = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    let last = now.as_millis().div_euclid(millis);
    let begins = |back: u64| Timestamp::from_millis((last - i64::try_from(back).unwrap_or(i64::MAX)) * millis);
    (0..count).map(|back| (begins(back), begins(back) + length)).collect()
}

impl Trend {
    /// Of these scans, the latest first; `None` before two of them have numbers.
    pub(super) fn of(scans: &[ScanRow], now: Timestamp) -> Option<Self> {
        let points: Vec<Point> = scans.iter().rev().map(Point::of).collect();
        let counted = |point: &&Point| point.counts.is_some();
        let (first, last) = (points.iter().find(counted)?, points.iter().rfind(counted)?);
        if first.at >= last.at {
            return None;
        }
        let span = (first.at, last.at);
        let within: Vec<&Point> = points.iter().filter(|point| point.at >= span.0 && point.at <= span.1).collect();
        let missing = within.iter().filter(|point| point.counts.is_none()).count();
        let row = |scan: &ScanRow| Row {
            at: When::of(scan.started_at, now),
            outcome: scan.outcome.clone().unwrap_or_else(|| "not ended".to_owned()),
            counts: match Point::of(scan).counts {
                Some(counts) => counts.map(count).into(),
                None => vec!["not counted".to_owned(); NAMES.len()],
            },
        };
        Some(Self {
            charts: vec![chart("Open findings", &within, span, 0..4), chart("Uses left behind", &within, span, 4..5)],
            rows: scans.iter().map(row).collect(),
            columns: vec!["Critical", "High", "Medium", "Low", "Uses left behind"],
            from: When::of(first.at, now),
            to: When::of(last.at, now),
            gaps: match missing {
                0 => String::new(),
                1 => "One scan in between was not counted: the lines have a gap there.".to_owned(),
                missing => format!("{missing} scans in between were not counted: the lines have gaps there."),
            },
        })
    }
}

impl Point {
    fn of(scan: &ScanRow) -> Self {
        Self { at: scan.started_at, counts: counts(&scan.counts) }
    }
}

/// All five numbers; `None` where one is missing.
fn counts(counts: &Value) -> Option<[u64; 5]> {
    let of = |name: &str| counts.get(name).and_then(Value::as_u64);
    let [critical, high, medium, low] = WORST_FIRST.map(|severity| of(open_count(severity)));
    Some([critical?, high?, medium?, low?, of(LEFT_BEHIND)?])
}

fn chart(title: &'static str, points: &[&Point], span: (Timestamp, Timestamp), which: std::ops::Range<usize>) -> Chart {
    let of = |place: usize| points.iter().filter_map(move |point| Some(point.counts?[place]));
    let top = which.clone().flat_map(of).max().unwrap_or_default().max(1);
    let line = |place: usize| Line {
        name: NAMES[place],
        path: path(points, span, place, top),
        last: count(of(place).next_back().unwrap_or_default()),
    };
    let told = which.clone().map(|place| {
        let (first, last) = (of(place).next().unwrap_or_default(), of(place).next_back().unwrap_or_default());
        let name = if NAMES[place] == "left" { "uses" } else { NAMES[place] };
        format!("{name}: from {} to {}", count(first), count(last))
    });
    let told = format!("{title}. {}.", told.collect::<Vec<_>>().join("; "));
    Chart { title, told, top: count(top), lines: which.map(line).collect() }
}

/// From scan to scan; a scan without numbers breaks the line, and one between two such is a dot.
fn path(points: &[&Point], (from, to): (Timestamp, Timestamp), place: usize, top: u64) -> String {
    let width = i64::try_from(to.since(from).as_millis()).unwrap_or(i64::MAX).max(1);
    let mut path = String::new();
    let mut is_drawn = false;
    for point in points {
        let Some(counts) = point.counts else {
            is_drawn = false;
            continue;
        };
        let passed = i64::try_from(point.at.since(from).as_millis()).unwrap_or(i64::MAX);
        let x = scaled(passed, width, WIDTH);
        let y = HEIGHT - scaled(clamped(counts[place]), clamped(top), HEIGHT);
        // writing to a String can't fail; a line of no length is a dot
        _ = if is_drawn { write!(path, "L{x} {y}") } else { write!(path, "M{x} {y}l0 0") };
        is_drawn = true;
    }
    path
}

/// `part` of `whole`, in parts of `room`.
fn scaled(part: i64, whole: i64, room: i64) -> i64 {
    i64::try_from(i128::from(part) * i128::from(room) / i128::from(whole.max(1))).unwrap_or(room)
}

fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ids::ScanId;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    /// Scans an hour apart, the latest first; `None` for one that was not counted.
    fn scans(left: &[Option<u64>]) -> Vec<ScanRow> {
        let scan = |(age, left): (usize, &Option<u64>)| {
            ScanRow {
            id: ScanId(1),
            started_at: NOW - hours(age as u64),
            finished_at: None,
            outcome: Some("complete".to_owned()),
            counts: left.map_or_else(|| json!({"rows": 1}), |left| {
                json!({"open_critical": 0, "open_high": left * 2, "open_medium": 1, "open_low": 0, "left_behind": left})
            }),
        }
        };
        left.iter().enumerate().map(scan).collect()
    }

    #[test]
    fn a_line_goes_from_scan_to_scan_and_has_a_gap_where_nothing_was_counted() {
        let trend = Trend::of(&scans(&[Some(4), Some(2), None, Some(0), Some(1)]), NOW).unwrap();
        let left = &trend.charts[1];
        assert_eq!(left.lines[0].path, "M0 180l0 0L250 240M750 120l0 0L1000 0");
        assert_eq!((left.top.as_str(), left.told.as_str()), ("4", "Uses left behind. uses: from 1 to 4."));
        assert!(trend.gaps.starts_with("One scan"), "{}", trend.gaps);
        assert_eq!(trend.rows[2].counts, ["not counted"; 5]);
        assert_eq!(trend.charts[0].lines.iter().map(|line| line.name).collect::<Vec<_>>(), NAMES[..4]);
        assert_eq!(trend.charts[0].top, "8");
    }

    #[test]
    fn the_last_spans_are_whole_ones_of_the_clock_without_a_gap() {
        for (spans, length) in [(last_days(NOW), days(1)), (last_hours(NOW), hours(1))] {
            let (first, last) = (spans[0], spans[spans.len() - 1]);
            assert!(
                first.0 <= NOW && NOW < first.1 && first.0.as_secs() % i64::try_from(length.as_secs()).unwrap() == 0
            );
            assert!(spans.windows(2).all(|pair| pair[1].1 == pair[0].0), "{spans:?}");
            assert_eq!(first.1.since(last.0), length * u32::try_from(spans.len()).unwrap());
        }
        assert_eq!(last_days(NOW).len(), 90);
    }

    #[test]
    fn there_is_no_picture_before_two_scans_were_counted_and_none_divides_by_nothing() {
        for few in [&[][..], &[None], &[Some(1)], &[None, Some(1), None]] {
            assert_eq!(Trend::of(&scans(few), NOW), None, "{few:?}");
        }
        let trend = Trend::of(&scans(&[Some(0), Some(0)]), NOW).unwrap();
        assert_eq!(trend.charts[1].lines[0].path, "M0 240l0 0L1000 240");
        let huge = Trend::of(&scans(&[Some(u64::MAX / 4), None, Some(1)]), NOW).unwrap();
        assert_eq!(huge.charts[1].lines[0].path, "M0 240l0 0M1000 0l0 0");
    }

    #[test]
    fn scans_that_were_not_counted_at_either_end_are_no_gap() {
        let trend = Trend::of(&scans(&[None, Some(2), Some(1), None]), NOW).unwrap();
        assert_eq!((trend.gaps.as_str(), trend.rows.len()), ("", 4));
    }
}
