//! What the command line relies on.

use serde_json::Map;

use super::log::ProblemRow;
use super::outbox::without_addresses;
use super::*;
use crate::domain::belief::Liveness;
use crate::domain::facts::ConnectionStatus;
use crate::domain::finding::{FindingChange, Opened, RuleName, Severity};
use crate::domain::ids::{ConnectionId, CredentialId, FindingId, MailId, NoticeId, PersonId, ProviderName, ScanId};
use crate::domain::time::days;
use crate::ledger::Ledger;
use crate::ledger::estate::{Estate, NOW, ended_use, open_use, opened};
use crate::ledger::place::Kind;
use crate::ports::notify::{Digest, Formed, NotifyLedger, StepTaken};

on_both![
    a_finding_prints_the_names_of_the_contract_and_times_as_text,
    findings_are_listed_by_every_filter_and_page,
    the_worst_open_findings_come_first_and_the_oldest_of_them_before_the_others,
    a_finding_explains_itself_with_its_notices_and_its_timeline,
    connections_are_listed_by_every_filter_and_page,
    a_connection_shows_its_uses_and_findings,
    a_credential_is_found_by_its_twelve_digits,
    a_credential_is_of_every_source_that_shows_it,
    counts_name_every_word_and_tell_tombstones_from_what_is_shared_or_dead,
    mails_are_listed_without_an_address,
    sources_tell_what_is_wrong_with_them_and_scans_what_they_counted,
    everything_is_read_beside_the_process_that_writes,
];

const STALE: RuleName = RuleName::SecretStale;
const LEFT: RuleName = RuleName::RevocationMissing;

/// Two connections of account 1 and one of account 2, with credentials of the same number; 1 has replaced an older one (4).
async fn estate(kind: Kind) -> Estate {
    let estate = Estate::new(kind).await;
    estate.person(1, 1, "owner", "owner").await;
    for (id, account) in [(1, 1), (2, 1), (3, 2)] {
        estate.connection(id, account, Some("owner")).await.credential(id).await;
    }
    estate.credential(4).await;
    estate.usage(ended_use(1, 4, 5, 10, "replaced")).await;
    for id in [1, 2, 3] {
        estate.usage(open_use(id, id, 10)).await;
    }
    let critical = Opened { severity: Severity::Critical, mailed: false, ..opened(LEFT, 1, 4) };
    estate
        .judge(
            NOW,
            vec![
                FindingChange::Opened(opened(STALE, 1, 1)),
                FindingChange::Opened(critical),
                FindingChange::Opened(opened(STALE, 3, 3)),
            ],
        )
        .await;
    estate
}

async fn finding_ids(estate: &Estate, filter: FindingFilter) -> Vec<i64> {
    let page = estate.ledger.findings(&filter, FindingId(0), 100).await.unwrap();
    page.iter().map(|row| row.id.0).collect()
}

async fn connection_ids(estate: &Estate, filter: ConnectionFilter) -> Vec<i64> {
    let page = estate.ledger.connections(&filter, ConnectionId(0), 100).await.unwrap();
    page.iter().map(|row| row.id.0).collect()
}

#[test]
fn a_finding_is_named_by_f_and_its_number_and_nothing_else() {
    assert_eq!(parse_finding(&finding_name(FindingId(12))), Some(FindingId(12)));
    assert_eq!(parse_finding("f7"), Some(FindingId(7)));
    for wrong in ["", "F", "12", "F0", "F-1", "F+1", "F1x", "G1", "F99999999999999999999"] {
        assert_eq!(parse_finding(wrong), None, "{wrong}");
    }
}

async fn a_finding_prints_the_names_of_the_contract_and_times_as_text(kind: Kind) {
    let estate = estate(kind).await;
    let row = estate.ledger.findings(&FindingFilter::default(), FindingId(0), 1).await.unwrap().remove(0);
    let printed = serde_json::to_value(&row).unwrap();
    for (name, value) in [
        ("id", "F1"),
        ("rule", "secret-stale"),
        ("severity", "high"),
        ("source", "platform"),
        ("connection_id", "conn-1"),
        ("account_id", "acc-1"),
        ("provider", "mailjet"),
        ("liveness", "live"),
        ("state", "open"),
        ("opened_at", "2026-09-21T14:13:20Z"),
        ("since", "2026-05-28T20:26:40Z"),
        ("credential", "000000000001"),
    ] {
        assert_eq!(printed[name], value, "{name}");
    }
    assert_eq!(printed["evidence"]["days"], 97);
}

