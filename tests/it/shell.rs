//! What a package installs beside the program, read by those it is for.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};

fn keysweep(arguments: &[&str]) -> Output {
    let ran = Command::new(env!("CARGO_BIN_EXE_keysweep")).env_clear().args(arguments).output();
    let ran = ran.expect("the program starts");
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran
}

#[test]
fn bash_completes_a_verb_and_its_flags() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("keysweep.bash");
    fs::write(&script, keysweep(&["completions", "bash"]).stdout).expect("a folder that can be written");
    for (before, typed, expected) in
        [("keysweep", "doc", "doctor"), ("keysweep doctor", "--for", "--format"), ("keysweep config", "sh", "show")]
    {
        let (at, previous) = (before.split(' ').count(), before.split(' ').next_back().unwrap_or_default());
        let ask = format!(
            "source {}; COMP_WORDS=({before} {typed}); COMP_CWORD={at}; _keysweep keysweep {typed} {previous}; \
             echo ${{COMPREPLY[@]}}",
            script.display(),
        );
        let ran = Command::new("bash").args(["--norc", "-c", &ask]).output().expect("bash runs");
        assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), expected, "{before} {typed}: {ran:?}");
    }
}

#[test]
fn there_are_completions_for_every_usual_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = String::from_utf8(keysweep(&["completions", shell]).stdout).expect("UTF-8");
        assert!(script.contains("keysweep") && script.contains("doctor"), "{shell}");
    }
}

#[test]
fn every_verb_has_a_manual_page_that_groff_sets_without_a_complaint() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    keysweep(&["man", "--dir", folder.path().to_str().expect("UTF-8")]);
    let entries = fs::read_dir(folder.path()).expect("the folder").map(|entry| entry.expect("a page").file_name());
    let pages: BTreeSet<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    for name in ["keysweep.1", "keysweep-doctor.1", "keysweep-config-check.1"] {
        assert!(pages.contains(name), "{name}: {pages:?}");
    }
    for name in &pages {
        let set =
            Command::new("groff").args(["-man", "-Tutf8", "-P-cbou", "-ww"]).arg(folder.path().join(name)).output();
        let set = set.expect("groff runs: is Debian's groff-base installed?");
        let (text, complaints) = (String::from_utf8_lossy(&set.stdout), String::from_utf8_lossy(&set.stderr));
        assert!(set.status.success() && complaints.is_empty() && text.contains("NAME"), "{name}: {complaints}");
    }
    let first = String::from_utf8(keysweep(&["man"]).stdout).expect("UTF-8");
    assert!(first.contains("keysweep") && first.contains("doctor"), "{first}");
}
