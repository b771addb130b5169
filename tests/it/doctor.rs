//! `doctor`: what fails is named with its setting and the next step, whatever it is, in bounded time and without a trace.

mod faults;
mod preflight;
mod reach;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::{Inventory, MASTER_KEY, Ran, Settings, Site, hex, pair};

/// 32 other bytes.
const OTHER_KEY: &str = "YW5vdGhlciBrZXkgdGhhbiB0aGUgbGVkZ2VyJ3MhISE=";
/// What marks a secret, in each of them.
pub const CANARY: &str = "c4naryB1rd";

/// What the program found.
#[derive(Debug)]
pub struct Found {
    /// the whole document
    pub document: Value,
    /// all that was printed
    pub ran: Ran,
}

/// What was found of one thing.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// ok, warning or error
    pub state: String,
    /// what was found
    pub what: String,
    /// what to do
    pub todo: String,
}

impl Found {
    /// Looks at a site; each look may take so long.
    #[track_caller]
    pub fn at(site: &Site, code: i32, timeout: &str) -> Self {
        let ran = site.run(&["doctor", "--format", "json", "--timeout", timeout]).exits(code);
        Self { document: ran.json(), ran }
    }

    /// What was found of this part under this setting, the worst of it first.
    #[track_caller]
    pub fn line(&self, name: &str, setting: &str) -> Line {
        let checks = self.document["checks"].as_array().expect("checks");
        let of = |check: &&Value| check["name"] == name && check["setting"] == setting;
        let rank = |check: &&Value| ["ok", "warning", "error"].iter().position(|state| check["state"] == *state);
        let found = checks.iter().filter(of).rev().max_by_key(rank);
        let word = |key: &str| found.and_then(|check| check[key].as_str()).unwrap_or("(no such check)").to_owned();
        Line { state: word("state"), what: word("what"), todo: word("todo") }
    }

    /// True where a text is anywhere in what was printed.
    pub fn tells(&self, text: &str) -> bool {
        self.ran.out.contains(text) || self.ran.err.contains(text)
    }

    /// The names of what is not ok, each with its setting.
    pub fn troubles(&self) -> Vec<String> {
        let checks = self.document["checks"].as_array().expect("checks");
        let bad = checks.iter().filter(|check| check["state"] != "ok");
        bad.map(|check| format!("{} {}", check["name"], check["setting"]).replace('"', "")).collect()
    }
}

impl Line {
    /// Fails the test where the state is another, or a word is missing from what was found or from what to do.
    #[track_caller]
    pub fn is(&self, state: &str, found: &str, todo: &str) {
        assert_eq!(self.state, state, "{self:?}");
        assert!(self.what.contains(found), "{found:?} is not in {self:?}");
        assert!(self.todo.contains(todo), "{todo:?} is not in {self:?}");
        assert_eq!(self.todo.is_empty(), state == "ok", "what is wrong has a next step: {self:?}");
    }
}

/// A site where nothing is wrong but that its providers are simulated, which is worth a warning for each.
pub fn healthy_site() -> Site {
    let site = Site::new();
    site.configure(&quick());
    let mut inventory = Inventory::default();
    inventory.mailjet("one", "a", "one");
    site.connections(inventory.csv());
    site.people("account_id,member_id,email,role\na,1,owner@example.org,owner\n");
    for file in ["connections.csv", "people.csv"] {
        fs::set_permissions(site.path(file), fs::Permissions::from_mode(0o600)).expect("a file of ours");
    }
    site
}

/// Settings that nobody would warn of.
pub fn quick() -> Settings {
    Settings { liveness: "timeout = \"25s\"".to_owned(), rest: also(""), ..Settings::default() }
}

/// Whole sections beside one for the listener, whose usual port would be the same in all tests.
pub fn also(sections: &str) -> String {
    format!("[http]\nlisten = \"127.0.0.1:0\"\n{sections}\n")
}

/// A healthy site with another ledger than the usual one.
fn site_with_ledger(url: &str) -> Site {
    let site = healthy_site();
    let text = fs::read_to_string(site.path("keysweep.toml")).expect("the configuration");
    fs::write(site.path("keysweep.toml"), text.replace("sqlite:ledger.db", url)).expect("a folder that can be written");
    site
}

/// What lies in the site's folder: names and contents.
fn files(site: &Site) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(site.folder.path()).expect("the folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(&path).expect("a file"))).collect()
}

