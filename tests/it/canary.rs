//! No secret where it doesn't belong: everything that the program writes is searched, with everything going wrong that can.

mod api;
mod tokens;

use std::fmt::Write as _;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use keysweep::demo::inbox::Behaviour;
use keysweep::demo::world::{KeyState, Simulated};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::estate::{Estate, Read, one_stale_key, wait_for};
use crate::support::receiver::Receiver;
use crate::support::{Ran, ago, hex};

/// What marks a secret: in every one of them, in nothing else.
const CANARY: &str = "c4naryB1rd";
const SMTP_PASSWORD: &str = "c4naryB1rd0000smtp0000password00";
const CONTROL: &str = "c4naryB1rd000control0000secret00";

/// A secret of a row, as long as a real one.
fn secret(row: &str) -> String {
    format!("{CANARY}{}", &hex(row)[..22])
}

/// Everything that was ever written, by its name.
#[derive(Default)]
struct Papers(Vec<(String, Vec<u8>)>);

impl Papers {
    fn add(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.0.push((name.to_owned(), bytes.into()));
    }

    fn ran(&mut self, what: &str, ran: &Ran) {
        self.add(&format!("output of {what}"), ran.out.clone());
        self.add(&format!("errors of {what}"), ran.err.clone());
    }

    /// The ledger and whatever lies beside it, as it is now; not the inventory, where the secrets come from.
    fn folder(&mut self, estate: &Estate, when: &str) {
        for entry in fs::read_dir(estate.folder.path()).expect("the folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if !["connections.csv", "people.csv", "keysweep.toml"].contains(&name.as_str()) && path.is_file() {
                self.add(&format!("{name} {when}"), fs::read(&path).expect("a file"));
            }
        }
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Fails the test where a part of `secret` as long as the canary is found, in clear or in any usual encoding.
    #[track_caller]
    fn hold_no(&self, secret: &str) {
        for (encoding, needle) in encodings(secret) {
            for (name, bytes) in &self.0 {
                let around = find(bytes, needle.as_bytes()).map(|at| {
                    let end = (at + needle.len() + 40).min(bytes.len());
                    String::from_utf8_lossy(&bytes[at.saturating_sub(120)..end])
                });
                assert_eq!(around, None, "{encoding} of a secret in {name}");
            }
        }
    }
}

/// A text as it is, in hex, and within base64 of something longer.
fn encodings(text: &str) -> Vec<(&'static str, String)> {
    let mut hex = String::new();
    for byte in text.bytes() {
        write!(hex, "{byte:02x}").expect("memory");
    }
    let mut all = vec![
        ("the text", text.to_owned()),
        ("the upper-case text", text.to_uppercase()),
        ("the lower-case text", text.to_lowercase()),
        ("hex", hex),
    ];
    for shift in 0..3 {
        let padded = [&vec![0; shift][..], text.as_bytes()].concat();
        for encoded in [STANDARD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            // The first and the last characters hold bits of what stands beside.
            let whole = encoded.trim_end_matches('=');
            all.push(("base64", whole[4..whole.len() - 2].to_owned()));
        }
    }
    all
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

const HEADER: &str = "connection_id,account_id,provider,name,status,created_at,updated_at,deleted_at,secret_set_at,\
                      last_sync_at,key_id,secret,secret_ref,secret_version,auth,region,base_url,created_by,running_jobs,\
                      used_for,compromised_at,tags";

/// A row of [`HEADER`] for a key of this provider, with these cells over the usual ones.
fn row(id: &str, provider: &str, secret: &str, cells: &[(&str, &str)]) -> String {
    let set_at = ago(TimeDelta::days(400));
    let key_id = hex(&format!("key of {id}"));
    let usual = [
        ("connection_id", id),
        ("account_id", "a"),
        ("provider", provider),
        ("secret_set_at", &set_at),
        ("key_id", if provider == "mailjet" { &key_id } else { "" }),
        ("secret", secret),
    ];
    let cell = |name: &str| {
        let found = cells.iter().chain(&usual).find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned()).unwrap_or_default()
    };
    HEADER.split(',').map(cell).collect::<Vec<_>>().join(",")
}

