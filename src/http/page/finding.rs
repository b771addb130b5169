//! A finding: why, from which facts, what would clear it, what its credential has seen, and who was told.

use super::DONE;
use super::findings::of_account;
use super::frame::{Ask, Scene};
use super::query::Query;
use super::sheet::{ActField, ActForm, Acts, Cell, Column, Fact, Facts, Part, Sheet, Table, Words};
use super::story;
use super::trouble::Trouble;
use crate::domain::action::{ACKNOWLEDGED, Why};
use crate::domain::time::{Timestamp, days};
use crate::http::access::Right;
use crate::http::told;
use crate::ledger::read::{FindingDetail, FindingRow, FindingState, finding_name, parse_finding};
use crate::report::story::finding_pairs;
use crate::report::text::second;
use crate::report::words::{cleared, said, step};

/// The page of the finding of this name.
///
/// # Errors
/// Where there is none, and where the ledger doesn't answer.
pub(super) async fn sheet(ask: &Ask, name: &str) -> Result<Sheet, Trouble> {
    let done = Query::read(ask.query.as_deref(), &[DONE])?.has(DONE);
    let nothing = || {
        Trouble::Nothing(
            "There is no finding of this number. The list of findings has those that there are.".to_owned(),
        )
    };
    let id = parse_finding(name).ok_or_else(nothing)?;
    let mut moment = ask.ledger.at_one_moment().await?;
    let detail = told::finding(moment.finding(id).await?.ok_or_else(nothing)?, &ask.scene.visitor);
    let scene = &ask.scene;
    let mut parts = vec![Part::Facts(Facts {
        id: "facts".to_owned(),
        title: "The facts".to_owned(),
        facts: facts(&detail, scene.now),
    })];
    if let Some(told) = story::of(ask, &mut moment, detail.course.credential_number).await? {
        parts.push(story::credential(told.credential(), scene));
        parts.push(story::uses(&told));
        parts.push(story::course(&told, "course", "What happened"));
    }
    parts.push(who_was_told(&detail, scene));
    parts.extend(acts(&detail, scene));
    parts.extend(todo(&detail));
    let finding = &detail.finding;
    let name = finding_name(finding.id);
    Ok(Sheet {
        heading: format!("{name} {} {}", finding.severity, finding.rule),
        noted: done.then(|| noted(finding, scene.now)),
        lead: vec![said(finding).into_owned(), cleared(finding).into_owned()],
        parts,
    })
}

fn facts(detail: &FindingDetail, now: Timestamp) -> Vec<Fact> {
    let finding = &detail.finding;
    let pairs = finding_pairs(detail, now);
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
            Cell::maybe(notice.sent_at, scene.now, if notice.maybe_sent { "perhaps" } else { "not sent" }),
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

/// Until when reminders wait because somebody said so.
fn waits(finding: &FindingRow, now: Timestamp) -> Option<Timestamp> {
    finding.pause.as_ref().and(finding.pause_until).filter(|until| *until > now)
}

/// How it stands, for who has just acted.
fn noted(finding: &FindingRow, now: Timestamp) -> String {
    match (waits(finding, now), &finding.pause) {
        (Some(_), Some(why)) if why == Why::Confirmed.as_str() => {
            "As it stands, an owner has confirmed it by hand: nobody is reminded.".to_owned()
        }
        (Some(until), Some(why)) => {
            format!("As it stands, it is {why}: nobody is reminded before {}.", second(until))
        }
        _ => "As it stands, reminders come as its ladder says.".to_owned(),
    }
}

/// What who may act can do about it. What the configuration accepts, only the configuration takes back.
fn acts(detail: &FindingDetail, scene: &Scene) -> Option<Part> {
    let finding = &detail.finding;
    if finding.state != FindingState::Open || !scene.may(Right::Act) {
        return None;
    }
    let name = finding_name(finding.id);
    let longest = scene.about.longest_pause;
    let [tomorrow, usual, last] = [days(1), ACKNOWLEDGED.min(longest), longest].map(|span| scene.now + span);
    let mut forms = vec![ActForm {
        follows: "Nobody is reminded before that day; it ends earlier if the finding grows worse or reopens. What you \
                  acknowledge, its people can't take back; what you snooze, they can."
            .to_owned(),
        fields: vec![ActField::day(("until", "No reminders before"), Some(usual), [Some(tomorrow), Some(last)])],
        buttons: vec![("acknowledge", "Acknowledge".to_owned()), ("snooze", "Snooze".to_owned())],
        ..ActForm::default()
    }];
    if waits(finding, scene.now).is_some() {
        forms.push(ActForm {
            follows: "Reminders come again as its ladder says.".to_owned(),
            buttons: vec![("resume", "Remind again".to_owned())],
            ..ActForm::default()
        });
    }
    Some(Part::Acts(Acts { title: "Let reminders wait", action: format!("/findings/{name}"), forms }))
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
