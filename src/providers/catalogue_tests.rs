//! Every shipped file is good, and says what its examples show.

use std::collections::BTreeSet;

use super::catalogue::{Catalogue, read};
use crate::domain::catalogue::{Probe, classify, classify_reply, verdict};
use crate::domain::ids::ProviderName;
use crate::domain::remedy::Situation;

fn probes(catalogue: &Catalogue) -> impl Iterator<Item = (&str, &Probe)> {
    catalogue.iter().flat_map(|provider| {
        let probes = provider.protocols.iter().flat_map(|protocol| &protocol.probes);
        probes.map(move |probe| (provider.name.as_str(), probe))
    })
}

#[test]
fn every_example_of_every_file_is_classified_as_it_says() {
    let catalogue = Catalogue::shipped().unwrap();
    for (provider, probe) in probes(&catalogue) {
        for example in &probe.examples {
            let (found, _) =
                classify(&probe.answers, example.status, example.content_type.as_deref(), example.body.as_bytes());
            assert_eq!(found, verdict(example.verdict, example.reason), "{provider} {}: {}", probe.path, example.name);
        }
    }
}

#[test]
fn every_answer_row_of_every_file_has_an_example() {
    let catalogue = Catalogue::shipped().unwrap();
    for (provider, probe) in probes(&catalogue) {
        let hit: BTreeSet<usize> = probe
            .examples
            .iter()
            .filter_map(|e| classify(&probe.answers, e.status, e.content_type.as_deref(), e.body.as_bytes()).1)
            .collect();
        let all: BTreeSet<usize> = (0..probe.answers.len()).collect();
        assert_eq!(hit, all, "{provider} {}: a row without an example", probe.path);
    }
}

#[test]
fn every_reply_row_has_an_example_and_every_example_is_classified_as_it_says() {
    let catalogue = Catalogue::shipped().unwrap();
    for protocol in catalogue.iter().flat_map(|provider| &provider.protocols) {
        let mut hit = BTreeSet::new();
        for example in &protocol.reply_examples {
            let (found, row) = classify_reply(&protocol.replies, example.code, &example.text);
            assert_eq!(found, verdict(example.verdict, example.reason), "{}: {}", protocol.title, example.name);
            hit.extend(row);
        }
        assert_eq!(hit, (0..protocol.replies.len()).collect(), "{}: a reply without an example", protocol.title);
    }
}

#[test]
fn mailjets_remedies_say_what_dies_at_once_and_what_lives_on() {
    let catalogue = Catalogue::shipped().unwrap();
    let remedies = &catalogue.get(&ProviderName::new("mailjet")).unwrap().remedies;
    assert!(remedies.old_value.contains("SMTP") && remedies.old_value.contains("more than an hour"));
    for situation in Situation::ALL {
        let steps = remedies.steps[&situation].join(" ");
        assert!(!steps.to_lowercase().contains("delete the key pair"), "{situation:?}: nobody can do that alone");
    }
}

#[test]
fn a_bad_file_is_refused_with_its_name_and_the_key() {
    let good = include_str!("../../config/providers/kit.toml");
    assert!(read("kit.toml", good).is_ok());
    for (from, to, word) in [
        ("in_flight = 4", "in_flight = 0", "limits"),
        ("base = \"https://api.kit.com\"", "base = \"http://api.kit.com\"", "https"),
        ("path = \"/v4/account\"", "path = \"v4/account\"", "slash"),
        ("overlap = true", "overlap = true\nunknown_key = 1", "unknown_key"),
        ("unproven = [", "unproven = []\nmore = [", "more"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "the case {from:?} must change the file");
        let error = read("kit.toml", &bad).unwrap_err().to_string();
        assert!(error.starts_with("kit.toml: ") && error.contains(word), "{error}");
    }
}
