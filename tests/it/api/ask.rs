//! One request and its answer, read to the end of the connection.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// What came back.
pub struct Answer {
    pub status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    /// A header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a document")
    }
}

/// Sends a request without a body.
pub fn ask(address: &str, method: &str, target: &str, headers: &str) -> Answer {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).expect("an answer");
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n").expect("the end of a head");
    let head = std::str::from_utf8(&raw[..end]).expect("text");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let fields = lines.filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> = fields.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let body = &raw[end + 4..];
    let chunked = headers.get("transfer-encoding").is_some_and(|way| way == "chunked");
    let body = if chunked { whole(body) } else { body.to_vec() };
    Answer { status: status.expect("a status"), headers, body }
}

/// The chunks of a body together; the last one is empty, or the body is not whole.
fn whole(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n").expect("the size of a chunk");
        let size = std::str::from_utf8(&rest[..line]).expect("digits");
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return body;
        }
        let chunk = &rest[line + 2..];
        body.extend(&chunk[..size]);
        rest = &chunk[size + 2..];
    }
}
