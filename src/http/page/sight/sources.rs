//! Whether the inventory's lists are in sight.

use super::{Level, Line};
use crate::domain::time::Timestamp;
use crate::http::page::facts::Facts;
use crate::http::page::words::{When, counted, harmless, harmless_line};
use crate::ledger::read::SourceOverview;

pub(super) fn sources(facts: &Facts<'_>) -> Vec<Line> {
    let seen = facts.overview.map(|overview| overview.sources.as_slice()).unwrap_or_default();
    let configured = facts.about.sources.keys().map(|name| {
        let is_seen = |source: &&SourceOverview| source.last_read.or(source.last_event).is_some();
        let seen = seen.iter().find(|source| source.name == *name).filter(is_seen);
        seen.map_or_else(|| unread(name, facts), |source| source_line(source, facts))
    });
    let mut lines: Vec<Line> = configured.collect();
    if lines.is_empty() {
        lines.push(Line::new("none", Level::Look, "nothing to read", "no [[inventory]] is configured"));
    }
    let is_known = |source: &&SourceOverview| facts.about.sources.contains_key(&source.name);
    let strays = seen.iter().filter(|source| !is_known(source) && source.still_counts());
    lines.extend(strays.map(|source| stray(source, facts)));
    lines
}

/// One that the configuration named once. What it showed still counts, and nobody looks whether it is still so.
fn stray(source: &SourceOverview, facts: &Facts<'_>) -> Line {
    let lead = format!("no [[inventory]] names it; its {} last read", counted(source.rows, "row was", "rows were"));
    Line::new(harmless(&source.name), Level::Look, "not read any more", lead)
        .at(source.last_read.map(|at| When::of(at, facts.now)))
        .more("what they said still counts: name it again, or let it end as docs/inventories.md says")
}

fn unread(name: &str, facts: &Facts<'_>) -> Line {
    match facts.is_being_counted() {
        true => Line::uncounted(harmless(name)),
        false => Line::new(harmless(name), Level::Unknown, "not read yet", ""),
    }
}

fn source_line(source: &SourceOverview, facts: &Facts<'_>) -> Line {
    let name = harmless(&source.name);
    if source.last_read.is_none() {
        let told = Line::new(name, Level::Well, "told by events", "the latest came");
        return told.at(source.last_event.map(|at| When::of(at, facts.now)));
    }
    let at = |at: Option<Timestamp>| at.map(|at| When::of(at, facts.now));
    // A later reading of what changed alone says nothing of the rest.
    let changes = source.last_changes.filter(|changes| Some(*changes) > source.last_complete);
    let line = match (&source.error, source.last_complete, changes) {
        (None, Some(_), None) => {
            Line::new(name, Level::Well, "up", format!("{} read whole", counted(source.rows, "row", "rows")))
        }
        (None, Some(_), Some(_)) => Line::new(name, Level::Well, "up", "read whole"),
        (None, None, _) => Line::new(name, Level::Look, "up, with remarks", "never read whole"),
        (Some(error), whole, _) => {
            let lead = if whole.is_some() { "last read whole" } else { "never read whole" };
            Line::new(name, Level::Trouble, "not read", lead).more(harmless_line(error))
        }
    };
    let line = line.at(at(source.last_complete));
    let line = match at(changes) {
        Some(at) => line.more(format!("what changed was read {}", at.words)),
        None => line,
    };
    let line = match source.last_event {
        Some(at) => line.more(format!("told by events as well: the latest came at {at}")),
        None => line,
    };
    let line = match source.quarantined {
        0 => line,
        rows => line.raised(Level::Look, "up, with remarks").more(format!(
            "{} set aside: `keysweep inventory check {}`",
            counted(rows, "row is", "rows are"),
            harmless(&source.name)
        )),
    };
    match source.held_back {
        0 => line,
        gone => line.raised(Level::Look, "up, with remarks").more(format!(
            "{} from the list at once and held back: believed by a button under Sources, or by `keysweep inventory accept {}` \
             while the daemon is stopped",
            counted(gone, "entry is gone", "entries are gone"),
            harmless(&source.name)
        )),
    }
}
