//! The list of credentials.

use super::findings::title;
use super::frame::{Ask, Scene};
use super::query::{FROM, Query};
use super::sheet::{Cell, Choice, Column, Form, Part, Sheet, Table};
use super::trouble::Trouble;
use super::{LISTED, known, number};
use crate::domain::belief::Liveness;
use crate::domain::ids::CredentialId;
use crate::ledger::read::{CredentialFilter, CredentialRow, MOST_USES, Order};

const LIST: &str = "/credentials";
const FIELDS: [&str; 4] = ["liveness", "provider", "source", FROM];

/// The page of the list.
///
/// # Errors
/// Where a field means nothing, and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask) -> Result<Sheet, Trouble> {
    let query = Query::read(ask.query.as_deref(), &FIELDS)?;
    let states = Liveness::ALL.map(|liveness| (liveness.as_str(), liveness));
    let filter = CredentialFilter {
        provider: known::provider(ask, &query)?,
        liveness: query.one_of("liveness", &states)?,
        source: known::source(ask, &query).await?,
    };
    let after = CredentialId(number(query.cursor(Order::Number)?));
    let page = ask.ledger.credentials_page(&filter, after, LISTED).await?;
    let filled = filter != CredentialFilter::default();
    let table = Table {
        id: "list",
        title: title(page.rows.len(), page.next.is_some(), query.text(FROM).is_some()),
        columns: vec![
            Column::text("Credential"),
            Column::text("Provider"),
            Column::text("Key"),
            Column::text("The key is"),
            Column::text("Last asked"),
            Column::text("Last accepted"),
            Column::text("Secret since"),
            Column::number("Open uses"),
        ],
        rows: page.rows.iter().map(|row| cells(row, &ask.scene)).collect(),
        empty: match filled {
            true => "Nothing matches.".to_owned(),
            false => "No credential is known yet. The list fills with the first scan.".to_owned(),
        },
        ..Table::default()
    };
    let form = form(&query, &ask.scene, filled);
    let table = table.paged(&query, LIST, &page);
    Ok(Sheet {
        heading: "Credentials".to_owned(),
        parts: vec![Part::Form(form), Part::Table(table)],
        ..Sheet::default()
    })
}

fn form(query: &Query, scene: &Scene, filled: bool) -> Form {
    let states = Liveness::ALL.into_iter().map(|liveness| (liveness.as_str().to_owned(), liveness.as_str().to_owned()));
    Form {
        action: LIST,
        texts: Vec::new(),
        choices: vec![
            Choice::of(query, ("liveness", "The key is"), "any", states),
            Choice::of(query, ("provider", "Provider"), "any", known::providers(scene)),
            Choice::of(query, ("source", "Source"), "any", known::sources(scene)),
        ],
        filled,
    }
}

fn cells(row: &CredentialRow, scene: &Scene) -> Vec<Cell> {
    let key = match row.key_tail.as_str() {
        // It has uses and findings, which lead here; it is no key, and no number counts it as one.
        _ if row.placeholder => Cell::text("stand-in").small("for a row without a secret"),
        "" => Cell::text("none"),
        tail => Cell::text(&format!("…{tail}")),
    };
    vec![
        Cell::text(&row.credential).to(format!("{LIST}/{}", row.credential)),
        Cell::provider(&scene.title(&row.provider), &row.provider),
        key,
        Cell::text(row.liveness.as_str()),
        Cell::maybe(row.asked_at, scene.now, "never"),
        Cell::maybe(row.accepted_at, scene.now, "never"),
        Cell::known_since(Some(row.secret_since), Some(row.provenance), scene.now),
        match Cell::number(u64::from(row.open_uses)) {
            counted if row.open_uses as usize >= MOST_USES => counted.small("at least"),
            counted => counted,
        },
    ]
}
