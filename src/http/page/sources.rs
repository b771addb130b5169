//! The sources of the inventory: how their last readings went, and what was set aside.

use std::collections::BTreeSet;

use super::DONE;
use super::frame::{Ask, Scene};
use super::query::Query;
use super::sheet::{ActForm, Acts, Cell, Column, Part, Sheet, Table, Words};
use super::trouble::Trouble;
use super::words::{count, counted, harmless, harmless_line};
use crate::domain::record::Quarantined;
use crate::http::access::Right;
use crate::ledger::read::SourceOverview;

/// Rows set aside that are listed; the others are counted.
const ASIDE: usize = 100;

/// The page of all of them.
///
/// # Errors
/// Where a field is given, there being none; and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask) -> Result<Sheet, Trouble> {
    let done = Query::read(ask.query.as_deref(), &[DONE])?.has(DONE);
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
    parts.extend(acts(&read, scene));
    if !problems.is_empty() {
        let sentence =
            |row: &crate::ledger::read::ProblemRow| harmless_line(&format!("{}: {}", row.source, row.problem));
        let sentences = problems.iter().map(sentence).collect();
        parts.push(Part::Words(Words { id: "problems", title: "What to look at".to_owned(), sentences }));
    }
    let all: u64 = read.iter().map(|source| source.quarantined).sum();
    parts.push(set_aside(&aside, all));
    Ok(Sheet { heading: "Sources".to_owned(), noted: done.then(|| noted(&read, scene)), parts, ..Sheet::default() })
}

/// How it stands, for who has just acted.
fn noted(read: &[SourceOverview], scene: &Scene) -> String {
    match held(read, scene).map(|source| source.held_back).sum::<u64>() {
        0 => "As it stands, nothing is held back: what the last whole readings no longer showed is believed gone. The next \
              scan judges that."
            .to_owned(),
        held => format!("As it stands, {} held back.", counted(held, "row is", "rows are")),
    }
}

/// The sources of the configuration that hold something back. What a removed one did can't be decided any more.
fn held<'a>(read: &'a [SourceOverview], scene: &'a Scene) -> impl Iterator<Item = &'a SourceOverview> {
    read.iter().filter(|source| source.held_back > 0 && scene.about.sources.contains_key(&source.name))
}

/// What who may act can do about what is held back.
fn acts(read: &[SourceOverview], scene: &Scene) -> Option<Part> {
    let form = |source: &SourceOverview| {
        let (name, rows) = (harmless(&source.name), counted(source.held_back, "row", "rows"));
        let are = if source.held_back == 1 { "is" } else { "are" };
        ActForm {
            follows: format!(
                "The last whole reading of {name} no longer shows {rows}, which is more than may go at once. Believed gone, \
                 their connections end, and their keys count as left behind. Look at the source first: a list that was cut \
                 short looks the same."
            ),
            along: vec![("source", source.name.clone())],
            buttons: vec![("accept", format!("Believe that {rows} of {name} {are} gone"))],
            ..ActForm::default()
        }
    };
    let forms: Vec<ActForm> = held(read, scene).map(form).collect();
    let may = scene.may(Right::Act) && !forms.is_empty();
    may.then(|| Part::Acts(Acts { title: "Held back", action: "/sources".to_owned(), forms }))
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
