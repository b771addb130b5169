//! What must hold for any bytes whatever: no panic, and no secret in what is said of them.
//!
//! One function a target. `tests/it/fuzz.rs` feeds them by chance with every run of the tests, `fuzz/fuzz_targets` by
//! coverage for as long as somebody lets them (`docs/testing.md`). Each begins from the files of `fuzz/corpus`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono_tz::Tz;
use keysweep::config;
use keysweep::domain::catalogue::{classify, classify_reply};
use keysweep::domain::event::{EventKind, Subject};
use keysweep::domain::outcome::Verdict;
use keysweep::domain::record::{FieldProblem, Row};
use keysweep::domain::time::Timestamp;
use keysweep::domain::verp::ReturnPath;
use keysweep::inventory::http::{HttpList, List, Mapping, Paging, Pointer, connections_of};
use keysweep::inventory::{EventBody, FileKind, FileSource};
use keysweep::mail::mailbox::Piece;
use keysweep::mail::mailbox::mbox::Messages;
use keysweep::mail::report;
use keysweep::ports::Snapshot as _;
use keysweep::ports::events::Tidings as _;
use keysweep::ports::probe::LONGEST_RETRY_AFTER;
use keysweep::providers::{Catalogue, catalogue, retry_after};
use keysweep::schedule::Cron;
use reqwest::header::HeaderValue;

/// A secret that stands in the corpus wherever secrets stand. It looks like a key, as secrets do.
pub const CANARY: &str = "c0ffee5ec2e7canary5ec2e7c0ffee00";

/// Any bytes in; what doesn't hold is a panic.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const TARGETS: [(&str, Target); 15] = [
    ("answers", answers),
    ("replies", replies),
    ("catalogue", catalogue_file),
    ("connections_csv", connections_csv),
    ("connections_jsonl", connections_jsonl),
    ("connections_http", connections_http),
    ("people_csv", people_csv),
    ("people_jsonl", people_jsonl),
    ("config", config_file),
    ("cron", cron),
    ("dates", dates),
    ("durations", durations),
    ("retry_after", waits),
    ("bounces", bounces),
    ("events", events),
];

/// The present instant of all targets.
const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// An HTTP answer: status, a content type and a body, to every probe of the catalogue. What no row names is unknown.
pub fn answers(data: &[u8]) {
    let [high, low, kind, body @ ..] = data else { return };
    let status = u16::from_be_bytes([*high, *low]);
    let types =
        [None, Some("application/json"), Some("text/html"), Some("application/json; charset=utf-8"), Some("\u{fffd}")];
    let content_type = types[usize::from(*kind) % types.len()];
    with_catalogue(|shipped| {
        let protocols = shipped.iter().flat_map(|provider| &provider.protocols);
        for probe in protocols.flat_map(|protocol| &protocol.probes) {
            let (verdict, row) = classify(&probe.answers, status, content_type, body);
            assert!(row.is_some() || matches!(verdict, Verdict::Unknown(_)), "{verdict:?} of an answer without a row");
        }
    });
}

/// A reply to a login over SMTP: its code and its text.
pub fn replies(data: &[u8]) {
    let [high, low, text @ ..] = data else { return };
    let (code, text) = (u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(text));
    with_catalogue(|shipped| {
        for protocol in shipped.iter().flat_map(|provider| &provider.protocols) {
            let (verdict, row) = classify_reply(&protocol.replies, code, &text);
            assert!(row.is_some() || matches!(verdict, Verdict::Unknown(_)), "{verdict:?} of a reply without a row");
        }
    });
}

/// A catalogue file of the operator's own. The one place where a secret can have come into it is a recorded body.
pub fn catalogue_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = catalogue::read("own.toml", text) {
        assert!(!error.0.is_empty(), "an error without a word");
        if text.lines().all(|line| !line.contains(CANARY) || line.starts_with("body = '")) {
            is_discreet(&error.to_string());
        }
        assert!(error.to_string().contains("own.toml"), "an error that doesn't name its file: {error}");
    }
}

/// A list of connections, as CSV.
pub fn connections_csv(data: &[u8]) {
    read_list(FileKind::Csv, data, false);
}

/// A list of connections, as JSON Lines.
pub fn connections_jsonl(data: &[u8]) {
    read_list(FileKind::Jsonl, data, false);
}

