//! Every statement of this room, prepared by both databases.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::postgres::PgTypeInfo;
use sqlx::{Executor, SqlSafeStr, Statement};

use super::*;
use crate::ledger::sql::Sql;
use crate::ledger::store::Pools;
use crate::ledger::{
    act, announce, chain, collect, compromise, copy, due, escrow, events, judge, link, meta, notify, probe, prune,
    read, rekey, running, scans, sight, turn,
};

/// A statement's name, itself, and what its placeholders stand for: `n` for a number, `t` for a text.
pub(super) type Known = (&'static str, Sql, &'static str);

macro_rules! known {
    ($($path:path: $kinds:literal,)*) => {
        [$((stringify!($path), $path, $kinds)),*]
    };
}

pub(super) const ALL: &[Known] = &known![
    act::statements::ASK: "nnnn",
    act::statements::BY_PERSON: "nnn",
    act::statements::COUNT: "tt",
    act::statements::COUNTED: "",
    act::statements::DESTROYED: "nt",
    act::statements::DISOWN: "tn",
    act::statements::MATTER: "n",
    act::statements::MUTE: "n",
    act::statements::OWN_AGAIN: "tn",
    act::statements::PAUSE: "ttnnn",
    act::statements::PROBE_SOON: "nn",
    act::statements::SAY_LEAK: "t",
    act::statements::SIBLINGS: "nntn",
    act::statements::SILENCE: "tn",
    act::statements::SILENCE_LOW: "n",
    act::statements::STEP_AGAIN: "tn",
    act::statements::STEP_LATER: "tn",
    act::statements::UNMUTE: "n",
    act::statements::UNPAUSE: "tn",
    announce::AGAIN: "nnt",
    announce::BEGIN: "t",
    announce::ENDED: "ntnt",
    announce::FORGET: "t",
    announce::LAST: "",
    announce::LEAVE: "tn",
    announce::LEFT: "t",
    announce::MOVE: "tn",
    announce::NAMES: "",
    announce::NEXT: "t",
    announce::NEXT_DUE: "t",
    announce::PLAN: "ttn",
    announce::TOLD: "t",
    chain::ADD: "nt",
    chain::APPEND: "t",
    chain::BETWEEN: "nnn",
    chain::HEAD: "",
    chain::LINKS: "nn",
    chain::UNLINKED: "",
    collect::FRESH: "",
    collect::HOLD_NOTHING: "n",
    collect::KNOWN_ACCOUNTS: "nt",
    collect::KNOWN_CONNECTIONS: "t",
    collect::KNOWN_CREDENTIALS: "t",
    collect::KNOWN_PEOPLE: "nt",
    collect::KNOWN_ROWS: "nt",
    collect::NEW_SOURCE: "t",
    collect::OPEN_IDS: "nnn",
    collect::OPEN_PAGE: "nnn",
    collect::PRESENT_PEOPLE_PAGE: "nnn",
    collect::SOURCE: "t",
    collect::statements::ABSENT: "t",
    collect::statements::ACCOUNTS: "t",
    collect::statements::BEGUN: "tn",
    collect::statements::BELIEFS: "t",
    collect::statements::CHANGES: "nnnntnnnnt",
    collect::statements::CONNECTIONS: "tn",
    collect::statements::CREDENTIALS: "tn",
    collect::statements::ENDED: "tn",
    collect::statements::GONE: "tn",
    collect::statements::IDENTIFIED: "t",
    collect::statements::NO_QUARANTINE: "n",
    collect::statements::OLDER: "t",
    collect::statements::PAIRS_OF_USES: "t",
    collect::statements::PEOPLE: "t",
    collect::statements::PEOPLE_ABSENT: "t",
    collect::statements::PEOPLE_GONE: "t",
    collect::statements::PEOPLE_PRESENT: "t",
    collect::statements::PRESENT: "t",
    collect::statements::QUARANTINE: "nt",
    collect::statements::RECOUNT: "tn",
    collect::statements::RESEALED: "tn",
    collect::statements::SNAPSHOT: "nnnnntnnntnnntn",
    collect::statements::SUMMARIES: "t",
    collect::statements::SYNCS_ARE_NEWS: "n",
    collect::statements::TOLD: "t",
    compromise::NOTE: "nnt",
    due::ACCOUNTS_OF: "t",
    due::MARK_BY_ACCOUNT: "tn",
    due::MARK_BY_CREDENTIAL: "tn",
    due::NOTE_BY_ACCOUNT: "t",
    due::NOTE_BY_CREDENTIAL: "t",
    escrow::INSERT: "t",
    escrow::REFILL: "t",
    escrow::SHRED: "t",
    events::AWAIT: "tn",
    events::AWAITED: "tt",
    events::FORGET: "n",
    events::HEARD: "nnn",
    events::LAST: "t",
    events::LEAKED_BEFORE: "nn",
    events::MEMBER: "ntt",
    events::NOT_AWAITED: "t",
    events::RECORD: "nt",
    events::TAKE: "ntn",
    events::TAKEN: "nt",
    events::VALUES: "n",
    judge::ALL: "nn",
    judge::ALL_DIRTY: "",
    judge::ALL_MARKED: "tn",
    judge::COUNT_ALL_DUE: "n",
    judge::COUNT_DUE: "nn",
    judge::DUE_AMONG_FEW: "nnn",
    judge::DUE_AMONG_MANY: "nnn",
    judge::FIRST_DIRTY: "",
    judge::GO_ON_FROM: "tnn",
    judge::JUDGED: "t",
    judge::MARK: "tn",
    judge::OF_ACCOUNT: "nnn",
    judge::OF_ALL: "nnn",
    judge::OF_CREDENTIAL: "nnn",
    judge::changes::BEGIN_ANEW: "tn",
    judge::changes::CANCEL_NOTICES: "t",
    judge::changes::CLOSE: "tn",
    judge::changes::CLOSING: "t",
    judge::changes::CLOSING_NOTES: "tn",
    judge::changes::EXEMPT: "t",
    judge::changes::LAST: "",
    judge::changes::OPEN: "tn",
    judge::changes::UPDATE: "tn",
    judge::closings::COUNT: "t",
    judge::subjects::CONNECTIONS: "t",
    judge::subjects::FINDINGS: "t",
    judge::subjects::USES: "t",
    link::ANSWERED: "tn",
    link::EVIDENCE: "n",
    link::FIND: "t",
    link::FORGET: "n",
    link::FORGET_CHECKS: "n",
    link::KEEP: "tnn",
    link::LAST_CHECK: "nn",
    link::WAITING: "tt",
    meta::GET: "t",
    meta::NAME: "t",
    meta::SET: "tt",
    meta::SET_ONCE: "tt",
    notify::CLAIM: "tn",
    notify::DUE_MAILS: "nn",
    notify::UNCLAIM: "n",
    notify::UNSURE: "n",
    notify::claimed::HEADS: "t",
    notify::claimed::IS_CLAIMED: "n",
    notify::claimed::NOTICE: "nn",
    notify::claimed::NOTICES: "t",
    notify::claimed::REFERRED: "t",
    notify::claimed::SAID: "nt",
    notify::claimed::SENDING: "nt",
    notify::claimed::SHARERS: "t",
    notify::claimed::SHARING: "n",
    notify::contact::ACCOUNT: "",
    notify::contact::ADDRESS: "",
    notify::contact::NO_CONTACT: "",
    notify::contact::REACHABLE: "n",
    notify::contact::SET: "t",
    notify::contact::SOURCE: "",
    notify::mode::END_RAMP: "",
    notify::mode::FORGET: "t",
    notify::mode::NEW: "nn",
    notify::mode::RECORD: "n",
    notify::mode::SET_MODE: "t",
    notify::mode::UNPLAN: "",
    notify::recorded::ADDRESSED: "t",
    notify::recorded::CANCELLED: "t",
    notify::recorded::CANCELLED_NOTICES: "t",
    notify::recorded::FAILED: "tn",
    notify::recorded::GO_ON_OR_CANCEL: "t",
    notify::recorded::MAYBE_SENT: "tn",
    notify::recorded::PUT_OFF: "tn",
    notify::recorded::RELEASE: "t",
    notify::recorded::SENT: "tn",
    notify::recorded::SENT_NOTICES: "t",
    notify::recorded::STEP_AGAIN: "tn",
    notify::recorded::SUPPRESS: "tn",
    notify::recorded::UNKNOWN: "t",
    notify::returned::KNOWN: "n",
    notify::returned::REMARK: "nntt",
    notify::returned::RETURNED: "nntt",
    notify::returned::STEP_AGAIN: "nn",
    notify::returned::SUPPRESS: "nnt",
    notify::returned::UNTOLD: "n",
    notify::steps::AMONG_FEW: "nnn",
    notify::steps::AMONG_MANY: "nnn",
    notify::steps::COUNT: "nn",
    notify::steps::DISOWNED: "t",
    notify::steps::EMPTIED: "t",
    notify::steps::INSERT_NOTICES: "tn",
    notify::steps::STEPS: "tn",
    notify::steps::SUPERSEDE: "t",
    notify::steps::TAKE: "tn",
    notify::steps::WINDOWS_OVER: "nnn",
    notify::suppressed::AMONG: "t",
    notify::suppressed::FREE: "t",
    notify::suppressed::SUPPRESSED: "n",
    notify::unsaid::CANCELLED: "t",
    notify::unsaid::LEFT_OUT: "nt",
    notify::unsaid::LOST: "",
    notify::unsaid::STEP_AGAIN: "tn",
    notify::waiting::ALL_WAITS_END: "",
    notify::waiting::EVERYBODY: "",
    notify::waiting::FORM: "tn",
    notify::waiting::FREE: "t",
    notify::waiting::LAST: "",
    notify::waiting::NOT_PUT_OFF: "t",
    notify::waiting::PUT_OFF: "t",
    notify::waiting::TAKE_UP: "t",
    notify::waiting::WAITING: "tn",
    notify::waiting::WAITS_END: "n",
    notify::waiting::WHOSE_TIME_HAS_COME: "n",
    probe::BELIEFS: "t",
    probe::CONTROLS: "t",
    probe::COUNT_DUE: "tnn",
    probe::DUE_PROVIDERS: "n",
    probe::FEW_DUE: "tnnn",
    probe::HELD_CREDENTIALS: "t",
    probe::LAST_RUN: "",
    probe::MANY_DUE: "tnnn",
    probe::DESTROYED: "t",
    probe::OF_ANOTHER_KIND: "t",
    probe::SUSPECTS: "tnn",
    probe::USED_AGAIN: "t",
    probe::WRITE_CONTROLS: "t",
    prune::FORGET_MAILS: "t",
    prune::FORGET_MESSAGES: "t",
    prune::FORGET_NOTICES: "t",
    prune::MAILS: "nnn",
    prune::MESSAGES: "nnn",
    prune::NOTICES: "nnn",
    read::accounts::OWN_COUNT: "ntt",
    read::accounts::KEYS: "nntt",
    read::accounts::OWN_USES: "ntt",
    read::accounts::SOURCES_OF_ACCOUNT: "t",
    read::closings::CLOSINGS: "",
    read::closings::OPEN_FOR: "nnnnn",
    read::connections::ALL_FINDINGS: "n",
    read::connections::BY_NAME: "tt",
    read::connections::PAGE: "nnntttttt",
    read::connections::PAGE_OF_ACCOUNT: "nnntttttt",
    read::connections::PAGE_OF_FOUND: "nnntttttt",
    read::connections::PAGE_OF_NAME: "nnntttttt",
    read::connections::PAGE_OF_STATUS: "nnntttttt",
    read::connections::USES: "n",
    read::counts::QUARANTINED: "",
    read::credentials::ALL_USES: "n",
    read::credentials::PAGE: "nnnttt",
    read::credentials::PAGE_OF_LIVENESS: "nnnttt",
    read::credentials::USES: "n",
    read::exempt::COUNTED: "",
    read::exempt::COVERED: "ttttt",
    read::findings::COURSES: "t",
    read::findings::NOTICES: "t",
    read::findings::list::LATEST: "nnnttntnnnttntttt",
    read::findings::list::LATEST_OF_STATES: "nnnttntnnnttntttt",
    read::findings::list::LATEST_OF_FEW: "nnnttntnnnttntttt",
    read::findings::list::NEWEST: "nnnttntnnnttntttt",
    read::findings::list::NEWEST_OF_FEW: "nnnttntnnnttntttt",
    read::findings::list::PAGE: "nnnttntnnnttntttt",
    read::findings::list::PAGE_OF_STATES: "nnnttntnnnttntttt",
    read::findings::list::PAGE_OF_ACCOUNT: "nnnttntnnnttntttt",
    read::findings::list::PAGE_OF_CONNECTION: "nnnttntnnnttntttt",
    read::findings::list::PAGE_OF_CREDENTIAL: "nnnttntnnnttntttt",
    read::findings::list::PAGE_OF_FEW: "nnnttntnnnttntttt",
    read::findings::list::WORST: "nnnttntnnnttntttt",
    read::findings::list::WORST_OF_FEW: "nnnttntnnnttntttt",
    read::in_use::IN_USE: "",
    read::in_use::OLDEST: "n",
    read::log::COUNTED_SCANS: "t",
    read::log::EVENTS: "nn",
    read::log::EVENTS_BACK: "nn",
    read::log::EVENTS_ON: "nnt",
    read::log::EVENTS_ON_BACK: "nnt",
    read::log::QUARANTINED: "nt",
    read::log::SCANS: "nn",
    read::log::SOURCES: "",
    read::log::TIMELINE: "tnn",
    read::log::TIMELINE_BACK: "tnn",
    read::meant::BY_NAME: "tt",
    read::outbox::CARRIED: "n",
    read::outbox::LATEST: "nnt",
    read::outbox::LATEST_IN_STATE: "nnt",
    read::outbox::PAGE: "nnt",
    read::outbox::PUT_OFF: "",
    read::overview::AGES: "nnnnnnn",
    read::overview::SIZE: "",
    read::overview::SOURCES: "",
    read::overview::outbox::MAILS: "",
    read::overview::outbox::OLDEST_WAITING: "",
    read::overview::outbox::PUT_OFF: "",
    read::overview::outbox::SUPPRESSED: "n",
    read::people::PEOPLE: "t",
    read::sizes::CONNECTIONS: "",
    read::sizes::CREDENTIALS: "",
    read::sizes::CURRENT_FINDINGS: "",
    read::sizes::FINDINGS: "",
    read::sizes::MAILS: "",
    read::sizes::MAILS_IN: "t",
    read::sizes::SCANS: "",
    read::tallies::CONNECTIONS: "nn",
    read::tallies::CREDENTIALS: "nn",
    read::tallies::FINDINGS: "nn",
    read::tallies::LAST: "",
    read::tallies::TOMBSTONES: "nn",
    rekey::COUNT: "",
    rekey::HELD: "nn",
    rekey::RESEAL: "t",
    rekey::SHOW_AGAIN: "t",
    rekey::TO_SCRUB: "",
    running::INTERRUPT: "n",
    running::NEXT_MAIL: "",
    running::WHOLE: "",
    scans::BEGIN: "n",
    scans::END: "nntt",
    scans::KILLED: "",
    scans::LEFT: "t",
    sight::OF_PROVIDER: "t",
    sight::STATES: "",
    sight::WORD: "tn",
    sight::WRITE: "t",
    turn::ACTED: "",
    turn::KEEP: "n",
    turn::TAKE: "n",
    turn::TURN: "",
];