/// Keys in every state that a provider can be in, and rows in which the key stands in a wrong column.
fn awkward_connections(estate: &Estate) -> String {
    let states = [
        KeyState::Live,
        KeyState::Refused,
        KeyState::Limited,
        KeyState::RateLimited { retry_after: Some(1) },
        KeyState::ServerError,
        KeyState::HtmlForbidden,
        KeyState::Hangs,
        KeyState::Redirect("http://127.0.0.1:1/elsewhere".to_owned()),
        KeyState::Garbage,
        KeyState::HalfBody,
    ];
    let mut rows = vec![HEADER.to_owned()];
    for provider in Simulated::ALL {
        for (number, state) in states.iter().enumerate() {
            let name = provider.name();
            let id = format!("{name}-{number}");
            let secret = secret(&id);
            let key_id = hex(&format!("key of {id}"));
            estate.world.set(
                provider,
                (provider == Simulated::Mailjet).then_some(key_id.as_str()),
                &secret,
                state.clone(),
            );
            rows.push(row(&id, name, &secret, &[]));
        }
    }
    let wrong_columns = [
        "provider",
        "status",
        "created_at",
        "updated_at",
        "deleted_at",
        "secret_set_at",
        "last_sync_at",
        "auth",
        "running_jobs",
        "used_for",
        "compromised_at",
        "region",
        "base_url",
    ];
    for column in wrong_columns {
        for key in [secret(column), format!("{CANARY}-abc_def-ghi_jkl-mno_pqr-stu_vwx")] {
            rows.push(row(&format!("wrong-{column}-{}", key.len()), "kit", &secret("right"), &[(column, &key)]));
        }
    }
    rows.push(format!("too-short,a,kit,{}", secret("too short")));
    rows.push(format!("{},{}", row("too-long", "kit", &secret("too long"), &[]), secret("one more")));
    rows.push(row("mailjet-0", "mailjet", &secret("twice"), &[]));
    rows.push(row("quoted", "kit", &format!("\"{}\"and more", secret("quoted")), &[]));
    rows.join("\n") + "\n"
}

/// All verbs that print, after a scan.
fn print_everything(estate: &Estate, papers: &mut Papers) {
    for arguments in [
        &["scan", "--dry-run", "--format", "jsonl"][..],
        &["connections", "list"],
        &["connections", "list", "--format", "json"],
        &["credentials", "list", "--format", "csv"],
        &["credentials", "list", "--format", "json"],
        &["findings", "list", "--all", "--format", "json"],
        &["findings", "show", "F1"],
        &["explain", "F1"],
        &["explain", "mailjet-0"],
        &["explain", "convertkit-6", "--format", "json"],
        &["mails", "list", "--format", "json"],
        &["scans", "list", "--format", "json"],
        &["inventory", "check", "main"],
        &["mail", "preview"],
        &["config", "show"],
        &["config", "check"],
        &["no-such-verb"],
    ] {
        papers.ran(&arguments.join(" "), &estate.run(arguments));
    }
}

