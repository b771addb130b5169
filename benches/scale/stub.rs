//! A provider that always answers at once, as Mailjet does to a key that it knows. It costs as little as a server can, so
//! that the client is what is measured.

use std::io::{Read as _, stdin};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 36\r\n\r\n\
    {\"Count\":1,\"Data\":[{\"ID\":1}],\"T\":1}\n";

/// Serves on a port of its own, which it says first, until its input ends.
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let orphaned = tokio::task::spawn_blocking(|| stdin().read_to_end(&mut Vec::new()));
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // A client that breaks off harms nobody else.
            tokio::spawn(async move { answer(stream).await.ok() });
        }
    };
    tokio::select! {
        result = accept => result,
        _ = orphaned => Ok(()),
    }
}

/// One connection: an answer for each blank line, since a GET has no body.
async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut heard = Vec::with_capacity(4096);
    while stream.read_buf(&mut heard).await? > 0 {
        while let Some(end) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
            heard.drain(..end + 4);
            stream.write_all(ANSWER).await?;
        }
    }
    Ok(())
}
