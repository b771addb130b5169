//! A session with the mail server that carries several mails: closed by the server between two of them, refused one of them,
//! or told in the middle that the server is about to go.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::estate::{Estate, stale_keys, wait_for};

/// What the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// hangs up without a word after each mail
    HangsUp,
    /// answers the MAIL after each mail with 421, and hangs up
    SaysGoodbye,
    /// answers RCPT for this address with 550 5.1.1
    DoesNotKnow(&'static str),
    /// answers RCPT for this address with 421, and hangs up
    LeavesAt(&'static str),
    /// takes everything
    Takes,
}

/// A server whose sessions are written down.
struct Server {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    mood: Mood,
    /// the commands of each session, EHLO and the message left out
    sessions: Vec<Vec<String>>,
    /// to whom mails were taken
    taken: Vec<String>,
}

impl Server {
    fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Mutex::new(Shared { mood, sessions: Vec::new(), taken: Vec::new() }));
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&of_thread);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// An estate of so many owners who are written to through it, over one session at a time.
    fn with_estate(mood: Mood, owners: usize) -> (Self, Estate) {
        let (server, estate) = (Self::start(mood), stale_keys(owners));
        estate.configure(&format!("smtp://{}", server.address), "sessions = 1", "");
        estate.release();
        (server, estate)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    fn taken(&self) -> Vec<String> {
        let mut taken = self.lock().taken.clone();
        taken.sort();
        taken
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One session. Whoever goes away first ends it.
fn serve(stream: &TcpStream, shared: &Mutex<Shared>) {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let number = {
        let mut shared = lock(shared);
        shared.sessions.push(Vec::new());
        shared.sessions.len() - 1
    };
    let mut reply = "220 scripted.test".to_owned();
    let (mut to, mut carried) = (String::new(), false);
    loop {
        let ends = reply.starts_with("421") || reply.starts_with("221");
        if write!(writer, "{reply}\r\n").is_err() || ends {
            return;
        }
        let mut line = String::new();
        if reader.read_line(&mut line).is_ok_and(|read| read == 0) {
            return;
        }
        let mood = lock(shared).mood;
        let line = line.trim_end();
        if !line.starts_with("EHLO") {
            lock(shared).sessions[number].push(line.to_owned());
        }
        reply = match line.split(' ').next().unwrap_or_default() {
            "MAIL" if carried && mood == Mood::SaysGoodbye => "421 4.4.2 idle for too long".to_owned(),
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                match mood {
                    Mood::DoesNotKnow(whom) if whom == to => "550 5.1.1 no such user".to_owned(),
                    Mood::LeavesAt(whom) if whom == to => "421 4.3.2 shutting down".to_owned(),
                    _ => "250 2.1.5 Ok".to_owned(),
                }
            }
            "DATA" => {
                if write!(writer, "354 go on\r\n").is_err() {
                    return;
                }
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    if reader.read_line(&mut text).is_ok_and(|read| read == 0) {
                        return;
                    }
                }
                lock(shared).taken.push(to.clone());
                carried = true;
                if mood == Mood::HangsUp {
                    _ = write!(writer, "250 2.0.0 kept\r\n");
                    return;
                }
                "250 2.0.0 kept".to_owned()
            }
            "QUIT" => "221 2.0.0 bye".to_owned(),
            _ => "250 2.0.0 Ok".to_owned(),
        };
    }
}

#[test]
fn a_session_that_the_server_closed_between_two_mails_is_opened_anew_and_no_mail_waits_for_it() {
    for mood in [Mood::HangsUp, Mood::SaysGoodbye] {
        let (server, estate) = Server::with_estate(mood, 4);
        let ran = estate.notify();
        let all = ["o00@example.org", "o01@example.org", "o02@example.org", "o03@example.org"];
        assert_eq!(server.taken(), all, "{mood:?}, in one run: {}", ran.err);
        assert!(estate.outbox().iter().all(|(_, state)| state == "sent"), "{mood:?}: {:?}", estate.outbox());
        assert!(server.lock().sessions.len() >= 4, "{mood:?}: {:?}", server.lock().sessions);
        estate.notify();
        assert_eq!(server.taken(), all, "{mood:?}: none twice");
    }
}

#[test]
fn what_is_refused_at_rcpt_is_reset_before_the_next_mail() {
    let (server, estate) = Server::with_estate(Mood::DoesNotKnow("o01@example.org"), 3);
    estate.notify();
    assert_eq!(server.taken(), ["o00@example.org", "o02@example.org"]);
    let shared = server.lock();
    let session = shared.sessions.iter().find(|session| session.iter().any(|line| line.contains("o01@"))).expect("it");
    let refused = session.iter().position(|line| line.contains("o01@")).expect("RCPT");
    assert_eq!(session[refused + 1], "RSET", "{session:?}");
    assert_eq!(shared.sessions.len(), 1, "and the session goes on: {:?}", shared.sessions);
    let mails = estate.run(&["mails", "list", "--format", "json"]).exits(0).json();
    let attempts: Vec<_> = mails.as_array().expect("a list").iter().map(|mail| mail["attempts"].as_u64()).collect();
    assert_eq!(attempts, [Some(1); 3], "who is refused was tried too: {mails:#}");
}

#[test]
fn a_server_that_leaves_in_the_middle_of_a_mail_is_tried_again_and_the_address_is_not_at_fault() {
    let (server, estate) = Server::with_estate(Mood::LeavesAt("o01@example.org"), 3);
    estate.notify();
    assert_eq!(server.taken(), ["o00@example.org", "o02@example.org"], "the others go over other sessions");
    let listed = estate.run(&["mail", "suppressed", "--format", "json"]).exits(0).json();
    assert_eq!(listed, serde_json::json!([]), "nobody is left alone for it");
    let waiting = estate.outbox().into_iter().filter(|(_, state)| state == "failed").count();
    assert_eq!(waiting, 1);
    server.lock().mood = Mood::Takes;
    wait_for("the mail that waited", || {
        estate.notify();
        (server.taken().len() == 3).then_some(())
    });
    estate.notify();
    assert_eq!(server.taken(), ["o00@example.org", "o01@example.org", "o02@example.org"], "each once");
}
