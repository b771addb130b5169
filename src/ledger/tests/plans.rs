use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::ledger::collect::statements as write;
use crate::ledger::judge::changes;
use crate::ledger::sql::Sql;
use crate::ledger::{collect, due, keymates, notify, probe, read};

/// Tables that grow with the inventory, and what our statements call them: to walk one for each chunk would make a scan
/// cost the square of it.
const GREAT: [&str; 13] =
    ["connection", "credential", "use", "escrow", "person", "account", "c", "k", "u", "e", "p", "a", "s"];

/// How SQLite means to carry out `statement`, step by step.
async fn plan(fixture: &Fixture, statement: &Sql) -> Vec<String> {
    fixture.ledger.plan(statement.sqlite).await
}

/// True for a step that walks all of a great table.
fn walks(step: &str) -> bool {
    step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()).is_some_and(|name| GREAT.contains(&name))
}

#[tokio::test]
async fn no_statement_of_a_chunk_walks_a_great_table() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    fixture.load(1..=50, 10).await;
    let statements = [
        &collect::KNOWN_ROWS,
        &collect::KNOWN_CONNECTIONS,
        &collect::KNOWN_CREDENTIALS,
        &collect::KNOWN_ACCOUNTS,
        &collect::KNOWN_PEOPLE,
        &collect::OPEN_IDS,
        &collect::OPEN_PAGE,
        &collect::PRESENT_PEOPLE_PAGE,
        &write::PEOPLE_ABSENT,
        &write::PEOPLE_PRESENT,
        &write::PEOPLE_GONE,
        &write::OLDER,
        &write::BELIEFS,
        &write::RESEALED,
        &write::ABSENT,
        &write::PRESENT,
        &write::GONE,
        &write::ENDED,
        &write::PAIRS_OF_USES,
        &write::SUMMARIES,
        &write::RECOUNT,
        &due::ACCOUNTS_OF_ADDRESSES,
        &due::MARK_BY_CREDENTIAL,
        &due::NOTE_BY_CREDENTIAL,
        &due::MARK_BY_ACCOUNT,
        &due::NOTE_BY_ACCOUNT,
        &probe::COUNT_DUE,
        &probe::FEW_DUE,
        &probe::MANY_DUE,
        &probe::DUE_PROVIDERS,
        &probe::HELD_CREDENTIALS,
        &probe::SUSPECTS,
        &probe::OF_ANOTHER_KIND,
        &write::TOLD,
        &probe::BELIEFS,
        &keymates::SHARING,
        &keymates::PAGE,
        &keymates::STILL,
        &keymates::OUTLIVED,
        &keymates::SOONER,
    ];
    for statement in statements {
        let steps = plan(&fixture, statement).await;
        assert!(!steps.is_empty(), "{}", statement.sqlite);
        assert!(!steps.iter().any(|step| walks(step)), "{}\n{steps:#?}", statement.sqlite);
    }
}

#[tokio::test]
async fn look_ups_go_from_what_is_wanted_to_its_row_and_not_over_the_whole_source() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    for (statement, index) in [
        (&collect::KNOWN_ROWS, "(source_id=? AND external_id=?)"),
        (&collect::KNOWN_CREDENTIALS, "(fingerprint=?)"),
        (&collect::KNOWN_ACCOUNTS, "(source_id=? AND external_id=?)"),
        (&collect::KNOWN_PEOPLE, "(account_id=? AND member_id=?)"),
        (&write::RECOUNT, "use_open_by_credential (credential_id=? AND until=?)"),
    ] {
        let steps = plan(&fixture, statement).await;
        assert!(steps[0].contains("VIRTUAL TABLE"), "{}\n{steps:#?}", statement.sqlite);
        assert!(steps.iter().any(|step| step.contains(index)), "{}\n{steps:#?}", statement.sqlite);
    }
}

#[tokio::test]
async fn other_secrets_of_a_key_are_found_by_the_key() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    for statement in [&keymates::SHARING, &keymates::PAGE] {
        let steps = plan(&fixture, statement).await;
        let by_key = |step: &String| step.contains("credential_by_key (provider=? AND key_id=?");
        assert!(steps.iter().any(by_key), "{}\n{steps:#?}", statement.sqlite);
    }
}

#[tokio::test]
async fn few_due_credentials_are_found_by_their_time_and_many_by_their_number() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    let few = plan(&fixture, &probe::FEW_DUE).await.join("\n");
    assert!(few.contains("credential_due (provider=? AND probe_at<?)"), "{few}");
    let many = plan(&fixture, &probe::MANY_DUE).await.join("\n");
    assert!(many.contains("INTEGER PRIMARY KEY (rowid>?)") && !many.contains("TEMP B-TREE"), "{many}");
}

#[tokio::test]
async fn the_page_of_one_finding_reads_no_other_of_its_mail() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    let steps = plan(&fixture, &notify::claimed::NOTICE).await;
    assert!(steps.iter().any(|step| step.contains("notice") && step.contains("(finding_id=?")), "{steps:#?}");
    assert!(!steps.iter().any(|step| step.contains("notice_by_mail") || walks(step)), "{steps:#?}");
}

#[tokio::test]
async fn the_last_counted_scan_of_a_day_is_found_among_those_of_the_day() {
    let steps = plan(&Fixture::new(Kind::Sqlite).await, &read::log::COUNTED_SCANS).await;
    assert!(steps.iter().any(|step| step.contains("scan_by_beginning (started_at>? AND started_at<?)")), "{steps:#?}");
}

