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
                let grant = remedies.fitting(Auth::Oauth, None, situation);
                assert_ne!(grant.steps, remedies.steps, "{} {situation:?}", provider.name);
                assert!(grant.link.starts_with("https://"), "{} {situation:?}", provider.name);
                assert!(!grant.steps[&situation].join(" ").contains('{'), "{} {situation:?}", provider.name);
            }
        }
    }
    let kit = &catalogue.get(&ProviderName::new("kit")).unwrap().remedies;
    let steps = kit.fitting(Auth::Oauth, None, Situation::DeletedAlive).steps[&Situation::DeletedAlive].join(" ");
    assert!(steps.contains("In Kit, open the settings of your account and the list of connected apps"), "{steps}");
}

#[test]
fn whoever_deleted_a_connection_is_not_told_to_connect_again_because_its_key_leaked() {
    for provider in Catalogue::shipped().unwrap().iter() {
        let translations = provider.translations();
        for remedies in std::iter::once(&provider.remedies).chain(translations.values()) {
            let steps = remedies.steps[&Situation::CompromisedEnded].join(" ");
            assert!(!steps.contains("Connect ") && !steps.contains("Verbinden Sie"), "{}: {steps}", provider.name);
            let grant = remedies.fitting(Auth::Oauth, None, Situation::CompromisedEnded);
            assert_ne!(grant.steps, remedies.steps, "{}: a permission is no key", provider.name);
        }
    }
}

/// English steps at a provider, in one line.
fn steps_at(catalogue: &Catalogue, provider: &str, situation: Situation) -> String {
    catalogue.get(&ProviderName::new(provider)).unwrap().remedies.steps[&situation].join(" ")
}

#[test]
fn the_steps_name_the_value_that_was_pasted_and_no_other() {
    let catalogue = Catalogue::shipped().unwrap();
    let convertkit = catalogue.get(&ProviderName::new("convertkit")).unwrap();
    let translations = convertkit.translations();
    for remedies in std::iter::once(&convertkit.remedies).chain(translations.values()) {
        for situation in Situation::ALL {
            let fitting = remedies.fitting(Auth::Key, Some("api_key"), situation);
            let steps = fitting.steps[&situation].join(" ");
            let ends_key = steps.contains("beside API Key") || steps.contains("neben API Key");
            assert_eq!(ends_key, situation != Situation::Broken, "{situation:?}: {steps}");
            assert!(
                !steps.contains("beside API Secret") && !steps.contains("neben API Secret"),
                "{situation:?}: {steps}"
            );
            let secret = remedies.fitting(Auth::Key, Some("api_secret"), situation);
            assert_eq!(secret.steps, remedies.steps, "{situation:?}: what the platform asks for");
        }
    }
}

#[test]
fn a_value_that_its_successor_ends_is_renewed_once_and_then_connected() {
    let catalogue = Catalogue::shipped().unwrap();
    for (provider, renewed) in [("hubspot", "rotate"), ("activecampaign", "reset the"), ("moosend", "Regenerate")] {
        for situation in [Situation::Stale, Situation::Orphaned, Situation::Shared, Situation::Compromised] {
            let steps = steps_at(&catalogue, provider, situation);
            assert_eq!(steps.matches(renewed).count(), 1, "{provider} {situation:?}: {steps}");
            let (before, after) = steps.split_once(renewed).unwrap();
            assert!(after.contains("again on the platform"), "{provider} {situation:?}: {steps}");
            assert!(!before.contains("again on the platform"), "{provider} {situation:?}: {steps}");
        }
    }
    let replaced = steps_at(&catalogue, "hubspot", Situation::ReplacedAlive);
    assert!(replaced.contains("ends by itself within 7 days"), "{replaced}");
    for provider in ["aweber", "constantcontact"] {
        for situation in [Situation::Stale, Situation::Orphaned, Situation::Shared] {
            let steps = steps_at(&catalogue, provider, situation);
            let (_, after) = steps.split_once("disconnect the app").unwrap();
            assert!(after.contains("again on the platform") && !after.contains("disconnect"), "{provider}: {steps}");
        }
    }
}

#[test]
fn what_uses_a_key_is_said_to_stop_when_the_old_one_does() {
    let catalogue = Catalogue::shipped().unwrap();
    for (provider, said) in [
        ("campaignmonitor", "All of them stop when it is renewed, or up to 24 hours later."),
        ("hubspot", "All of them stop when it is renewed, or up to 7 days later."),
        ("drip", "All of them stop when it is renewed."),
    ] {
        let steps = steps_at(&catalogue, provider, Situation::Stale);
        assert!(steps.contains(said), "{provider}: {steps}");
    }
    let brevo = steps_at(&catalogue, "brevo", Situation::Stale);
    assert!(brevo.contains("The old API key goes on working until you end it. In Brevo"), "{brevo}");
    assert!(brevo.ends_with("It dies at once."), "{brevo}");
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
    for (kind, other) in &remedies.kinds {
        texts.extend(texts_of(other, &format!("kind.{kind}.")));
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
