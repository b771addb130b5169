mod policy;
mod schema;
mod secrets;
mod sources;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::inventories::FOLLOWING;
use super::*;
use crate::domain::ids::ProviderName;
use crate::domain::policy::{Hold, LivenessPolicy, RulePolicy};
use crate::domain::time::{days, hours};

const KNOWN: [&str; 3] = ["convertkit", "kit", "mailjet"];
const MINIMAL: &str = "
[escrow]
hold = \"until-proven\"

[[inventory]]
name = \"main\"
kind = \"csv\"
path = \"connections.csv\"
";

fn read_with(text: &str, env: &[(&str, &str)]) -> Result<(Settings, Vec<Warning>), ConfigProblems> {
    let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    read(Some(Source { name: "test.toml", text }), Path::new("/conf"), &env, &KNOWN)
}

fn settings(text: &str) -> Settings {
    read_with(text, &[]).unwrap_or_else(|problems| panic!("{problems}")).0
}

/// The manual with every commented-out setting in force. The operator's own providers are in a folder that is there, and
/// has none; their own templates are those of the tests.
fn whole_manual() -> String {
    let mail = concat!("templates = \"", env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mail\"");
    let folder = concat!("directory = \"", env!("CARGO_MANIFEST_DIR"), "/src\"");
    super::schema::whole_manual().replace("directory = \"providers\"", folder).replace("templates = \"mail\"", mail)
}

#[test]
fn every_invalid_example_is_told_in_exactly_the_expected_words() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config/invalid");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    assert!(cases.len() >= 15, "the folder holds the examples");
    for case in cases {
        let text = fs::read_to_string(&case).unwrap();
        let variables = fs::read_to_string(case.with_extension("env")).unwrap_or_default();
        let variables: Vec<_> = variables.lines().filter_map(|line| line.split_once('=')).collect();
        let name = case.file_name().unwrap().to_str().unwrap();
        let env: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let told = read(Some(Source { name, text: &text }), Path::new("."), &env, &KNOWN).unwrap_err().to_string();
        let expected = fs::read_to_string(case.with_extension("expect.txt")).unwrap_or_default();
        assert_eq!(told.trim(), expected.trim(), "{name}");
        assert!(!told.contains("canary"), "{name} tells a secret");
    }
}

#[test]
fn the_manual_alone_and_with_a_minimal_file_is_valid_and_warns_of_nothing() {
    for source in [None, Some(Source { name: "m", text: MANUAL }), Some(Source { name: "m", text: MINIMAL })] {
        let (_, warnings) = read(source, Path::new("."), &[], &KNOWN).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(warnings, []);
    }
}

#[test]
fn the_manual_shows_the_defaults_of_the_domain() {
    let (settings, mailjet) = (settings(MINIMAL), ProviderName::new("mailjet"));
    assert_eq!(settings.liveness_policy(&mailjet, None, None), LivenessPolicy::default());
    assert_eq!(settings.rule_policy(&mailjet, None), RulePolicy::default());
}

