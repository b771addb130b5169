//! Connections: how many, how long, and how they end. axum's own loop has no limit on the time of a request's head.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// connections at once; more wait to be accepted
    pub connections: usize,
    /// from the start, or from the last answer, to the end of a request's head: it also ends idle connections
    pub head: Duration,
    /// for a whole connection; after it the request under way is finished, and that is all
    pub life: Duration,
    /// for requests under way, once the connection or the server is to end
    pub drain: Duration,
}

impl Limits {
    /// For a scraper, a browser and a few probes.
    pub const USUAL: Self = Self {
        connections: 64,
        head: Duration::from_secs(10),
        life: Duration::from_secs(600),
        drain: Duration::from_secs(5),
    };
}

/// The other end of a request's connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// A head has at most so many bytes and headers; a larger one is answered with 431. Every query that the API's document
/// allows fits: four texts of 512 characters, each of four bytes, each byte written with three.
const HEAD_BYTES: usize = 32 * 1024;
const HEADERS: usize = 64;

/// The system has no more files to give for the moment; they come back when others close theirs.
const AFTER_A_FAILED_ACCEPT: Duration = Duration::from_millis(50);

/// Serves until `shutdown` resolves, then finishes the requests under way, and returns.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, shutdown: impl Future<Output = ()>) {
    let mut shutdown = pin!(shutdown);
    let slots = Arc::new(Semaphore::new(limits.connections));
    let closing = watch::Sender::new(false);
    let mut connections = JoinSet::new(); // dropped with this future, and its connections with it
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            (stream, peer, slot) = accept(&listener, &slots) => {
                let service = router.clone().layer(axum::Extension(peer));
                connections.spawn(connection(stream, slot, service, limits, closing.subscribe()));
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    closing.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, ended).await.is_err() {
        tracing::warn!("requests were cut off: they were not done {:?} after the end began", limits.drain);
    }
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, Peer, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a slot.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, Peer(peer.ip()), slot),
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::warn!("no connection can be accepted for the moment: {error}");
                tokio::time::sleep(AFTER_A_FAILED_ACCEPT).await;
            }
        }
    }
}

fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    stream: TcpStream,
    _slot: Option<OwnedSemaphorePermit>,
    router: Router,
    limits: Limits,
    mut closing: watch::Receiver<bool>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        _ = closing.wait_for(|closing| *closing) => None,
        () = tokio::time::sleep(limits.life) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(limits.drain, connection.as_mut()).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        // The other side went away, was too slow, or doesn't speak HTTP: its affair.
        tracing::debug!("a connection ended early: {error}");
    }
}
