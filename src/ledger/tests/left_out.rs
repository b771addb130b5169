//! Whether every statement of this room is prepared.

use std::collections::BTreeSet;
use std::path::Path;

use super::statements::ALL;

/// Whoever adds a statement adds it to the list.
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