#[test]
fn what_the_manual_shows_behind_a_hash_is_valid_and_true() {
    let shown = settings(&whole_manual());
    let mut plain =
        settings(&format!("{MINIMAL}people_path = \"people.csv\"\nschedule = \"30 2 * * *\"\n")).inventories.remove(0);
    plain.events_secrets = shown.inventories[0].events_secrets.clone();
    let refs = &shown.inventories[0].secret_refs;
    assert!(refs.files.is_some() && refs.command.is_some() && refs.timeout == FOLLOWING);
    let vault = refs.vault.as_ref().expect("a vault");
    assert_eq!((vault.mount.as_str(), vault.namespace.as_deref()), ("secret", Some("team")));
    plain.secret_refs = refs.clone();
    assert_eq!(format!("{:?}", shown.inventories[0]), format!("{plain:?}"));
    let needed = "[[inventory]]\nname = \"platform\"\nkind = \"sql\"\nurl = \"env:KEYSWEEP_PLATFORM_URL\"\n";
    let queries = |place: &Place| match place {
        Place::Sql(queries) => (queries.statement_timeout, queries.full_every, queries.url.to_string()),
        place => panic!("no queries: {place:?}"),
    };
    let plain = settings(&format!("{MINIMAL}{needed}connections = \"SELECT 1\"")).inventories.remove(1);
    assert_eq!(queries(&shown.inventories[1].place), queries(&plain.place));
    let least = "[[inventory]]\nname = \"api\"\nkind = \"http\"\nurl = \"https://platform.example.org/\"\n";
    let least = settings(&format!("[escrow]\nhold = \"none\"\n{least}")).inventories.remove(0);
    let (Place::Http(least), Place::Http(whole)) = (least.place, &shown.inventories[2].place) else {
        panic!("{shown:?}")
    };
    assert_eq!((least.timeout, &least.retry, least.inside), (whole.timeout, &whole.retry, whole.inside));
    let usual = LivenessPolicy::default();
    assert_eq!((shown.liveness.confirm_gap.value, shown.liveness.settle.value), (usual.confirm_gap, usual.settle));
    assert!(shown.mail.sending.is_some() && shown.providers.len() == 1);
}

#[test]
fn a_copy_of_the_manual_changes_nothing_that_the_catalogue_says() {
    let (copied, kit) = (settings(MANUAL), ProviderName::new("kit"));
    assert_eq!(copied.confirm_gap(&kit, Some(hours(2))), hours(2));
    assert_eq!(copied.settle(&kit, Some(days(14))), days(14));
    assert_eq!(copied.max_age(&kit, Some(days(30))), days(30));
}

#[test]
fn every_key_that_is_read_stands_in_the_manual() {
    let shown = settings(&whole_manual());
    let nonsense = format!("zzzzzzzz = 1\n{}", SECTIONS.map(|section| format!("[{section}]\nzzzzzzzz = 1\n")).concat());
    let problems = read_with(&nonsense, &[]).unwrap_err();
    let unknown: Vec<_> = problems.problems().iter().filter(|told| told.key.ends_with("zzzzzzzz")).collect();
    assert_eq!(unknown.len(), SECTIONS.len() + 1, "one for each section and the root:\n{problems}");
    for told in unknown {
        let known = told.todo.strip_prefix("known here: ").unwrap();
        for path in known.split(", ").map(|key| told.key.replace("zzzzzzzz", key)) {
            let is_it =
                |key: &str| key.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
            assert!(shown.shown().iter().any(|shown| is_it(&shown.key)), "{path} is read but not in the manual");
        }
    }
}

const SECTIONS: [&str; 12] = [
    "catalogue",
    "ledger",
    "[inventory]",
    "escrow",
    "liveness",
    "providers.mailjet",
    "providers.mailjet.control",
    "policy",
    "mail",
    "run",
    "schedule",
    "telemetry",
];

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_manual() {
    let text = format!("{MINIMAL}\n[liveness]\nprobe_every = \"2d\"\nin_flight = 8\n");
    let env = [
        ("KEYSWEEP__LIVENESS__IN_FLIGHT", "16"),
        ("KEYSWEEP__PROVIDERS__MAILJET__PACE", "5/s"),
        ("KEYSWEEP__MAIL__RETRY", "1m, 2m"),
        ("KEYSWEEP_CONFIG", "elsewhere"),
    ];
    let (settings, _) = read_with(&text, &env).unwrap();
    assert_eq!(settings.liveness.probe_every, days(2));
    assert_eq!(settings.liveness.in_flight, 16);
    assert_eq!(settings.liveness.timeout, Duration::from_secs(10));
    let pace = Pace::Paced { count: 5, per: Duration::from_secs(1) };
    assert_eq!(settings.pace(&ProviderName::new("mailjet")), Some(pace));
    assert_eq!(settings.mail.retry, [Duration::from_secs(60), Duration::from_secs(120)]);
    let text = show(&settings);
    for (key, origin) in [
        ("liveness.in_flight = \"16\" ", "# environment KEYSWEEP__LIVENESS__IN_FLIGHT"),
        ("liveness.probe_every = \"2d\" ", "# test.toml:11"),
        ("liveness.timeout = \"10s\" ", "# default"),
        ("inventory[0].name = \"main\" ", "# test.toml:6"),
    ] {
        assert!(text.lines().any(|line| line.starts_with(key) && line.ends_with(origin)), "{key} {origin}\n{text}");
    }
}