/// Runs SQL on the site's ledger, as an older or newer program might have left it.
fn alter(site: &Site, sql: &str) {
    const RUN: &str = "import sqlite3, sys\nd = sqlite3.connect(sys.argv[1]); d.executescript(sys.argv[2]); d.close()";
    let ran = Command::new("python3").args(["-c", RUN]).arg(site.path("ledger.db")).arg(sql).status();
    assert!(ran.expect("python3 runs").success());
}

#[test]
fn where_all_is_well_every_part_is_told_and_nothing_is_left_behind() {
    let site = healthy_site();
    let before = files(&site);
    let found = Found::at(&site, 0, "30s");
    found.line("config", "").is("ok", "keysweep.toml is good", "");
    found.line("ledger", "ledger.url").is("ok", "there is none", "");
    found.line("disk", "ledger.url").is("ok", "free at", "");
    found.line("master key", "escrow.master_key").is("ok", "is a good key", "");
    found.line("source main", "inventory[0].path").is(
        "ok",
        "1 row read, all understood; 1 with a secret (mailjet)",
        "",
    );
    found.line("source main", "inventory[0].people_path").is("ok", "owners who can be written to: 1", "");
    found.line("mail", "mail.smtp_url").is("ok", "not set", "");
    found.line("clock", "").is("ok", "it shows", "");
    for (job, next) in [("scan", "*/15 * * * *: next at "), ("mail", "09:00 in UTC"), ("upkeep", "03:30 in UTC")] {
        found.line("schedule", &format!("schedule.{job}")).is("ok", next, "");
    }
    for provider in ["convertkit", "kit", "mailjet"] {
        let setting = format!("providers.{provider}.dangerous_test_endpoints.rest");
        found.line(&format!("provider {provider}"), &setting).is("ok", "answers at 127.0.0.1:", "");
        found.line("config", &setting).is("warning", "never do this with real ones", "where it is meant");
    }
    assert_eq!(found.document["verdict"], "warning", "{found:?}");
    assert_eq!(found.troubles().len(), 3, "{found:?}");
    assert!(site.providers.requests().is_empty(), "nobody is asked");
    assert!(files(&site) == before, "looking makes nothing");

    let table = site.run(&["doctor"]).exits(0);
    assert!(table.out.contains("inventory[0].people_path") && table.out.contains("→ change it"), "{}", table.out);
    assert!(table.err.contains("3 warnings, 0 errors"), "{}", table.err);
}

#[test]
fn a_broken_configuration_is_told_whole_and_ends_with_78() {
    let site = healthy_site();
    let broken = format!("[escrow]\nmaster_key = 7\n[liveness]\nprobe_evry = \"{CANARY}\"\n");
    fs::write(site.path("keysweep.toml"), broken).expect("a folder that can be written");
    let found = Found::at(&site, 78, "30s");
    found.line("config", "escrow.master_key").is("error", "keysweep.toml:2", "env:NAME");
    found.line("config", "liveness.probe_evry").is("error", "no such setting", "probe_every");
    assert_eq!(found.document["verdict"], "config");
    assert!(!found.tells(CANARY));
    site.run(&["doctor"]).exits(78);
}

#[test]
fn every_secret_that_cannot_be_had_is_told_at_once_under_its_own_setting() {
    let site = healthy_site();
    site.configure(&Settings {
        escrow: "hold = \"none\"\nmaster_key = \"env:NOT_SET\"".to_owned(),
        mailjet: "control = { key_id = \"k\", secret = \"cred:control\" }".to_owned(),
        rest: also("[mail]\nfrom = \"keys@example.org\"\nsmtp_url = \"file:/nowhere/smtp\""),
        ..quick()
    });
    let found = Found::at(&site, 78, "30s");
    found.line("master key", "escrow.master_key").is("error", "NOT_SET is not set", "set it");
    found.line("config", "mail.smtp_url").is("error", "/nowhere/smtp can't be read", "make it readable");
    found.line("config", "providers.mailjet.control.secret").is(
        "error",
        "LoadCredential=control:PATH",
        "CREDENTIALS_DIRECTORY=",
    );
    found.line("source main", "inventory[0].path").is("ok", "all understood", "");
}

