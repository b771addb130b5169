//! Configurations that don't do: every problem at once, a clear error, and the ledger as it was.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use crate::support::{Inventory, MASTER_KEY, Ran, Settings, Site, pair};

/// 32 other bytes in base64.
const OTHER_KEY: &str = "YW5vdGhlciBtYXN0ZXIga2V5IGZvciB0ZXN0cyEhISE=";

/// One that has scanned one live key. Its next questions may take as long as a test needs.
fn site_with_a_scan() -> Site {
    let mut site = Site::new();
    let liveness = "probe_every = \"100ms\"\ntimeout = \"25s\"".to_owned();
    site.configure(&Settings { liveness, ..Settings::default() });
    let mut inventory = Inventory::default();
    inventory.mailjet("one", "a1", "one");
    let (key_id, secret) = pair("one");
    site.providers.set("mailjet", "one", &key_id, &secret, "accept");
    site.connections(inventory.csv());
    site.scan();
    site
}

#[test]
fn a_broken_configuration_is_told_whole_with_places_and_without_its_secrets() {
    let site = Site::new();
    let broken = "[ledger]\nurl = \"mysql://root:hunter2@db.example.org/x\"\n[escrow]\nmaster_key = 7\n\
        [liveness]\nprobe_every = \"1 fortnight\"\nconfrm_gap = \"1h\"\n[[inventory]]\nname = \"main\"\nkind = \"xlsx\"\n\
        path = \"a.csv\"\n[providers.mailjett]\npace = \"10/s\"\n";
    fs::write(site.path("keysweep.toml"), broken).expect("a folder that can be written");
    for arguments in [&["config", "check"][..], &["scan"], &["findings", "list"], &["mail", "release"]] {
        let ran = site.run(arguments).exits(78);
        assert_eq!(ran.out, "", "{arguments:?}");
        for (key, line) in [
            ("ledger.url", 2),
            ("escrow.master_key", 4),
            ("escrow.hold", 3),
            ("liveness.probe_every", 6),
            ("liveness.confrm_gap", 7),
            ("inventory[0].kind", 10),
            ("providers.mailjett", 12),
        ] {
            let told = ran.err.lines().find(|text| text.contains(key)).unwrap_or_else(|| panic!("{key}: {}", ran.err));
            assert!(told.contains(&format!("keysweep.toml:{line}")), "{key}: {told}");
        }
        assert!(ran.err.contains("confirm_gap") && ran.err.contains("mailjet"), "it guesses: {}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
    assert!(!site.path("ledger.db").exists());
}

#[test]
fn a_variable_that_is_no_text_stops_nothing_unless_it_is_keysweeps_own() {
    let site = Site::new();
    let no_text = OsStr::from_bytes(b"caf\xe9 hunter2");
    for arguments in [&["config", "check"][..], &["man"], &["completions", "bash"]] {
        let ran: Ran = site.command().env("TERMINFO", no_text).args(arguments).output().expect("it starts").into();
        ran.exits(0);
    }
    for name in ["KEYSWEEP_MASTER_KEY", "KEYSWEEP__LEDGER__URL"] {
        let ran = site.command().env(name, no_text).args(["scan"]).output().expect("it starts");
        let ran = Ran::from(ran).exits(78);
        assert!(ran.err.contains(name) && ran.err.contains("UTF-8"), "{}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    }
    let ran = site.command().args([OsStr::new("explain"), no_text]).output().expect("it starts");
    Ran::from(ran).exits(2);
}

#[test]
fn a_ledger_in_a_folder_whose_name_is_no_text_is_refused_and_made_nowhere_else() {
    let site = Site::new();
    let folder = site.folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&folder).expect("a folder that can be written");
    fs::copy(site.path("keysweep.toml"), folder.join("keysweep.toml")).expect("a copy");
    for arguments in [&["config", "check"][..], &["scan", "--no-probe"]] {
        let mut command = site.command();
        command.env_remove("KEYSWEEP_CONFIG").arg("--config").arg(folder.join("keysweep.toml"));
        let ran = Ran::from(command.args(arguments).output().expect("it starts")).exits(78);
        assert!(ran.err.contains("ledger.url") && ran.err.contains("UTF-8"), "{}", ran.err);
    }
}

#[test]
fn a_good_configuration_is_said_to_be_good_and_shown_without_its_secrets() {
    let site = Site::new();
    site.configure(&Settings {
        escrow: format!("hold = \"none\"\nmaster_key = \"{MASTER_KEY}\""),
        ..Settings::default()
    });
    site.run(&["config", "check"]).exits(0);
    let shown = site.run(&["config", "show"]).exits(0);
    assert!(shown.out.contains("escrow.master_key") && shown.out.contains("confirm_gap"), "{}", shown.out);
    assert!(!format!("{}{}", shown.out, shown.err).contains(MASTER_KEY));
    assert!(!site.path("ledger.db").exists(), "looking makes nothing");
}

#[test]
fn without_its_master_key_nothing_begins() {
    let site = Site::new();
    let ran = site.command().env_remove("KEYSWEEP_MASTER_KEY").arg("scan").output().expect("the program starts");
    let ran = crate::support::Ran::from(ran).exits(78);
    assert!(ran.err.contains("escrow.master_key") && ran.err.contains("KEYSWEEP_MASTER_KEY"), "{}", ran.err);
    assert!(!site.path("ledger.db").exists());

    for wrong in ["", "not base64 at all!", "c2hvcnQ=", &MASTER_KEY[1..]] {
        let ran = site.command().env("KEYSWEEP_MASTER_KEY", wrong).arg("scan").output().expect("the program starts");
        let ran = crate::support::Ran::from(ran).exits(78);
        assert!(ran.err.contains("escrow.master_key"), "{wrong}: {}", ran.err);
        assert!(wrong.is_empty() || !ran.err.contains(wrong), "the value is shown: {}", ran.err);
        assert!(!site.path("ledger.db").exists(), "{wrong}");
    }
}

#[test]
fn with_another_master_key_the_ledger_stays_as_it_is() {
    let site = site_with_a_scan();
    let before = site.ledger_text();
    for arguments in [&["scan"][..], &["scan", "--dry-run"], &["inventory", "accept", "main"]] {
        let ran = site.command().env("KEYSWEEP_MASTER_KEY", OTHER_KEY).args(arguments).output();
        let ran = crate::support::Ran::from(ran.expect("the program starts")).exits(78);
        assert!(ran.err.contains("master key"), "{}", ran.err);
        assert!(before == site.ledger_text(), "{arguments:?} wrote");
    }
    site.scan();
}

#[test]
fn what_only_looks_makes_no_ledger_and_says_what_is_missing() {
    let site = Site::new();
    for arguments in [&["findings", "list"][..], &["explain", "F1"], &["scan", "--as-of", "2026-11-21T08:00:00Z"]] {
        let ran = site.run(arguments).exits(1);
        assert!(ran.err.contains("ledger.db"), "{arguments:?}: {}", ran.err);
        assert!(!site.path("ledger.db").exists(), "{arguments:?}");
    }
    site.run(&["inventory", "check", "main"]).exits(0);
    site.run(&["scan", "--dry-run"]).exits(0);
    assert!(!site.path("ledger.db").exists());
}

#[test]
fn a_name_that_nothing_has_is_a_wrong_command_line_and_no_wrong_configuration() {
    let site = Site::new();
    for (arguments, says) in [
        (&["inventory", "check", "nope"][..], "there are: main"),
        (&["inventory", "accept", "nope"], "there are: main"),
        (&["webhook", "test", "nope"], "there are: none"),
        (&["providers", "show", "nope"], "known are"),
        (&["providers", "trust", "nope"], "there are"),
        (&["probe", "nope"], "known are"),
        (&["snooze", "F1"], "--until"),
    ] {
        let ran = site.run(arguments).exits(2);
        assert!(ran.err.contains(says), "{arguments:?}: {}", ran.err);
    }
    assert!(!site.path("ledger.db").exists(), "and nothing is made for it");
}

#[test]
fn outside_of_its_unit_a_credential_is_asked_for_by_the_line_that_has_it() {
    let site = Site::new();
    let escrow = "hold = \"until-proven\"\nmaster_key = \"cred:master_key\"".to_owned();
    site.configure(&Settings { escrow, ..Settings::default() });
    let run = |folder: Option<&str>, arguments: &[&str]| -> Ran {
        let mut command = site.command();
        command.envs(folder.map(|folder| ("CREDENTIALS_DIRECTORY", site.path(folder)))).args(arguments);
        command.output().expect("it starts").into()
    };
    for arguments in [&["scan", "--dry-run"][..], &["inventory", "check", "main"]] {
        let ran = run(None, arguments).exits(78);
        let line = "CREDENTIALS_DIRECTORY=/etc/keysweep/credentials keysweep";
        assert!(ran.err.contains(line) && ran.err.contains("master_key"), "{}", ran.err);
    }
    fs::create_dir(site.path("credentials")).expect("a folder that can be written");
    fs::write(site.path("credentials/master_key"), MASTER_KEY).expect("a folder that can be written");
    run(Some("credentials"), &["inventory", "check", "main"]).exits(0);
}

#[test]
fn a_look_at_a_source_names_every_row_that_a_scan_would_set_aside() {
    let site = Site::new();
    site.connections(
        "connection_id,account_id,provider,created_at\n1,a,mailjet,\n2,a,mailjet,12/31/2025\n3,a,nobody,\n1,a,mailjet,\n",
    );
    let ran = site.run(&["inventory", "check", "main"]).exits(0);
    for place in ["row 3: created_at", "row 4: provider", "row 5: connection_id"] {
        assert_eq!(ran.out.matches(place).count(), 1, "{place}: {}", ran.out);
    }
    assert!(!site.path("ledger.db").exists(), "looking makes nothing");
}

#[test]
fn mail_without_a_server_is_refused_before_anything_is_done() {
    let site = site_with_a_scan();
    let before = site.list("scans").len();
    let ran = site.run(&["scan", "--notify"]).exits(78);
    assert!(ran.err.contains("mail.smtp_url"), "{}", ran.err);
    assert_eq!(site.list("scans").len(), before, "no scan was begun");
}

#[test]
fn a_file_that_is_no_ledger_is_left_alone() {
    let site = Site::new();
    fs::write(site.path("ledger.db"), "minutes of the last meeting").expect("a folder that can be written");
    let ran = site.run(&["scan"]).exits(1);
    assert!(ran.err.contains("ledger.db"), "{}", ran.err);
    assert_eq!(fs::read(site.path("ledger.db")).expect("the file"), b"minutes of the last meeting");
}

#[test]
fn a_second_scan_leaves_the_ledger_to_the_first_and_looking_is_always_possible() {
    let mut site = site_with_a_scan();
    site.providers.does("mailjet", "one", "hang");
    let mut first = site.start(&["scan"]);
    site.wait_until("the first scan asks", |site| site.providers.asked("mailjet", "one") == 2);
    let second = site.run(&["scan"]).exits(1);
    assert!(second.err.contains("ledger.db"), "{}", second.err);
    assert_eq!(site.list("connections").len(), 1);
    first.kill().expect("it can be ended");
    first.wait().expect("it ends");
    site.providers.does("mailjet", "one", "accept");
    site.scan();
}

#[test]
fn an_interrupted_scan_says_so_and_the_next_goes_on() {
    for signal in ["-INT", "-TERM"] {
        let mut site = site_with_a_scan();
        site.providers.does("mailjet", "one", "hang");
        let child = site.command().arg("scan").stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let child = child.expect("the program starts");
        site.wait_until("the scan asks", |site| site.providers.asked("mailjet", "one") == 2);
        std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!(ended.status.code(), Some(130), "{signal}");
        let told = String::from_utf8(ended.stderr).expect("text");
        assert!(
            told.ends_with(
                "keysweep: interrupted; what was done until now stays, and the next time goes on from there\n"
            ),
            "{told}"
        );
        assert!(site.run(&["scans", "list"]).exits(0).out.contains("not ended"));
        // Whoever takes the ledger next knows that nobody is at it any more.
        site.run(&["inventory", "accept", "main"]).exits(0);
        assert!(site.run(&["scans", "list"]).exits(0).out.contains("killed"));
        site.providers.does("mailjet", "one", "accept");
        site.scan();
    }
}
