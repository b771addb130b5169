//! What must never be shown, and is looked after wherever it stands.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_setting_that_is_read_as_a_secret_is_among_the_secrets() {
    let text = whole_manual();
    let defaults = tree::parse(MANUAL, |_| tree::Origin::Default).unwrap_or_else(|_| panic!("the manual"));
    let operator = tree::parse(&text, tree::Origin::File).unwrap_or_else(|_| panic!("the whole manual"));
    let (log, mut merged) = (reader::Log::new("whole"), defaults.clone());
    tree::overlay(&mut merged, operator);
    let settings = sections::read(&merged, &defaults, &log, Path::new("/conf"), &[], &KNOWN);
    let looked_after: BTreeSet<&str> = settings.secrets().into_iter().map(SecretRef::setting).collect();
    let read: BTreeSet<&str> =
        settings.shown().iter().map(|shown| shown.key.as_str()).filter(|key| log.is_secret(key)).collect();
    assert!(read.len() >= 10, "the manual shows them all: {read:?}");
    assert_eq!(looked_after, read);
}

#[test]
fn the_password_of_a_ledger_that_stands_in_the_file_is_warned_of() {
    let warned = |url: &str, env: &[(&str, &str)]| {
        let ledger = if url.is_empty() { String::new() } else { format!("[ledger]\nurl = \"{url}\"\n") };
        let (settings, warnings) = read_with(&format!("{ledger}{MINIMAL}"), env).unwrap();
        assert!(!format!("{}{warnings:?}", show(&settings)).contains("canary"));
        warnings.iter().any(|warning| warning.key == "ledger.url" && warning.sentence.contains("secret itself"))
    };
    for url in ["postgres://keysweep:canary@db.example.org/k", "postgres:///k?host=/run/x&user=u&password=canary"] {
        assert!(warned(url, &[]), "{url}");
        assert!(!warned("env:LEDGER", &[("LEDGER", url)]) && !warned("", &[("KEYSWEEP__LEDGER__URL", url)]), "{url}");
    }
    assert!(!warned("postgres://keysweep@localhost/k", &[]) && !warned("sqlite:k.db", &[]));
}
