//! The demo: works without anything prepared, shows every rule and one key's whole way, and tells no secret.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::Command;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keysweep::demo::estate::MARK;
use keysweep::demo::story::Stage;
use keysweep::domain::finding::RuleName;
use keysweep::domain::ids::{FindingId, MailId};
use keysweep::domain::time::Timestamp;
use keysweep::ledger::Ledger;
use keysweep::ledger::read::FindingFilter;

use crate::support::{Kind, Schema};

fn keysweep() -> Command {
    let mut command = Command::cargo_bin("keysweep").expect("the program is built");
    command.env("NO_COLOR", "1").timeout(Duration::from_secs(60));
    command
}

fn printed(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    format!("{out}{err}")
}

fn files(under: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(under).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Every form in which a secret of the demo could stand somewhere: as it is, and as a login shows it, at any of the
/// three offsets that base64 has.
fn forms() -> Vec<String> {
    let shifted = |pad: &str| {
        let text = STANDARD.encode(format!("{pad}{MARK}"));
        // The characters at both ends depend on what stands beside the mark.
        text[4..text.len() - 4].to_owned()
    };
    vec![MARK.to_owned(), shifted("xxx"), shifted("xx"), shifted("x")]
}

fn holds_a_secret(content: &[u8]) -> bool {
    forms().iter().any(|form| content.windows(form.len()).any(|window| window == form.as_bytes()))
}

#[test]
fn the_demo_shows_every_rule_and_one_key_from_live_to_shredded_and_tells_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("kept");
    // A setting that is meant for another keysweep must not get in.
    let text = printed(
        keysweep().args(["demo", "--once", "--keep"]).arg(&home).env("KEYSWEEP__LEDGER__URL", "sqlite:other.db"),
    );
    for rule in RuleName::ALL {
        assert!(text.contains(rule.as_str()), "{rule} is not shown");
    }
    let way = text.split("One key's whole way").nth(1).expect("the way of one key");
    let mut rest = way;
    for step in [
        " accepts the key",
        "is deleted",
        "is opened",
        "a mail about",
        " refuses",
        " again: dead",
        "closes: dead",
        "shredded",
    ] {
        let flat = rest.find(step).unwrap_or_else(|| panic!("{step:?} is not there, or not in its turn:\n{way}"));
        rest = &rest[flat..];
    }
    assert!(text.contains("\nSubject: "), "one mail is shown with its headers");
    let wide: Vec<&str> = text
        .lines()
        .filter(|line| line.chars().count() > 100 && !line.contains(home.to_str().expect("a path of text")))
        .collect();
    assert!(wide.is_empty(), "wider than a page: {wide:#?}");

    assert!(!holds_a_secret(text.as_bytes()), "a secret was printed");
    let kept = files(&home);
    assert!(kept.iter().any(|path| path.extension().is_some_and(|kind| kind == "eml")), "the mails are kept");
    for path in kept {
        let content = fs::read(&path).expect("a kept file");
        let is_inventory = path.ends_with("connections.csv");
        assert_eq!(holds_a_secret(&content), is_inventory, "{}", path.display());
    }
}

#[test]
fn the_story_is_whole_at_whatever_hour_it_is_told() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for now in ["2026-03-01T00:00:30Z", "2024-02-29T23:59:59Z"] {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Timestamp::parse(now).expect("a time");
        let told = runtime.block_on(async {
            let mut stage = Stage::set(folder.path(), now).await?;
            stage.play(std::io::sink()).await?;
            let latest = stage.ledger().scans(1).await?.pop().expect("a scan");
            assert!(latest.started_at <= now, "the story ends before the present begins");
            stage.letter()
        });
        assert!(told.is_ok_and(|(letter, _)| !letter.text.is_empty()), "{now}");
    }
}

/// The whole story over this ledger: what is left of it, each list sorted. Fingerprints differ from ledger to ledger.
async fn told_over(ledger: Option<Ledger>, now: Timestamp) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut stage = Stage::set_over(ledger, folder.path(), now).await.expect("a stage");
    stage.play(std::io::sink()).await.expect("the story");
    let ledger = stage.ledger();
    let all = FindingFilter::default();
    let findings = ledger.findings(&all, FindingId(0), 10_000).await.expect("findings").into_iter().map(|f| {
        format!(
            "{} {} {} {:?} {:?} {} {:?}",
            f.rule, f.severity, f.connection_id, f.liveness, f.state, f.opened_at, f.closed_at
        )
    });
    let mails = ledger.mails(None, MailId(0), 10_000).await.expect("mails").into_iter();
    let mails = mails.map(|m| format!("{} {} {:?} {:?} {}", m.person, m.account_id, m.state, m.sent_at, m.notices));
    let log = ledger.events(0, 10_000).await.expect("the log").into_iter();
    let log = log.map(|e| format!("{} {} {}", e.at, e.kind, e.subject.split(':').next().unwrap_or_default()));
    let mut told: Vec<String> = findings.chain(mails).chain(log).collect();
    told.sort();
    told.push(format!("{:?}", ledger.counts().await.expect("counts")));
    told
}

#[test]
fn the_story_is_the_same_in_postgresql_as_in_sqlite() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let now = Timestamp::parse("2026-03-01T12:00:00Z").expect("a time");
    let folder = tempfile::tempdir().expect("a folder");
    let schema = Schema::of(Kind::Postgres, folder.path()).expect("a schema");
    let (one, other) = runtime.block_on(async {
        let ledger = Ledger::open(schema.url()).await.expect("a ledger");
        (told_over(None, now).await, told_over(Some(ledger), now).await)
    });
    assert!(one.len() > 100, "a story: {one:#?}");
    let lost: Vec<_> = one.iter().filter(|line| !other.contains(line)).collect();
    let added: Vec<_> = other.iter().filter(|line| !one.contains(line)).collect();
    assert!(lost.is_empty() && added.is_empty(), "SQLite alone: {lost:#?}\nPostgreSQL alone: {added:#?}");
    assert_eq!(one.len(), other.len());
    drop(runtime);
}

#[test]
fn the_demo_leaves_a_folder_alone_that_holds_something() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("mine"), "mine").expect("a file");
    keysweep().args(["demo", "--once", "--keep"]).arg(folder.path()).assert().code(1);
    assert_eq!(files(folder.path()).len(), 1);
}
