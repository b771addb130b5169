//! `POST /events`: the platform tells of what changes. What is answered with 204 is in the ledger.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::Front;
use super::visitor::{household, visitor};
use crate::domain::record::FieldProblem;
use crate::domain::signature::Signed;
use crate::http::problem;
use crate::http::server::Peer;
use crate::ports::events::NotTaken;
use crate::ports::meter::EventRefusal;

/// One row of the inventory is far shorter.
pub(super) const BODY_BYTES: usize = 64 * 1024;
/// The longest identity of a message.
const LONGEST_ID: usize = 256;
/// Requests a minute from one address, apart from those of people: an account with hundreds of connections may be deleted at
/// once, and what is turned away comes again.
const BY_ADDRESS: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_199);
/// Addresses that are remembered before those that were quiet for a while are forgotten.
const MANY: usize = 10_000;

/// Lets senders in, not too many requests at a time.
pub(super) struct Tollgate(DefaultKeyedRateLimiter<IpAddr>);

impl Tollgate {
    pub(super) fn new() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(BY_ADDRESS)))
    }

    fn lets_in(&self, who: IpAddr) -> bool {
        if self.0.len() > MANY {
            self.0.retain_recent();
        }
        self.0.check_key(&household(who)).is_ok()
    }
}

/// Takes an event.
pub(super) async fn take(
    State(front): State<Arc<Front>>,
    axum::Extension(peer): axum::Extension<Peer>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let public = &front.public;
    if !front.tollgate.lets_in(visitor(peer.0, &headers, public.trust_forwarded)) {
        public.meter.turned_away(EventRefusal::TooOften);
        return later(
            problem::told(StatusCode::TOO_MANY_REQUESTS, "too many events at once; send this again", None),
            "5",
        );
    }
    let body = match body {
        Ok(body) => body,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            public.meter.turned_away(EventRefusal::TooLarge);
            let detail =
                format!("an event has at most {BODY_BYTES} bytes; send one row of the contract, and nothing else");
            return problem::told(StatusCode::PAYLOAD_TOO_LARGE, &detail, None);
        }
        Err(_) => return refused(&front, NotTaken::Unread(field("", "could not be read; send it again"))),
    };
    let taken = match signed(&headers, &body) {
        Ok(message) => public.events.take(message).await,
        Err(why) => Err(why),
    };
    match taken {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(why) => refused(&front, why),
    }
}

fn signed<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Result<Signed<'a>, NotTaken> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let missing = "webhook-id, webhook-timestamp and webhook-signature are needed, as Standard Webhooks has them";
    let (Some(id), Some(timestamp), Some(signatures)) =
        (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"))
    else {
        return Err(NotTaken::Unsigned(missing));
    };
    if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(NotTaken::Unsigned("webhook-id must have 1 to 256 printable ASCII characters without blanks"));
    }
    Ok(Signed { id, timestamp, signatures, body })
}

fn refused(front: &Front, why: NotTaken) -> Response {
    let meter = &front.public.meter;
    match why {
        NotTaken::Nowhere => {
            meter.turned_away(EventRefusal::Nowhere);
            problem::told(StatusCode::NOT_FOUND, "no source takes events: see events_secret in the manual", None)
        }
        NotTaken::Unsigned(detail) => {
            meter.turned_away(EventRefusal::Unsigned);
            problem::told(StatusCode::UNAUTHORIZED, detail, None)
        }
        NotTaken::Unread(what) => {
            meter.turned_away(EventRefusal::Unread);
            about(StatusCode::BAD_REQUEST, &what)
        }
        NotTaken::Unfit(what) => about(StatusCode::UNPROCESSABLE_ENTITY, &what),
        NotTaken::Unknown(what) => about(StatusCode::CONFLICT, &what),
        NotTaken::Busy => {
            let detail = "the ledger can't be written to for the moment; nothing was taken, so send this again";
            later(problem::told(StatusCode::SERVICE_UNAVAILABLE, detail, None), "30")
        }
    }
}

fn about(status: StatusCode, what: &FieldProblem) -> Response {
    let (subject, field) = if what.field.is_empty() { ("the body", "body") } else { (&*what.field, &*what.field) };
    problem::told(status, &format!("{subject} {}", what.reason), Some(field))
}

fn field(field: &str, reason: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), reason: reason.to_owned() }
}

fn later(mut response: Response, seconds: &'static str) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}
