//! The scans, the latest first, and what each counted.

use super::findings::title;
use super::frame::{Ask, Scene};
use super::query::{FROM, Query};
use super::sheet::{Cell, Column, Part, Sheet, Table};
use super::trouble::Trouble;
use super::{LISTED, number};
use crate::domain::ids::ScanId;
use crate::ledger::read::{Order, ScanRow};

const LIST: &str = "/scans";

/// What is shown of a scan's counts, and what people call it.
const SHOWN: [(&str, &str); 7] = [
    ("rows", "Rows"),
    ("asked", "Keys asked"),
    ("refused", "Refused"),
    ("opened", "Opened"),
    ("closed", "Closed"),
    ("shredded", "Shredded"),
    ("mails_sent", "Mails"),
];

/// The page of the list.
///
/// # Errors
/// Where a field means nothing, and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask) -> Result<Sheet, Trouble> {
    let query = Query::read(ask.query.as_deref(), &[FROM])?;
    let before = ScanId(number(query.cursor(Order::Latest)?));
    let page = ask.ledger.scans_page(before, LISTED).await?;
    let mut columns = ["Scan", "Begun", "Took", "It ended"].map(Column::text).to_vec();
    columns.extend(SHOWN.map(|(_, label)| Column::number(label)));
    let table = Table {
        id: "list",
        title: title(page.rows.len(), page.next.is_some(), query.text(FROM).is_some()),
        columns,
        rows: page.rows.iter().map(|row| cells(row, &ask.scene)).collect(),
        empty: "No scan has been made yet. \"Scan now\" or `keysweep scan` starts one.".to_owned(),
        note: "A run that only mails stands here too. `keysweep scans list --format json` has every count.".to_owned(),
        ..Table::default()
    };
    let table = table.paged(&query, LIST, &page);
    Ok(Sheet { heading: "Scans".to_owned(), parts: vec![Part::Table(table)], ..Sheet::default() })
}

fn cells(row: &ScanRow, scene: &Scene) -> Vec<Cell> {
    let took = match row.finished_at {
        Some(end) => format!("{} s", end.since(row.started_at).as_secs()),
        None => "no end".to_owned(),
    };
    let outcome = row.outcome.as_deref().unwrap_or("it has not ended");
    let mut cells = vec![
        Cell::text(&row.id.to_string()),
        Cell::when(row.started_at, scene.now),
        Cell::text(&took),
        Cell::text(outcome),
    ];
    cells.extend(SHOWN.map(|(name, _)| match row.counts.get(name).and_then(serde_json::Value::as_u64) {
        Some(count) => Cell::number(count),
        None => Cell::text("-").right(),
    }));
    cells
}