#[test]
fn values_that_do_not_do_are_told_without_their_secrets() {
    let site = healthy_site();
    site.configure(&Settings {
        escrow: format!("hold = \"none\"\nmaster_key = \"{CANARY}\""),
        mailjet: "protocols = [\"telnet\"]".to_owned(),
        rest: also(&format!("[mail]\nfrom = \"keys@example.org\"\nsmtp_url = \"http://u:{CANARY}@mail.example.org\"")),
        ..quick()
    });
    let found = Found::at(&site, 78, "30s");
    found.line("master key", "escrow.master_key").is("error", "is not base64", "openssl rand");
    found.line("master key", "escrow.master_key").is("error", "keysweep.toml:", "openssl rand");
    let protocols = "\"telnet\" is not one of its protocols";
    found.line("config", "providers.mailjet.protocols").is("error", protocols, "rest, smtp");
    found.line("config", "providers.mailjet.protocols").is("error", "keysweep.toml:", "rest, smtp");
    found.line("config", "mail.smtp_url").is("error", "begins with `smtp://`", "correct it");
    assert!(!found.tells(CANARY));
}

#[test]
fn files_that_hold_secrets_and_are_open_to_others_are_warned_of() {
    let site = healthy_site();
    fs::write(site.path("master.key"), MASTER_KEY).expect("a folder that can be written");
    site.configure(&Settings {
        escrow: "hold = \"until-proven\"\nmaster_key = \"file:master.key\"".to_owned(),
        ..quick()
    });
    for file in ["master.key", "connections.csv"] {
        fs::set_permissions(site.path(file), fs::Permissions::from_mode(0o644)).expect("a file of ours");
    }
    let found = Found::at(&site, 0, "30s");
    found.line("config", "escrow.master_key").is("warning", "may be read by others", "chmod 600");
    found.line("source main", "inventory[0].path").is("warning", "everybody on this machine may read it", "chmod o-r");
}

#[test]
fn another_ledgers_master_key_is_told_and_the_ledger_stays_as_it_is() {
    let site = healthy_site();
    site.scan();
    let (text, before) = (site.ledger_text(), files(&site));
    Found::at(&site, 0, "30s").line("master key", "escrow.master_key").is("ok", "opens this ledger", "");
    let mut command = site.command();
    command.env("KEYSWEEP_MASTER_KEY", OTHER_KEY).args(["doctor", "--format", "json"]);
    let ran = Ran::from(command.output().expect("the program starts")).exits(78);
    let found = Found { document: ran.json(), ran };
    found.line("master key", "escrow.master_key").is("error", "was made with the master key", "give the right key");
    assert!(!found.tells(OTHER_KEY));
    assert_eq!(text, site.ledger_text());
    let after = files(&site);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert!(before[&site.path("ledger.db")] == after[&site.path("ledger.db")], "not a byte is written");
}

#[test]
fn a_ledger_that_is_held_is_told_with_its_holder() {
    let mut site = healthy_site();
    let (key_id, secret) = pair("one");
    site.providers.set("mailjet", "one", &key_id, &secret, "hang");
    let mut scan = site.start(&["scan"]);
    site.wait_until("the scan asks", |site| site.providers.asked("mailjet", "one") == 1);
    let found = Found::at(&site, 0, "30s");
    let holder = format!("another keysweep process holds it (process {})", scan.id());
    found.line("ledger", "ledger.url").is("warning", &holder, "else stop it");
    assert!(scan.try_wait().expect("its state").is_none(), "and it goes on");
    scan.kill().expect("it can be ended");
    scan.wait().expect("it ends");
    Found::at(&site, 0, "30s").line("ledger", "ledger.url").is("ok", "nobody holds it", "");
}

#[test]
fn an_older_ledger_is_a_warning_and_a_newer_one_an_error() {
    let site = healthy_site();
    site.scan();
    alter(
        &site,
        "UPDATE _sqlx_migrations SET version = 9001 WHERE version = (SELECT max(version) FROM _sqlx_migrations)",
    );
    let found = Found::at(&site, 1, "30s");
    found.line("ledger", "ledger.url").is("error", "has schema 9001", "newer keysweep");
    alter(&site, "DELETE FROM _sqlx_migrations WHERE version = 9001");
    let found = Found::at(&site, 0, "30s");
    found.line("ledger", "ledger.url").is("warning", "the next start brings it to", "make a backup");
    found.line("master key", "escrow.master_key").is("ok", "opens this ledger", "");
}

#[test]
fn a_ledger_that_cannot_be_is_told_with_the_reason() {
    let cases = [
        ("sqlite:nowhere/ledger.db", "No such file or directory", "make the folder"),
        // not even root may make files here
        ("sqlite:/proc/ledger.db", "/proc: the ledger's file can't be used", "ledger.url"),
        ("sqlite:connections.csv", "file is not a database", "restore it from a backup"),
        ("sqlite:/proc", "can't be used", "ledger.url"),
    ];
    for (url, what, todo) in cases {
        let site = site_with_ledger(url);
        let before = files(&site);
        let found = Found::at(&site, 1, "30s");
        found.line("ledger", "ledger.url").is("error", what, todo);
        found.line("provider mailjet", "providers.mailjet.dangerous_test_endpoints.rest").is("ok", "answers", "");
        assert!(files(&site) == before, "{url}: looking makes nothing");
    }
}

