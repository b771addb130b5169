//! The inbox as a page: the caught mails, and each as its reader sees it. Everything in it is made up, so nobody is asked
//! for a token.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use minijinja::{Environment, UndefinedBehavior, context};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::inbox::{Caught, Inbox};
use super::letter::Letter;
use crate::http::page;
use crate::http::server::{self, Limits};

/// Our own style, and the mail in a frame of its own.
const CSP: &str =
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'";
/// A mail runs nothing, fetches nothing and leads nowhere; its looks are its own.
const LETTER_CSP: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";
const NOSNIFF: (HeaderName, &str) = (HeaderName::from_static("x-content-type-options"), "nosniff");
const HTML: (HeaderName, &str) = (CONTENT_TYPE, "text/html; charset=utf-8");

const LIST: &str = include_str!("mailbox/list.html");
const LETTER: &str = include_str!("mailbox/letter.html");

/// The running page; it stops when this is dropped.
#[derive(Debug)]
pub struct Mailbox {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Mailbox {
    /// Serves the inbox on a free port of 127.0.0.1, within the running tokio runtime.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn open(inbox: Arc<Inbox>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/", get(list))
            .route("/style.css", get(page::style))
            .route("/mail/{number}", get(letter))
            .route("/mail/{number}/html", get(html))
            .with_state(inbox);
        let task = tokio::spawn(server::serve(listener, router, Limits::USUAL, std::future::pending()));
        Ok(Self { address, task })
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The mails, latest first.
async fn list(State(inbox): State<Arc<Inbox>>) -> Response {
    let row = |(at, mail): (usize, &Caught)| {
        let letter = Letter::read(&mail.raw);
        context! { number => at + 1, to => mail.to.join(", "), subject => letter.subject, date => letter.date }
    };
    let mails = inbox.mails();
    let rows: Vec<_> = mails.iter().enumerate().rev().map(row).collect();
    rendered("list.html", LIST, context! { mails => rows })
}

/// One mail: its headers, its text, its HTML in a frame.
async fn letter(State(inbox): State<Arc<Inbox>>, Path(number): Path<usize>) -> Response {
    let mails = inbox.mails();
    let Some(mail) = number.checked_sub(1).and_then(|at| mails.get(at)) else { return missing() };
    let Letter { headers, subject, text, html, .. } = Letter::read(&mail.raw);
    let (earlier, later) = (number - 1, if number < mails.len() { number + 1 } else { 0 });
    let has_html = !html.is_empty();
    rendered("letter.html", LETTER, context! { number, headers, subject, text, has_html, earlier, later })
}

/// The HTML part alone, for the frame.
async fn html(State(inbox): State<Arc<Inbox>>, Path(number): Path<usize>) -> Response {
    let mails = inbox.mails();
    let Some(mail) = number.checked_sub(1).and_then(|at| mails.get(at)) else { return missing() };
    ([HTML, (CONTENT_SECURITY_POLICY, LETTER_CSP), NOSNIFF], Letter::read(&mail.raw).html).into_response()
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, "there is no such mail; / lists those that there are\n").into_response()
}

fn rendered(name: &'static str, template: &'static str, values: minijinja::Value) -> Response {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    let page = templates.add_template(name, template).and_then(|()| templates.get_template(name)?.render(values));
    match page {
        Ok(page) => ([HTML, (CONTENT_SECURITY_POLICY, CSP), NOSNIFF], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the inbox can't be shown: a defect of this build");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
