//! Parts that fail under a running daemon: it stays up, says so once, and catches up by itself.

use std::net::{SocketAddr, TcpListener, TcpStream};

use super::running::Running;
use super::{UNHURRIED, findings, wait_for_runs};
use crate::estate::{Estate, one_stale_key, stale_keys, wait_for};

#[test]
fn a_mail_server_that_is_down_is_waited_for_and_its_mails_then_go_by_themselves() {
    let estate = stale_keys(3);
    // A port that nobody listens on, for now.
    let reserved = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = reserved.local_addr().expect("its address");
    drop(reserved);
    estate.configure(&format!("smtp://{address}"), "", UNHURRIED);
    estate.release();
    let daemon = Running::start(&estate);
    wait_for_runs(&estate, 1);
    daemon.signal("USR2");
    daemon.says("part=\"smtp\"");
    daemon.signal("USR1");
    wait_for_runs(&estate, 3);
    relay(address, estate.inbox.address());
    wait_for("the mails", || (estate.readers().len() == 3).then_some(()));
    wait_for("the word of it", || daemon.log().contains("the part is well again").then_some(()));
    daemon.stop();
    assert_eq!(estate.readers(), [0, 1, 2].map(|number| format!("o{number:02}@example.org")), "once each");
    assert_eq!(daemon_warnings(&estate), 1, "said once, not at each try");
}

/// How often the log says that a part is in trouble.
fn daemon_warnings(estate: &Estate) -> usize {
    let log = std::fs::read_to_string(estate.path("log")).expect("the log");
    log.matches("a part is in trouble").count()
}

/// Takes connections at one address and passes them on to another, for as long as the test runs.
fn relay(at: SocketAddr, to: SocketAddr) {
    let listener = TcpListener::bind(at).expect("the port is still free");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(to).expect("the inbox");
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
}

#[test]
fn a_ledger_that_somebody_else_has_locked_is_waited_for() {
    let estate = one_stale_key();
    let daemon = Running::start(&estate);
    wait_for_runs(&estate, 1);
    let script = "import sqlite3, sys, time\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                  c.execute('BEGIN IMMEDIATE')\nprint('held', flush=True)\nsys.stdin.read()\nc.execute('ROLLBACK')";
    let mut holder = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(estate.path("ledger.db"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3 opens the ledger");
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(holder.stdout.take().expect("a pipe")), &mut line)
        .expect("a line");
    daemon.signal("USR1");
    daemon.says("part=\"ledger\"");
    drop(holder.stdin.take());
    holder.wait().expect("a child");
    wait_for_runs(&estate, 2);
    daemon.says("the part is well again");
    daemon.stop();
    assert_eq!(daemon_warnings(&estate), 1);
}

#[test]
fn a_disk_that_takes_no_more_is_waited_for() {
    let estate = stale_keys(40);
    let daemon = Running::start_limited(&estate);
    wait_for_runs(&estate, 1);
    daemon.limit_files("16384");
    daemon.signal("USR1");
    daemon.says("part=\"ledger\"");
    daemon.limit_files("unlimited");
    wait_for_runs(&estate, 2);
    daemon.says("the part is well again");
    daemon.stop();
    assert_eq!(daemon_warnings(&estate), 1);
    assert_eq!(findings(&estate).len(), 40);
}

#[test]
fn a_source_that_is_gone_is_said_once_and_taken_up_again() {
    let estate = one_stale_key();
    let daemon = Running::start(&estate);
    wait_for_runs(&estate, 1);
    std::fs::rename(estate.path("connections.csv"), estate.path("away.csv")).expect("a file");
    for runs in [2, 3] {
        daemon.signal("USR1");
        wait_for_runs(&estate, runs);
    }
    daemon.says("part=\"inventory\"");
    std::fs::rename(estate.path("away.csv"), estate.path("connections.csv")).expect("a file");
    daemon.signal("USR1");
    daemon.says("the part is well again");
    daemon.stop();
    assert_eq!(daemon_warnings(&estate), 1);
    assert_eq!(findings(&estate), ["secret-stale c1"]);
}
