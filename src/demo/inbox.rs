//! A mail server on loopback that keeps what it gets, and misbehaves when told to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A line, or a mail, beyond these is refused: nobody who connects can fill the memory with one.
const LONGEST_LINE: u64 = 64 * 1024;
const LARGEST_MAIL: usize = 10 * 1024 * 1024;

/// A running receiver; it stops when this is dropped.
#[derive(Debug)]
pub struct Inbox {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

/// A mail as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// the envelope's sender, without brackets
    pub from: String,
    /// the envelope's recipients, without brackets
    pub to: Vec<String>,
    /// headers and body as sent, dots unstuffed, with the last line's end
    pub raw: Vec<u8>,
}

/// What the receiver does with mails from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// takes every mail
    #[default]
    Accept,
    /// answers RCPT with this reply
    RefuseRecipient(String),
    /// answers DATA with this reply
    RefuseData(String),
    /// answers the whole message with this reply, and doesn't keep it
    RefuseMessage(String),
    /// keeps the message, then closes the connection without a reply
    DropAfterData,
    /// accepts connections and never says a word
    Silent,
}

#[derive(Debug, Default)]
struct State {
    behaviour: Behaviour,
    mails: Vec<Caught>,
}

impl Inbox {
    /// Starts a receiver on a free port of 127.0.0.1, within the running tokio runtime.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::default();
        let task = tokio::spawn(listen(listener, Arc::clone(&state)));
        Ok(Self { address, state, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The mails so far, oldest first.
    pub fn mails(&self) -> Vec<Caught> {
        self.mails_after(0)
    }

    /// Those that came after the first so many, oldest first.
    pub fn mails_after(&self, known: usize) -> Vec<Caught> {
        lock(&self.state).mails.get(known..).map(<[Caught]>::to_vec).unwrap_or_default()
    }

    /// Changes what is done with mails from the next command on.
    pub fn behave(&self, behaviour: Behaviour) {
        lock(&self.state).behaviour = behaviour;
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut sessions = tokio::task::JoinSet::new(); // dropped with this task, and its sessions with it
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        sessions.spawn(async move { serve(stream, &state).await });
        while sessions.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if behaviour(state) == Behaviour::Silent {
        return std::future::pending().await;
    }
    let (reader, writer) = stream.into_split();
    let mut session = Session { writer, state, from: None, to: Vec::new() };
    session.reply("220 inbox.test ESMTP").await?;
    let mut reader = BufReader::new(reader);
    while let Some(line) = read_line(&mut reader).await? {
        let line = String::from_utf8_lossy(&line).into_owned();
        if session.obey(line.trim_end(), &mut reader).await? == Next::Close {
            break;
        }
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Next {
    Go,
    Close,
}

struct Session<'a> {
    writer: OwnedWriteHalf,
    state: &'a Mutex<State>,
    from: Option<String>,
    to: Vec<String>,
}

impl Session<'_> {
    async fn obey(&mut self, line: &str, reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Next> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.reply("250-inbox.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES").await?,
            "HELO" => self.reply("250 inbox.test").await?,
            "MAIL" => {
                (self.from, self.to) = (Some(path(rest)), Vec::new());
                self.reply("250 2.1.0 Ok").await?;
            }
            "RCPT" => self.recipient(path(rest)).await?,
            "DATA" => return self.data(reader).await,
            "RSET" => {
                (self.from, self.to) = (None, Vec::new());
                self.reply("250 2.0.0 Ok").await?;
            }
            "NOOP" => self.reply("250 2.0.0 Ok").await?,
            "QUIT" => {
                self.reply("221 2.0.0 Bye").await?;
                return Ok(Next::Close);
            }
            _ => self.reply("502 5.5.1 Not known here").await?,
        }
        Ok(Next::Go)
    }

    async fn recipient(&mut self, to: String) -> io::Result<()> {
        match behaviour(self.state) {
            Behaviour::RefuseRecipient(reply) => self.reply(&reply).await,
            _ if self.from.is_none() => self.reply("503 5.5.1 MAIL first").await,
            _ => {
                self.to.push(to);
                self.reply("250 2.1.5 Ok").await
            }
        }
    }

    async fn data(&mut self, reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Next> {
        if self.to.is_empty() {
            self.reply("503 5.5.1 RCPT first").await?;
            return Ok(Next::Go);
        }
        if let Behaviour::RefuseData(reply) = behaviour(self.state) {
            self.reply(&reply).await?;
            return Ok(Next::Go);
        }
        self.reply("354 End with a dot").await?;
        let Some(raw) = read_message(reader).await? else { return Ok(Next::Close) };
        let caught = Caught { from: self.from.take().unwrap_or_default(), to: std::mem::take(&mut self.to), raw };
        match behaviour(self.state) {
            Behaviour::RefuseMessage(reply) => self.reply(&reply).await?,
            _ if caught.raw.len() > LARGEST_MAIL => self.reply("552 5.3.4 Too large").await?,
            Behaviour::DropAfterData => {
                lock(self.state).mails.push(caught);
                return Ok(Next::Close);
            }
            _ => {
                lock(self.state).mails.push(caught);
                self.reply("250 2.0.0 Ok: kept").await?;
            }
        }
        Ok(Next::Go)
    }

    async fn reply(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_all(format!("{text}\r\n").as_bytes()).await
    }
}

/// The message up to the lone dot, dots unstuffed; cut just above the limit. `None` where the sender went away first.
async fn read_message(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut raw = Vec::new();
    while let Some(line) = read_line(reader).await? {
        if matches!(line.as_slice(), b".\r\n" | b".\n") {
            return Ok(Some(raw));
        }
        if raw.len() <= LARGEST_MAIL {
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
    Ok(None)
}

async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line without an end"));
    }
    Ok(Some(line))
}

/// What stands between the angle brackets of MAIL or RCPT.
fn path(rest: &str) -> String {
    let inner = rest.split_once('<').and_then(|(_, tail)| tail.split_once('>'));
    inner.map(|(path, _)| path.to_owned()).unwrap_or_default()
}

fn behaviour(state: &Mutex<State>) -> Behaviour {
    lock(state).behaviour.clone()
}

/// A panic elsewhere leaves the list whole: it is only ever pushed to.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
