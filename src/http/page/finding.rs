//! A finding: why, from which facts, what would clear it, what its credential has seen, and who was told.

use std::collections::BTreeSet;

use super::frame::{Ask, Scene};
use super::query::Query;
use super::sheet::{Cell, Column, Fact, Facts, Part, Sheet, Table, Words};
use super::story;
use super::trouble::Trouble;
use super::words::counted;
use crate::http::access::Right;
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
    let detail = ask.ledger.finding(id).await?.ok_or_else(nothing)?;
    let scene = &ask.scene;
    let mut parts =
        vec![Part::Facts(Facts { id: "facts".to_owned(), title: "The facts".to_owned(), facts: facts(&detail) })];
    if let Some(told) = story::of(ask, detail.course.credential_number).await? {
        parts.push(story::credential(told.credential(), scene));
        parts.push(story::uses(&told));
        parts.push(story::course(&told, "course", "What happened"));
    }
    parts.push(told(&detail, scene));
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
            "account" => {
                let list = [("account", finding.account_id.as_str()), ("state", "all")];
                Fact::of(name, Cell::line(value).to_list("/findings", &list))
            }
            _ => told,
        })
    };
    let credential = Cell::text(&finding.credential).to(format!("/credentials/{}", finding.credential));
    let mut facts: Vec<Fact> = pairs.iter().filter_map(fact).collect();
    facts.push(Fact::of("credential", credential));
    facts
}

/// Who was told what: for who may know it, step by step; for others only of how many people there is word.
fn told(detail: &FindingDetail, scene: &Scene) -> Part {
    let people: BTreeSet<_> = detail.notices.iter().map(|notice| notice.person).collect();
    if !scene.may(Right::Audit) {
        let told = match people.len() as u64 {
            0 => "Nobody has been told.".to_owned(),
            people => {
                format!("{} told, or to be told. An auditor sees who.", counted(people, "person was", "people were"))
            }
        };
        return Part::Words(Words { id: "told", title: "Who was told".to_owned(), sentences: vec![told] });
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
