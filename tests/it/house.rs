//! The shape of the house: which room may know which.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms, and the rooms that each may name in a `use crate::` line or a path.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("ports", &["domain"]),
    ("inventory", &["domain", "ports", "net"]),
    ("net", &["domain"]),
    ("providers", &["domain", "ports", "net"]),
    ("webhook", &["domain", "ports", "net"]),
    ("escrow", &["domain", "ports"]),
    ("ledger", &["domain", "ports"]),
    ("mail", &["domain", "ports"]),
    ("scan", &["domain", "ports"]),
    ("notify", &["domain", "ports"]),
    ("http", &["domain", "ports", "ledger", "report"]),
    ("schedule", &["domain", "ports"]),
    ("telemetry", &["domain", "ports", "ledger", "net"]),
    ("report", &["domain", "ports", "ledger"]),
];
/// The composing side: it may know everyone, nobody knows it.
const COMPOSING: &[&str] = &["app", "cli", "config", "demo", "lifecycle"];

fn sources(under: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(under).expect("src can be listed") {
        let path = entry.expect("an entry of src").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The room of a file: the first part of its path below `src`.
fn room(path: &Path) -> String {
    let below = path.strip_prefix(source_folder()).expect("a file below src");
    let first = below.components().next().expect("a file has a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Whether all of a file is tests, by its name. `estate` and `place` are what the ledger's tests are made of.
fn is_test(path: &Path) -> bool {
    let below = path.strip_prefix(source_folder()).expect("a file below src");
    let name = path.file_name().expect("a file has a name").to_string_lossy();
    let of_the_ledger = ["ledger/estate.rs", "ledger/place.rs"].iter().any(|file| below == Path::new(file));
    of_the_ledger || name.ends_with("tests.rs") || below.components().any(|part| part.as_os_str() == "tests")
}

/// A source without what is compiled for tests alone: they may use whatever they need to build their facts.
fn without_tests(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != TESTS_ALONE {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let item = lines.by_ref().find(|line| !line.trim_start().starts_with("#[")).unwrap_or_default();
        if !item.ends_with(';') && !item.ends_with('}') {
            let indent = &item[..item.len() - item.trim_start().len()];
            lines.by_ref().find(|line| *line == format!("{indent}}}")).expect("an item has an end");
        }
    }
    kept
}

const TESTS_ALONE: &str = "#[cfg(test)]";

fn named_rooms(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""))
        .filter(|name| !name.is_empty())
}

#[test]
fn arrows_point_inwards_and_nobody_knows_the_composing_side() {
    let mut wrong = Vec::new();
    for path in sources(&source_folder()) {
        let room = room(&path);
        if COMPOSING.contains(&room.as_str()) || room == "main" || room == "lib" || is_test(&path) {
            continue;
        }
        let (_, allowed) = MAY_KNOW
            .iter()
            .find(|(name, _)| *name == room)
            .unwrap_or_else(|| panic!("the room `{room}` is not on the map"));
        let text = fs::read_to_string(&path).expect("a readable source");
        for named in named_rooms(&without_tests(&text)) {
            if named != room && !allowed.contains(&named) {
                wrong.push(format!("{} knows `{named}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_pure_core_has_no_io_no_async_and_no_clock() {
    let mut wrong = Vec::new();
    for path in sources(&source_folder().join("domain")).into_iter().filter(|path| !is_test(path)) {
        let text = without_tests(&fs::read_to_string(&path).expect("a readable source"));
        for word in ["async fn", "tokio::", "std::fs", "std::net", "sqlx", "reqwest", "SystemTime", "Instant::now"] {
            if text.contains(word) {
                wrong.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_ledger_has_statements_and_only_one_source_asks_the_operators() {
    let operators = source_folder().join("inventory/sql");
    for path in sources(&source_folder()) {
        let text = fs::read_to_string(&path).expect("a readable source");
        let is_operators = path.starts_with(&operators) || path == operators.with_extension("rs");
        assert!(
            room(&path) == "ledger" || is_operators || !text.contains("sqlx::"),
            "{} uses sqlx: our statements live in the ledger's room, the operator's in inventory/sql",
            path.display()
        );
        for word in ["INSERT ", "UPDATE ", "DELETE FROM", "CREATE TABLE"] {
            let has = is_operators && without_tests(&text).contains(word);
            assert!(!has, "{} has a statement that writes: a platform's database is only read", path.display());
        }
    }
}

/// The lints that refuse whatever ends the process where something is not as it should be.
const AGAINST_PANICS: [&str; 6] = ["expect_used", "panic", "todo", "unimplemented", "unreachable", "unwrap_used"];

#[test]
fn nothing_in_the_program_may_panic() {
    let manifest = fs::read_to_string(source_folder().with_file_name("Cargo.toml")).expect("the manifest");
    for lint in AGAINST_PANICS {
        assert!(
            manifest.contains(&format!("\n{lint} = \"warn\"\n")),
            "{lint} isn't asked for; warnings are errors in tests/run"
        );
        for path in sources(&source_folder()).into_iter().filter(|path| !is_test(path)) {
            let text = without_tests(&fs::read_to_string(&path).expect("a readable source"));
            assert!(!text.contains(&format!("clippy::{lint}")), "{} asks to be excused from {lint}", path.display());
        }
    }
}

#[test]
fn no_fact_has_a_name_that_a_log_for_people_leaves_out() {
    for path in sources(&source_folder()) {
        let text = fs::read_to_string(&path).expect("a source");
        let mut rest = text.as_str();
        while let Some(at) = rest.find("tracing::") {
            rest = &rest[at + "tracing::".len()..];
            let Some(end) = rest.find(';') else { break };
            let told = &rest[..end];
            assert!(!told.contains("log."), "{}: facts named `log.` are dropped: {told}", path.display());
        }
    }
}

#[test]
fn no_source_file_is_longer_than_four_hundred_lines() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    // what a build leaves below one of the folders; that the whole stands below such a name says nothing
    let is_made = |path: &Path| {
        let own = path.strip_prefix(home).expect("a path of the project");
        own.components().any(|part| part.as_os_str() == "target")
    };
    let all: Vec<PathBuf> = ["src", "tests", "benches", "fuzz"]
        .iter()
        .flat_map(|folder| sources(&source_folder().with_file_name(folder)))
        .filter(|path| !is_made(path))
        .collect();
    assert!(all.len() > 100, "{} sources", all.len());
    let long: Vec<String> = all
        .into_iter()
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).expect("a readable source").lines().count();
            (lines > 400).then(|| format!("{} has {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
