//! Mailjet's SMTP, as far as a login goes. It goes on taking an old secret for a while.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{KeyState, Seen, Shared, Simulated, lock};

/// A client that says more than this is not one of ours.
const LONGEST_SESSION: u64 = 16 * 1024;

pub(super) async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut sessions = tokio::task::JoinSet::new(); // dropped with this task, and its sessions with it
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            sessions.spawn(async move { serve(stream, &shared).await });
        } else {
            tokio::task::yield_now().await; // mostly too many open files: it passes when others close theirs
        }
        while sessions.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read.take(LONGEST_SESSION)).lines();
    write.write_all(b"220 relay of the demo\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-relay of the demo\r\n250 AUTH PLAIN\r\n",
            "AUTH" => match login(rest.strip_prefix("PLAIN ").unwrap_or_default(), shared) {
                Some(reply) => reply,
                None => return Ok(()),
            },
            "QUIT" => "221 2.0.0 Bye\r\n",
            _ => "502 5.5.1 this relay takes logins only\r\n",
        };
        write.write_all(reply.as_bytes()).await?;
    }
    Ok(())
}

/// The reply to a login, which is logged; `None` where the connection is to be closed without a word.
fn login(token: &str, shared: &Shared) -> Option<&'static str> {
    let pair = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = pair.as_deref().and_then(|pair| pair.strip_prefix('\0')?.split_once('\0'));
    let shown = pair.map(|(user, password)| STANDARD.encode(format!("{user}:{password}")));
    let mut state = lock(shared);
    let found = state.find(Simulated::Mailjet, shown.as_deref());
    let lingers = shown.is_some_and(|shown| state.lingering.contains(&shown));
    let (status, reply) = match found.state {
        KeyState::Live | KeyState::Limited => (235, "235 2.7.0 Authentication successful\r\n"),
        KeyState::Refused if lingers => (235, "235 2.7.0 Authentication successful\r\n"),
        KeyState::Refused => (535, "535 5.7.8 Authentication failed\r\n"),
        KeyState::Hangs | KeyState::HalfBody => (0, ""),
        _ => (454, "454 4.7.0 Temporary authentication failure\r\n"),
    };
    state.log(Seen { provider: "mailjet", method: "AUTH", path: Cow::Borrowed("smtp"), key: found.key, status });
    (status != 0).then_some(reply)
}