async fn findings_are_listed_by_every_filter_and_page(kind: Kind) {
    let estate = estate(kind).await;
    estate.judge(NOW, vec![FindingChange::Closed { id: FindingId(3), why: "rotated" }]).await;
    let all = FindingFilter::default();
    for (filter, ids) in [
        (all.clone(), vec![1, 2, 3]),
        (FindingFilter { state: Some(FindingState::Open), ..all.clone() }, vec![1, 2]),
        (FindingFilter { state: Some(FindingState::Closed), ..all.clone() }, vec![3]),
        (FindingFilter { rule: Some(STALE), ..all.clone() }, vec![1, 3]),
        (FindingFilter { at_least: Some(Severity::Critical), ..all.clone() }, vec![2]),
        (FindingFilter { at_least: Some(Severity::Medium), ..all.clone() }, vec![1, 2, 3]),
        (FindingFilter { account: Some("acc-2".to_owned()), ..all.clone() }, vec![3]),
        (FindingFilter { connection: Some(ConnectionId(1)), ..all.clone() }, vec![1, 2]),
    ] {
        assert_eq!(finding_ids(&estate, filter.clone()).await, ids, "{filter:?}");
    }
    let page = estate.ledger.findings(&all, FindingId(1), 1).await.unwrap();
    assert_eq!(page.iter().map(|row| row.id.0).collect::<Vec<_>>(), [2]);
}

async fn the_worst_open_findings_come_first_and_the_oldest_of_them_before_the_others(kind: Kind) {
    let estate = estate(kind).await;
    let younger = Opened { since: NOW, ..opened(STALE, 2, 2) };
    estate.judge(NOW, vec![FindingChange::Opened(younger)]).await;
    let ids = async |limit| {
        let worst = estate.ledger.worst_findings(limit).await.unwrap();
        worst.iter().map(|finding| finding.id.0).collect::<Vec<_>>()
    };
    assert_eq!(ids(100).await, [2, 1, 3, 4]);
    assert_eq!(ids(2).await, [2, 1], "what is cut off is what matters less");
    estate.judge(NOW, vec![FindingChange::Closed { id: FindingId(2), why: "dead" }]).await;
    let worst = estate.ledger.worst_findings(1).await.unwrap().remove(0);
    let named = (worst.id, worst.source.as_str(), worst.account_id.as_str(), worst.connection_id.as_str());
    assert_eq!(named, (FindingId(1), "platform", "acc-1", "conn-1"));
}

