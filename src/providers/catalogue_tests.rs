//! Every shipped file is good, and a bad one is refused in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::catalogue::{Catalogue, Origin, files_of, read};
use crate::domain::catalogue::try_out;
use crate::domain::ids::ProviderName;
use crate::domain::record::Auth;
use crate::domain::remedy::{Remedies, Situation};

fn shipped_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/providers")
}

#[test]
fn every_file_of_the_folder_is_shipped_under_its_providers_name() {
    let catalogue = Catalogue::shipped().unwrap();
    let files = files_of(&shipped_folder()).unwrap();
    let stems: Vec<_> = files.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(stems, catalogue.names());
}

#[test]
fn every_example_of_every_file_is_judged_as_it_says_and_every_row_has_one() {
    for provider in Catalogue::shipped().unwrap().iter() {
        let trial = try_out(provider);
        for tried in &trial.tried {
            assert_eq!(tried.found, tried.expected, "{} {}: {}", provider.name, tried.at, tried.name);
        }
        assert_eq!(trial.unshown, Vec::<String>::new(), "{}: rows without an example", provider.name);
        let names: BTreeSet<_> = trial.tried.iter().map(|tried| (tried.at.rsplit_once('.'), &tried.name)).collect();
        assert_eq!(names.len(), trial.tried.len(), "{}: two examples of one name", provider.name);
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
fn whoever_connected_by_permission_is_told_at_every_provider_how_to_end_a_permission() {
    let catalogue = Catalogue::shipped().unwrap();
    for provider in catalogue.iter() {
        let translations = provider.translations();
        for remedies in std::iter::once(&provider.remedies).chain(translations.values()) {
            for situation in [Situation::DeletedAlive, Situation::ReplacedAlive, Situation::Orphaned, Situation::Broken]
                .into_iter()
                .chain([Situation::Compromised, Situation::Unproven])
            {
                let grant = remedies.fitting(Auth::Oauth, situation);
                assert_ne!(grant.steps, remedies.steps, "{} {situation:?}", provider.name);
                assert!(grant.link.starts_with("https://"), "{} {situation:?}", provider.name);
                assert!(!grant.steps[&situation].join(" ").contains('{'), "{} {situation:?}", provider.name);
            }
        }
    }
    let kit = &catalogue.get(&ProviderName::new("kit")).unwrap().remedies;
    let steps = kit.fitting(Auth::Oauth, Situation::DeletedAlive).steps[&Situation::DeletedAlive].join(" ");
    assert!(steps.contains("In Kit, open the settings of your account and the list of connected apps"), "{steps}");
}

/// Every text of some remedies, by its key.
fn texts_of(remedies: &Remedies, at: &str) -> BTreeMap<String, String> {
    let mut texts: BTreeMap<String, String> =
        [("path", &remedies.path), ("old_value", &remedies.old_value), ("breaks", &remedies.breaks)]
            .map(|(key, text)| (format!("{at}{key}"), text.clone()))
            .into();
    let words = &remedies.words;
    for (key, text) in [
        ("make", &words.make),
        ("end", &words.end),
        ("look", &words.look),
        ("risk", &words.risk),
        ("kind", &words.kind),
    ] {
        if !text.is_empty() {
            texts.insert(format!("{at}words.{key}"), text.clone());
        }
    }
    for (situation, steps) in &remedies.steps {
        for (number, step) in steps.iter().enumerate() {
            texts.insert(format!("{at}steps.{}[{number}]", situation.as_str()), step.clone());
        }
    }
    if let Some(grant) = &remedies.oauth {
        texts.extend(texts_of(grant, "oauth."));
    }
    texts
}

/// The numbers of a text, and the words that are no language's: `pk_`, `-us`, `SMTP`.
fn marks(text: &str) -> BTreeSet<&str> {
    let is_edge = |c: char| !c.is_alphanumeric() && !"_-{}".contains(c);
    let words = text.split(|c: char| c.is_whitespace() || c == '/').map(|word| word.trim_matches(is_edge));
    let is_code = |word: &str| word.ends_with(['_', '-']) || word.starts_with('-') || word.contains('{');
    words.filter(|word| is_code(word) || word.chars().all(|c| c.is_ascii_digit()) && !word.is_empty()).collect()
}

#[test]
fn every_shipped_file_has_the_german_of_every_english_text_with_the_same_numbers_and_prefixes() {
    let catalogue = Catalogue::shipped().unwrap();
    for provider in catalogue.iter() {
        let name = &provider.name;
        let translations = provider.translations();
        let german = translations.get("de").unwrap_or_else(|| panic!("{name} has no [texts.de]"));
        let (english, german) = (texts_of(&provider.remedies, ""), texts_of(german, ""));
        assert_eq!(english.keys().collect::<Vec<_>>(), german.keys().collect::<Vec<_>>(), "{name}");
        for (key, text) in &english {
            let said = &german[key];
            assert_eq!(marks(text), marks(said), "{name} {key}: {said}");
            // The way through the provider's screens may be the very same: its menus speak English.
            assert!(text != said || key.ends_with("path"), "{name} {key} is still English");
        }
    }
}

#[test]
fn a_bad_file_is_refused_with_file_line_key_and_what_to_do() {
    let good = include_str!("../../config/providers/kit.toml");
    assert!(read("kit.toml", good).is_ok());
    for (from, to, line, key, words) in [
        ("in_flight = 4", "in_flight = 0", "in_flight = 0", "limits.in_flight", "1 or more"),
        ("base = \"https://", "base = \"http://", "base = ", "protocol[0].endpoint[0].base", "https://"),
        ("path = \"/v4/account\"", "path = \"v4/account\"", "path = \"v4", "protocol[0].probe[0].path", "slash"),
        ("overlap = true", "overlpa = true", "overlpa", "rotation.overlpa", "did you mean \"overlap\"?"),
        ("overlap = true", "overlap = true\nzeal = 1", "zeal", "rotation.zeal", "the keys that there are: overlap, "),
        ("overlap = true\n", "", "[rotation]", "rotation", "overlap is missing"),
        (
            "verdict = \"accepted\"",
            "verdict = \"acepted\"",
            "acepted",
            "protocol[0].probe[0].answer[0].verdict",
            "did you mean \"accepted\"?",
        ),
        ("overlap = true", "overlap = 1", "overlap = 1", "rotation.overlap", "correct it"),
        ("overlap = true", "overlap = ", "overlap = ", "", "correct it"),
        (
            "[\"X-Kit-Api-Key\", \"{secret}\"]",
            "[\"X-Kit-Api-Key\", \"{token}\"]",
            "{token}",
            "protocol[0].probe[0].auth",
            "{secret}",
        ),
        ("source = \"[D]", "source = \"[E]", "[E]", "limits.source", "R (recorded)"),
        ("unproven = [", "unprovem = [", "unprovem", "remedies.steps.unprovem", "did you mean \"unproven\"?"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "the case {from:?} must change the file");
        let problem = &read("kit.toml", &bad).unwrap_err().0[0];
        let at = bad.lines().position(|text| text.contains(line)).unwrap() + 1;
        assert_eq!((problem.file.as_str(), problem.line), ("kit.toml", Some(at)), "{problem}");
        assert_eq!(problem.key, key, "{problem}");
        assert!(problem.to_string().contains(words), "{problem}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let bad = include_str!("../../config/providers/kit.toml").replace("in_flight = 4", "in_flight = 0");
    let bad = bad.replace("max_days = 90", "max_days = 0").replace("path = \"/v4", "path = \"v4");
    let keys: Vec<_> = read("kit.toml", &bad).unwrap_err().0.into_iter().map(|problem| problem.key).collect();
    assert_eq!(keys, ["limits.in_flight", "age.max_days", "protocol[0].probe[0].path"]);
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn the_operators_files_lie_over_the_shipped_ones() {
    let kit = include_str!("../../config/providers/kit.toml");
    let own = kit.replace("name = \"kit\"", "name = \"acme\"");
    let folder = folder(&[
        ("a.toml", &own),
        ("k.toml", &kit.replace("max_days = 90", "max_days = 30")),
        ("x.txt", "?"),
        (".a.toml", "?"),
    ]);
    let catalogue = Catalogue::load(Some(folder.path())).unwrap();
    let name = ProviderName::new;
    assert_eq!(catalogue.get(&name("kit")).unwrap().age.max_days, 30);
    assert_eq!(catalogue.get(&name("mailjet")).unwrap().age.max_days, 90);
    assert!(matches!(catalogue.origin(&name("kit")), Some(Origin::Operator { replaces: true, .. })));
    assert!(matches!(catalogue.origin(&name("acme")), Some(Origin::Operator { replaces: false, .. })));
    assert_eq!(catalogue.origin(&name("mailjet")), Some(&Origin::Shipped));
    let remarks = catalogue.remarks();
    assert!(
        remarks[0].starts_with("acme is described by ") && remarks[1].ends_with("k.toml instead of the shipped file"),
        "{remarks:?}"
    );
    assert_ne!(catalogue.text(), Catalogue::shipped().unwrap().text(), "another catalogue: everything is judged again");
}

#[test]
fn one_bad_file_of_the_operators_is_told_and_none_is_used() {
    let kit = include_str!("../../config/providers/kit.toml");
    let untrue = kit.replacen(
        "verdict = \"accepted\"\n\n[[protocol.probe.example]]",
        "verdict = \"limited\"\n\n[[protocol.probe.example]]",
        1,
    );
    assert_ne!(untrue, kit);
    let folder = folder(&[("a.toml", "name = 1"), ("b.toml", &untrue), ("c.toml", kit), ("d.toml", kit)]);
    let problems = Catalogue::load(Some(folder.path())).unwrap_err().0;
    let told: Vec<_> = problems.iter().map(|p| (p.file.rsplit('/').next().unwrap(), p.key.as_str())).collect();
    assert_eq!(told, [("a.toml", "name"), ("b.toml", "protocol[0].probe[0].example[0]"), ("d.toml", "name")]);
    let missing = Catalogue::load(Some(&folder.path().join("nowhere"))).unwrap_err();
    assert!(missing.to_string().contains("can't be read"), "{missing}");
}