#[tokio::test]
async fn a_page_of_the_log_is_read_in_the_order_of_an_index_from_either_end() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    for (statement, index) in [
        (&read::log::EVENTS_BACK, "INTEGER PRIMARY KEY (rowid<?)"),
        (&read::log::EVENTS_ON, "event_by_subject (subject=? AND id>?)"),
        (&read::log::EVENTS_ON_BACK, "event_by_subject (subject=? AND id<?)"),
    ] {
        let steps = plan(&fixture, statement).await.join("\n");
        assert!(steps.contains(index) && !steps.contains("TEMP B-TREE"), "{steps}");
    }
}

/// A key may be shared by a hundred thousand connections; a connection has had few keys.
#[tokio::test]
async fn the_uses_of_a_finding_are_found_by_its_connection_and_never_by_its_key() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    for statement in [&read::findings::COURSES, &notify::claimed::NOTICES, &changes::CLOSING_NOTES] {
        let steps = plan(&fixture, statement).await.join("\n");
        assert!(steps.contains("use_") && steps.contains("(connection_id=?"), "{steps}");
        assert!(!steps.contains("use_by_credential"), "{steps}");
    }
}

#[tokio::test]
async fn lists_of_what_few_are_come_from_an_index_of_those_few() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    for (statement, index) in [
        (&read::connections::PAGE_OF_STATUS, "connection_by_status (status=? AND id>? AND id<?)"),
        (&read::credentials::PAGE_OF_LIVENESS, "credential_by_liveness (liveness=? AND id>? AND id<?)"),
    ] {
        let steps = plan(&fixture, statement).await.join("\n");
        assert!(steps.contains(index) && !steps.contains("TEMP B-TREE"), "{steps}");
    }
}

#[tokio::test]
async fn the_numbers_of_open_connections_come_in_their_order_from_an_index() {
    let steps = plan(&Fixture::new(Kind::Sqlite).await, &collect::OPEN_IDS).await.join("\n");
    assert!(steps.contains("connection_open") && !steps.contains("TEMP B-TREE"), "{steps}");
}

/// Tables that grow with the estate or with time. What is waited for, or planned, is few.
const GROWING: [&str; 12] = [
    "account",
    "connection",
    "credential",
    "delivery",
    "escrow",
    "event",
    "finding",
    "mail",
    "notice",
    "person",
    "quarantine",
    "use",
];

/// Statements that walk a table that grows, each with its reason.
const WALKS: &[(&str, &str)] = &[
    ("notify::unsaid::LOST", "an index of what waits to be formed, and no more"),
    ("notify::waiting::EVERYBODY", "an index of what waits to be formed, and no more"),
    ("read::exempt::COVERED", "`doctor` alone asks it, and the first row is enough"),
    ("read::exempt::COUNTED", "an index of what is exempt, and no more"),
    ("read::in_use::IN_USE", "series of single connections, which are off by default"),
    ("read::in_use::OLDEST", "likewise"),
    ("read::outbox::LATEST", "the page that was read, which has the table's name"),
    ("read::outbox::LATEST_IN_STATE", "likewise"),
    ("read::outbox::PAGE", "likewise"),
    ("read::overview::outbox::MAILS", "counted after a job, in an index"),
    ("read::sizes::CONNECTIONS", "counted once for the end of a list on a terminal, in an index"),
    ("read::sizes::CREDENTIALS", "likewise"),
    ("read::sizes::FINDINGS", "likewise"),
    ("read::sizes::MAILS", "likewise"),
    ("rekey::COUNT", "counted once in a rekey, in an index"),
];

/// What a statement calls a table: its name, or what stands behind AS.
fn called(sql: &str) -> BTreeMap<&str, &str> {
    let words: Vec<&str> = sql.split_whitespace().map(|word| word.trim_matches(|c| c == '(' || c == ')')).collect();
    let named = words.windows(3).filter(|three| three[1] == "AS").map(|three| (three[2], three[0]));
    let all = named.chain(words.iter().map(|word| (*word, *word))).filter(|(_, table)| GROWING.contains(table));
    // A name of two tables in one statement is the smaller one's where that is walked: sources are a handful.
    all.filter(|(alias, _)| !sql.contains(&format!("source AS {alias} "))).collect()
}

#[tokio::test]
async fn what_walks_a_table_that_grows_is_listed_with_its_reason() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    let mut found = BTreeMap::new();
    for (name, statement, _) in statements::ALL {
        let tables = called(statement.sqlite);
        let steps = plan(&fixture, statement).await;
        let walked = steps.iter().filter_map(|step| step.strip_prefix("SCAN ")?.split(' ').next());
        let walked: BTreeSet<&str> = walked.filter_map(|alias| tables.get(alias).copied()).collect();
        if !walked.is_empty() {
            found.insert(name.replace(' ', ""), (walked, steps));
        }
    }
    let listed: BTreeSet<&str> = WALKS.iter().map(|(name, _)| *name).collect();
    let unlisted: Vec<_> = found.iter().filter(|(name, _)| !listed.contains(name.as_str())).collect();
    assert!(unlisted.is_empty(), "{unlisted:#?}");
    let gone: Vec<_> = listed.iter().filter(|name| !found.contains_key(**name)).collect();
    assert!(gone.is_empty(), "these walk nothing: {gone:?}");
}
