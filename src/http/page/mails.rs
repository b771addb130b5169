//! The mails, the latest first: for who may see who was told.

use super::findings::{of_account, title};
use super::frame::{Ask, Scene};
use super::query::{FROM, Query};
use super::sheet::{Cell, Choice, Column, Form, Part, Sheet, Table};
use super::trouble::Trouble;
use super::{LISTED, number};
use crate::domain::ids::MailId;
use crate::ledger::read::{MailRow, MailState, Order};

const LIST: &str = "/mails";
const FIELDS: [&str; 2] = ["state", FROM];

/// The page of the list.
///
/// # Errors
/// Where a field means nothing, and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask) -> Result<Sheet, Trouble> {
    let query = Query::read(ask.query.as_deref(), &FIELDS)?;
    let state = query.one_of("state", &MailState::ALL.map(|state| (state.as_str(), state)))?;
    let before = MailId(number(query.cursor(Order::Latest)?));
    let page = ask.ledger.mails_page(state, before, LISTED).await?;
    let table = Table {
        id: "list",
        title: title(page.rows.len(), page.next.is_some(), query.text(FROM).is_some()),
        columns: vec![
            Column::text("Mail"),
            Column::text("State"),
            Column::text("Account"),
            Column::text("To"),
            Column::number("Findings"),
            Column::text("Formed"),
            Column::text("Sent"),
            Column::number("Tries"),
            Column::text("Trouble"),
        ],
        rows: page.rows.iter().map(|row| cells(row, &ask.scene)).collect(),
        empty: match state {
            Some(_) => "No mail is in this state.".to_owned(),
            None => "No mail was formed yet. `keysweep mail preview` shows what would be mailed.".to_owned(),
        },
        note: "Addresses are not shown. `keysweep mails list` says the same in a terminal.".to_owned(),
        ..Table::default()
    };
    let words = MailState::ALL.into_iter().map(|state| (state.as_str().to_owned(), state.as_str().replace('_', " ")));
    let choices = vec![Choice::of(&query, ("state", "State"), "any", words)];
    let form = Form { action: LIST, texts: Vec::new(), choices, filled: state.is_some() };
    let table = table.paged(&query, LIST, &page);
    Ok(Sheet { heading: "Mails".to_owned(), parts: vec![Part::Form(form), Part::Table(table)], ..Sheet::default() })
}

fn cells(row: &MailRow, scene: &Scene) -> Vec<Cell> {
    vec![
        Cell::text(&row.id.to_string()),
        Cell::text(&row.state.as_str().replace('_', " ")),
        // The operator's own contact is of no account.
        if row.account_id.is_empty() {
            Cell::text("security contact")
        } else {
            of_account(&row.source, &row.account_id)
        },
        Cell::text(&format!("person {}", row.person)),
        Cell::number(row.notices),
        Cell::when(row.formed_at, scene.now),
        Cell::maybe(row.sent_at, scene.now, if row.maybe_sent { "perhaps" } else { "not sent" }),
        Cell::number(u64::from(row.attempts)),
        Cell::line(row.error.as_deref().unwrap_or("none")),
    ]
}
