//! No link's token where it doesn't belong: whoever has one may act. It stands in its reader's mail and nowhere else.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use chrono::TimeDelta;
use keysweep::demo::world::{KeyState, Simulated};

use super::{HEADER, Papers, row, secret};
use crate::daemon::running::Running;
use crate::estate::{Estate, wait_for};
use crate::support::ago;

const OPS_TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// So much of a token is as good as none to whoever finds it.
const PART: usize = 24;

/// Two owners: one is told of a stale key, the other of what is of low severity, so that their mail has a link that ends such
/// mails.
fn told(port: u16) -> (Estate, Vec<String>) {
    let estate = Estate::new();
    estate.people(&[["a", "owner", "owner", "active", "true"], ["b", "other", "owner", "active", "true"]]);
    let fresh = ago(TimeDelta::days(5));
    let mut rows = vec![HEADER.to_owned(), row("stale", "kit", &format!("kit_{}", secret("stale")), &[])];
    for id in ["one", "two"] {
        let cells = [("account_id", "b"), ("secret_set_at", fresh.as_str())];
        rows.push(row(id, "kit", &format!("kit_{}", secret("shared")), &cells));
    }
    for key in ["stale", "shared"] {
        estate.world.set(Simulated::Kit, None, &format!("kit_{}", secret(key)), KeyState::Live);
    }
    estate.write("connections.csv", &(rows.join("\n") + "\n"));
    let text = fs::read_to_string(estate.path("keysweep.toml")).expect("the configuration");
    let rest = format!(
        "[http]\npublic_listen = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\n\
         [schedule]\nscan = \"0 3 1 1 *\"\nmail = \"0 3 1 1 *\"\n[telemetry]\nlog_filter = \"trace\"\n"
    );
    estate.write("keysweep.toml", &format!("{text}\n{rest}"));
    estate.release();
    let ran = estate.notify();
    let log = format!("{}{}", ran.out, ran.err);
    fs::write(estate.path("log of the scan"), log).expect("a log");
    let ways = ["/a/", "/u/"].map(|kind| format!("http://127.0.0.1:{port}{kind}"));
    let mut links: Vec<String> = Vec::new();
    for mail in estate.mails() {
        let words = mail.text.split_whitespace();
        links.extend(words.filter(|word| ways.iter().any(|way| word.starts_with(way))).map(str::to_owned));
    }
    for way in &ways {
        assert!(links.iter().any(|link| link.starts_with(way)), "{way} in {links:?}");
    }
    (estate, links)
}

/// Sends these bytes and returns the answer, whatever it is.
fn say(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn get(address: &str, path: &str) -> String {
    let head = format!("Host: {address}\r\nConnection: close\r\nAuthorization: Bearer {OPS_TOKEN}\r\n");
    say(address, &format!("GET {path} HTTP/1.1\r\n{head}\r\n"))
}

/// What a form of the page sends.
fn post(address: &str, path: &str, form: &str) -> String {
    let head = format!("Host: {address}\r\nConnection: close\r\nContent-Length: {}\r\n", form.len());
    say(address, &format!("POST {path} HTTP/1.1\r\n{head}\r\n{form}"))
}

/// Every link is followed, acted through, bent, and sent to where it doesn't belong. Returns what came back.
fn follow(front: &str, ops: &str, links: &[String], papers: &mut Papers) {
    for link in links {
        let path = link.split_once(front).expect("a link to the page").1;
        let page = get(front, path);
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        let nonce = page.split("name=\"nonce\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let form = |act: &str| format!("nonce={}&act={act}", nonce.expect("a form"));
        papers.add("the page", page.clone());
        for act in
            ["check", "reset", "snooze&days=7", "resume", "not-mine", "destroy&sure=yes", "mute", "unmute", "odd"]
        {
            papers.add("an act's answer", post(front, path, &form(act)));
        }
        papers.add("a bent link's answer", get(front, &format!("{path}/more?{path}")));
        papers.add("an answer to a method that there is not", say(front, &format!("BREW {path} HTTP/1.0\r\n\r\n")));
        papers.add("an answer to what is no request", say(front, &format!("{path}\r\n\r\n")));
        papers.add("what the operator's listener says to it", get(ops, path));
    }
}

#[test]
fn no_token_of_a_link_is_in_the_ledger_the_logs_the_output_the_metrics_or_on_any_page() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("its number").port();
    let (estate, links) = told(port);
    let daemon = Running::start_with(
        &estate,
        &[("KEYSWEEP__HTTP__LISTEN", "127.0.0.1:0"), ("KEYSWEEP__HTTP__TOKEN", OPS_TOKEN)],
    );
    let ops = wait_for("both listeners", || {
        let log = daemon.log();
        let line = log.lines().find(|line| line.contains("listening for the operator"))?;
        log.contains("listening for the people").then_some(())?;
        Some(line.split("address=").nth(1)?.split_whitespace().next()?.to_owned())
    });
    let mut papers = Papers::default();
    papers.folder(&estate, "before anybody came");
    follow(&format!("127.0.0.1:{port}"), &ops, &links, &mut papers);
    for path in [
        "/",
        "/findings?state=all",
        "/findings/F1",
        "/connections",
        "/connections/1",
        "/credentials",
        "/providers",
        "/sources",
        "/scans",
        "/mails",
        "/metrics",
        "/readyz",
        "/api/v1/elsewhere",
    ] {
        papers.add(&format!("the operator's {path}"), get(&ops, path));
    }
    for arguments in [
        &["explain", "F1", "--format", "json"][..],
        &["explain", "stale"],
        &["mails", "list", "--format", "json"],
        &["findings", "list", "--all", "--format", "json"],
        &["mail", "preview"],
        &["config", "show"],
    ] {
        papers.ran(&arguments.join(" "), &estate.run(arguments));
    }
    daemon.stop();
    papers.folder(&estate, "in the end");

    let all = |name: &str| {
        let named = papers.0.iter().filter(|(known, _)| known == name);
        named.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect::<Vec<_>>().join("\n")
    };
    assert!(all("log in the end").contains("a public request was answered"), "there is a log to search");
    assert!(all("the operator's /metrics").contains("keysweep_acts_total"), "there are metrics to search");
    assert!(all("the operator's /").contains("HTTP/1.1 200"), "there is a page to search");
    assert!(all("an act's answer").contains("?told=reset"), "somebody acted");
    assert!(!all("ledger.db in the end").is_empty(), "there is a ledger to search");
    for link in &links {
        let token = link.rsplit('/').next().expect("a token");
        papers.hold_no(&token[..PART]);
    }
}