#[test]
fn no_literal_secret_is_ever_shown() {
    let text = "
[escrow]
master_key = \"canary-1\"
[mail]
smtp_url = \"smtp://user:canary-2@mail.example.org\"
from = \"keys@example.org\"
[providers.kit]
control = { secret = \"canary-3\" }
";
    let (settings, warnings) = read_with(text, &[]).unwrap();
    let told = format!("{settings:?}{}{warnings:?}", show(&settings));
    assert!(!told.contains("canary"), "{told}");
    assert_eq!(warnings.len(), 3, "each is warned of: {warnings:?}");
    let problems = read_with(&format!("{text}pace = \"canter\""), &[]).unwrap_err();
    assert!(!format!("{problems}{problems:?}").contains("canary"), "{problems}");
    assert!(show(&read_with("", &[]).unwrap().0).contains("master_key = \"env:KEYSWEEP_MASTER_KEY\""));
}

#[test]
fn a_providers_own_value_goes_before_an_explicit_general_one_the_catalogue_and_the_default() {
    let kit = ProviderName::new("kit");
    let catalogue = Some(hours(2));
    for (text, given, expected) in [
        ("", None, hours(1)),
        ("", catalogue, hours(2)),
        ("[liveness]\nconfirm_gap = \"3h\"", catalogue, hours(3)),
        ("[liveness]\nconfirm_gap = \"3h\"\n[providers.kit]\nconfirm_gap = \"4h\"", catalogue, hours(4)),
        ("[providers.mailjet]\nconfirm_gap = \"4h\"", catalogue, hours(2)),
    ] {
        assert_eq!(settings(text).confirm_gap(&kit, given), expected, "{text}");
        assert_eq!(settings(&text.replace("confirm_gap", "settle")).settle(&kit, given.or(Some(hours(1)))), expected);
    }
    for (text, given, expected) in [
        ("", None, days(90)),
        ("", Some(days(30)), days(30)),
        ("[policy]\nmax_age = \"60d\"", Some(days(30)), days(60)),
        ("[policy]\nmax_age = \"60d\"\n[providers.kit]\nmax_age = \"45 days\"", Some(days(30)), days(45)),
    ] {
        assert_eq!(settings(text).max_age(&kit, given), expected, "{text}");
    }
}

#[test]
fn relative_paths_start_at_the_folder_of_the_file() {
    let text = format!("{MINIMAL}people_path = \"/abs/people.csv\"\n");
    let own = settings(&text);
    assert_eq!(own.ledger.url.as_ref(), "sqlite:/conf/keysweep.db");
    let Place::Files(files) = &own.inventories[0].place else { panic!("files") };
    assert_eq!(files.path, Path::new("/conf/connections.csv"));
    assert_eq!(files.people_path.as_deref(), Some(Path::new("/abs/people.csv")));
    for (url, expected) in [
        ("sqlite:///var/a.db", "sqlite:/var/a.db"),
        ("sqlite:/var/a.db", "sqlite:/var/a.db"),
        ("sqlite://a.db", "sqlite:/conf/a.db"),
        ("sqlite::memory:", "sqlite::memory:"),
    ] {
        assert_eq!(settings(&format!("[ledger]\nurl = \"{url}\"")).ledger.url.as_ref(), expected);
    }
}

#[test]
fn the_ledgers_address_may_be_a_secret_kept_elsewhere_and_is_never_printed() {
    let login = "postgres://keysweep:hunter2@db.example.org/keysweep";
    let read = |url: &str| read_with(&format!("[ledger]\nurl = \"{url}\""), &[("LEDGER", login)]);
    for url in ["env:LEDGER", login] {
        let (settings, _) = read(url).unwrap();
        assert_eq!(settings.ledger.url.as_ref(), login);
        let printed = format!("{:?} {} {:?}", settings.ledger, settings.ledger.url, settings.shown());
        assert!(!printed.contains("hunter2"), "{printed}");
    }
    for wrong in ["env:NOWHERE", "mysql://root:hunter2@db.example.org/x", "postgres:"] {
        let problems = read(wrong).unwrap_err().to_string();
        assert!(problems.contains("ledger.url") && !problems.contains("hunter2"), "{problems}");
    }
}

#[test]
fn without_an_inventory_nothing_is_held() {
    assert_eq!(settings("").escrow.hold, Hold::None);
}

#[test]
fn the_file_is_the_named_one_else_the_variables_else_the_first_usual_one() {
    let folder = tempfile::tempdir().unwrap();
    let usual = [folder.path().join("one.toml"), folder.path().join("two.toml")];
    let found = |named: Option<&str>, env: &[(&str, &str)]| {
        let env: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ConfigChoice::among(named.map(PathBuf::from), usual.clone()).find(&env).unwrap()
    };
    assert_eq!(found(None, &[]), None);
    fs::write(&usual[1], "").unwrap();
    assert_eq!(found(None, &[]).as_ref(), Some(&usual[1]));
    fs::write(&usual[0], "").unwrap();
    assert_eq!(found(None, &[]).as_ref(), Some(&usual[0]));
    assert_eq!(found(None, &[("KEYSWEEP_CONFIG", "v.toml")]), Some("v.toml".into()));
    assert_eq!(found(Some("n.toml"), &[("KEYSWEEP_CONFIG", "v.toml")]), Some("n.toml".into()));
}

#[test]
fn a_named_file_that_is_missing_is_a_problem_and_one_that_exists_gives_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.toml");
    let problems = load(&ConfigChoice::usual(Some(path.clone())), &[], &KNOWN).unwrap_err();
    assert!(problems.to_string().contains("own.toml: the file can't be read"), "{problems}");
    fs::write(&path, MINIMAL).unwrap();
    let (settings, _) = load(&ConfigChoice::usual(Some(path)), &[], &KNOWN).unwrap();
    let Place::Files(files) = &settings.inventories[0].place else { panic!("files") };
    assert_eq!(files.path, folder.path().join("connections.csv"));
}

