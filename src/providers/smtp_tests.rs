//! Logins at a real relay (aiosmtpd) over real TLS, and at relays that do what none may.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use super::Catalogue;
use super::smtp::{Login, Patience, SmtpDoor};
use super::tls::Tls;
use crate::domain::catalogue::ReplyRow;
use crate::domain::ids::ProviderName;
use crate::domain::outcome::{Reason, Verdict};
use crate::net::{Guard, SystemLookup};

const USER: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "fedcba9876543210 with \u{fc} and = signs";

fn unknown(reason: Reason) -> Verdict {
    Verdict::Unknown(reason)
}

/// A running relay, its files, and the root that its certificate comes from.
struct Relay {
    child: Child,
    port: u16,
    folder: TempDir,
    root: CertificateDer<'static>,
}

impl Relay {
    fn start(also: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = certificates(&folder);
        let mut state = json!({
            "accept": [[USER, SECRET]],
            "certificate": folder.path().join("leaf.pem"), "key": folder.path().join("leaf.key"),
        });
        for (name, value) in also.as_object().unwrap() {
            state[name] = value.clone();
        }
        std::fs::write(folder.path().join("state.json"), state.to_string()).unwrap();
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/smtp_login.py");
        let mut child = Command::new("/usr/bin/python3") // the one that Debian's aiosmtpd belongs to
            .arg(script)
            .args(["state.json", "log"].map(|name| folder.path().join(name)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("a port: is python3-aiosmtpd installed?");
        Self { child, port, folder, root }
    }

    /// What it was told.
    fn heard(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Logs in as somebody who trusts the relay's root.
    async fn ask(&self, scheme: &str, password: &str) -> (Verdict, Option<u16>) {
        let tls = Tls::new(vec![self.root.clone()], &[]).unwrap();
        ask(&format!("{scheme}://localhost:{}", self.port), tls, scheme == "smtp" && self.is_plain(), password).await
    }

    fn is_plain(&self) -> bool {
        std::fs::read_to_string(self.folder.path().join("state.json")).unwrap().contains("\"certificate\":null")
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A certificate for localhost in the folder; returns the root of it.
fn certificates(folder: &TempDir) -> CertificateDer<'static> {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::CommonName, "root of the tests");
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &root).unwrap();
    std::fs::write(folder.path().join("leaf.pem"), leaf.pem()).unwrap();
    std::fs::write(folder.path().join("leaf.key"), key.serialize_pem()).unwrap();
    root.der().clone()
}

/// What Mailjet's file says of replies.
fn rows() -> Vec<ReplyRow> {
    let catalogue = Catalogue::shipped().unwrap();
    let mailjet = catalogue.get(&ProviderName::new("mailjet")).unwrap();
    mailjet.protocols.iter().flat_map(|protocol| protocol.replies.clone()).collect()
}

fn door(tls: Tls, test: bool) -> SmtpDoor {
    let patience = Patience { whole: Duration::from_secs(5), connection: Duration::from_secs(2) };
    SmtpDoor::new(Guard::new(Arc::new(SystemLookup), true), tls, test, None, patience)
}

async fn ask(address: &str, tls: Tls, test: bool, password: &str) -> (Verdict, Option<u16>) {
    let address: Url = address.parse().unwrap();
    door(tls, test).ask(&address, &Login { user: USER, password }, &rows()).await
}

#[tokio::test]
async fn a_real_relay_lets_in_and_turns_away_over_starttls_and_over_tls_and_hears_no_mail() {
    for (scheme, implicit, greeting) in
        [("smtp", false, vec!["EHLO", "STARTTLS", "EHLO"]), ("smtps", true, vec!["EHLO"])]
    {
        for mechanism in ["PLAIN", "LOGIN"] {
            let relay = Relay::start(&json!({"implicit_tls": implicit, "mechanisms": [mechanism]}));
            assert_eq!(relay.ask(scheme, SECRET).await, (Verdict::Accepted, Some(235)), "{scheme} {mechanism}");
            assert_eq!(relay.ask(scheme, "wrong").await, (Verdict::Refused, Some(535)), "{scheme} {mechanism}");
            let (auth, quit) = (format!("AUTH {mechanism} tls"), "QUIT".to_owned());
            let once: Vec<String> = greeting.iter().map(|&word| word.to_owned()).chain([auth, quit]).collect();
            assert_eq!(relay.heard(), [once.clone(), once].concat(), "AUTH never comes before TLS, and MAIL never");
        }
    }
}

#[tokio::test]
async fn a_tests_own_address_is_spoken_to_without_tls() {
    let relay = Relay::start(&json!({"certificate": null}));
    assert_eq!(relay.ask("smtp", SECRET).await, (Verdict::Accepted, Some(235)));
    assert_eq!(relay.heard(), ["EHLO", "AUTH PLAIN clear", "QUIT"]);
}

#[tokio::test]
async fn a_reply_that_is_not_about_the_key_says_nothing_of_it() {
    for (answer, expected, code) in [
        ("454 4.7.0 Temporary authentication failure", Reason::ServerError, 454),
        ("421 4.3.2 going down", Reason::ServerError, 421),
        ("534 5.7.9 mechanism too weak", Reason::Unexpected, 534),
        ("550 5.7.1 not from your address", Reason::Unexpected, 550),
        ("250 2.0.0 what?", Reason::Unexpected, 250),
    ] {
        let relay = Relay::start(&json!({"answer": answer}));
        assert_eq!(relay.ask("smtp", SECRET).await, (unknown(expected), Some(code)), "{answer}");
    }
    let relay = Relay::start(&json!({"mechanisms": []}));
    assert_eq!(relay.ask("smtp", SECRET).await, (unknown(Reason::Unexpected), None), "no AUTH is offered");
    assert_eq!(relay.heard(), ["EHLO", "STARTTLS", "EHLO"], "and none is tried");
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_or_for_another_name_gets_no_secret() {
    let relay = Relay::start(&json!({}));
    let stranger = Tls::new(Vec::new(), &[]).unwrap();
    let answer = ask(&format!("smtp://localhost:{}", relay.port), stranger, false, SECRET).await;
    assert_eq!(answer, (unknown(Reason::Tls), None));
    let trusting = Tls::new(vec![relay.root.clone()], &[]).unwrap();
    let answer = ask(&format!("smtp://127.0.0.1:{}", relay.port), trusting, false, SECRET).await;
    assert_eq!(answer, (unknown(Reason::Tls), None), "the certificate is for localhost");
    assert!(relay.heard().iter().all(|line| !line.starts_with("AUTH")), "{:?}", relay.heard());
}

#[tokio::test]
async fn a_relay_without_starttls_gets_no_secret() {
    let relay = Relay::start(&json!({"certificate": null}));
    let tls = Tls::new(Vec::new(), &[]).unwrap();
    let answer = ask(&format!("smtp://localhost:{}", relay.port), tls, false, SECRET).await;
    assert_eq!(answer, (unknown(Reason::Tls), None));
    assert_eq!(relay.heard(), ["EHLO"], "and no word more");
}

#[tokio::test]
async fn a_closed_port_is_no_connection() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let tls = Tls::new(Vec::new(), &[]).unwrap();
    assert_eq!(ask(&format!("smtp://{free}"), tls, false, SECRET).await, (unknown(Reason::Connect), None));
}

/// A relay that says these words, one after each thing that it hears, and then hangs up, or says no more. Returns what
/// was learnt, and what it heard.
async fn odd(words: &'static [&'static str], hangs: bool, test: bool) -> (Verdict, Option<u16>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("smtp://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                let mut line = [0; 4096];
                match stream.read(&mut line) {
                    Ok(count) if count > 0 => heard.extend_from_slice(&line[..count]),
                    _ => break,
                }
            }
            if stream.write_all(word.as_bytes()).is_err() {
                break;
            }
        }
        if hangs {
            stream.read_to_end(&mut heard).ok();
        }
        String::from_utf8_lossy(&heard).into_owned()
    });
    let patience = Patience { whole: Duration::from_millis(500), connection: Duration::from_millis(500) };
    let tls = Tls::new(Vec::new(), &[]).unwrap();
    let door = SmtpDoor::new(Guard::new(Arc::new(SystemLookup), true), tls, test, None, patience);
    let login = Login { user: USER, password: SECRET };
    let (verdict, code) = door.ask(&address.parse().unwrap(), &login, &rows()).await;
    let heard = tokio::task::spawn_blocking(move || server.join().unwrap()).await.unwrap();
    (verdict, code, heard)
}

