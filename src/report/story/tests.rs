use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;
use crate::domain::belief::{Liveness, Shredding};
use crate::domain::facts::{ConnectionStatus, EndedBy, Provenance, SaidBy};
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{ConnectionId, CredentialId, MailId, PersonId, ProviderName, UseId};
use crate::domain::time::{days, hours};
use crate::ledger::read::{EventRow, FindingCourse, FindingState, MailState, NoticeRow};
use crate::report::cases::Told;
use crate::report::log::{Names, entries};
use crate::report::words::{cure, why};

/// 21 September 2026, 14:13:20 UTC
const START: Timestamp = Timestamp::from_secs(1_790_000_000);

pub(crate) fn credential() -> CredentialRow {
    CredentialRow {
        id: CredentialId(7),
        credential: "0123456789ab".to_owned(),
        source: "main".to_owned(),
        provider: ProviderName::new("mailjet"),
        key_tail: "cdef".to_owned(),
        kind: None,
        region: None,
        placeholder: false,
        liveness: Liveness::Shredded,
        liveness_since: Some(START + days(9)),
        asked_at: Some(START + days(9)),
        accepted_at: Some(START + days(3)),
        refused_first: Some(START + days(5)),
        refused_last: Some(START + days(9)),
        refused_on: vec!["rest".to_owned(), "smtp".to_owned()],
        left_out: Vec::new(),
        no_control: false,
        unknown_since: None,
        unknown_reason: None,
        died_at: Some(START + days(5) + hours(2)),
        outlived_at: None,
        shredding: Some(Shredding::Proven),
        last_answer: Some(json!([{"protocol": "rest", "endpoint": "default", "verdict": "refused", "status": 401}])),
        secret_since: START - days(100),
        provenance: Provenance::Declared,
        held: false,
        first_seen_at: Some(START),
        compromised_at: Some(START + days(2)),
        compromised_by: Some(SaidBy::Operator),
        compromised_note: Some("seen in a paste".to_owned()),
        probe_at: None,
        open_uses: 0,
    }
}

fn used(number: i64, ended: Option<(Timestamp, EndedBy)>) -> CredentialUse {
    CredentialUse {
        id: UseId(number),
        connection: ConnectionId(number),
        source: "main".to_owned(),
        connection_id: format!("c-{number}"),
        account_id: "acct-1".to_owned(),
        status: if ended.is_some() { ConnectionStatus::Deleted } else { ConnectionStatus::Active },
        since: START - days(90),
        until: ended.map(|(at, _)| at),
        ended_by: ended.map(|(_, by)| by),
        compromised_at: None,
    }
}

pub(crate) fn finding(open: bool) -> FindingDetail {
    FindingDetail {
        finding: FindingRow {
            id: FindingId(12),
            rule: RuleName::SecretCompromised,
            severity: Severity::Critical,
            source: "main".to_owned(),
            connection_number: ConnectionId(1),
            connection_id: "c-1".to_owned(),
            connection_name: Some("Shop".to_owned()),
            account_id: "acct-1".to_owned(),
            provider: ProviderName::new("mailjet"),
            credential: "0123456789ab".to_owned(),
            liveness: Liveness::Live,
            state: if open { FindingState::Open } else { FindingState::Closed },
            exempt: None,
            opened_at: START + days(2),
            closed_at: (!open).then(|| START + days(5) + hours(2)),
            since: START + days(2),
            mailed: true,
            pause: None,
            pause_until: None,
            baseline: false,
            evidence: json!({
                "fingerprint": "000000000012", "compromised_at": (START + days(2)).to_string(), "said_by": "operator",
                "note": "seen\u{1b}[31m in a paste",
            })
            .as_object()
            .expect("an object")
            .clone(),
        },
        course: FindingCourse {
            connection: ConnectionId(1),
            credential_number: CredentialId(7),
            opening: 1,
            closed_why: (!open).then(|| "dead".to_owned()),
            last_step: Some(0),
            next_step_at: open.then(|| START + days(5)),
            judge_at: None,
            uses: vec![UseId(1)],
        },
        credential_now: credential(),
        notices: vec![
            notice(1, 0, "sent", Some(MailState::Sent), Some(START + days(2) + hours(1))),
            notice(2, 0, "cancelled", None, None),
            notice(1, 1, "planned", Some(MailState::Failed), None),
        ],
    }
}

fn notice(person: i64, step: u32, state: &str, mail: Option<MailState>, sent_at: Option<Timestamp>) -> NoticeRow {
    NoticeRow {
        opening: 1,
        step,
        person: PersonId(person),
        closing: false,
        state: state.to_owned(),
        planned_at: START + days(2) + hours(u64::from(step) * 72),
        mail: mail.map(|_| MailId(4)),
        mail_state: mail,
        sent_at,
        returned_at: None,
        maybe_sent: false,
    }
}

