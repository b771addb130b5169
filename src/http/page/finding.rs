//! A finding: why, from which facts, what would clear it, what its credential has seen, and who was told.

use super::findings::of_account;
use super::frame::{Ask, Scene};
use super::query::Query;
use super::sheet::{Cell, Column, Fact, Facts, Part, Sheet, Table, Words};
use super::story;
use super::trouble::Trouble;
use crate::http::access::Right;
use crate::http::told;
use crate::ledger::read::{FindingDetail, FindingState, finding_name, parse_finding};
use crate::report::story::finding_pairs;
use crate::report::words::{cure, step, why};

/// The page of the finding of this name.
///
/// # Errors
/// Where there is none, and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask, name: &str) -> Result<Sheet, Trouble> {
    Query::read(ask.query.as_deref(), &[])?;
    let nothing = || {
        Trouble::Nothing(
            "There is no finding of this number. The list of findings has those that there are.".to_owned(),
        )
    };
    let id = parse_finding(name).ok_or_else(nothing)?;
    let mut moment = ask.ledger.at_one_moment().await?;
    let detail = told::finding(moment.finding(id).await?.ok_or_else(nothing)?, &ask.scene.visitor);
    let scene = &ask.scene;
    let mut parts =
        vec![Part::Facts(Facts { id: "facts".to_owned(), title: "The facts".to_owned(), facts: facts(&detail) })];
    if let Some(told) = story::of(ask, &mut moment, detail.course.credential_number).await? {
        parts.push(story::credential(told.credential(), scene));
        parts.push(story::uses(&told));
        parts.push(story::course(&told, "course", "What happened"));
    }
    parts.push(who_was_told(&detail, scene));
    parts.extend(todo(&detail));
    let finding = &detail.finding;
    let name = finding_name(finding.id);
    Ok(Sheet {
        heading: format!("{name} {} {}", finding.severity, finding.rule),
        lead: vec![why(finding.rule).to_owned(), cure(finding.rule).to_owned()],
        parts,
    })
}

fn facts(detail: &FindingDetail) -> Vec<Fact> {
    let finding = &detail.finding;
    let pairs = finding_pairs(detail);
    let fact = |(name, value): &(&str, String)| {
        let told = Fact::told(name, value)?;
        Some(match *name {
            "connection" => Fact::of(name, Cell::line(value).to(format!("/connections/{}", detail.course.connection))),
            "account" => Fact::of(name, of_account(&finding.source, &finding.account_id)),
            _ => told,
        })
    };
    let credential = Cell::text(&finding.credential).to(format!("/credentials/{}", finding.credential));
    let mut facts: Vec<Fact> = pairs.iter().filter_map(fact).collect();
    facts.push(Fact::of("credential", credential));
    facts
}

/// Who was told what, step by step, for who may know it.
fn who_was_told(detail: &FindingDetail, scene: &Scene) -> Part {
    if !scene.may(Right::Audit) {
        let sentences = vec!["An auditor sees who was told of it.".to_owned()];
        return Part::Words(Words { id: "told", title: "Who was told".to_owned(), sentences });
    }
    let row = |notice: &crate::ledger::read::NoticeRow| {
        let step = if notice.closing { "that it has closed".to_owned() } else { step(notice) };
        let mail = notice.mail.map_or_else(
            || "not formed yet".to_owned(),
            |mail| format!("mail {mail}, {}", notice.mail_state.map_or("planned", |state| state.as_str())),
        );
        vec![
            Cell::text(&format!("person {}", notice.person)),
            Cell::text(&step).small(format!("opening {}", notice.opening)),
            Cell::text(&notice.state),
            Cell::text(&mail),
            Cell::when(notice.planned_at, scene.now),
            Cell::maybe(notice.sent_at, scene.now, "not sent"),
        ]
    };
    Part::Table(Table {
        id: "told",
        title: "Who was told".to_owned(),
        columns: ["Who", "Of what", "Notice", "In", "Planned", "Sent"].map(Column::text).into(),
        rows: detail.notices.iter().map(row).collect(),
        empty: "Nobody has been told.".to_owned(),
        note: "What happened, above, names people as the platform does, with their addresses masked.".to_owned(),
        ..Table::default()
    })
}

/// What can be done from a terminal.
fn todo(detail: &FindingDetail) -> Option<Part> {
    if detail.finding.state == FindingState::Closed {
        return None;
    }
    let name = finding_name(detail.finding.id);
    let sentences = vec![
        format!("`keysweep explain {name}` says the same in a terminal."),
        format!("`keysweep ack {name}` and `keysweep snooze {name}` let its reminders wait."),
    ];
    Some(Part::Words(Words { id: "todo", title: "From a terminal".to_owned(), sentences }))
}
