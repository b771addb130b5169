//! A link from a real mail, followed as a person would: in a browser without script, to the page of a running daemon.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, TimeDelta};
use keysweep::demo::world::{KeyState, Simulated};
use serde_json::{Value, json};

use crate::daemon::running::Running;
use crate::estate::{Connection, Estate, one_stale_key, wait_for};
use crate::support::{ago, fixtures};

/// The key of [`one_stale_key`].
const KEY: &str = "kit_0000000000000000000000000000one";

/// An estate whose one mail has a link, and the daemon that the link leads to.
struct Linked {
    estate: Estate,
    daemon: Running,
    link: String,
    /// the language of its reader
    lang: &'static str,
}

impl Linked {
    fn new() -> Self {
        Self::new_with(|_| {})
    }

    /// With something that happens between the mail and the start of the daemon.
    fn new_with(meanwhile: impl FnOnce(&Estate)) -> Self {
        Self::read_in("en", meanwhile)
    }

    /// Likewise, for a reader of this language.
    fn read_in(lang: &'static str, meanwhile: impl FnOnce(&Estate)) -> Self {
        let estate = one_stale_key();
        let people = fs::read_to_string(estate.path("people.csv")).expect("the people");
        let people = people.replace(",verified\n", ",verified,locale\n").replace(",true\n", &format!(",true,{lang}\n"));
        estate.write("people.csv", &people);
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("its number").port();
        let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
        let public = format!(
            "[http]\npublic_listen = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\n\
             [schedule]\nscan = \"0 3 1 1 *\"\nmail = \"0 3 1 1 *\"\n[telemetry]\nlog_filter = \"trace\"\n"
        );
        // Each scan asks; the daemon makes none by itself.
        let text = text.replace("[liveness]", "[liveness]\nprobe_every = \"1ms\"");
        estate.write("keysweep.toml", &format!("{text}\n{public}"));
        estate.release();
        let ran = estate.notify();
        fs::write(estate.path("log of the scan"), format!("{}{}", ran.out, ran.err)).expect("a log");
        let mail = estate.mails().into_iter().next().expect("a mail");
        let start = mail.text.find(&format!("http://127.0.0.1:{port}/a/")).expect("a link in the text part");
        let link: String = mail.text[start..].split_whitespace().next().expect("a link").to_owned();
        assert!(mail.html.replace("&#x2f;", "/").contains(&link), "the same link in both parts");
        meanwhile(&estate);
        let daemon = Running::start(&estate);
        wait_for("the page is served", || daemon.log().contains("listening for the people").then_some(()));
        Self { estate, daemon, link, lang }
    }

    /// What a person meets who opens the link and then clicks these, one after the other.
    fn met(&self, width: u32, clicks: &[&str]) -> Vec<Value> {
        self.pictured(width, Path::new("-"), clicks)
    }

    fn pictured(&self, width: u32, picture: &Path, clicks: &[&str]) -> Vec<Value> {
        let ran = Command::new("/usr/bin/python3")
            .arg(fixtures().join("clicks.py"))
            .args([&self.link, &width.to_string()])
            .arg(picture)
            .args(clicks)
            .output()
            .expect("Python starts");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let met: Vec<Value> = serde_json::from_slice(&ran.stdout).expect("a list of pages");
        for (at, page) in met.iter().enumerate() {
            for (fact, expected) in
                [("overflow", json!(0)), ("heads", json!(1)), ("styled", json!(true)), ("lang", json!(self.lang))]
            {
                assert_eq!(page[fact], expected, "{fact} of page {at} at {width}: {page}");
            }
            assert_eq!(page["complaints"], json!([]), "{page}");
        }
        met
    }

    /// Where whoever wants to look at the pictures finds them.
    fn pictures(&self) -> PathBuf {
        std::env::var_os("KEYSWEEP_PICTURES").map_or_else(|| self.estate.folder.path().to_owned(), Into::into)
    }

    fn key_is(&self, state: KeyState) {
        self.estate.world.set(Simulated::Kit, None, KEY, state);
    }
}

/// The instant of so long ago, by the machine's clock.
fn written(span: TimeDelta, format: &str) -> String {
    DateTime::parse_from_rfc3339(&ago(span)).expect("an instant").to_utc().format(format).to_string()
}

fn text(page: &Value) -> &str {
    page["text"].as_str().expect("a text")
}

#[track_caller]
fn says(page: &Value, words: &str) {
    assert!(text(page).contains(words), "{words:?} is not in\n{}", text(page));
}