/// The log of one key, in its order.
fn events() -> Vec<EventRow> {
    let event = |(id, at, kind, subject, data): (i64, Timestamp, &str, &str, Value)| EventRow {
        id,
        at,
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        data: data.as_object().expect("an object").clone(),
    };
    let moved = |from: &str, to: &str, outcome: &str, asked: &str| json!({"from": from, "to": to, "outcome": outcome, "asked": asked});
    let leaked = (START + days(2)).to_string();
    let ended = json!({"credential": 7, "until": (START + days(4)).to_string(), "by": "deleted"});
    let about =
        json!({"rule": "secret-compromised", "connection": 1, "credential": 7, "severity": "critical", "opening": 1});
    let mut closed = about.clone();
    closed["why"] = "dead".into();
    [
        (
            1,
            START,
            "credential.live",
            "credential:7",
            moved("unverified", "live", "accepted", "rest/default accepted 200"),
        ),
        (
            2,
            START + days(2),
            "credential.compromised",
            "credential:7",
            json!({"compromised_at": leaked, "note": "seen in a paste"}),
        ),
        (3, START + days(2), "finding.opened", "finding:12", about),
        (4, START + days(4), "use.ended", "connection:1", ended),
        (
            5,
            START + days(5),
            "credential.suspect",
            "credential:7",
            moved("live", "suspect", "refused", "rest/default refused 401"),
        ),
        (6, START + days(5) + hours(1), "credential.held_back", "credential:7", json!({"reason": "blind", "count": 3})),
        (
            7,
            START + days(5) + hours(2),
            "credential.dead",
            "credential:7",
            moved("suspect", "dead", "refused", "rest/default refused 401"),
        ),
        (8, START + days(5) + hours(2), "finding.closed", "finding:12", closed),
        (
            9,
            START + days(9),
            "credential.shredded",
            "credential:7",
            json!({"from": "dead", "to": "shredded", "outcome": null, "asked": null}),
        ),
    ]
    .map(event)
    .to_vec()
}

fn story(open: bool) -> Story {
    let detail = CredentialDetail {
        credential: credential(),
        uses: vec![
            used(1, Some((START + days(4), EndedBy::Deleted))),
            used(2, Some((START - days(3), EndedBy::Absent))),
        ],
        uses_left_out: 0,
    };
    let findings = vec![finding(open)];
    let names = Names {
        connections: HashMap::from([
            (ConnectionId(1), "main/c-1".to_owned()),
            (ConnectionId(2), "main/c-2".to_owned()),
        ]),
        readers: HashMap::from([(PersonId(1), "owner-1 of acct-1 (o***@***.org)".to_owned())]),
    };
    let entries = entries(&detail, &findings, &events(), &names);
    let cut = vec!["only its first 200 findings are told of".to_owned()];
    Story { detail, findings, entries, cut, audit: LogOverview { broken: true, audited_at: Some(START) } }
}

#[test]
fn a_credentials_story_tells_everything_in_the_order_of_time_and_why_what_is_open_is_open() {
    insta::assert_snapshot!("story", story(true).text(None, "90d", START + days(3)));
}

#[test]
fn a_finding_that_was_told_of_already_is_not_told_again() {
    let text = story(true).text(Some(FindingId(12)), "90d", START + days(3));
    assert!(!text.contains("F12 critical"), "{text}");
    assert!(!story(false).text(None, "90d", START + days(3)).contains("F12 critical"), "nor is one that is closed");
}

#[test]
fn an_end_is_told_once_whether_the_log_has_it_or_not() {
    let text = story(false).text(None, "90d", START + days(3));
    assert_eq!(text.matches("main/c-1 stops using it").count(), 1, "{text}");
    assert_eq!(text.matches("main/c-2 (acct-1) stops using it").count(), 1, "{text}");
}

