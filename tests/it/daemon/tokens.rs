//! Tokens of visitors, as `keysweep token` makes them, at a running daemon.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::running::Running;
use super::wait_for_runs;
use crate::estate::{Estate, one_stale_key, wait_for};

/// The status with which the daemon on this port answers, asked with this token.
fn status(port: u16, method: &str, path: &str, token: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: ops.test\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status")
}

/// A new token and its entry for the configuration, out of what is printed for people.
fn made(estate: &Estate, name: &str, role: &str) -> (String, String) {
    let told = estate.run(&["token", name, "--role", role]).exits(0).out;
    let token = told.lines().find_map(|line| line.strip_prefix("  ")).expect("a token").to_owned();
    let entry = told.split_once("[[http.visitor]]").expect("an entry").1;
    assert!(!entry.contains(&token), "the entry is for a file that others read");
    (token, format!("[[http.visitor]]{entry}"))
}

#[test]
fn a_visitors_token_comes_and_goes_with_a_reload_and_opens_what_its_role_may() {
    let estate = one_stale_key();
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port();
    let ((viewer, first), (operator, second)) =
        (made(&estate, "grafana", "viewer"), made(&estate, "oncall", "operator"));
    let http = format!("[http]\nlisten = \"127.0.0.1:{port}\"\n");
    let configure = |entries: &str| {
        estate.configure(&format!("smtp://{}", estate.inbox.address()), "", &format!("{http}{entries}"));
    };
    configure(&first);
    let daemon = Running::start_with(&estate, &[("KEYSWEEP__HTTP__LISTEN", &format!("127.0.0.1:{port}"))]);
    wait_for_runs(&estate, 1);
    let asked = |token: &str| {
        [("GET", "/metrics"), ("POST", "/api/v1/scan")].map(|(method, path)| status(port, method, path, token))
    };
    assert_eq!(asked(&viewer), [200, 403]);
    assert_eq!(asked(&operator), [401, 401], "not listed yet");
    configure(&second);
    daemon.signal("HUP");
    wait_for("the new list", || (asked(&viewer) == [401, 401]).then_some(()));
    assert_eq!(asked(&operator), [200, 202]);
    wait_for_runs(&estate, 2);
    daemon.stop();
}

#[test]
fn a_token_is_new_each_time_and_a_word_that_is_no_role_or_name_is_refused() {
    let estate = one_stale_key();
    let token = || estate.run(&["token", "grafana", "--role", "auditor", "--format", "json"]).exits(0).json();
    let (one, other) = (token(), token());
    assert_ne!(one["token"], other["token"]);
    assert_eq!((&one["name"], &one["role"]), (&"grafana".into(), &"auditor".into()));
    for wrong in
        [&["token", "grafana", "--role", "admin"][..], &["token", "two words", "--role", "viewer"], &["token", "x"]]
    {
        estate.run(wrong).exits(2);
    }
    let kept = fs::read_dir(estate.folder.path()).expect("the folder").flatten();
    let secret = one["token"].as_str().expect("a token");
    for file in kept.filter_map(|entry| fs::read(entry.path()).ok()) {
        assert!(!String::from_utf8_lossy(&file).contains(secret), "nothing is kept of it");
    }
}
