//! What belongs to one source.

use super::*;

#[test]
fn a_source_has_a_schedule_of_its_own_by_the_zone_of_all_and_none_that_is_off() {
    let with = |line: &str| read_with(&format!("[schedule]\nzone = \"Europe/Berlin\"\n{MINIMAL}{line}\n"), &[]);
    let (own, _) = with("schedule = \"30 2 * * *\"").unwrap();
    let cron = own.inventories[0].schedule.as_ref().expect("a schedule");
    assert_eq!((cron.to_string().as_str(), cron.zone().name()), ("30 2 * * *", "Europe/Berlin"));
    assert!(with("").unwrap().0.inventories[0].schedule.is_none());
    let told = with("schedule = \"off\"").unwrap_err().to_string();
    assert!(told.contains("inventory[0].schedule: it can't be off"), "{told}");
    let off = format!("[schedule]\nscan = \"off\"\n{MINIMAL}schedule = \"@daily\"\n");
    assert!(read_with(&off, &[]).unwrap().1.iter().any(|warning| warning.key == "inventory[0].schedule"));
}

#[test]
fn events_need_a_secret_and_a_listener_and_take_two_secrets_at_most() {
    let inventory = |more: &str| format!("{MINIMAL}\n[[inventory]]\nname = \"told\"\nkind = \"events\"\n{more}\n");
    let told = |text: &str| read(Some(Source { name: "m", text }), Path::new("."), &[], &KNOWN);
    let (settings, warnings) = told(&inventory("events_secret = [\"env:NEW\", \"file:old\"]")).unwrap();
    assert_eq!(settings.inventories[1].events_secrets.len(), 2);
    assert!(matches!(settings.inventories[1].place, Place::Events));
    assert!(warnings.iter().any(|warning| warning.to_string().contains("no event can come")), "{warnings:?}");
    for (more, words) in [
        ("", "what events are signed with is missing"),
        ("events_secret = []", "more than two"),
        ("events_secret = [\"env:A\", \"env:B\", \"env:C\"]", "more than two"),
        ("events_secret = [\"env:A\", 7]", "not text"),
        ("events_secret = \"env:A\"\npath = \"x.csv\"", "there is no such setting"),
    ] {
        let problems = told(&inventory(more)).unwrap_err().to_string();
        assert!(problems.contains(words), "{more}: {problems}");
    }
    let literal = told(&inventory("events_secret = [\"whsec_canary\", \"env:B\"]")).unwrap().0;
    let shown = show(&literal);
    assert!(!shown.contains("canary") && shown.contains("[[secret], \"env:B\"]"), "{shown}");
}

#[test]
fn the_path_of_a_database_is_no_secret_and_a_login_is() {
    let warned = |url: &str| {
        let text = format!(
            "{MINIMAL}\n[[inventory]]\nname = \"db\"\nkind = \"sql\"\nurl = \"{url}\"\nconnections = \"SELECT 1\"\n"
        );
        let (_, warnings) = read_with(&text, &[]).unwrap();
        warnings.iter().any(|warning| warning.key == "inventory[1].url" && warning.sentence.contains("secret itself"))
    };
    assert!(!warned("sqlite:platform.db") && !warned("env:PLATFORM_URL"));
    assert!(warned("postgres://reader:word@127.0.0.1/platform"));
}

#[test]
fn a_key_to_a_vault_that_stands_in_the_file_is_warned_of_and_never_shown() {
    let vault = "[inventory.secret_refs.vault]\nurl = \"https://vault.example.org\"\ntoken = \"canary\"\n";
    let (settings, warnings) = read_with(&format!("{MINIMAL}{vault}"), &[]).unwrap();
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(warning.key, "inventory[0].secret_refs.vault.token");
    assert!(!format!("{settings:?}{}{warning:?}", show(&settings)).contains("canary"));
}