#[test]
fn programs_get_the_same_story_with_the_logs_own_words() {
    let document = crate::report::value(&story(false).document());
    let entries = document["timeline"].as_array().expect("a list");
    assert!(entries.iter().all(|entry| entry["at"].is_string() && entry["what"].is_string()));
    let kinds: Vec<&str> = entries.iter().filter_map(|entry| entry["kind"].as_str()).collect();
    for kind in ["credential.known_since", "use.begun", "credential.first_seen", "notice.sent", "credential.shredded"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    let told = |open: bool| {
        let document = crate::report::value(&story(open).document());
        ["why", "clears"].map(|name| document["findings"][0][name].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(told(true), [why(RuleName::SecretCompromised), cure(RuleName::SecretCompromised)]);
    let [said, clears] = told(false);
    assert_eq!(said, format!("It said: {}", why(RuleName::SecretCompromised)), "it is not so any more");
    assert!(clears.starts_with("It is closed since "), "{clears}");
}

#[test]
fn a_paused_finding_says_so_and_is_not_told_again_before_the_pause_is_over() {
    let told = |pause: &str, until: Timestamp, held: bool| {
        let mut detail = finding(true);
        (detail.finding.pause, detail.finding.pause_until) = (Some(pause.to_owned()), Some(until));
        detail.notices.truncate(1); // no later one was planned
        detail.credential_now.held = held;
        let pairs = finding_pairs(&detail, START + days(3));
        let fact = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, fact)| fact.clone());
        (
            fact("paused").unwrap_or_default(),
            fact("told again").expect("it is always said"),
            open_finding(&detail, START + days(3)),
        )
    };
    let (later, step) = (START + days(30), START + days(5));
    let (paused, again, story) = told("acknowledged", later, true);
    assert_eq!((paused, again), (format!("acknowledged until {later}"), later.to_string()));
    assert!(story.contains(&format!("Paused: acknowledged until {later}. Told again: {later}.")), "{story}");
    let (paused, again, _) = told("snoozed", START + days(4), true);
    assert_eq!(
        (paused, again),
        (format!("snoozed until {}", START + days(4)), step.to_string()),
        "the later of the two"
    );
    let (paused, again, story) = told("snoozed", START + days(3), true);
    assert_eq!((paused.as_str(), again), ("", step.to_string()), "it is over");
    assert!(!story.contains("Paused"), "{story}");
    let (paused, again, _) = told("pending", START + days(4), true);
    assert!(paused.contains("said to be reset"), "{paused}");
    assert_eq!(again, format!("{} if the provider still accepts the key then, else {step}", START + days(4)));
    assert_eq!(told("pending", START + days(4), false).1, step.to_string(), "nobody can ask");
}

/// What the timeline says of one notice.
fn told(notice: NoticeRow) -> (Timestamp, String) {
    let detail = CredentialDetail { credential: credential(), uses: Vec::new(), uses_left_out: 0 };
    let finding = FindingDetail { notices: vec![notice], ..finding(true) };
    let names = Names { connections: HashMap::new(), readers: HashMap::new() };
    let mut entries = entries(&detail, &[finding], &[], &names);
    entries.retain(|entry| entry.what.contains("F12"));
    let entry = entries.remove(0);
    (entry.at, entry.what)
}

#[test]
fn a_mail_that_came_back_told_nobody_and_the_story_says_when_it_did() {
    let sent = START + days(2) + hours(1);
    let back =
        NoticeRow { returned_at: Some(START + days(4)), ..notice(1, 0, "sent", Some(MailState::Bounced), Some(sent)) };
    let suppressed = NoticeRow { state: "cancelled".to_owned(), ..back.clone() };
    let says = format!("mail 4 goes to person 1: first notice of F12; it came back at {}", START + days(4));
    for notice in [back, suppressed] {
        assert_eq!(told(notice.clone()), (sent, says.clone()));
        let mut detail = finding(true);
        assert_eq!(Told::of(&detail).count, 1);
        detail.notices[0] = notice;
        assert_eq!(Told::of(&detail), Told::default());
    }
}

#[test]
fn a_mail_that_may_have_arrived_and_is_not_tried_again_is_told_as_that() {
    let maybe = NoticeRow { maybe_sent: true, ..notice(1, 0, "cancelled", Some(MailState::Cancelled), None) };
    let says = told(maybe.clone()).1;
    assert!(says.contains("mail 4 may have arrived") && !says.contains("later cancelled"), "{says}");
    let mut detail = finding(true);
    detail.notices[0] = maybe;
    assert_eq!(Told::of(&detail), Told { maybe: 1, ..Told::default() });
    detail.notices[0].mail_state = Some(MailState::MaybeSent);
    assert_eq!(Told::of(&detail), Told::default(), "it is tried again");
}

#[test]
fn a_closing_note_is_no_reminder_and_what_was_superseded_is_planned_no_more() {
    let closing = NoticeRow { closing: true, ..notice(1, 2, "sent", Some(MailState::Sent), Some(START)) };
    assert_eq!(told(closing).1, "mail 4 goes to person 1: closing note of F12");
    let told = told(notice(1, 1, "superseded", None, None)).1;
    assert_eq!(told, "reminder 1 of F12 is planned for person 1; a later step says it instead");
}
