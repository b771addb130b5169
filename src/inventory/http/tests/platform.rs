//! A platform's interface in the making: it answers its visitors one after the other, each as the test says.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// One answer.
#[derive(Clone)]
pub(super) struct Reply {
    head: String,
    body: Vec<u8>,
    /// what Content-Length says, where that is not so
    claimed: Option<u64>,
    /// the body is repeated until the visitor leaves
    endless: bool,
}

impl Reply {
    pub(super) fn json(body: impl AsRef<[u8]>) -> Self {
        Self::with("200 OK\r\ncontent-type: application/json", body)
    }

    /// Status, and headers behind it.
    pub(super) fn with(head: &str, body: impl AsRef<[u8]>) -> Self {
        Self { head: head.to_owned(), body: body.as_ref().to_vec(), claimed: None, endless: false }
    }

    /// As if there were more of it.
    pub(super) fn claiming(self, length: u64) -> Self {
        Self { claimed: Some(length), ..self }
    }

    /// Without an end.
    pub(super) fn endless(self) -> Self {
        Self { endless: true, ..self }
    }

    /// Nothing at all: the connection is closed.
    pub(super) fn silence() -> Self {
        Self::with("", "")
    }

    async fn give(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        if self.head.is_empty() {
            return Ok(());
        }
        let length = match self.claimed {
            _ if self.endless => String::new(),
            claimed => format!("content-length: {}\r\n", claimed.unwrap_or(self.body.len() as u64)),
        };
        stream.write_all(format!("HTTP/1.1 {}\r\nconnection: close\r\n{length}\r\n", self.head).as_bytes()).await?;
        stream.write_all(&self.body).await?;
        if self.endless {
            loop {
                stream.write_all(&self.body).await?;
            }
        }
        stream.shutdown().await
    }
}

/// A platform on loopback.
pub(super) struct Platform {
    base: Url,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Platform {
    /// One that gives these answers, and then the last one again and again.
    pub(super) async fn answering(replies: Vec<Reply>) -> Self {
        let last = replies.len() - 1;
        Self::by(move |number, _| replies[number.min(last)].clone()).await
    }

    /// One that answers by the number of the visit and by what is asked for.
    pub(super) async fn by(reply: impl Fn(usize, &str) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}/", listener.local_addr().expect("its address"));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heard);
        tokio::spawn(async move {
            for number in 0.. {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let head = head(&mut stream).await;
                let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
                told.lock().expect("one test").push(head);
                // a visitor may leave whenever it likes
                drop(reply(number, &target).give(&mut stream).await);
            }
        });
        Self { base: Url::parse(&base).expect("an address"), heard }
    }

    pub(super) fn url(&self, path: &str) -> Url {
        self.base.join(path).expect("an address")
    }

    /// The heads of all requests.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("one test").clone()
    }

    /// What was asked for.
    pub(super) fn targets(&self) -> Vec<String> {
        self.heard().iter().map(|head| head.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
    }
}

async fn head(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut heard).await.unwrap_or_default() == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}