#[test]
fn a_secret_is_fetched_from_where_it_is_and_its_absence_names_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), "from-file\n").unwrap();
    fs::write(folder.path().join("empty"), "\n").unwrap();
    let env = [
        ("NAME".to_owned(), "from-env".to_owned()),
        ("CREDENTIALS_DIRECTORY".to_owned(), folder.path().display().to_string()),
    ];
    let resolve = |text: &str, env: &Env| {
        let place =
            SecretRef::parse("escrow.master_key", text, folder.path()).unwrap_or_else(|fault| panic!("{}", fault.what));
        place.resolve(env).map(|secret| secret.expose().to_owned()).map_err(|error| error.to_string())
    };
    for (text, value) in
        [("env:NAME", "from-env"), ("file:key", "from-file"), ("cred:key", "from-file"), ("a:b", "a:b")]
    {
        assert_eq!(resolve(text, &env).as_deref(), Ok(value));
    }
    for (text, word) in [
        ("env:NAME", "NAME is not set"),
        ("file:no", "can't be read"),
        ("cred:key", "LoadCredential"),
        ("file:empty", "is empty"),
    ] {
        let error = resolve(text, &[]).unwrap_err();
        assert!(error.starts_with("escrow.master_key: ") && error.contains(word), "{error}");
    }
}

