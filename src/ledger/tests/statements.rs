//! Every statement of this room, prepared by both databases.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::postgres::PgTypeInfo;
use sqlx::{Executor, SqlSafeStr};

use super::*;
use crate::ledger::sql::Sql;
use crate::ledger::store::Pools;
use crate::ledger::{collect, due, escrow, judge, meta, notify, probe, read, scans, session};

/// A statement's name, itself, and what its placeholders stand for: `n` for a number, `t` for a text.
type Known = (&'static str, Sql, &'static str);

macro_rules! known {
    ($($path:path: $kinds:literal,)*) => {
        [$((stringify!($path), $path, $kinds)),*]
    };
}

fn all() -> Vec<Known> {
    known![
        collect::FRESH: "?",
        collect::KNOWN_ACCOUNTS: "?",
        collect::KNOWN_CONNECTIONS: "?",
        collect::KNOWN_CREDENTIALS: "?",
        collect::KNOWN_PEOPLE: "?",
        collect::KNOWN_ROWS: "?",
        collect::NEW_SOURCE: "?",
        collect::OPEN_IDS: "?",
        collect::OPEN_PAGE: "?",
        collect::PRESENT_PEOPLE_PAGE: "?",
        collect::SOURCE: "?",
        collect::statements::ABSENT: "?",
        collect::statements::ACCOUNTS: "?",
        collect::statements::BEGUN: "?",
        collect::statements::CONNECTIONS: "?",
        collect::statements::CREDENTIALS: "?",
        collect::statements::ENDED: "?",
        collect::statements::GONE: "?",
        collect::statements::NO_QUARANTINE: "?",
        collect::statements::OLDER: "?",
        collect::statements::PAIRS_OF_USES: "?",
        collect::statements::PEOPLE: "?",
        collect::statements::PEOPLE_ABSENT: "?",
        collect::statements::PEOPLE_GONE: "?",
        collect::statements::PEOPLE_PRESENT: "?",
        collect::statements::PRESENT: "?",
        collect::statements::QUARANTINE: "?",
        collect::statements::RECOUNT: "?",
        collect::statements::RESEALED: "?",
        collect::statements::SNAPSHOT: "?",
        collect::statements::SUMMARIES: "?",
        due::ACCOUNTS_OF: "?",
        due::MARK_BY_ACCOUNT: "?",
        due::MARK_BY_CREDENTIAL: "?",
        due::NOTE_BY_ACCOUNT: "?",
        due::NOTE_BY_CREDENTIAL: "?",
        escrow::INSERT: "?",
        escrow::REFILL: "?",
        escrow::SHRED: "?",
        judge::ALL: "?",
        judge::ALL_DIRTY: "?",
        judge::ALL_MARKED: "?",
        judge::COUNT_ALL_DUE: "?",
        judge::COUNT_DUE: "?",
        judge::DUE_AMONG_FEW: "?",
        judge::DUE_AMONG_MANY: "?",
        judge::FIRST_DIRTY: "?",
        judge::GO_ON_FROM: "?",
        judge::JUDGED: "?",
        judge::MARK: "?",
        judge::OF_ACCOUNT: "?",
        judge::OF_ALL: "?",
        judge::OF_CREDENTIAL: "?",
        judge::changes::BEGIN_ANEW: "?",
        judge::changes::CANCEL_NOTICES: "?",
        judge::changes::CLOSE: "?",
        judge::changes::CLOSING: "?",
        judge::changes::LAST: "?",
        judge::changes::OPEN: "?",
        judge::changes::UPDATE: "?",
        judge::subjects::CONNECTIONS: "?",
        judge::subjects::FINDINGS: "?",
        judge::subjects::USES: "?",
        meta::GET: "?",
        meta::NAME: "?",
        meta::SET: "?",
        meta::SET_ONCE: "?",
        notify::CLAIM: "?",
        notify::DUE_MAILS: "?",
        notify::FORM: "?",
        notify::HAVE_NOTICES: "?",
        notify::LAST: "?",
        notify::READERS: "?",
        notify::RELEASE_MAIL: "?",
        notify::SENDING: "?",
        notify::TAKE_UP: "?",
        notify::UNCLAIM: "?",
        notify::UNSURE: "?",
        notify::claimed::HEADS: "?",
        notify::claimed::NOTICES: "?",
        notify::claimed::REFERRED: "?",
        notify::claimed::SHARERS: "?",
        notify::recorded::ADDRESSED: "?",
        notify::recorded::CANCELLED: "?",
        notify::recorded::CANCELLED_NOTICES: "?",
        notify::recorded::FAILED: "?",
        notify::recorded::GO_ON_OR_CANCEL: "?",
        notify::recorded::MAYBE_SENT: "?",
        notify::recorded::RELEASE: "?",
        notify::recorded::SENT: "?",
        notify::recorded::SENT_NOTICES: "?",
        notify::recorded::STEP_AGAIN: "?",
        notify::recorded::SUPPRESS: "?",
        notify::recorded::UNKNOWN: "?",
        notify::steps::AMONG_FEW: "?",
        notify::steps::AMONG_MANY: "?",
        notify::steps::COUNT: "?",
        notify::steps::INSERT_NOTICES: "?",
        notify::steps::STEPS: "?",
        notify::steps::TAKE: "?",
        probe::BELIEFS: "?",
        probe::CONTROLS: "?",
        probe::COUNT_DUE: "?",
        probe::DUE_PROVIDERS: "?",
        probe::FEW_DUE: "?",
        probe::HELD_CREDENTIALS: "?",
        probe::MANY_DUE: "?",
        probe::WRITE_CONTROLS: "?",
        read::connections::BY_NAME: "?",
        read::connections::PAGE: "?",
        read::connections::PAGE_OF_ACCOUNT: "?",
        read::connections::USES: "?",
        read::counts::CONNECTIONS: "?",
        read::counts::CREDENTIALS: "?",
        read::counts::FINDINGS: "?",
        read::counts::SINGLE: "?",
        read::credentials::BY_NAME: "?",
        read::credentials::PAGE: "?",
        read::credentials::USES: "?",
        read::findings::COURSE: "?",
        read::findings::NOTICES: "?",
        read::findings::PAGE: "?",
        read::findings::PAGE_OF_ACCOUNT: "?",
        read::findings::PAGE_OF_CONNECTION: "?",
        read::log::EVENTS: "?",
        read::log::QUARANTINED: "?",
        read::log::SCANS: "?",
        read::log::SOURCES: "?",
        read::log::TIMELINE: "?",
        read::outbox::PAGE: "?",
        read::people::PEOPLE: "?",
        scans::BEGIN: "?",
        scans::END: "?",
        scans::KILLED: "?",
        session::APPEND: "?",
    ]
    .to_vec()
}

#[tokio::test]
async fn zz_generate() {
    let fixture = Fixture::new(Kind::Postgres).await;
    let Pools::Postgres { writer, .. } = fixture.ledger.pools() else { panic!() };
    for (name, statement, _) in all() {
        let count = (1..=10).filter(|n| statement.postgres.contains(&format!("${n}"))).max().unwrap_or(0);
        let mut good = Vec::new();
        let mut last = String::new();
        for combo in 0..(1u32 << count) {
            let kinds: String = (0..count).map(|i| if combo >> i & 1 == 0 { 't' } else { 'n' }).collect();
            let types: Vec<PgTypeInfo> = kinds.chars().map(|k| PgTypeInfo::with_name(if k == 't' { "text" } else { "int8" })).collect();
            match writer.prepare_with(statement.postgres.into_sql_str(), &types).await {
                Ok(_) => good.push(kinds),
                Err(error) => last = error.to_string(),
            }
        }
        println!("GEN {name} {good:?} {}", if good.is_empty() { last } else { String::new() });
    }
}