fn configure(estate: &Estate, collector: &Receiver, password: &str) {
    let control = format!(r#"control = {{ key_id = "{}", secret = "{CONTROL}" }}"#, hex("the control's key"));
    let mailjet = estate.world.address(Simulated::Mailjet);
    // The section is written here, since the control belongs into it.
    let traces = format!("traces = \"{}\"\ntrace_headers = {{ x-key = \"{CANARY}-header\" }}", collector.address());
    estate.configure(
        &format!("smtp://keysweep:{password}@{}", estate.inbox.address()),
        "",
        &format!("[telemetry]\nlog_filter = \"trace\"\n{traces}"),
    );
    let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    let line = format!("dangerous_test_endpoints = {{ rest = \"{mailjet}\" }}\n");
    let text =
        text.replacen(&line, &format!("{line}{control}\n"), 1).replacen("timeout = \"2s\"", "timeout = \"300ms\"", 1);
    assert!(text.contains(CONTROL) && text.contains("300ms"));
    estate.write("keysweep.toml", &text);
}

#[test]
fn no_secret_is_in_the_ledger_the_logs_the_output_the_errors_or_the_mails() {
    let estate = Estate::new();
    estate.people(&[["a", "owner", "owner", "active", "true"]]);
    let connections = awkward_connections(&estate);
    estate.write("connections.csv", &connections);
    estate.release();
    let collector = Receiver::start();
    let mut papers = Papers::default();

    // A server that wants no login is asked for one: it refuses, and the password is in the middle of it.
    configure(&estate, &collector, SMTP_PASSWORD);
    papers.ran("a scan with a refused login", &estate.run(&["scan", "--notify", "--format", "json"]));
    papers.folder(&estate, "after a refused login");

    configure(&estate, &collector, SMTP_PASSWORD);
    let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    estate.write("keysweep.toml", &text.replace(&format!("keysweep:{SMTP_PASSWORD}@"), ""));
    for round in ["first", "second"] {
        papers.ran(&format!("the {round} scan that mails"), &estate.run(&["scan", "--notify"]));
        papers.folder(&estate, &format!("after the {round} scan that mails"));
    }
    print_everything(&estate, &mut papers);
    api::ask_everything(&estate, &mut papers);
    for caught in estate.inbox.mails() {
        let Read { subject, text, html, .. } = Read::from(&caught);
        papers.add("a mail as sent", caught.raw);
        papers.add("a mail as read", [subject, text, html].join("\n"));
    }

    for received in collector.received() {
        papers.add("a trace", received.bytes);
    }

    // The providers are gone, the mail server too, and so is half of the inventory.
    let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    let broken = text.replace("http://127.0.0.1:", "http://127.0.0.1:1/");
    estate.write("keysweep.toml", &broken);
    papers.ran("a scan with bad addresses", &estate.run(&["scan"]));
    estate.write("keysweep.toml", &text);
    for cut in [connections.len() - 30, connections.len() / 2, HEADER.len() / 2] {
        estate.write("connections.csv", &connections[..cut]);
        papers.ran("a scan of a file that is cut short", &estate.run(&["scan", "--no-probe"]));
    }
    let (_, headless) = connections.split_once('\n').expect("a header");
    estate.write("connections.csv", headless);
    papers.ran("a scan without a header", &estate.run(&["scan", "--no-probe", "--format", "json"]));
    papers.ran("a check without a header", &estate.run(&["inventory", "check", "main"]));
    papers.folder(&estate, "in the end");

    let names = papers.names();
    for paper in [
        "a trace",
        "a mail as read",
        "ledger.db in the end",
        "ledger.db.lock in the end",
        "errors of the first scan that mails",
        "the answer of /api/v1/findings?limit=200",
        "the answer of /api/v1/report?format=json",
    ] {
        assert!(names.contains(&paper), "{paper} in {names:?}");
    }
    let log = String::from_utf8_lossy(
        &papers.0.iter().find(|(name, _)| name.starts_with("errors of the first")).expect("it").1,
    )
    .into_owned();
    assert!(log.contains("keysweep::"), "there is a log to search: {log}");
    papers.hold_no(CANARY);
}

#[test]
fn a_canary_that_is_there_is_found_in_every_encoding() {
    let whole = format!("Basic {}", STANDARD.encode(format!("key:{}", secret("x"))));
    let cases = [secret("x").into_bytes(), whole.into_bytes(), encodings(CANARY)[3].1.clone().into_bytes()];
    for case in cases {
        let papers = Papers(vec![("a paper".to_owned(), case)]);
        let found = std::panic::catch_unwind(|| papers.hold_no(CANARY));
        assert!(found.is_err());
    }
}

/// The sealed copies that the ledger holds.
fn sealed(estate: &Estate) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(estate.path("ledger.db")).read_only(true);
        let mut ledger = options.connect().await.expect("the ledger");
        let copies = sqlx::query_scalar("SELECT sealed FROM escrow WHERE held = 1").fetch_all(&mut ledger).await;
        ledger.close().await.expect("a clean end");
        copies.expect("rows")
    })
}

#[test]
fn once_shredded_the_ciphertext_is_in_no_byte_of_the_ledger_nor_beside_it() {
    let estate = one_stale_key();
    let key = "kit_0000000000000000000000000000one";
    let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    estate.write("keysweep.toml", &text.replace("[liveness]", "[liveness]\nprobe_every = \"1ms\""));
    estate.run(&["scan"]).exits(0);
    let copies = sealed(&estate);
    assert_eq!(copies.len(), 1);
    let mut before = Papers::default();
    before.folder(&estate, "before");
    assert!(before.0.iter().any(|(_, bytes)| find(bytes, copies[0].as_bytes()).is_some()), "it is there to be found");

    let connections = fs::read_to_string(estate.path("connections.csv")).expect("the inventory");
    // Another key is accepted meanwhile: without that, a refusal proves nothing.
    let control = connections.lines().last().expect("a row").replace("c1,", "c2,").replace("one", "two");
    estate.write("connections.csv", &format!("{}{control}\n", connections.replace(",active,", ",deleted,")));
    estate.world.set(Simulated::Kit, None, "kit_0000000000000000000000000000two", KeyState::Live);
    estate.world.set(Simulated::Kit, None, key, KeyState::Refused);
    estate.inbox.behave(Behaviour::Accept);
    wait_for("the copy is shredded", || {
        estate.run(&["scan"]).exits(0);
        let list = estate.run(&["credentials", "list", "--format", "json"]).exits(0).json();
        let mut all = list.as_array().expect("a list").iter();
        all.any(|credential| credential["liveness"] == "shredded").then_some(())
    });
    assert!(!sealed(&estate).contains(&copies[0]));
    let mut after = Papers::default();
    after.folder(&estate, "after");
    let bytes = STANDARD.decode(&copies[0]).expect("base64");
    for (name, paper) in &after.0 {
        // No part of it either: a page could keep the end of a row.
        for part in copies[0].as_bytes().chunks_exact(16) {
            assert_eq!(find(paper, part), None, "ciphertext in {name}");
        }
        for part in bytes.chunks_exact(12) {
            assert_eq!(find(paper, part), None, "ciphertext in {name}");
        }
    }
}
