//! A mail server that was written without us (aiosmtpd), over TLS, with a login.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};

use crate::estate::{Read, one_stale_key, stale_keys, wait_for};
use crate::support::fixtures;

const USER: &str = "keysweep@example.org";
/// What the server over TLS wants to hear.
pub const PASSWORD: &str = "pass word/with:signs@";

/// The running server; it ends with this value.
pub struct MailServer {
    child: Child,
    port: u16,
    behaviour: PathBuf,
    mails: PathBuf,
}

/// A mail that it took.
#[derive(Debug)]
pub struct Taken {
    /// the mail
    pub mail: Read,
    /// true where it came over TLS
    pub secured: bool,
    /// who had logged in
    pub login: Option<String>,
}

impl MailServer {
    /// Starts it; `folder` holds what it is told and what it took.
    pub fn start(folder: &Path, behaviour: &Value) -> Self {
        let (told, mails) = (folder.join("smtp.json"), folder.join("mails.jsonl"));
        fs::write(&told, behaviour.to_string()).expect("a folder that can be written");
        fs::write(&mails, "").expect("a folder that can be written");
        let mut child = Command::new("/usr/bin/python3") // the one that Debian's aiosmtpd belongs to
            .arg(fixtures().join("smtp_server.py"))
            .args([&told, &mails])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs the mail server");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("the port");
        let port = line.trim().parse().expect("a port: is python3-aiosmtpd installed?");
        Self { child, port, behaviour: told, mails }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it does from the next command on.
    pub fn behave(&self, behaviour: &Value) {
        let next = self.behaviour.with_extension("next");
        fs::write(&next, behaviour.to_string()).expect("a folder that can be written");
        fs::rename(next, &self.behaviour).expect("a folder that can be written");
    }

    /// What it took, oldest first.
    pub fn taken(&self) -> Vec<Taken> {
        let text = fs::read_to_string(&self.mails).expect("the mails");
        let whole = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        whole
            .map(|taken| Taken {
                mail: Read::new(
                    taken["to"][0].as_str().expect("a recipient"),
                    taken["raw"].as_str().expect("a mail").as_bytes(),
                ),
                secured: taken["secured"].as_bool().expect("yes or no"),
                login: taken["login"].as_str().map(str::to_owned),
            })
            .collect()
    }

    /// How many mails it took, without reading them.
    pub fn taken_count(&self) -> usize {
        let bytes = fs::read(&self.mails).expect("the mails");
        bytes.iter().filter(|byte| **byte == b'\n').count()
    }

    /// The commands MAIL, NOOP and QUIT that it was given, in their order.
    pub fn heard(&self) -> Vec<String> {
        let text = fs::read_to_string(self.mails.with_extension("jsonl.commands")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Who got a mail, sorted; twice who got two.
    pub fn readers(&self) -> Vec<String> {
        let mut readers: Vec<String> = self.taken().into_iter().map(|taken| taken.mail.to).collect();
        readers.sort();
        readers
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Writes `ca.pem`, the root of an authority of the tests' own, and `leaf.pem` with `leaf.key`, its certificate for `localhost`.
pub fn certify(folder: &Path) {
    let mut root = CertificateParams::new(Vec::new()).expect("no names");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::CommonName, "root of the tests");
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().expect("a key")).expect("a root");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&key, &root).expect("a certificate");
    for (name, pem) in [("ca.pem", root.pem()), ("leaf.pem", leaf.pem()), ("leaf.key", key.serialize_pem())] {
        fs::write(folder.join(name), pem).expect("a folder that can be written");
    }
}

/// A server for `localhost` with a certificate of its own authority, whose root is `ca.pem` in the folder.
pub fn over_tls(folder: &Path, implicit: bool) -> (MailServer, Value) {
    certify(folder);
    let behaviour = json!({
        "user": USER, "password": PASSWORD, "implicit_tls": implicit,
        "certificate": folder.join("leaf.pem"), "key": folder.join("leaf.key"),
    });
    (MailServer::start(folder, &behaviour), behaviour)
}

/// The server's address as the operator writes it.
pub fn url(folder: &Path, server: &MailServer, password: &str, tls: &str) -> String {
    let password: String = url::form_urlencoded::byte_serialize(password.as_bytes()).collect();
    let (user, password) = (USER.replace('@', "%40"), password.replace('+', "%20"));
    let root = folder.join("ca.pem");
    format!("smtp://{user}:{password}@localhost:{}?tls={tls}&tls_ca={}", server.port(), root.display())
}

#[test]
fn mail_goes_out_over_starttls_and_over_tls_with_a_login() {
    for (tls, implicit) in [("starttls", false), ("tls", true)] {
        let estate = one_stale_key();
        let (server, _) = over_tls(estate.folder.path(), implicit);
        estate.configure(&url(estate.folder.path(), &server, PASSWORD, tls), "", "");
        estate.release();
        let ran = estate.notify();
        let taken = server.taken();
        assert_eq!(taken.len(), 1, "{tls}: {}", ran.err);
        assert!(taken[0].secured, "{tls}");
        assert_eq!((taken[0].login.as_deref(), taken[0].mail.to.as_str()), (Some(USER), "owner@example.org"), "{tls}");
        estate.notify();
        assert_eq!(server.taken().len(), 1, "{tls}: nobody is told twice");
    }
}

#[test]
fn a_refused_login_or_an_untrusted_certificate_loses_no_mail_and_tells_no_password() {
    let estate = one_stale_key();
    let (server, _) = over_tls(estate.folder.path(), false);
    estate.release();
    let wrong = "not-the-password-7f3a";
    estate.configure(&url(estate.folder.path(), &server, wrong, "starttls"), "", "");
    let ran = estate.notify();
    assert!(ran.err.contains("login refused"), "{}", ran.err);
    assert!(!format!("{ran:?}").contains(wrong));
    let untrusted = url(estate.folder.path(), &server, PASSWORD, "starttls");
    let untrusted = untrusted.split("&tls_ca").next().expect("the first part");
    estate.configure(untrusted, "", "");
    let ran = estate.notify();
    assert!(ran.err.contains("no session with the mail server"), "{}", ran.err);
    assert_eq!(server.readers(), [""; 0]);
    estate.configure(&url(estate.folder.path(), &server, PASSWORD, "starttls"), "", "");
    estate.notify();
    assert_eq!(server.readers(), ["owner@example.org"]);
}

#[test]
fn each_answer_of_a_real_server_has_its_own_consequence() {
    let estate = stale_keys(4);
    let server = MailServer::start(estate.folder.path(), &json!({}));
    estate.configure(&format!("smtp://127.0.0.1:{}", server.port()), "sessions = 1", "");
    estate.release();
    server.behave(&json!({"rcpt": {
        "o00@example.org": "550 5.1.1 no such user",
        "o01@example.org": "451 4.7.1 greylisted",
        "o02@example.org": "550 5.7.1 not from you",
    }}));
    let ran = estate.notify();
    assert_eq!(server.readers(), ["o03@example.org"], "one refused mail stops no other: {}", ran.err);
    server.behave(&json!({}));
    wait_for("what was put off, and what was our own fault", || {
        estate.notify();
        (server.readers().len() >= 3).then_some(())
    });
    estate.notify();
    let told = ["o01@example.org", "o02@example.org", "o03@example.org"];
    assert_eq!(server.readers(), told, "each of them once, and never the address that nobody knows");
}

#[test]
fn a_pass_tries_each_mail_once_however_soon_it_is_due_again() {
    let estate = stale_keys(3);
    let server = MailServer::start(estate.folder.path(), &json!({}));
    estate.configure(&format!("smtp://127.0.0.1:{}", server.port()), "sessions = 1", "");
    estate.release();
    server.behave(&json!({"data": "451 4.3.0 later"}));
    let told = estate.run(&["scan", "--notify", "--format", "json"]).exits(0).json();
    assert_eq!(told["scan"]["counts"]["mails_failed"], 3);
    server.behave(&json!({}));
    wait_for("all that was put off", || {
        estate.notify();
        (server.readers().len() == 3).then_some(())
    });
}
