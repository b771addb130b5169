//! The operator's own endpoints: told once of everything, in order, signed, and never of a secret or an address.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keysweep::demo::inbox::Behaviour;
use keysweep::demo::world::{KeyState, Simulated};
use serde_json::Value;

use crate::estate::{Estate, one_stale_key, stale_keys, stale_keys_on, wait_for};
use crate::support::Kind;
use crate::support::receiver::{Answer, Received, Receiver};

/// 32 bytes, as a signing secret is written.
const SECRET: &str = "whsec_c2lnbmluZyBmb3IgdGhlIHRlc3RzIG9mIGtleXN3ZWVwIQ==";

fn hook(receiver: &Receiver, kind: &str) -> String {
    let url = receiver.url();
    format!(
        "[[webhook]]\nname = \"siem\"\nkind = \"{kind}\"\nurl = \"{url}\"\nsecret = \"{SECRET}\"\ndangerous_inside = true\n"
    )
}

fn configure(estate: &Estate, receiver: &Receiver, kind: &str) {
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "", &hook(receiver, kind));
}

/// HMAC-SHA-256 by another hand than ours.
fn openssl_hmac(key: &[u8], message: &str) -> Vec<u8> {
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut openssl = Command::new("openssl");
    openssl.args(["dgst", "-sha256", "-binary", "-mac", "HMAC", "-macopt", &format!("hexkey:{key}")]);
    let mut openssl = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("openssl");
    openssl.stdin.take().expect("a pipe").write_all(message.as_bytes()).expect("a pipe");
    openssl.wait_with_output().expect("openssl").stdout
}

#[track_caller]
fn assert_signed(received: &Received) {
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("base64");
    let (id, at) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let expected = openssl_hmac(&key, &format!("{id}.{at}.{}", received.body));
    assert_eq!(received.header("webhook-signature"), format!("v1,{}", STANDARD.encode(expected)));
    assert!(!id.is_empty() && at.parse::<i64>().is_ok(), "{:?}", received.headers);
}

fn kinds(received: &[Received]) -> Vec<String> {
    received.iter().map(|one| one.json()["type"].as_str().unwrap_or_default().to_owned()).collect()
}

fn entries(received: &[Received]) -> Vec<i64> {
    received.iter().map(|one| one.json()["data"]["entry"].as_i64().expect("an entry's number")).collect()
}

#[test]
fn what_happens_is_told_once_in_order_and_signed_so_that_others_can_verify_it() {
    let estate = one_stale_key();
    let receiver = Receiver::start();
    configure(&estate, &receiver, "standard");
    estate.run(&["scan"]).exits(0);
    let told = receiver.received();
    told.iter().for_each(assert_signed);
    let kinds = kinds(&told);
    assert!(kinds.iter().any(|kind| kind == "finding.opened"), "{kinds:?}");
    assert!(kinds.iter().any(|kind| kind.starts_with("credential.")), "{kinds:?}");
    let numbers = entries(&told);
    assert!(numbers.is_sorted_by(|a, b| a < b), "oldest first, each once: {numbers:?}");
    estate.run(&["scan"]).exits(0);
    assert_eq!(receiver.received().len(), told.len(), "nothing has happened since");
    for one in &told {
        for canary in ["kit_0000", "owner@example.org", "@example.org", SECRET] {
            assert!(!one.body.contains(canary), "{}", one.body);
        }
    }
}

#[test]
fn what_an_endpoint_does_not_take_waits_for_it_and_nothing_overtakes() {
    let estate = one_stale_key();
    let receiver = Receiver::start();
    configure(&estate, &receiver, "standard");
    receiver.answer(Answer::Say("503 Service Unavailable\r\n"));
    let ran = estate.run(&["scan"]).exits(0);
    assert!(ran.err.contains("it answered 503") && !ran.err.contains("canary-path"), "{}", ran.err);
    let refused = receiver.received();
    assert_eq!(refused.len(), 1, "the first is tried, and the rest waits behind it");
    receiver.answer(Answer::Say("200 OK\r\n"));
    make_due(&estate);
    estate.run(&["scan"]).exits(0);
    let all = receiver.received();
    assert_eq!(all[0].header("webhook-id"), all[1].header("webhook-id"), "under the same identity");
    assert_eq!(all[0].body, all[1].body, "the same message, to the letter");
    assert!(entries(&all[1..]).is_sorted_by(|a, b| a < b));
    assert!(kinds(&all[1..]).iter().any(|kind| kind == "finding.opened"));
}

/// What waits for its next try is due now: the waits are longer than a test.
fn make_due(estate: &Estate) {
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg(estate.path("ledger.db")).arg("UPDATE message SET next_try_at = 0 WHERE state = 'planned'");
    assert!(sqlite.status().expect("sqlite3").success());
}

#[test]
fn killed_with_a_message_under_way_nothing_is_lost_and_that_one_comes_again_under_its_identity() {
    killed_with_a_message_under_way(Kind::Sqlite);
}

#[test]
fn killed_with_a_message_under_way_nothing_is_lost_in_postgresql_either() {
    killed_with_a_message_under_way(Kind::Postgres);
}