#[test]
fn a_person_checks_resets_and_checks_again_without_script() {
    let linked = Linked::new();
    let met = linked.met(800, &["[value=check]"]);
    says(&met[0], "What to do");
    says(&met[1], "Kit accepted it over REST just now: it still works.");
    linked.key_is(KeyState::Refused);
    let met = linked.met(360, &["[value=check]", "[value=reset]", "[name=days][value='7']", "[value=resume]"]);
    says(&met[1], "Kit refused it over REST just now.");
    says(&met[1], "counts as proof once it is refused again");
    says(&met[2], "until that is confirmed, reminders wait");
    says(&met[2], "Reminders wait until");
    says(&met[3], "No reminder comes before");
    says(&met[4], "Reminders come as before.");
    let told = linked.estate.run(&["explain", "F1", "--format", "json"]).exits(0).out;
    for act in ["finding.check_asked", "finding.reset_said", "finding.snoozed", "finding.resumed"] {
        assert!(told.contains(act), "{act}: {told}");
    }
    linked.daemon.stop();
}

#[test]
fn a_reset_that_came_to_nothing_is_told_once_when_its_window_is_over() {
    let linked = Linked::new_with(|estate| {
        let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
        estate.write("keysweep.toml", &format!("{text}\n[links]\nreset_window = \"1s\"\n"));
    });
    says(&linked.met(800, &["[value=reset]"])[1], "until that is confirmed, reminders wait");
    linked.daemon.stop();
    let told = wait_for("the window is over", || {
        linked.estate.notify();
        linked.estate.mails().into_iter().nth(1)
    });
    let told = format!("{} {}", told.subject, told.text.split_whitespace().collect::<Vec<_>>().join(" "));
    assert!(told.contains("it was said here that this key has been reset, and Kit accepted it after that"), "{told}");
    assert!(told.contains("Reminder") && told.contains("delete the old connection"), "{told}");
    linked.estate.notify();
    assert_eq!(linked.estate.mails().len(), 2, "once");
}

#[test]
fn the_page_goes_by_the_clock_that_the_providers_set_right() {
    let linked = Linked::new_with(|estate| {
        // Since the mail, somebody has set the machine's clock a day ahead of everybody else's.
        estate.world.date(Some(written(TimeDelta::days(1), "%a, %d %b %Y %H:%M:%S GMT")));
        let scanned = estate.run(&["scan"]);
        assert!(scanned.err.contains("our clock is suspect"), "{}", scanned.err);
    });
    let met = linked.met(800, &["[value=check]"]);
    says(&met[1], "Kit accepted it over REST just now: it still works.");
    let [tomorrow, today] = [0, 1].map(|days| written(TimeDelta::days(days), "%-d %B %Y"));
    let met = linked.met(800, &["[value=reset]"]);
    says(&met[1], &format!("Reminders wait until {tomorrow}"));
    says(&met[1], &format!("on {today}"));
    linked.daemon.stop();
}

#[test]
fn the_button_confirms_that_it_is_fixed() {
    let linked = Linked::new_with(|estate| {
        // Nobody asks but who presses the button.
        let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
        estate.write("keysweep.toml", &text.replace("probe_every = \"1ms\"\n", ""));
        // Another key that is accepted: else a refusal proves nothing for three days.
        let other = "kit_0000000000000000000000000000two";
        estate.world.set(Simulated::Kit, None, other, KeyState::Live);
        estate
            .connections(&[Connection::active("c1", "a", "owner", KEY), Connection::active("c2", "a", "owner", other)]);
        estate.run(&["scan"]).exits(0);
    });
    linked.key_is(KeyState::Refused);
    says(&linked.met(360, &["[value=check]"])[1], "counts as proof once it is refused again");
    let picture = linked.pictures().join("link-settled.png");
    let met = linked.pictured(360, &picture, &["[value=check]"]);
    for words in ["This is settled", "Kit refused it over REST just now. That is confirmed", "Nothing is left to do"] {
        says(&met[1], words);
    }
    says(&linked.met(800, &[])[0], "This is settled"); // until the link ends
    linked.daemon.stop();
}

#[test]
fn the_page_is_looked_at_in_both_widths_and_languages() {
    for (lang, asked) in
        [("en", "Kit accepted it over REST just now"), ("de", "Kit hat ihn soeben über REST angenommen")]
    {
        let linked = Linked::read_in(lang, |_| {});
        let folder = linked.pictures();
        for width in [360, 800] {
            let picture = folder.join(format!("link-{lang}-{width}.png"));
            says(&linked.pictured(width, &picture, &["[value=check]"])[1], asked);
            assert!(fs::metadata(&picture).expect("a picture").len() > 20_000);
        }
        linked.daemon.stop();
    }
}