async fn a_finding_explains_itself_with_its_notices_and_its_timeline(kind: Kind) {
    let estate = estate(kind).await;
    let step = StepTaken {
        finding: FindingId(1),
        opening: 1,
        step: 0,
        people: vec![PersonId(1)],
        next_step_at: Some(NOW + days(7)),
    };
    estate.ledger.commit_steps(NOW, &[step], &[]).await.unwrap();
    let detail = estate.ledger.finding(FindingId(1)).await.unwrap().unwrap();
    assert_eq!((detail.course.last_step, detail.course.next_step_at), (Some(0), Some(NOW + days(7))));
    assert_eq!(detail.credential_now.key_tail, "cdef");
    assert_eq!(
        detail.notices.iter().map(|n| (n.person, n.state.as_str())).collect::<Vec<_>>(),
        [(PersonId(1), "planned")]
    );
    assert_eq!(detail.subjects(), ["finding:1", "connection:1", "credential:1", "use:2"]);
    let told = estate.ledger.timeline(&detail.subjects(), 0, 10).await.unwrap();
    assert_eq!(told.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["finding.opened"]);
    assert!(serde_json::to_string(&detail).unwrap().contains(r#""next_step_at":"2026-09-28T14:13:20Z""#));
    assert_eq!(estate.ledger.finding(FindingId(9)).await.unwrap(), None);
}

async fn connections_are_listed_by_every_filter_and_page(kind: Kind) {
    let estate = estate(kind).await;
    estate.run("UPDATE connection SET status = 'paused', provider = 'kit' WHERE id = 2").await;
    let all = ConnectionFilter::default();
    for (filter, ids) in [
        (all.clone(), vec![1, 2, 3]),
        (ConnectionFilter { account: Some("acc-1".to_owned()), ..all.clone() }, vec![1, 2]),
        (ConnectionFilter { source: Some("platform".to_owned()), ..all.clone() }, vec![1, 2, 3]),
        (ConnectionFilter { source: Some("other".to_owned()), ..all.clone() }, vec![]),
        (ConnectionFilter { provider: Some(ProviderName::new("kit")), ..all.clone() }, vec![2]),
        (ConnectionFilter { status: Some(ConnectionStatus::Paused), ..all.clone() }, vec![2]),
        (ConnectionFilter { search: Search::new("acc-1"), ..all.clone() }, vec![1, 2]),
        (ConnectionFilter { search: Search::new("conn-3"), ..all.clone() }, vec![3]),
        (ConnectionFilter { search: Search::new("conn"), ..all.clone() }, vec![]),
        (ConnectionFilter { search: Search::new("platform/conn-3"), ..all.clone() }, vec![3]),
        (ConnectionFilter { search: Search::new("platform/acc-1"), ..all.clone() }, vec![]),
        (ConnectionFilter { search: Search::new("other/conn-3"), ..all.clone() }, vec![]),
        (ConnectionFilter { connection_id: Some("conn-3".to_owned()), ..all.clone() }, vec![3]),
        (ConnectionFilter { connection_id: Some("acc-1".to_owned()), ..all.clone() }, vec![]),
        (
            ConnectionFilter { connection_id: Some("conn-1".to_owned()), search: Search::new("acc-1"), ..all.clone() },
            vec![1],
        ),
        (ConnectionFilter { search: Search::new("conn-3"), account: Some("acc-1".to_owned()), ..all.clone() }, vec![]),
    ] {
        assert_eq!(connection_ids(&estate, filter.clone()).await, ids, "{filter:?}");
    }
    let page = estate.ledger.connections(&all, ConnectionId(1), 1).await.unwrap();
    assert_eq!(page.iter().map(|row| row.id.0).collect::<Vec<_>>(), [2]);
}

async fn a_connection_shows_its_uses_and_findings(kind: Kind) {
    let estate = estate(kind).await;
    let detail = estate.ledger.connection(Some("platform"), "conn-1").await.unwrap().remove(0);
    assert_eq!((detail.connection.open_findings, detail.findings.len()), (2, 2));
    assert_eq!(detail.connection.credential.as_deref(), Some("000000000001"), "the latest, not the replaced one");
    assert_eq!(detail.uses.iter().map(|u| u.credential.id.0).collect::<Vec<_>>(), [4, 1]);
    let subjects = ["connection:1", "use:1", "use:2", "credential:1", "credential:4", "finding:1", "finding:2"];
    assert_eq!(detail.subjects(), subjects);
    assert!(estate.ledger.connection(Some("other"), "conn-1").await.unwrap().is_empty());
    assert!(estate.ledger.connection(None, "conn-9").await.unwrap().is_empty());
}

async fn a_credential_is_found_by_its_twelve_digits(kind: Kind) {
    let estate = estate(kind).await;
    let Meant::One(detail) = estate.ledger.credential("000000000004").await.unwrap() else { panic!("there is one") };
    assert_eq!((detail.credential.id, detail.credential.open_uses), (CredentialId(4), 0));
    assert_eq!(detail.uses.iter().map(|u| u.connection_id.as_str()).collect::<Vec<_>>(), ["conn-1"]);
    assert_eq!(detail.credential.liveness, Liveness::Live);
    assert_eq!(detail.subjects(), ["credential:4", "use:1"]);
    for wrong in ["000000000009", "4", "", "%%%%%%%%%%%%"] {
        assert_eq!(estate.ledger.credential(wrong).await.unwrap(), Meant::Nothing, "{wrong}");
    }
    let live = CredentialFilter { liveness: Some(Liveness::Live), ..CredentialFilter::default() };
    assert_eq!(estate.ledger.credentials(&live, CredentialId(2), 10).await.unwrap().len(), 2);
    for (source, count) in [("platform", 4), ("other", 0)] {
        let of = CredentialFilter { source: Some(source.to_owned()), ..CredentialFilter::default() };
        assert_eq!(estate.ledger.credentials(&of, CredentialId(0), 10).await.unwrap().len(), count, "{source}");
    }
    let kit = CredentialFilter { provider: Some(ProviderName::new("kit")), ..CredentialFilter::default() };
    assert!(estate.ledger.credentials(&kit, CredentialId(0), 10).await.unwrap().is_empty());
}

async fn a_credential_is_of_every_source_that_shows_it(kind: Kind) {
    let estate = estate(kind).await;
    estate
        .run("INSERT INTO source (id, name) VALUES (2, 'other')")
        .await
        .run("INSERT INTO account (id, source_id, external_id) VALUES (9, 2, 'theirs')")
        .await
        .connection(9, 9, None)
        .await
        .run("UPDATE connection SET source_id = 2 WHERE id = 9")
        .await
        .usage(open_use(9, 3, 10))
        .await;
    for (source, expected) in [("platform", vec![1, 2, 3, 4]), ("other", vec![3])] {
        let of = CredentialFilter { source: Some(source.to_owned()), ..CredentialFilter::default() };
        let shown = estate.ledger.credentials(&of, CredentialId(0), 10).await.unwrap();
        assert_eq!(shown.iter().map(|row| row.id.0).collect::<Vec<_>>(), expected, "{source}");
    }
}

async fn counts_name_every_word_and_tell_tombstones_from_what_is_shared_or_dead(kind: Kind) {
    let estate = estate(kind).await;
    let counts = estate.ledger.counts().await.unwrap();
    assert_eq!((counts.connections["active"], counts.connections["absent"]), (3, 0));
    assert_eq!((counts.credentials["live"], counts.credentials["shredded"]), (4, 0));
    assert_eq!((counts.findings["secret-stale"], counts.findings["secret-shared"]), (2, 0));
    assert_eq!((counts.severities["high"], counts.severities["critical"], counts.history), (2, 1, 1));
    assert_eq!((counts.at_least(Severity::Critical), counts.at_least(Severity::Low)), (1, 3));
    assert_eq!(counts.tombstones, 1);

    estate.run("UPDATE use SET account_id = 2 WHERE connection_id = 3").await;
    for (change, tombstones) in [
        ("UPDATE credential SET liveness = 'dead' WHERE id = 4", 0),
        ("UPDATE credential SET liveness = 'shredded', belief = '{\"shredding\":\"proven\"}' WHERE id = 4", 0),
        ("UPDATE credential SET belief = '{\"shredding\":\"unproven\"}' WHERE id = 4", 1),
        ("UPDATE use SET credential_id = 4 WHERE connection_id = 3", 1),
        ("UPDATE use SET credential_id = 4 WHERE connection_id = 2", 0),
    ] {
        estate.run(change).await;
        assert_eq!(estate.ledger.counts().await.unwrap().tombstones, tombstones, "{change}");
    }
}

async fn mails_are_listed_without_an_address(kind: Kind) {
    let estate = estate(kind).await;
    let step = StepTaken { finding: FindingId(1), opening: 1, step: 0, people: vec![PersonId(1)], next_step_at: None };
    estate.ledger.commit_steps(NOW, &[step], &[]).await.unwrap();
    let digest = Digest { person: PersonId(1), run: ScanId(3), notices: vec![NoticeId(1)] };
    let formed = Formed { digests: vec![digest], waits: Vec::new() };
    estate.ledger.form_mails(NOW, &formed, "mail.example.org").await.unwrap();
    estate.run("UPDATE mail SET error = '550 5.1.1 <owner@example.org>: unknown'").await;
    let mail = estate.ledger.mails(None, MailId(0), 10).await.unwrap().remove(0);
    let page = estate.ledger.mails_page(None, MailId(i64::MAX), 1).await.unwrap();
    assert_eq!((page.rows, page.next), (vec![mail.clone()], None));
    assert!(estate.ledger.mails_page(None, mail.id, 1).await.unwrap().rows.is_empty());
    assert_eq!((mail.state, mail.notices, mail.scan), (MailState::Planned, 1, ScanId(3)));
    assert_eq!(mail.error.as_deref(), Some("550 5.1.1 <address> unknown"));
    assert!(!serde_json::to_string(&mail).unwrap().contains("owner@"));
    assert!(estate.ledger.mails(Some(MailState::Sent), MailId(0), 10).await.unwrap().is_empty());
    assert_eq!(without_addresses("no address"), "no address");
}

async fn sources_tell_what_is_wrong_with_them_and_scans_what_they_counted(kind: Kind) {
    let estate = estate(kind).await;
    estate
        .run("UPDATE source SET last_error = 'cut short', held_back = 7, quarantined = 2, remarks = '[\"an unknown column\"]'")
        .await
        .run("INSERT INTO quarantine VALUES (1, 9, 'provider', 'not known'), (1, 3, '', 'not a record')")
        .await
        .run("INSERT INTO scan (started_at, counts) VALUES (0, '{\"rows\": 5}'), (1000, '{}')")
        .await;
    let problems: Vec<ProblemRow> = estate.ledger.problems().await.unwrap();
    let [error, held, remark] = &problems[..] else { panic!("three problems: {problems:?}") };
    assert!(error.problem.ends_with("cut short") && remark.problem == "an unknown column");
    assert!(held.problem.starts_with("7 connections") && held.problem.contains("inventory accept platform"));
    let aside = estate.ledger.quarantined(None, 10).await.unwrap();
    assert_eq!(aside.iter().map(|q| (q.row, q.field.as_str())).collect::<Vec<_>>(), [(3, ""), (9, "provider")]);
    assert_eq!(estate.ledger.quarantined(None, 1).await.unwrap().len(), 1);
    assert_eq!(estate.ledger.counts().await.unwrap().quarantined, 2);
    let scans = estate.ledger.scans(10).await.unwrap();
    assert_eq!(scans.iter().map(|scan| scan.id.0).collect::<Vec<_>>(), [2, 1], "latest first");
    let page = estate.ledger.scans_page(ScanId(i64::MAX), 1).await.unwrap();
    assert_eq!((page.rows[0].id.0, page.next), (2, Some(Cursor::Latest(2))));
    let last = estate.ledger.scans_page(ScanId(2), 1).await.unwrap();
    assert_eq!((last.rows[0].id.0, last.next), (1, None));
    let sources = estate.ledger.sources().await.unwrap();
    assert_eq!((sources.len(), sources[0].name.as_str(), sources[0].held_back), (1, "platform", 7));
    assert_eq!(scans[1].counts, serde_json::Value::Object(Map::from_iter([("rows".to_owned(), 5.into())])));
}

#[tokio::test]
async fn a_page_walks_only_what_it_is_a_page_of() {
    let estate = Estate::new(Kind::Sqlite).await;
    for (statement, index) in [
        (connections::PAGE, "SEARCH c USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (connections::PAGE_OF_ACCOUNT, "connection_by_account (account_id=?"),
        (connections::PAGE_OF_FOUND, "SEARCH c USING INTEGER PRIMARY KEY (rowid=?"),
        (meant::BY_NAME, "credential_by_name (<expr>=?)"),
        (connections::BY_NAME, "(source_id=? AND external_id=?)"),
        (findings::list::PAGE, "SEARCH f USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (findings::list::PAGE_OF_STATES, "COVERING INDEX finding_by_number (<expr>=? AND id>? AND id<?)"),
        (findings::list::LATEST_OF_STATES, "COVERING INDEX finding_by_number (<expr>=? AND id<?)"),
        (findings::list::PAGE_OF_ACCOUNT, "finding_by_account (account_id=?"),
        (findings::list::PAGE_OF_CONNECTION, "(connection_id=?)"),
    ] {
        let plan = estate.ledger.plan(statement.sqlite).await.join("\n");
        assert!(plan.contains(index), "{index} in\n{plan}");
    }
}

async fn everything_is_read_beside_the_process_that_writes(kind: Kind) {
    let estate = estate(kind).await;
    let beside = Ledger::open_read_only(&estate.url).await.unwrap();
    assert_eq!(beside.counts().await.unwrap(), estate.ledger.counts().await.unwrap());
    assert_eq!(beside.findings(&FindingFilter::default(), FindingId(0), 10).await.unwrap().len(), 3);
    assert_eq!(beside.mails(None, MailId(0), 10).await.unwrap(), []);
    assert!(beside.problems().await.unwrap().is_empty());
}