#[tokio::test]
async fn sqlite_prepares_every_statement() {
    let fixture = Fixture::new(Kind::Sqlite).await;
    let Pools::Sqlite { pool, .. } = fixture.ledger.pools() else { panic!("asked for SQLite") };
    for (name, statement, kinds) in ALL {
        let prepared = pool.prepare(statement.sqlite.into_sql_str()).await;
        let prepared = prepared.unwrap_or_else(|error| panic!("{name}: {error}\n{}", statement.sqlite));
        let wanted = prepared.parameters().map_or(0, |either| either.right_or(0));
        assert!(wanted <= kinds.len(), "{name} wants {wanted} values");
    }
}

#[tokio::test]
async fn postgresql_prepares_every_statement_with_the_types_that_it_is_given() {
    let fixture = Fixture::new(Kind::Postgres).await;
    let Pools::Postgres { writer, .. } = fixture.ledger.pools() else { panic!("asked for PostgreSQL") };
    for (name, statement, kinds) in ALL {
        let kinds = kinds.chars().map(|kind| if kind == 't' { "text" } else { "int8" });
        let types: Vec<_> = kinds.map(PgTypeInfo::with_name).collect();
        let prepared = writer.prepare_with(statement.postgres.into_sql_str(), &types).await;
        assert!(prepared.is_ok(), "{name}: {:?}\n{}", prepared.err(), statement.postgres);
    }
    for table in copy::TABLES {
        let text = PgTypeInfo::with_name("text");
        writer.prepare_with(table.write.postgres.into_sql_str(), &[text]).await.expect(table.write.postgres);
    }
}

/// Whoever adds a statement adds it here.
#[test]
fn no_statement_is_left_out() {
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger");
    let mut written = BTreeSet::new();
    declared(&room, "", &mut written);
    let prepared: BTreeSet<String> = ALL.iter().map(|(name, ..)| name.replace(' ', "")).collect();
    assert_eq!(written, prepared);
}

/// The statements that the sources in this folder declare, as `module::NAME`.
fn declared(folder: &Path, module: &str, found: &mut BTreeSet<String>) {
    for file in std::fs::read_dir(folder).expect("the sources") {
        let path = file.expect("a file").path();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if stem == "tests" {
            continue;
        }
        let name = if module.is_empty() { stem } else { format!("{module}::{stem}") };
        if path.is_dir() {
            declared(&path, &name, found);
            continue;
        }
        for line in std::fs::read_to_string(&path).expect("a source").lines() {
            let declaration = line.split_once("const ").and_then(|(_, rest)| rest.split_once(": Sql ="));
            found.extend(declaration.map(|(constant, _)| format!("{name}::{constant}")));
        }
    }
}