const OFFER: &str = "250-odd\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n";

#[tokio::test]
async fn nothing_that_was_said_before_tls_is_believed() {
    let injected = &["220 odd\r\n", OFFER, "220 go\r\n235 2.7.0 come in\r\n"];
    let (verdict, code, heard) = odd(injected, true, false).await;
    assert_eq!((verdict, code), (unknown(Reason::Garbled), None), "not an acceptance");
    assert!(heard.ends_with("STARTTLS\r\n"), "and nothing more is said: {heard}");
    // Where it comes later, the handshake meets it.
    let (verdict, _, heard) = odd(&["220 odd\r\n", OFFER, "220 go\r\n", "235 2.7.0 come in\r\n"], true, false).await;
    assert_eq!(verdict, unknown(Reason::Tls));
    assert!(!heard.contains("AUTH"));
}

#[tokio::test]
async fn a_relay_that_breaks_the_rules_teaches_nothing_and_is_not_waited_for() {
    let endless = Box::leak(format!("220 {}", "x".repeat(10_000)).into_boxed_str()) as &str;
    let many = Box::leak(format!("220 odd\r\n{}", "250-more\r\n".repeat(1_000)).into_boxed_str()) as &str;
    let cases: [(&'static [&'static str], bool, Verdict, Option<u16>); 14] = [
        (&[], true, unknown(Reason::Timeout), None),
        (&[], false, unknown(Reason::Connect), None),
        (&["SSH-2.0-odd\r\n"], true, unknown(Reason::Garbled), None),
        (&["220 half a li"], false, unknown(Reason::Garbled), None),
        (Vec::leak(vec![endless]), true, unknown(Reason::Garbled), None),
        (Vec::leak(vec![many]), true, unknown(Reason::Garbled), None),
        (&["220 odd\r\n250 and on\r\n"], true, unknown(Reason::Garbled), None),
        (&["421 4.3.2 too busy\r\n"], true, unknown(Reason::ServerError), Some(421)),
        (&["554 5.7.1 not you\r\n"], true, unknown(Reason::Unexpected), Some(554)),
        (&["220 odd\r\n", "502 no EHLO\r\n"], true, unknown(Reason::Unexpected), Some(502)),
        (&["220 odd\r\n", OFFER], true, unknown(Reason::Timeout), None),
        (&["220 odd\r\n", OFFER, "535 5.7.8 no\r\n535 no\r\n"], true, Verdict::Refused, Some(535)),
        (&["220 odd\r\n", OFFER, "235-well\r\n235 in\r\n"], true, Verdict::Accepted, Some(235)),
        (
            &["220 odd\r\n", "250-odd\r\n250 AUTH LOGIN\r\n", "334 a\r\n", "535 5.7.8 no such user\r\n"],
            true,
            unknown(Reason::Unexpected),
            Some(535),
        ),
    ];
    for (words, hangs, verdict, code) in cases {
        let (found, its_code, _) = odd(words, hangs, true).await;
        assert_eq!((found, its_code), (verdict, code), "{words:?}");
    }
}

#[tokio::test]
async fn a_credential_that_cannot_be_said_in_smtp_is_not_said() {
    let relay = Relay::start(&json!({"certificate": null}));
    let tls = || Tls::new(Vec::new(), &[]).unwrap();
    let address: Url = format!("smtp://localhost:{}", relay.port).parse().unwrap();
    for (user, password) in [("", SECRET), ("a\0b", SECRET), (USER, "a\0b")] {
        let answer = door(tls(), true).ask(&address, &Login { user, password }, &rows()).await;
        assert_eq!(answer, (unknown(Reason::NoCopy), None));
    }
    assert!(relay.heard().iter().all(|line| !line.starts_with("AUTH")));
}
