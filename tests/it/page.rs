//! The demo as it is looked at: page, metrics and inbox over real connections, and the page in a real browser.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use keysweep::demo::estate::MARK;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::daemon::running::Running;
use crate::estate::{stale_keys, wait_for};
use crate::support::fixtures;

/// A running demo.
pub(crate) struct Demo {
    child: Child,
    folder: TempDir,
    pub(crate) page: String,
    inbox: String,
}

impl Demo {
    /// Waits until its story is told and it can be looked at.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_keysweep"))
            .args(["demo", "--keep"])
            .arg(folder.path().join("kept"))
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut address = |name: &str| {
            let line = lines.find_map(|line| line.ok().filter(|line| line.starts_with(name)));
            let line = line.expect("the demo prints where it is to be looked at");
            line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address").to_owned()
        };
        let (page, inbox) = (address("page "), address("inbox "));
        // Whoever stops reading ends the demo.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, folder, page, inbox }
    }

    /// A file of its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("kept").join(name)
    }

    pub(crate) fn token(&self) -> String {
        fs::read_to_string(self.file("http.token")).expect("the token")
    }

    /// The answer to whoever has the token, head and body.
    pub(crate) fn get(&self, path: &str) -> String {
        get(&self.page, path, &format!("Authorization: Bearer {}\r\n", self.token()))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already, as it should.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn get(address: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    answer
}

/// A fresh browser that goes nowhere by itself: what it prints, and what it complains of.
fn browse(url: &str, arguments: &[&str]) -> (Vec<u8>, String) {
    let profile = tempfile::tempdir().expect("a folder");
    let ran = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"])
        .args(["--disable-dev-shm-usage", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(url)
        .output()
        .expect("chromium is installed (tests/run installs it)");
    (ran.stdout, String::from_utf8_lossy(&ran.stderr).into_owned())
}

/// Takes a picture of this width and returns its size in bytes: an empty page has hardly any.
fn picture(url: &str, width: u32, to: &Path) -> u64 {
    let (_, errors) = browse(url, &[&format!("--window-size={width},2400"), &format!("--screenshot={}", to.display())]);
    let complaints: Vec<&str> = errors.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert!(to.exists(), "no picture: {errors}");
    let picture = fs::read(to).expect("a picture");
    let side = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().expect("four bytes"));
    assert_eq!((side(16), side(20)), (width, 2400), "the picture has the size that was asked for");
    picture.len() as u64
}

#[test]
fn the_demo_can_be_looked_at_and_shows_no_secret_and_no_address() {
    let demo = Demo::start();
    let page = demo.get("/");
    for told in
        ["Am I blind?", "ConvertKit", "revocation-missing", "platform&#x2f;c-", "uses left behind", "over a year"]
    {
        assert!(page.contains(told), "{told} is not on the page");
    }
    let metrics = demo.get("/metrics");
    assert!(metrics.contains("\nkeysweep_findings_open{"), "{metrics}");
    for (name, shown) in [("page", &page), ("metrics", &metrics)] {
        assert!(!shown.contains('@'), "an address on the {name}");
        assert!(!shown.contains(MARK) && !shown.contains(&demo.token()), "a secret on the {name}");
    }

    let list = get(&demo.inbox, "/", "");
    assert!(list.contains("href=\"/mail/1\"") && list.contains("it still works"), "{list}");
    let letter = get(&demo.inbox, "/mail/1", "");
    assert!(letter.contains("sandbox") && letter.contains("Message-ID"), "{letter}");
    let html = get(&demo.inbox, "/mail/1/html", "");
    assert!(html.contains("content-security-policy: sandbox; default-src 'none'"), "{html}");

    let scraping = fs::read_to_string(demo.file("prometheus.yml")).expect("a configuration for Prometheus");
    assert!(scraping.contains(&demo.page) && scraping.contains("credentials_file: http.token"), "{scraping}");

    // It ends well, and at once.
    let mut demo = demo;
    assert!(Command::new("kill").arg("-INT").arg(demo.child.id().to_string()).status().expect("kill").success());
    assert!(demo.child.wait().expect("its end").success());
}

#[test]
fn the_page_and_the_inbox_are_shown_by_a_real_browser_without_complaint() {
    let demo = Demo::start();
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("picture.png");
    let page = format!("http://any:{}@{}/", demo.token(), demo.page);
    for width in [360, 1200] {
        let blank = picture("about:blank", width, &to);
        for url in [page.as_str(), &format!("http://{}/", demo.inbox), &format!("http://{}/mail/1", demo.inbox)] {
            let shown = picture(url, width, &to);
            assert!(shown > 8 * blank, "{url} at {width}: {shown} bytes, an empty page has {blank}");
        }
    }
}

/// What a person would meet at this address, as `browser.py` tells it.
fn met(url: &str, width: u32, press: bool) -> Value {
    let ran = Command::new("/usr/bin/python3")
        .arg(fixtures().join("browser.py"))
        .args([url, &width.to_string(), if press { "press" } else { "" }])
        .output()
        .expect("Python starts");
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| json!({ "failed": String::from_utf8_lossy(&ran.stderr) }))
}

#[test]
fn the_page_fits_every_screen_says_what_it_is_and_its_button_rings() {
    let demo = Demo::start();
    let page = format!("http://any:{}@{}/", demo.token(), demo.page);
    let (list, letter) = (format!("http://{}/", demo.inbox), format!("http://{}/mail/1", demo.inbox));
    for (url, width) in [(&page, 360), (&page, 1200), (&list, 360), (&letter, 360)] {
        let met = met(url, width, false);
        for (fact, expected) in [
            ("overflow", json!(0)),
            ("heads", json!(1)),
            ("bare", json!(0)),
            ("lang", json!("en")),
            ("styled", json!(true)),
            ("complaints", json!([])),
        ] {
            assert_eq!(met[fact], expected, "{fact} of {url} at {width}: {met}");
        }
        assert!(met["title"].as_str().is_some_and(|title| title.len() > 8), "{met}");
    }
    let pressed = met(&page, 1200, true);
    assert_eq!((&pressed["pressed"]["place"], &pressed["complaints"]), (&json!("/?rung"), &json!([])), "{pressed}");
    assert!(
        pressed["pressed"]["note"].as_str().is_some_and(|note| note.starts_with("A scan was asked for")),
        "{pressed}"
    );
}

#[test]
fn a_daemon_is_seen_and_rung_over_its_listener() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    let estate = stale_keys(2);
    let daemon =
        Running::start_with(&estate, &[("KEYSWEEP__HTTP__LISTEN", "127.0.0.1:0"), ("KEYSWEEP__HTTP__TOKEN", TOKEN)]);
    let address = wait_for("the listener's address", || {
        let log = daemon.log();
        let line = log.lines().find(|line| line.contains("listening for the operator"))?;
        Some(line.split("address=").nth(1)?.split_whitespace().next()?.to_owned())
    });
    let scans = || {
        let list = estate.run(&["scans", "list", "--format", "json"]).exits(0).json();
        list.as_array().expect("a list").iter().filter(|scan| scan["outcome"] == "complete").count()
    };
    wait_for("the first scan", || (scans() == 1).then_some(()));
    assert!(get(&address, "/readyz", "").ends_with("\"status\":\"ready\"}\n"));
    let page = wait_for("the findings on the page", || {
        let page = get(&address, "/", &format!("Authorization: Bearer {TOKEN}\r\n"));
        page.contains("main&#x2f;c01").then_some(page)
    });
    assert!(page.contains("secret-stale") && !page.contains('@'), "{page}");

    let mut stream = TcpStream::connect(&address).expect("a connection");
    let ring = format!("POST /api/v1/scan HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
    stream.write_all(ring.as_bytes()).expect("sent");
    wait_for("the scan that was rung for", || (scans() == 2).then_some(()));
    // The connection is kept open, and doesn't keep the daemon from its end.
    daemon.stop();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the answer, and the end of the connection");
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}
