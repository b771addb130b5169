//! Commands and replies, line by line and with bounds.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::session::Broken;

/// The longest line of a reply, its end included; the standard's own limit is 512 (RFC 5321, 4.5.3.1.5).
const LONGEST_LINE: usize = 1_024;
/// The most lines of one reply: what a server offers takes a dozen.
const MOST_LINES: usize = 64;

/// What carries the bytes.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A reply: its code, and its text line by line.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// All lines, one after another.
    pub(super) fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// One side of a conversation in which each waits for the other.
pub(super) struct Talk<S> {
    stream: S,
    /// what was read beyond the last line
    rest: Vec<u8>,
}

impl<S: Stream> Talk<S> {
    pub(super) const fn over(stream: S) -> Self {
        Self { stream, rest: Vec::new() }
    }

    /// Says one line, and hears the reply.
    pub(super) async fn command(&mut self, line: &str) -> Result<Reply, Broken> {
        if !self.rest.is_empty() {
            return Err(Broken::Garbled("it answered what it was not asked"));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(line.len() + 2)); // the line may hold the secret
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        let said = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        said.await.map_err(|_| Broken::HungUp)?;
        self.reply().await
    }

    /// The next reply, with all its lines.
    pub(super) async fn reply(&mut self) -> Result<Reply, Broken> {
        let mut reply: Option<Reply> = None;
        loop {
            let line = self.line().await?;
            let (code, more, text) = parse(&line).ok_or(Broken::Garbled("a line is no reply"))?;
            let reply = reply.get_or_insert(Reply { code, lines: Vec::new() });
            if reply.code != code || reply.lines.len() == MOST_LINES {
                return Err(Broken::Garbled("the lines of a reply don't belong together, or have no end"));
            }
            reply.lines.push(text);
            if !more {
                let lines = std::mem::take(&mut reply.lines);
                return Ok(Reply { code, lines });
            }
        }
    }

    /// The stream, where nothing was said beyond the last reply.
    pub(super) fn into_silent(self) -> Result<S, Broken> {
        if self.rest.is_empty() { Ok(self.stream) } else { Err(Broken::Garbled("it spoke on before TLS")) }
    }

    /// The next line, without its end.
    async fn line(&mut self) -> Result<Vec<u8>, Broken> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.rest.drain(..=end).collect();
                line.truncate(end);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            if self.rest.len() >= LONGEST_LINE {
                return Err(Broken::Garbled("a line has no end"));
            }
            let mut more = [0; LONGEST_LINE];
            match self.stream.read(&mut more).await {
                Ok(0) | Err(_) if self.rest.is_empty() => return Err(Broken::HungUp),
                Ok(0) | Err(_) => return Err(Broken::Garbled("it broke off")),
                Ok(count) => self.rest.extend_from_slice(&more[..count]),
            }
        }
    }
}

/// Code, whether more lines follow, and text.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = str::from_utf8(code).ok().filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    let more = match rest.first() {
        None | Some(b' ') => false,
        Some(b'-') => true,
        Some(_) => return None,
    };
    let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default()).into_owned();
    (200..600).contains(&code).then_some((code, more, text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every reply that these bytes hold, until one is none.
    fn heard(bytes: &[u8]) -> Vec<Option<(u16, Vec<String>)>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (stream, mut far) = tokio::io::duplex(bytes.len().max(1));
        runtime.block_on(async move {
            far.write_all(bytes).await.unwrap();
            drop(far);
            let mut talk = Talk::over(stream);
            let mut heard = Vec::new();
            loop {
                let reply = talk.reply().await.ok().map(|reply| (reply.code, reply.lines));
                let ended = reply.is_none();
                heard.push(reply);
                if ended {
                    return heard;
                }
            }
        })
    }

    #[test]
    fn replies_are_read_whole_and_what_is_none_is_not() {
        let long = format!("250 {}\r\n", "x".repeat(LONGEST_LINE));
        let many = "250-a\r\n".repeat(MOST_LINES + 1);
        for (bytes, first) in [
            ("250 ok\r\n", Some((250, vec!["ok"]))),
            ("250\r\n", Some((250, vec![""]))),
            ("250 ok\n", Some((250, vec!["ok"]))),
            ("250-a\r\n250-b c\r\n250 d\r\n", Some((250, vec!["a", "b c", "d"]))),
            ("535 5.7.8 \u{fc}bel\r\n", Some((535, vec!["5.7.8 \u{fc}bel"]))),
            ("250-a\r\n251 b\r\n", None),
            ("250-a\r\n", None),
            ("250 no end", None),
            ("25 short\r\n", None),
            ("2500 long\r\n", None),
            ("abc no\r\n", None),
            ("199 no\r\n", None),
            ("600 no\r\n", None),
            ("HTTP/1.1 200 OK\r\n", None),
            ("\r\n", None),
            ("", None),
            (&long, None),
            (&many, None),
        ] {
            let first =
                first.map(|(code, lines): (u16, Vec<&str>)| (code, lines.into_iter().map(str::to_owned).collect()));
            assert_eq!(heard(bytes.as_bytes())[0], first, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_read_on_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
            let replies = heard(&bytes);
            prop_assert!(replies.last().unwrap().is_none());
            for (code, lines) in replies.into_iter().flatten() {
                prop_assert!((200..600).contains(&code) && lines.len() <= MOST_LINES);
            }
        }
    }
}
