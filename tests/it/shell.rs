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
fn fish_completes_a_verb_and_its_flags_and_says_what_they_do() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("keysweep.fish");
    fs::write(&script, keysweep(&["completions", "fish"]).stdout).expect("a folder that can be written");
    for (typed, expected) in [
        ("keysweep doc", "doctor\tLooks at"),
        ("keysweep doctor --for", "--format\tThe form of the output"),
        ("keysweep config sh", "show\tThe settings in force"),
    ] {
        let ask = format!("source {}; complete -C \"{typed}\"", script.display());
        let ran = Command::new("fish").args(["--no-config", "-c", &ask]).env("HOME", folder.path()).output();
        let ran = ran.expect("fish runs: is Debian's fish installed?");
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(said.starts_with(expected) && said.lines().count() == 1, "{typed}: {ran:?}");
    }
}

/// A shell of its own on a terminal of its own, in which something is typed, and a tab.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D; print rea''dy"
zpty -r -m shell said '*ready*'
for typed in 'keysweep doc' 'keysweep doctor --for' 'keysweep config sh'; do
  zpty -w -n shell "$typed"$'\t'
  sleep 1
  zpty -w -n shell $'\x15'
  zpty -w shell "print en''d"
  zpty -r -m shell said '*end*'
  print -r -- "$said"
done
zpty -d shell
"#;

#[test]
fn zsh_completes_a_verb_and_its_flags() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("_keysweep");
    fs::write(&script, keysweep(&["completions", "zsh"]).stdout).expect("a folder that can be written");
    let read = Command::new("zsh").arg("-n").arg(&script).output().expect("zsh runs: is Debian's zsh installed?");
    assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
    let mut command = Command::new("timeout");
    command.args(["60", "zsh", "-f", "-c", ZSH, "zsh"]).arg(folder.path());
    let ran = command.env("HOME", folder.path()).env("TERM", "xterm").output().expect("zsh runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    for expected in ["keysweep doctor", "keysweep doctor --format", "keysweep config show"] {
        assert!(said.contains(expected), "{expected}: {said:?}");
    }
}

#[test]
fn mandoc_has_nothing_to_say_against_any_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    keysweep(&["man", "--dir", folder.path().to_str().expect("UTF-8")]);
    for entry in fs::read_dir(folder.path()).expect("the folder") {
        let page = entry.expect("a page").path();
        let ran = Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(&page).output();
        let ran = ran.expect("mandoc runs: is Debian's mandoc installed?");
        assert!(ran.status.success() && ran.stdout.is_empty(), "{}", String::from_utf8_lossy(&ran.stdout));
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