/// A list of people, as CSV.
pub fn people_csv(data: &[u8]) {
    read_list(FileKind::Csv, data, true);
}

/// A list of people, as JSON Lines.
pub fn people_jsonl(data: &[u8]) {
    read_list(FileKind::Jsonl, data, true);
}

/// A configuration. Its secrets are what stands where secrets belong; no other text of it is one.
pub fn config_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let is_discreet = |said: &str| {
        if secrets_are_in_place(text) {
            is_discreet(said);
        }
    };
    let source = config::Source { name: "keysweep.toml", text };
    match config::read(Some(source), Path::new("."), &Vec::new(), &["mailjet", "convertkit", "kit"]) {
        Ok((settings, warnings)) => {
            warnings.iter().for_each(|warning| is_discreet(&warning.to_string()));
            is_discreet(&config::show(&settings));
        }
        Err(problems) => is_discreet(&problems.to_string()),
    }
}

fn secrets_are_in_place(text: &str) -> bool {
    const BEFORE: [&str; 4] = ["master_key = \"", "secret = \"", "://keys:", "://keysweep:"];
    let mut places = text.match_indices(CANARY);
    places.all(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + CANARY.len()..]);
        BEFORE.iter().any(|begin| before.ends_with(begin)) && after.starts_with(['"', '@'])
    })
}

/// One answer of a platform, with the contract's own names or with pointers.
pub fn connections_http(data: &[u8]) {
    let [mapped, text @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let pointer = |text: &str| Pointer::parse(text).expect("a pointer");
    let places = [("connection_id", "/id"), ("account_id", "/account/id"), ("provider", "/kinds/0")];
    let more = [("secret", "/credentials/secret"), ("tags", "")];
    let places: BTreeMap<_, _> =
        places.into_iter().chain(more).map(|(field, at)| (field.to_owned(), pointer(at))).collect();
    let list = HttpList {
        url: "https://platform.example.org/".parse().expect("an address"),
        rows: pointer("/data"),
        total: Some(pointer("/meta/total")),
        fields: (mapped % 2 == 1).then(|| Mapping::new(List::Connections, &places)),
    };
    let paging = Paging::Cursor { next: pointer("/meta/next"), parameter: "cursor".to_owned() };
    match connections_of(text.to_owned(), &list, &paging, NOW) {
        Ok((rows, remarks)) => {
            rows.iter().for_each(row_is_discreet);
            remarks.iter().for_each(|remark| is_discreet(remark));
        }
        Err(why) => is_discreet(&why),
    }
}

/// A schedule's five fields: what fires, fires in the future, and later ones later.
pub fn cron(data: &[u8]) {
    let [zone, text @ ..] = data else { return };
    let zones = [Tz::UTC, Tz::Europe__Berlin, Tz::America__St_Johns, Tz::Australia__Lord_Howe, Tz::Pacific__Apia];
    let zone = zones[usize::from(*zone) % zones.len()];
    let Ok(text) = std::str::from_utf8(text) else { return };
    match Cron::parse(text, zone) {
        Ok(cron) => {
            let first = cron.next_after(NOW);
            assert!(first.is_none_or(|at| at > NOW), "{text:?} fires at {first:?}");
            let second = first.and_then(|at| cron.next_after(at));
            assert!(second.is_none_or(|at| Some(at) > first), "{text:?} fires at {second:?} after {first:?}");
        }
        Err(error) => is_discreet(&error.to_string()),
    }
}

/// An inventory's instant: what is read is written and read as the same.
pub fn dates(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(at) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at), "{text:?} became {at}");
    }
}

/// A setting's length of time.
pub fn durations(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let written = toml::Value::String(text.to_owned());
    let text = format!("[liveness]\nprobe_every = {written}\n");
    let source = config::Source { name: "keysweep.toml", text: &text };
    match config::read(Some(source), Path::new("."), &Vec::new(), &[]) {
        Ok((settings, _)) => assert!(settings.liveness.probe_every > Duration::ZERO, "{text}"),
        Err(problems) => is_discreet(&problems.to_string()),
    }
}

/// A provider's `Retry-After`.
pub fn waits(data: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(data) {
        // However long: who asks for more is believed for no more than that.
        let wait = retry_after::wait(Some(&value), NOW).map(|wait| wait.min(LONGEST_RETRY_AFTER));
        assert!(wait.is_none_or(|wait| NOW + wait >= NOW), "{wait:?}");
    }
}

