//! Providers that keysweep has no part in, and what they saw.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};

use super::fixtures;

/// The simulated providers, in a process of their own.
pub struct Providers {
    child: Child,
    /// The simulator ends when this is closed.
    _alive: ChildStdin,
    ports: BTreeMap<String, u16>,
    state: PathBuf,
    log: PathBuf,
    known: BTreeMap<String, Value>,
}

/// A request that a provider saw.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Request {
    /// whose port it came to; `elsewhere` is where redirects lead
    pub provider: String,
    /// `GET`, if all is well
    pub method: String,
    /// the key's name; `None` where the provider doesn't know it
    pub key: Option<String>,
    /// names of headers, in small letters
    pub headers: Vec<String>,
    /// when, in seconds
    pub at: f64,
}

impl Providers {
    /// Starts them; `folder` holds their state and their log.
    pub fn start(folder: &Path) -> Self {
        let (state, log) = (folder.join("providers.json"), folder.join("requests.jsonl"));
        fs::write(&state, "{}").expect("a folder that can be written");
        fs::write(&log, "").expect("a folder that can be written");
        let mut child = Command::new("python3")
            .arg(fixtures().join("provider_sim.py"))
            .args([&state, &log])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs the simulated providers");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("the ports");
        let ports = serde_json::from_str(&line).expect("the ports as JSON");
        let alive = child.stdin.take().expect("a pipe");
        Self { child, _alive: alive, ports, state, log, known: BTreeMap::new() }
    }

    /// The address of one of them.
    pub fn address(&self, provider: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[provider])
    }

    /// From now on this key does this: `accept`, `refuse`, `hang` and so on; see the simulator.
    pub fn set(&mut self, provider: &str, name: &str, key_id: &str, secret: &str, does: &str) {
        self.set_kind(provider, name, key_id, secret, does, "api_secret");
    }

    /// As [`Providers::set`], for a ConvertKit value of another kind.
    pub fn set_kind(&mut self, provider: &str, name: &str, key_id: &str, secret: &str, does: &str, kind: &str) {
        let state = self.of(provider);
        let keys = state["keys"].as_array_mut().expect("a list");
        keys.retain(|key| key["name"] != name);
        keys.push(json!({"name": name, "key_id": key_id, "secret": secret, "does": does, "kind": kind}));
        self.write();
    }

    /// From now on the named key does something else.
    pub fn does(&mut self, provider: &str, name: &str, does: &str) {
        let keys = self.of(provider)["keys"].as_array_mut().expect("a list");
        let key = keys.iter_mut().find(|key| key["name"] == name).expect("a key of this name");
        key["does"] = json!(does);
        self.write();
    }

    /// From now on the provider does this to everybody; `None` ends it.
    pub fn everyone(&mut self, provider: &str, does: Option<&str>) {
        self.of(provider)["everyone"] = json!(does);
        self.write();
    }

    /// From now on the providers' clocks are so many seconds ahead of this machine's; `None`: they don't say.
    pub fn dates(&mut self, ahead: Option<i64>) {
        self.known.insert("dates".to_owned(), ahead.map_or_else(|| json!("none"), |ahead| json!(ahead)));
        self.write();
    }

    /// Every request so far, at every port.
    pub fn requests(&self) -> Vec<Request> {
        let text = fs::read_to_string(&self.log).expect("the log of requests");
        text.lines().map(|line| serde_json::from_str(line).expect("a line of the log")).collect()
    }

    /// How often the named key was presented to its provider.
    pub fn asked(&self, provider: &str, name: &str) -> usize {
        self.requests().iter().filter(|r| r.provider == provider && r.key.as_deref() == Some(name)).count()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        fs::write(&self.log, "").expect("a folder that can be written");
    }

    fn of(&mut self, provider: &str) -> &mut Value {
        self.known.entry(provider.to_owned()).or_insert_with(|| json!({"everyone": null, "keys": []}))
    }

    /// Renamed into place, so that no request sees half of it.
    fn write(&self) {
        let next = self.state.with_extension("next");
        fs::write(&next, serde_json::to_vec(&self.known).expect("JSON")).expect("a folder that can be written");
        fs::rename(next, &self.state).expect("a folder that can be written");
    }
}

impl Drop for Providers {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
