//! The sources of the inventory: how their last readings went, and what was set aside.

use std::collections::BTreeSet;

use super::frame::{Ask, Scene};
use super::query::Query;
use super::sheet::{Cell, Column, Part, Sheet, Table, Words};
use super::trouble::Trouble;
use super::words::{count, harmless_line};
use crate::domain::record::Quarantined;
use crate::ledger::read::SourceOverview;

/// Rows set aside that are listed; the others are counted.
const ASIDE: usize = 100;

/// The page of all of them.
///
/// # Errors
/// Where a field is given, there being none; and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask) -> Result<Sheet, Trouble> {
    Query::read(ask.query.as_deref(), &[])?;
    let (read, problems) = (ask.ledger.sources().await?, ask.ledger.problems().await?);
    let aside = ask.ledger.quarantined(None, ASIDE).await?;
    let scene = &ask.scene;
    let names: BTreeSet<&String> = scene.about.sources.keys().chain(read.iter().map(|source| &source.name)).collect();
    let row = |name: &&String| cells(name, read.iter().find(|source| source.name == **name), scene);
    let table = Table {
        id: "list",
        title: "Read for the inventory".to_owned(),
        columns: vec![
            Column::text("Source"),
            Column::text("Kind"),
            Column::text("Last reading"),
            Column::text("Last read whole"),
            Column::text("Last event"),
            Column::number("Rows"),
            Column::number("Set aside"),
            Column::number("Held back"),
            Column::text("Error"),
        ],
        rows: names.iter().map(row).collect(),
        empty: "No source is configured: `[[inventory]]` in the configuration names them.".to_owned(),
        ..Table::default()
    };
    let mut parts = vec![Part::Table(table)];
    if !problems.is_empty() {
        let sentence =
            |row: &crate::ledger::read::ProblemRow| harmless_line(&format!("{}: {}", row.source, row.problem));
        let sentences = problems.iter().map(sentence).collect();
        parts.push(Part::Words(Words { id: "problems", title: "What to look at".to_owned(), sentences }));
    }
    let all: u64 = read.iter().map(|source| source.quarantined).sum();
    parts.push(set_aside(&aside, all));
    Ok(Sheet { heading: "Sources".to_owned(), lead: Vec::new(), parts })
}

fn cells(name: &str, source: Option<&SourceOverview>, scene: &Scene) -> Vec<Cell> {
    let kind = scene.about.sources.get(name).map_or("no longer configured", String::as_str);
    let now = scene.now;
    let mut cells = vec![Cell::text(name).in_list("/connections", &[("source", name)]), Cell::text(kind)];
    cells.extend([
        Cell::maybe(source.and_then(|source| source.last_read), now, "never"),
        Cell::maybe(source.and_then(|source| source.last_complete), now, "never"),
        Cell::maybe(source.and_then(|source| source.last_event), now, "none"),
        Cell::number(source.map_or(0, |source| source.rows)),
        Cell::number(source.map_or(0, |source| source.quarantined)),
        Cell::number(source.map_or(0, |source| source.held_back)),
        Cell::line(source.and_then(|source| source.error.as_deref()).unwrap_or("none")),
    ]);
    cells
}

fn set_aside(rows: &[Quarantined], all: u64) -> Part {
    let row = |aside: &Quarantined| {
        vec![Cell::text(&aside.source), Cell::number(aside.row), Cell::text(&aside.field), Cell::line(&aside.reason)]
    };
    let left = all.saturating_sub(rows.len() as u64);
    Part::Table(Table {
        id: "aside",
        title: "Rows set aside".to_owned(),
        columns: vec![Column::text("Source"), Column::number("Row"), Column::text("Field"), Column::text("Why")],
        rows: rows.iter().map(row).collect(),
        empty: "The last readings set no row aside.".to_owned(),
        note: match left {
            0 => String::new(),
            left => format!("{} more. `keysweep inventory check SOURCE` lists them all.", count(left)),
        },
        ..Table::default()
    })
}
