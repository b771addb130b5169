//! As much of HTTP/1.1 as a probe needs: requests without a body, one after the other on a kept connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::replies::{self, Framing, Reply};
use super::{Shared, Simulated};

/// A request whose head is longer is refused: nobody who connects can fill the memory with one.
const LONGEST_HEAD: usize = 16 * 1024;

/// The head of a request, borrowed from what was read. It has no `Debug`: it holds secrets.
pub(super) struct Head<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) authorization: Option<&'a str>,
    pub(super) kit_key: Option<&'a str>,
    keep_alive: bool,
}

pub(super) async fn listen(listener: TcpListener, provider: Simulated, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new(); // dropped with this task, and its connections with it
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                connections.spawn(async move { serve(stream, provider, &shared).await });
            }
            // Mostly too many open files: it passes when others close theirs.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, provider: Simulated, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(2048);
    let mut answer = Vec::with_capacity(1024);
    loop {
        let (reply, keep_alive, length) = match read_head(&mut stream, &mut read).await? {
            Arrived::Nothing => return Ok(()),
            Arrived::TooLong => (Reply::text(431, "Request Header Fields Too Large"), false, read.len()),
            Arrived::Head(length) => match parse(&read[..length]) {
                Some(head) => (replies::answer(provider, &head, shared), head.keep_alive, length),
                None => (Reply::text(400, "Bad Request"), false, length),
            },
        };
        if reply.framing == Framing::Never {
            return wait_for_the_end(&mut stream).await;
        }
        let keep_alive = keep_alive && reply.framing != Framing::Half;
        answer.clear();
        reply.write(keep_alive, &mut answer);
        stream.write_all(&answer).await?;
        if !keep_alive {
            stream.shutdown().await?;
            // Closing with unread bytes would reset the connection, and the answer could be lost on its way.
            return wait_for_the_end(&mut stream).await;
        }
        read.drain(..length);
    }
}

enum Arrived {
    /// the client closed the connection between two requests, or within one
    Nothing,
    TooLong,
    /// a whole head of this many bytes, the empty line included
    Head(usize),
}

async fn read_head(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Arrived> {
    let mut searched = 0;
    loop {
        if let Some(at) = read[searched..].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let length = searched + at + 4;
            return Ok(if length > LONGEST_HEAD { Arrived::TooLong } else { Arrived::Head(length) });
        }
        if read.len() >= LONGEST_HEAD {
            return Ok(Arrived::TooLong);
        }
        searched = read.len().saturating_sub(3);
        if stream.read_buf(read).await? == 0 {
            return Ok(Arrived::Nothing);
        }
    }
}

/// `None` for what isn't HTTP/1.
fn parse(head: &[u8]) -> Option<Head<'_>> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return None;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // Bodies are never read, so a connection ends after a request that could have one.
    let keep_alive = version == "HTTP/1.1" && method == "GET";
    let mut head = Head { method, path, query, authorization: None, kit_key: None, keep_alive };
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("authorization") {
            head.authorization = Some(value);
        } else if name.eq_ignore_ascii_case("x-kit-api-key") {
            head.kit_key = Some(value);
        } else if name.eq_ignore_ascii_case("connection") {
            head.keep_alive &= !value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding") {
            head.keep_alive = false;
        }
    }
    Some(head)
}

/// Reads and forgets until the client closes the connection.
async fn wait_for_the_end(stream: &mut TcpStream) -> io::Result<()> {
    let mut forgotten = [0; 1024];
    while stream.read(&mut forgotten).await? > 0 {}
    Ok(())
}
