//! The list of connections.

use super::findings::title;
use super::frame::{Ask, Scene};
use super::query::{FROM, Query};
use super::sheet::{Cell, Choice, Column, Form, Part, Sheet, Table, TextField};
use super::trouble::Trouble;
use super::{LISTED, known, number};
use crate::domain::facts::ConnectionStatus;
use crate::domain::ids::ConnectionId;
use crate::ledger::read::{ConnectionFilter, ConnectionRow, Order, Search};

const LIST: &str = "/connections";
const FIELDS: [&str; 6] = ["q", "account", "provider", "source", "status", FROM];

/// The page of the list.
///
/// # Errors
/// Where a field means nothing, and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask) -> Result<Sheet, Trouble> {
    let query = Query::read(ask.query.as_deref(), &FIELDS)?;
    let statuses = ConnectionStatus::ALL.map(|status| (status.as_str(), status));
    let filter = ConnectionFilter {
        source: known::source(ask, &query).await?,
        account: query.text("account").map(str::to_owned),
        provider: known::provider(ask, &query)?,
        status: query.one_of("status", &statuses)?,
        search: query.text("q").and_then(Search::new),
        connection_id: None,
    };
    let after = ConnectionId(number(query.cursor(Order::Number)?));
    let page = ask.ledger.connections_page(&filter, after, LISTED).await?;
    let filled = filter != ConnectionFilter::default();
    let table = Table {
        id: "list",
        title: title(page.rows.len(), page.next.is_some(), query.text(FROM).is_some()),
        columns: vec![
            Column::text("Connection"),
            Column::text("Account"),
            Column::text("Provider"),
            Column::text("Status"),
            Column::text("Credential"),
            Column::text("The key is"),
            Column::text("Secret since"),
            Column::number("Open findings"),
        ],
        rows: page.rows.iter().map(|row| cells(row, &ask.scene)).collect(),
        empty: match filled {
            true => "Nothing matches. An id must be whole, as the platform writes it.".to_owned(),
            false => {
                "No connection is known yet. The list fills with the first scan; `keysweep inventory check SOURCE` \
                      shows what a source would give."
                    .to_owned()
            }
        },
        ..Table::default()
    };
    let form = form(&query, &ask.scene, filled);
    let table = table.paged(&query, LIST, &page);
    Ok(Sheet {
        heading: "Connections".to_owned(),
        parts: vec![Part::Form(form), Part::Table(table)],
        ..Sheet::default()
    })
}

fn form(query: &Query, scene: &Scene, filled: bool) -> Form {
    let statuses =
        ConnectionStatus::ALL.into_iter().map(|status| (status.as_str().to_owned(), status.as_str().to_owned()));
    Form {
        action: LIST,
        texts: vec![
            TextField::of(query, "q", "Look for", "the id of a connection (or SOURCE/ID) or an account"),
            TextField::of(query, "account", "Account", ""),
        ],
        choices: vec![
            Choice::of(query, ("status", "Status"), "any", statuses),
            Choice::of(query, ("provider", "Provider"), "any", known::providers(scene)),
            Choice::of(query, ("source", "Source"), "any", known::sources(scene)),
        ],
        filled,
    }
}

fn cells(row: &ConnectionRow, scene: &Scene) -> Vec<Cell> {
    let name = Cell::text(&format!("{}/{}", row.source, row.connection_id)).to(format!("{LIST}/{}", row.id));
    let name = match &row.name {
        Some(words) => name.small(super::words::harmless(words)),
        None => name,
    };
    let credential = match &row.credential {
        Some(credential) => Cell::text(credential).to(format!("/credentials/{credential}")),
        None => Cell::text("none"),
    };
    vec![
        name,
        Cell::text(&row.account_id).in_list(LIST, &[("source", &row.source), ("account", &row.account_id)]),
        Cell::provider(&scene.title(&row.provider), &row.provider),
        Cell::text(row.status.as_str()),
        credential,
        Cell::text(row.liveness.map_or("not known", |liveness| liveness.as_str())),
        Cell::known_since(row.secret_since, row.provenance, scene.now),
        Cell::number(row.open_findings),
    ]
}