fn killed_with_a_message_under_way(kind: Kind) {
    let estate = stale_keys_on(kind, 5);
    let receiver = Receiver::start();
    configure(&estate, &receiver, "standard");
    for seen in 1..=4 {
        receiver.answer(Answer::Silence);
        let mut run = estate.command(&["scan"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        wait_for("a message without an answer", || (receiver.received().len() >= seen).then_some(()));
        run.kill().expect("SIGKILL");
        run.wait().expect("a child");
    }
    receiver.answer(Answer::Say("200 OK\r\n"));
    estate.run(&["scan"]).exits(0);
    let all = receiver.received();
    let mut ids: Vec<&str> = all.iter().map(|one| one.header("webhook-id")).collect();
    assert!(ids[..5].iter().all(|id| *id == ids[0]), "the one under way, once for each kill: {ids:?}");
    ids.dedup();
    let numbers = entries(&all[4..]);
    assert!(numbers.is_sorted_by(|a, b| a < b), "then all, in order: {numbers:?}");
    assert_eq!(ids.len(), numbers.len(), "none under two identities");
    let opened = kinds(&all[4..]).iter().filter(|kind| *kind == "finding.opened").count();
    assert_eq!(opened, 5, "none is lost");
}

#[test]
fn chat_gets_one_message_for_a_burst_and_the_operator_one_mail() {
    let estate = stale_keys(60);
    let receiver = Receiver::start();
    let smtp = format!("smtp://{}", estate.inbox.address());
    estate.configure(&smtp, "operator = \"ops@example.org\"", &hook(&receiver, "slack"));
    estate.run(&["scan"]).exits(0);
    let told = receiver.received();
    assert_eq!(told.len(), 1, "a burst is one message");
    let text = told[0].json()["text"].as_str().expect("a text").to_owned();
    assert!(text.contains("60 x finding.opened") && !text.contains("@example.org"), "{text}");
    let mails = estate.inbox.mails();
    assert_eq!(mails.len(), 1, "and one mail, whatever the mode of the mails to people");
    assert_eq!(mails[0].to, ["ops@example.org"]);
    let mail = String::from_utf8_lossy(&mails[0].raw).into_owned();
    assert!(mail.contains("60 x finding.opened") && mail.contains("Auto-Submitted: auto-generated"), "{mail}");
}

#[test]
fn trouble_is_told_once_when_it_begins_and_once_when_it_ends() {
    let estate = stale_keys(8);
    let receiver = Receiver::start();
    configure(&estate, &receiver, "standard");
    estate.release();
    estate.inbox.behave(Behaviour::RefuseRecipient("550 5.7.1 relaying denied".to_owned()));
    let count = |kind: &str| kinds(&receiver.received()).iter().filter(|one| *one == kind).count();
    estate.notify();
    estate.notify();
    assert_eq!((count("mail.stopped"), count("mail.resumed")), (1, 0), "{:?}", kinds(&receiver.received()));
    estate.inbox.behave(Behaviour::Accept);
    wait_for("mail leaves again", || {
        estate.notify();
        (count("mail.resumed") == 1).then_some(())
    });
    assert_eq!(count("mail.stopped"), 1);
    std::fs::rename(estate.path("people.csv"), estate.path("away.csv")).expect("a folder that can be written");
    estate.run(&["scan"]);
    estate.run(&["scan"]);
    std::fs::rename(estate.path("away.csv"), estate.path("people.csv")).expect("a folder that can be written");
    estate.run(&["scan"]).exits(0);
    assert_eq!((count("source.down"), count("source.up")), (1, 1));
}

#[test]
fn a_new_endpoint_is_told_of_what_comes_and_not_of_what_was() {
    let estate = one_stale_key();
    estate.run(&["scan"]).exits(0);
    let receiver = Receiver::start();
    configure(&estate, &receiver, "standard");
    estate.run(&["scan"]).exits(0);
    assert_eq!(kinds(&receiver.received()), [""; 0]);
    estate.world.set(Simulated::Kit, None, "kit_0000000000000000000000000000one", KeyState::Refused);
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "", &hook(&receiver, "standard"));
    wait_for("the key is asked again", || {
        let mut sqlite = Command::new("sqlite3");
        sqlite.arg(estate.path("ledger.db")).arg("UPDATE credential SET probe_at = 0");
        assert!(sqlite.status().expect("sqlite3").success());
        estate.run(&["scan"]);
        kinds(&receiver.received()).iter().any(|kind| kind.starts_with("credential.")).then_some(())
    });
}

#[test]
fn an_endpoint_can_be_tried_and_says_why_it_does_not_take_a_message() {
    let estate = one_stale_key();
    let receiver = Receiver::start();
    configure(&estate, &receiver, "standard");
    let ran = estate.run(&["webhook", "test", "siem"]).exits(0);
    assert!(ran.out.contains("siem took the message"), "{}", ran.out);
    let told = receiver.received();
    assert_signed(&told[0]);
    assert_eq!(told[0].json()["type"], Value::from("keysweep.test"));
    receiver.answer(Answer::Say("302 Found\r\nlocation: http://127.0.0.1:1/elsewhere\r\n"));
    let ran = estate.run(&["webhook", "test", "siem"]).exits(1);
    assert!(ran.out.contains("redirects are not followed"), "{}", ran.out);
    let ran = estate.run(&["webhook", "test", "other"]).exits(2);
    assert!(ran.err.contains("there are: siem"), "{}", ran.err);
}

#[test]
fn an_endpoint_inside_must_be_said_to_be_and_no_message_repeats_its_address() {
    let estate = one_stale_key();
    let receiver = Receiver::start();
    let inside = hook(&receiver, "standard").replace("dangerous_inside = true\n", "");
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "", &inside);
    let ran = estate.run(&["scan"]).exits(78);
    assert!(ran.err.contains("https://") && !ran.err.contains("canary-path"), "{}", ran.err);
    let shown = estate.run(&["config", "show"]).exits(0).out;
    assert!(!shown.contains("canary-path") && !shown.contains(&SECRET[8..]), "{shown}");
    assert_eq!(receiver.received().len(), 0);
}
