//! An endpoint over HTTP that keeps what it is sent, and answers as it is told.

use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// What it was sent once.
#[derive(Clone, Debug)]
pub struct Received {
    /// names in small letters
    pub headers: Vec<(String, String)>,
    /// as it came
    pub bytes: Vec<u8>,
    /// the same as text
    pub body: String,
}

impl Received {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

/// What it does with a message that it has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// this status line, and headers, each ended by a line break
    Say(&'static str),
    /// it keeps the message and says nothing
    Silence,
}

#[derive(Debug)]
struct State {
    answer: Answer,
    received: Vec<Received>,
}

/// The endpoint. Its thread ends with the test.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// Starts one that takes everything.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(Mutex::new(State { answer: Answer::Say("204 No Content\r\n"), received: Vec::new() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, state }
    }

    /// Its address, with a path that is nobody else's business.
    pub fn url(&self) -> String {
        format!("http://{}/services/canary-path", self.address)
    }

    /// Its address alone.
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it does from the next message on.
    pub fn answer(&self, answer: Answer) {
        self.lock().answer = answer;
    }

    /// What it was sent, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Requests over one connection, until the other side hangs up.
fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut writer = stream;
    while let Some(received) = read(&mut reader) {
        let answer = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.received.push(received);
            state.answer.clone()
        };
        let Answer::Say(status) = answer else { continue };
        if write!(writer, "HTTP/1.1 {status}content-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl std::io::BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    assert!(line.starts_with("POST "), "only POST is expected: {line}");
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end().split_once(':') {
            None => break,
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let text = String::from_utf8_lossy(&body).into_owned();
    Some(Received { headers, bytes: body, body: text })
}
