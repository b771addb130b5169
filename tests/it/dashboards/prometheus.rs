//! Debian's Prometheus, on a free port, with its data in a folder that goes with it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::path;
use crate::estate::wait_for;

/// A server on loopback answers at once or not at all.
const ANSWER: Duration = Duration::from_secs(10);

/// The running server; it ends with this value.
pub struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts it: it scrapes `target` once a second with this token, as two jobs, like two ledgers, and knows our alerts.
    pub fn of_two_ledgers(target: SocketAddr, token: &str) -> Self {
        Self::with(&["keysweep", "keysweep-too"], target, token, &json!({}))
    }

    /// Likewise as the job `keysweep`; and what fires, it tells the Alertmanager there.
    pub fn telling(alertmanager: SocketAddr, target: SocketAddr, token: &str) -> Self {
        Self::with(
            &["keysweep"],
            target,
            token,
            &json!({"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}),
        )
    }

    fn with(jobs: &[&str], target: SocketAddr, token: &str, alerting: &Value) -> Self {
        let folder = tempfile::Builder::new().prefix("keysweep-prometheus-").tempdir().expect("a temporary folder");
        let scraped = |job: &&str| {
            json!({
                "job_name": job,
                "authorization": {"credentials": token},
                "static_configs": [{"targets": [target]}],
            })
        };
        let configuration = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [path("alerts.yml")],
            "alerting": alerting,
            "scrape_configs": jobs.iter().map(scraped).collect::<Vec<_>>(),
        });
        let file = folder.path().join("prometheus.yml"); // JSON is YAML too
        fs::write(&file, configuration.to_string()).expect("a file");
        let address = free_address();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .spawn()
            .expect("prometheus of Debian's package prometheus: tests/run installs it");
        Self { child, address, _folder: folder }.ready()
    }

    /// Starts it by a command line that somebody may type in that folder; it only listens elsewhere, and says less.
    pub fn by_hand(command: &str, folder: tempfile::TempDir) -> Self {
        let address = free_address();
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("exec {command} --web.listen-address={address} --log.level=error"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .expect("a shell");
        Self { child, address, _folder: folder }.ready()
    }

    fn ready(self) -> Self {
        let address = self.address;
        wait_for("prometheus is ready", || ask(address, "GET", "/-/ready", "").ok().filter(|(code, _)| *code == 200));
        self
    }

    /// What the server says to a query: one sample a series.
    ///
    /// # Errors
    /// Its own words, where it refuses the query.
    pub fn query(&self, query: &str) -> Result<Vec<f64>, String> {
        let encoded: String = byte_serialize(query.as_bytes()).collect();
        let document = self.document(&format!("/api/v1/query?query={encoded}"));
        if document["status"] != "success" {
            return Err(document["error"].to_string());
        }
        let number = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).expect("a sample");
        let result = &document["data"]["result"];
        if document["data"]["resultType"] == "scalar" {
            return Ok(vec![number(&result[1])]);
        }
        Ok(result.as_array().expect("series").iter().map(|series| number(&series["value"][1])).collect())
    }

    /// A document of its API.
    pub fn document(&self, path: &str) -> Value {
        let (_, body) = ask(self.address, "GET", path, "").expect("an answer of prometheus");
        serde_json::from_str(&body).expect("JSON")
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
    }
}

/// Asks a server on loopback with more lines of head; gives the status and the body.
///
/// # Errors
/// Where there is no server, or no answer.
pub fn ask(address: SocketAddr, method: &str, path: &str, head: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    // 1.0, so that the end of the answer is the end of the stream.
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: 0\r\n{head}\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.map(|code| (code, body.to_owned())).ok_or_else(|| io::Error::other(format!("no status: {head}")))
}

/// A port that was free a moment ago.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}
