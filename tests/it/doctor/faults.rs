//! What is wrong with settings that only their parts can tell: whoever reads the configuration says the same of it.

use super::{healthy_site, quick};
use crate::support::{Settings, Site};

const CANARY: &str = "canary-0123456789abcdef";

/// Three values that are well written and do not do.
fn three_faults() -> Site {
    let site = healthy_site();
    site.configure(&Settings {
        escrow: format!("hold = \"none\"\nmaster_key = \"{CANARY}\""),
        mailjet: "protocols = [\"telnet\"]".to_owned(),
        rest: "[http]\nlisten = \"127.0.0.1:0\"\ntoken = \"short\"\n".to_owned(),
        ..quick()
    });
    site
}

#[test]
fn all_that_does_not_do_is_told_at_once_with_file_and_line_whoever_reads_it() {
    let site = three_faults();
    let faults = [
        ("escrow.master_key", "not base64"),
        ("providers.mailjet.protocols", "\"telnet\" is not one of its protocols; name one of: rest, smtp"),
        ("http.token", "shorter than 16"),
    ];
    for verb in [&["config", "check"][..], &["scan"], &["inventory", "check", "main"], &["run"]] {
        let refused = site.run(verb).exits(78).err;
        for (key, words) in faults {
            let told = |line: &&str| line.contains(&format!(" {key}: ")) && line.contains(words);
            let line = refused.lines().find(told).unwrap_or_else(|| panic!("{verb:?}, {key}: {refused}"));
            assert!(line.contains("keysweep.toml:") || verb == ["run"], "{verb:?}: {line}");
        }
        assert!(!refused.contains(CANARY), "{verb:?}: {refused}");
    }
    let told = site.run(&["config", "check", "--format", "json"]).exits(78).json();
    let keys: Vec<_> = told["problems"].as_array().expect("a list").iter().map(|one| one["key"].as_str()).collect();
    assert_eq!(keys, faults.map(|(key, _)| Some(key)), "{told:#}");
}

#[test]
fn a_webhook_that_cannot_be_is_told_where_its_section_stands() {
    let site = healthy_site();
    let rest = super::also("[[webhook]]\nname = \"siem\"\nurl = \"ftp://siem.example.org/\"\nsecret = \"whsec_\"");
    site.configure(&Settings { rest, ..quick() });
    for verb in [&["config", "check"][..], &["scan"], &["run"]] {
        let refused = site.run(verb).exits(78).err;
        let line = refused.lines().find(|line| line.contains("webhook[0]") && !line.contains("warning"));
        assert!(line.is_some_and(|line| line.contains("keysweep.toml:")), "{verb:?}: {refused}");
    }
}