/// What came back: a mailbox of messages. What is kept of one is short, and names no address.
pub fn bounces(data: &[u8]) {
    let Ok(path) = ReturnPath::parse("bounces@mail.example.org") else { return };
    let mut messages = Messages::of(data, 0);
    let mut end = 0;
    while let Some(taken) = messages.next_message().expect("bytes can be read") {
        assert!(taken.begin >= end && taken.end > taken.begin, "{taken:?}");
        end = taken.end;
        let Piece::Message(raw) = taken.piece else { continue };
        for told in report::read(&raw, &path).told.unwrap_or_default() {
            assert!(told.said.chars().count() <= 200 && !told.said.contains('@'), "{told:?}");
        }
    }
}

/// The body of an event, whoever signed it.
pub fn events(data: &[u8]) {
    let told = |problem: &FieldProblem| is_discreet(&format!("{} {}", problem.field, problem.reason));
    let event = match EventBody::parse(data) {
        Ok(event) => event,
        Err(problem) => return told(&problem),
    };
    event.ids().err().iter().for_each(told);
    match (event.kind(), event.kind().subject()) {
        (EventKind::CredentialCompromised, _) => event.compromised_at(NOW).err().iter().for_each(told),
        (_, Subject::Connection) => {
            let (record, dropped) = event.connection(None, NOW);
            record.err().iter().chain(&dropped).for_each(told);
        }
        (_, Subject::Member) => {
            let (record, dropped) = event.person(None, NOW);
            record.err().iter().chain(&dropped).for_each(told);
        }
    }
}

fn is_discreet(said: &str) {
    assert!(!said.contains(CANARY), "a secret is told: {said}");
}

fn with_catalogue(look: impl FnOnce(&Catalogue)) {
    thread_local! {
        static SHIPPED: Catalogue = Catalogue::shipped().expect("a catalogue");
    }
    SHIPPED.with(look);
}

/// Reads the bytes as one of the lists, to its end or to its failure. What is said of them tells no secret.
fn read_list(kind: FileKind, data: &[u8], of_people: bool) {
    thread_local! {
        static PLACE: (tempfile::TempDir, RefCell<tokio::runtime::Runtime>) = {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            (tempfile::tempdir().expect("a temporary folder"), RefCell::new(runtime))
        };
    }
    PLACE.with(|(folder, runtime)| {
        let (other, header) = match kind {
            FileKind::Csv if of_people => ("connections", "connection_id,account_id,provider\n"),
            FileKind::Csv => ("people", "account_id,member_id,email\n"),
            FileKind::Jsonl if of_people => ("connections", ""),
            FileKind::Jsonl => ("people", ""),
        };
        let this = if of_people { "people" } else { "connections" };
        fs::write(folder.path().join(this), data).expect("a folder that can be written");
        fs::write(folder.path().join(other), header).expect("a folder that can be written");
        let source = FileSource {
            name: "main".to_owned(),
            kind,
            path: folder.path().join("connections"),
            people_path: Some(folder.path().join("people")),
        };
        runtime.borrow_mut().block_on(read_whole(&source));
    });
}

async fn read_whole(source: &FileSource) {
    let mut snapshot = match source.open(NOW) {
        Ok(snapshot) => snapshot,
        Err(error) => return is_discreet(&error.to_string()),
    };
    loop {
        match snapshot.people(100).await {
            Ok(rows) if rows.is_empty() => break,
            Ok(rows) => rows.iter().for_each(row_is_discreet),
            Err(error) => return is_discreet(&error.to_string()),
        }
    }
    loop {
        match snapshot.connections(100).await {
            Ok(rows) if rows.is_empty() => break,
            Ok(rows) => rows.iter().for_each(row_is_discreet),
            Err(error) => return is_discreet(&error.to_string()),
        }
    }
    snapshot.remarks().iter().for_each(|remark| is_discreet(remark));
}

fn row_is_discreet<T>(row: &Row<T>) {
    let problem = |problem: &FieldProblem| is_discreet(&format!("{} {}", problem.field, problem.reason));
    row.dropped.iter().for_each(problem);
    row.record.as_ref().err().into_iter().for_each(problem);
}
