//! A connection: what the inventory says of it, what it has used, what was found on it, and what happened.

use super::findings;
use super::frame::{Ask, Scene};
use super::query::Query;
use super::sheet::{Cell, Column, Fact, Facts, Part, Sheet, Table};
use super::story;
use super::trouble::Trouble;
use super::words::{counted, harmless};
use crate::domain::facts::Provenance;
use crate::domain::ids::{ConnectionId, CredentialId};
use crate::domain::record::Auth;
use crate::ledger::read::{ConnectionDetail, Cursor, FindingFilter, Moment, Order, UseRow};
use crate::report::text::second;
use crate::report::words::ended;

/// Credentials of one connection whose story is told here, the latest; the others have pages of their own.
const TOLD: usize = 3;
/// Findings that are listed here; the list of findings has the others.
const FINDINGS: usize = 50;

/// The page of the connection of this number in the ledger.
///
/// # Errors
/// Where there is none, and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask, number: &str) -> Result<Sheet, Trouble> {
    Query::read(ask.query.as_deref(), &[])?;
    let nothing = || {
        let what =
            "There is no connection of this number. The list of connections finds one by its id on the platform.";
        Trouble::Nothing(what.to_owned())
    };
    let id = number.parse().ok().filter(|id| *id > 0).map(ConnectionId).ok_or_else(nothing)?;
    let mut moment = ask.ledger.at_one_moment().await?;
    let detail = moment.connection_by_id(id).await?.ok_or_else(nothing)?;
    let scene = &ask.scene;
    let mut parts = vec![
        Part::Facts(Facts { id: "facts".to_owned(), title: "The facts".to_owned(), facts: facts(&detail, scene) }),
        uses(&detail),
        found(ask, &mut moment, &detail).await?,
    ];
    for (place, credential) in latest(&detail).into_iter().enumerate() {
        if let Some(told) = story::of(ask, &mut moment, credential).await? {
            let title = format!("What happened to credential {}", told.credential().credential);
            parts.push(story::course(&told, &format!("course-{place}"), &title));
        }
    }
    let row = &detail.connection;
    Ok(Sheet { heading: harmless(&format!("{}/{}", row.source, row.connection_id)), parts, ..Sheet::default() })
}

/// The credentials that it used last, each once, the latest first.
fn latest(detail: &ConnectionDetail) -> Vec<CredentialId> {
    let mut latest = Vec::new();
    for used in detail.uses.iter().rev() {
        if latest.len() < TOLD && !latest.contains(&used.credential.id) {
            latest.push(used.credential.id);
        }
    }
    latest
}

fn facts(detail: &ConnectionDetail, scene: &Scene) -> Vec<Fact> {
    let row = &detail.connection;
    let at = |at: Option<crate::domain::time::Timestamp>| at.map(second).unwrap_or_default();
    let bound = if row.provenance == Some(Provenance::FirstSeen) { " (at least)" } else { "" };
    let since = row.secret_since.map(|since| format!("{}{bound}", second(since))).unwrap_or_default();
    let again = match row.judge_at {
        Some(at) => format!("{}, or when its facts change", second(at)),
        None => "when its facts change".to_owned(),
    };
    let mut facts = vec![
        Fact::of("source", Cell::text(&row.source).in_list("/connections", &[("source", &row.source)])),
        Fact::of("id on the platform", Cell::line(&row.connection_id)),
        Fact::of("account", findings::of_account(&row.source, &row.account_id)),
        Fact::of("provider", Cell::provider(&scene.title(&row.provider), &row.provider)),
        Fact::of("status", Cell::text(row.status.as_str())),
    ];
    let told = [
        ("name", row.name.clone().unwrap_or_default()),
        ("made", at(row.created_at)),
        ("deleted", at(row.deleted_at)),
        ("connected by", if row.auth == Auth::Oauth { "a permission (OAuth)" } else { "a key" }.to_owned()),
        ("secret since", since),
        ("judged again", again),
    ];
    facts.extend(told.iter().filter_map(|(name, value)| Fact::told(name, value)));
    facts
}

fn uses(detail: &ConnectionDetail) -> Part {
    let row = |used: &UseRow| {
        let span = match (used.until, used.ended_by) {
            (None, _) => format!("since {}", second(used.since)),
            (Some(until), by) => {
                format!("from {} to {}: {}", second(used.since), second(until), by.map_or("ended", ended))
            }
        };
        let credential = &used.credential;
        vec![
            Cell::text(&credential.credential).to(format!("/credentials/{}", credential.credential)),
            Cell::text(credential.liveness.as_str()),
            Cell::line(&span),
        ]
    };
    Part::Table(Table {
        id: "uses",
        title: "Credentials".to_owned(),
        columns: ["Credential", "The key is", "Used"].map(Column::text).into(),
        rows: detail.uses.iter().rev().take(FINDINGS).map(row).collect(),
        empty: "It has used no credential that is known.".to_owned(),
        note: more(detail.uses.len()),
        ..Table::default()
    })
}

async fn found(ask: &Ask, moment: &mut Moment, detail: &ConnectionDetail) -> Result<Part, Trouble> {
    let on_it = FindingFilter { connection: Some(detail.connection.id), ..FindingFilter::default() };
    let listed = moment.findings_page(&on_it, Cursor::start(Order::Worst), FINDINGS).await?;
    Ok(Part::Table(Table {
        id: "findings",
        title: "Findings".to_owned(),
        columns: findings::columns(),
        rows: listed.rows.iter().map(|row| findings::cells(row, &ask.scene.facts())).collect(),
        empty: "Nothing was ever found on it.".to_owned(),
        note: match (detail.findings.len() as u64 + detail.findings_left_out).saturating_sub(listed.rows.len() as u64) {
            0 => String::new(),
            left => {
                let more = counted(left, "more is", "more are");
                format!("{more} not listed here: look in the list of findings, in all states, for the connection's id.")
            }
        },
        ..Table::default()
    }))
}

/// How many are not listed, in words.
fn more(all: usize) -> String {
    match all.saturating_sub(FINDINGS) as u64 {
        0 => String::new(),
        left => format!("{} not listed here.", counted(left, "older one is", "older ones are")),
    }
}
