//! What was open after each of the last scans, drawn on the server, with the same numbers as a table.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::words::{When, count};
use crate::domain::finding::Severity;
use crate::domain::time::Timestamp;
use crate::ledger::read::{LEFT_BEHIND, ScanRow, open_count};

/// The picture's own measures; it is stretched to whatever room there is.
const WIDTH: i64 = 1000;
const HEIGHT: i64 = 240;

/// Two pictures of the last scans: open findings by severity, and keys left behind.
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

/// A scan and what it left: by severity, the worst first, and keys left behind.
struct Point {
    at: Timestamp,
    counts: Option<[u64; 5]>,
}

const WORST_FIRST: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
const NAMES: [&str; 5] = ["critical", "high", "medium", "low", "left"];

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
            charts: vec![chart("Open findings", &within, span, 0..4), chart("Keys left behind", &within, span, 4..5)],
            rows: scans.iter().map(row).collect(),
            columns: vec!["Critical", "High", "Medium", "Low", "Keys left behind"],
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
        last: count(of(place).last().unwrap_or_default()),
    };
    let told = which.clone().map(|place| {
        let (first, last) = (of(place).next().unwrap_or_default(), of(place).last().unwrap_or_default());
        let name = if NAMES[place] == "left" { "keys" } else { NAMES[place] };
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
    use crate::domain::time::hours;

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
        assert_eq!((left.top.as_str(), left.told.as_str()), ("4", "Keys left behind. keys: from 1 to 4."));
        assert!(trend.gaps.starts_with("One scan"), "{}", trend.gaps);
        assert_eq!(trend.rows[2].counts, ["not counted"; 5]);
        assert_eq!(trend.charts[0].lines.iter().map(|line| line.name).collect::<Vec<_>>(), NAMES[..4]);
        assert_eq!(trend.charts[0].top, "8");
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
