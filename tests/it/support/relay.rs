//! A relay that keysweep has no part in (aiosmtpd), and what it was told.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::fixtures;

/// The running relay; it ends with this value.
pub struct Relay {
    child: Child,
    port: u16,
    state: PathBuf,
    log: PathBuf,
}

impl Relay {
    /// Starts one without TLS, as a test's address may be; `folder` holds what it is told and its log.
    pub fn start(folder: &Path) -> Self {
        let (state, log) = (folder.join("relay.json"), folder.join("relay.log"));
        fs::write(&state, "{}").expect("a folder that can be written");
        fs::write(&log, "").expect("a folder that can be written");
        let mut child = Command::new("/usr/bin/python3") // the one that Debian's aiosmtpd belongs to
            .arg(fixtures().join("smtp_login.py"))
            .args([&state, &log])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs the relay");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("the port");
        let port = line.trim().parse().expect("a port: is python3-aiosmtpd installed?");
        Self { child, port, state, log }
    }

    /// Its address, as the settings take it.
    pub fn address(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// From now on these pairs may log in, and nobody else.
    pub fn accept(&self, pairs: &[(String, String)]) {
        self.behave(&json!({"accept": pairs}));
    }

    /// From now on every login gets this reply.
    pub fn answer(&self, reply: &str) {
        self.behave(&json!({"answer": reply}));
    }

    /// Renamed into place, so that nobody reads half of it.
    fn behave(&self, state: &Value) {
        let next = self.state.with_extension("next");
        fs::write(&next, state.to_string()).expect("a folder that can be written");
        fs::rename(next, &self.state).expect("a folder that can be written");
    }

    /// Every command that it was given, without what follows it.
    pub fn heard(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.log).expect("the relay's log");
        text.lines().map(str::to_owned).collect()
    }

    /// How often somebody tried to log in.
    pub fn logins(&self) -> usize {
        self.heard().iter().filter(|line| line.starts_with("AUTH")).count()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