#[test]
fn contradictions_are_warned_of_in_words() {
    for (text, key, word) in [
        ("[liveness]\nconfirm_gap = \"30m\"", "liveness.confirm_gap", "SMTP"),
        ("[providers.mailjet]\nconfirm_gap = \"90m\"", "providers.mailjet.confirm_gap", "SMTP"),
        ("[escrow]\nhold = \"until-proven\"\nretention = \"1h\"", "escrow.retention", "settled"),
        ("[escrow]\nhold = \"until-proven\"\nretention = \"20000d\"", "escrow.retention", "held for 20000d"),
        ("[liveness]\nunproven_after = \"10m\"", "liveness.unproven_after", "confirm_gap"),
        ("[liveness]\ntimeout = \"1s\"", "liveness.connect_timeout", "timeout"),
        ("[providers.kit]\nsettle = \"91d\"", "providers.kit.settle", "retention"),
        ("[providers.kit]\nmax_age = \"14d\"", "providers.kit.max_age", "warn_before"),
        ("[policy]\nmax_age = \"7d\"", "policy.max_age", "warn_before"),
        ("[policy]\nwarn_before = \"90d\"", "policy.warn_before", "max_age (90d)"),
        ("[providers.kit]\nwarn_before = \"200d\"", "providers.kit.warn_before", "due from its first day"),
        ("[mail]\nfrom = \"keys@example.org\"", "mail.from", "nothing is mailed"),
        ("[escrow]\nmaster_key = \"x\"", "escrow.master_key", "env:NAME"),
        (
            "[providers.kit]\ndangerous_test_endpoints = { rest = \"http://127.0.0.1:1\" }",
            "providers.kit.dangerous_test_endpoints.rest",
            "never do this",
        ),
    ] {
        let (_, warnings) = read_with(text, &[]).unwrap();
        let told: Vec<_> = warnings.iter().map(|warning| (warning.key.as_str(), warning.sentence.as_str())).collect();
        assert!(matches!(told.as_slice(), [(k, sentence)] if *k == key && sentence.contains(word)), "{text}: {told:?}");
    }
    assert_eq!(read_with("", &[("KEYSWEEP__ESCROW__MASTER_KEY", "x")]).unwrap().1, [], "a variable is no literal");
}

#[test]
fn behind_a_proxy_somebody_must_say_whether_it_names_its_clients() {
    let warned = |url: &str, more: &str| {
        let text = format!("[http]\npublic_listen = \"127.0.0.1:9185\"\npublic_url = \"{url}\"\n{more}");
        let (settings, warnings) = read_with(&text, &[]).unwrap();
        let told = warnings.iter().find(|warning| warning.key == "http.trust_forwarded");
        (told.is_some_and(|warning| warning.sentence.contains("X-Forwarded-For")), settings.http.trust_forwarded)
    };
    assert_eq!(warned("https://keys.example.org", ""), (true, false));
    assert_eq!(warned("https://keys.example.org", "trust_forwarded = false"), (false, false));
    assert_eq!(warned("https://keys.example.org", "trust_forwarded = true"), (false, true));
    assert_eq!(warned("http://127.0.0.1:9185", ""), (false, false), "nothing stands before it");
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic_and_every_problem_has_a_place(
        text in r#"(\[?\[?(ledger|mail|inventory|providers)\.?(kit)?\]?\]?\n|[a-z_]{1,12} ?= ?["0-9a-z\[\]{}=, ]{0,12}\n){0,12}"#,
    ) {
        if let Err(problems) = read_with(&text, &[]) {
            prop_assert!(!problems.problems().is_empty());
            for problem in problems.problems() {
                prop_assert!(problem.place.starts_with("test.toml") && !problem.todo.is_empty(), "{problem}");
            }
        }
    }
}