#[test]
fn a_clock_behind_the_ledgers_latest_scan_is_told() {
    let site = healthy_site();
    site.scan();
    alter(&site, "UPDATE scan SET started_at = started_at + 7500000");
    let found = Found::at(&site, 1, "30s");
    found.line("clock", "").is("error", "the latest scan began 2 h after that", "NTP");
}

#[test]
fn a_source_that_does_not_do_is_told_with_its_own_setting() {
    let (path, people) = ("inventory[0].path", "inventory[0].people_path");
    let site = healthy_site();
    let tell = |code: i32| Found::at(&site, code, "30s");

    fs::remove_file(site.path("people.csv")).expect("a file of ours");
    tell(1).line("source main", people).is("error", "there is no such file", "`people_path` of the inventory `main`");
    site.people("account_id,member_id\na,1\n");
    tell(1).line("source main", people).is("error", "email", "");
    site.people("account_id,member_id,email,role,verified\na,1,owner@example.org,owner,false\n");
    tell(0).line("source main", people).is("warning", "none of 1 row is an active owner", "nobody would be mailed");

    site.connections("connection_id,account_id\n1,a\n");
    tell(1).line("source main", path).is("error", "provider", "");
    site.connections("connection_id,account_id,provider\n1,a,nobody\n2,,mailjet\n");
    tell(1).line("source main", path).is(
        "error",
        "none of 2 rows is understood: row 2: provider",
        "inventory check main",
    );
    site.connections("connection_id,account_id,provider,secret\n1,a,nobody,\n2,a,mailjet,x\n");
    tell(0).line("source main", path).is("warning", "1 of 2 rows would be set aside: row 2", "inventory check main");
    site.connections("connection_id,account_id,provider\n1,a,mailjet\n");
    tell(0).line("source main", path).is("warning", "none of 1 row has a secret", "column `secret`");
    site.connections("connection_id,account_id,provider\n");
    tell(0).line("source main", path).is("warning", "it has no rows", "");
    site.connections("connection_id,account_id,prov");
    tell(1).line("source main", path).is("error", "", "");

    fs::remove_file(site.path("connections.csv")).expect("a file of ours");
    fs::create_dir(site.path("connections.csv")).expect("a folder of ours");
    tell(1).line("source main", path).is("error", "is not a regular file", "`path` of the inventory `main`");
}

#[test]
fn a_schedule_that_is_off_is_told_where_something_would_not_happen() {
    let site = healthy_site();
    let off = "[schedule]\nscan = \"off\"\nmail = \"off\"\nupkeep = \"off\"\n";
    site.configure(&Settings { rest: also(off), ..quick() });
    let found = Found::at(&site, 0, "30s");
    found.line("schedule", "schedule.scan").is("warning", "asks nothing by itself", "give it a schedule");
    found.line("schedule", "schedule.mail").is("ok", "off", "");
    found.line("schedule", "schedule.upkeep").is("warning", "nobody looks after the ledger", "give it a schedule");
}

#[test]
fn only_the_first_thousand_rows_are_looked_at() {
    let site = healthy_site();
    let rows =
        (0..1_500).map(|row| format!("{row},a,{},{}\n", if row < 1_000 { "mailjet" } else { "nobody" }, hex("x")));
    site.connections(format!("connection_id,account_id,provider,key_id\n{}", rows.collect::<String>()));
    let line = Found::at(&site, 0, "30s").line("source main", "inventory[0].path");
    line.is("warning", "none of the first 1000 rows has a secret", "secret");
}

#[test]
fn a_source_that_the_configuration_has_forgotten_is_told() {
    let site = healthy_site();
    site.scan();
    let text = fs::read_to_string(site.path("keysweep.toml")).expect("the configuration");
    fs::write(site.path("keysweep.toml"), text.replace("name = \"main\"", "name = \"other\"")).expect("a file of ours");
    let found = Found::at(&site, 0, "30s");
    found.line("source main", "inventory").is("warning", "still counts (rows: 1)", "name it again");
    found.line("source other", "inventory[0].path").is("ok", "1 row read", "");
}
