//! One alert end to end: the daemon goes blind, Prometheus sees it, Alertmanager tells an endpoint, and tells it when all
//! is well again. The alerts are those of `alerts.yml`, as they stand there.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::prometheus::{Prometheus, ask, free_address};
use super::{DOCUMENTS, text};
use crate::daemon::running::Running;
use crate::estate::{Estate, one_stale_key, wait_for};
use crate::support::receiver::Receiver;

const ALERT: &str = "KeysweepSourceBlind";
const TOKEN: &str = "a-token-of-this-test-that-is-long-enough";

/// Debian's Alertmanager, on a free port, with its data in a folder that goes with it. It ends with this value.
struct Alertmanager {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Alertmanager {
    /// Starts one that hands every alert to `endpoint` at once, and knows no other of its kind.
    fn start(endpoint: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("keysweep-alertmanager-").tempdir().expect("a temporary folder");
        let configuration = json!({
            "route": {"receiver": "test", "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"},
            "receivers": [{"name": "test", "webhook_configs": [{"url": endpoint}]}],
        });
        let file = folder.path().join("alertmanager.yml"); // JSON is YAML too
        fs::write(&file, configuration.to_string()).expect("a file");
        let address = free_address();
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--cluster.listen-address=", "--log.level=error"])
            .stdin(Stdio::null())
            .spawn()
            .expect("prometheus-alertmanager of Debian's package of that name: tests/run installs it");
        let started = Self { child, address, _folder: folder };
        let ready = || ask(address, "GET", "/-/ready", "").ok().filter(|(code, _)| *code == 200);
        wait_for("the alertmanager is ready", ready);
        started
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
    }
}

/// An estate whose source was last read whole three days ago.
fn blind_estate(listen: SocketAddr) -> Estate {
    let estate = one_stale_key();
    let http = format!("[http]\nlisten = \"{listen}\"\ntoken = \"{TOKEN}\"");
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "", &http);
    estate.run(&["scan"]).exits(0);
    let long_ago =
        "UPDATE source SET last_complete = last_complete - 259200000, last_through = last_through - 259200000";
    let set_back = Command::new("sqlite3").arg(estate.path("ledger.db")).arg(long_ago).status();
    assert!(set_back.expect("sqlite3: tests/run installs it").success());
    estate
}

/// What the endpoint was told of the alert, in the order in which it was: `firing` or `resolved`, and the alert.
fn told(receiver: &Receiver) -> Vec<(String, Value)> {
    let messages = receiver.received().into_iter().map(|received| received.json());
    let alerts = messages.flat_map(|message| message["alerts"].as_array().cloned().unwrap_or_default());
    let ours = alerts.filter(|alert| alert["labels"]["alertname"] == ALERT);
    ours.map(|alert| (alert["status"].as_str().unwrap_or_default().to_owned(), alert)).collect()
}

#[test]
fn a_source_that_is_blind_reaches_an_endpoint_and_so_does_its_end() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = free.local_addr().expect("its address");
    let estate = blind_estate(listen);
    let good = fs::read_to_string(estate.path("connections.csv")).expect("the inventory");
    estate.write("connections.csv", "the export failed\n");
    let receiver = Receiver::start();
    let alertmanager = Alertmanager::start(&receiver.url());
    drop(free);
    let daemon = Running::start_with(&estate, &[("KEYSWEEP__HTTP__LISTEN", &listen.to_string())]);
    daemon.signal("USR1");
    let _prometheus = Prometheus::telling(alertmanager.address, listen, TOKEN);

    let of = |status: &'static str| told(&receiver).into_iter().find(|(known, _)| known == status);
    let (_, alert) = wait_for("the endpoint is told", || of("firing"));
    assert_eq!(alert["labels"]["source"], "main");
    assert_eq!(alert["labels"]["severity"], "critical");
    assert_eq!(alert["annotations"]["summary"], "The source main has not been read whole for days.");
    let description = alert["annotations"]["description"].as_str().unwrap_or_default();
    assert!(description.starts_with("For two days each reading of it failed"), "{description}");
    assert_eq!(alert["annotations"]["runbook_url"], format!("{DOCUMENTS}/runbooks.md#{}", ALERT.to_lowercase()));

    estate.write("connections.csv", &good);
    daemon.signal("USR1");
    wait_for("the endpoint is told that it is over", || of("resolved"));
    daemon.stop();
    assert_eq!(told(&receiver)[0].0, "firing");
}

/// The example of the README, as an Alertmanager is given it: with its receivers.
fn readme() -> String {
    let page = text("README.md");
    let (_, example) = page.split_once("```yaml\nroute:\n").expect("the example");
    let (example, _) = example.split_once("```").expect("its end");
    format!("route:\n{example}receivers:\n  - name: security-mail\n  - name: on-call\n")
}

#[test]
fn the_alertmanagers_example_is_one_and_sends_warnings_together_and_critical_ones_each_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alertmanager.yml");
    fs::write(&file, readme()).expect("a file");
    let amtool = |arguments: &[&str]| {
        let said = Command::new("amtool").args(arguments).output().expect("amtool, which comes with the alertmanager");
        assert!(said.status.success(), "{said:?}");
        String::from_utf8(said.stdout).expect("text")
    };
    let file = file.display().to_string();
    amtool(&["check-config", &file]);
    for (severity, receiver) in [("warning", "security-mail"), ("critical", "on-call")] {
        let routed = amtool(&["config", "routes", "test", "--config.file", &file, &format!("severity={severity}")]);
        assert_eq!(routed.trim(), receiver);
    }
    // What joins a group waits for its interval: a day for warnings, a minute for the others, which don't share a group.
    let (all, critical) = readme().split_once("  routes:").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("routes");
    assert!(all.contains("group_by: [job]\n") && all.contains("group_interval: 24h"), "{all}");
    assert!(critical.contains("group_by: [alertname, ") && critical.contains("group_interval: 1m"), "{critical}");
}
