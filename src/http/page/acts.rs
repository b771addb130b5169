//! What operators do on the pages: each form is sent to its page's own address, and leads back there.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};

use super::query::{Fault, Query, path, sentence};
use super::trouble::Trouble;
use super::{DONE, Ops};
use crate::domain::action::Act;
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::http::access::Visitor;
use crate::http::acts::{Hand, NotDone};
use crate::ledger::read::parse_finding;

/// Has a finding's reminders wait, or come again.
///
/// # Errors
/// Where the form means nothing, and where it can't be done.
pub(super) async fn on_finding(
    State(ops): State<Arc<Ops>>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Trouble> {
    type Waits = fn(Timestamp) -> Act;
    const WISHES: [(&str, Option<Waits>); 3] = [
        ("acknowledge", Some(|until| Act::Acknowledge { until })),
        ("snooze", Some(|until| Act::Snooze { until })),
        ("resume", None),
    ];
    let form = form(&body, &["act", "until"])?;
    let id = parse_finding(&name).ok_or_else(|| Trouble::nothing("There is no finding of this number."))?;
    let act = match wish(&form, &WISHES)? {
        Some(waits) => waits(date(&form, "until")?.ok_or_else(|| fault("until", "Choose a date."))?),
        None => Act::Resume,
    };
    Hand { ops: &ops, visitor: &visitor }.pause(id, act).await?;
    Ok(back(&path("/findings", &name)))
}

/// Notes that a key leaked, or that it didn't after all.
///
/// # Errors
/// Where the form means nothing, there is no such credential, and where the ledger doesn't answer.
pub(super) async fn on_credential(
    State(ops): State<Arc<Ops>>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Trouble> {
    let form = form(&body, &["act", "at", "note"])?;
    let hand = Hand { ops: &ops, visitor: &visitor };
    match wish(&form, &[("leaked", true), ("not-leaked", false)])? {
        true => _ = hand.leaked(&name, date(&form, "at")?, form.text("note")).await?,
        false => _ = hand.not_leaked(&name).await?,
    }
    Ok(back(&path("/credentials", &name)))
}

/// Believes a blind provider again.
///
/// # Errors
/// Where the form means nothing, the catalogue has no such provider, it is not blind, and where the ledger doesn't answer.
pub(super) async fn on_provider(
    State(ops): State<Arc<Ops>>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Trouble> {
    wish(&form(&body, &["act"])?, &[("trust", ())])?;
    Hand { ops: &ops, visitor: &visitor }.trust(&ProviderName::new(&name), None).await?;
    Ok(back(&path("/providers", &name)))
}

/// Believes that what a source no longer shows is gone.
///
/// # Errors
/// Where the form means nothing, the configuration has no such source, and where the ledger doesn't answer.
pub(super) async fn on_sources(
    State(ops): State<Arc<Ops>>,
    Extension(visitor): Extension<Visitor>,
    body: Bytes,
) -> Result<Response, Trouble> {
    let form = form(&body, &["act", "source"])?;
    wish(&form, &[("accept", ())])?;
    let source = form.text("source").ok_or_else(|| fault("source", "Say which source."))?;
    Hand { ops: &ops, visitor: &visitor }.accept(source).await?;
    Ok(back("/sources"))
}

fn form(body: &[u8], names: &[&str]) -> Result<Query, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| fault("form", "It is not a form of this page."))?;
    Query::read(Some(text), names)
}

/// The button that was pressed.
fn wish<T: Copy>(form: &Query, words: &[(&str, T)]) -> Result<T, Fault> {
    form.one_of("act", words)?.ok_or_else(|| fault("act", "Press one of the page's buttons."))
}

/// The beginning of a day, in UTC.
fn date(form: &Query, name: &str) -> Result<Option<Timestamp>, Fault> {
    let Some(text) = form.text(name) else { return Ok(None) };
    Timestamp::of_day(text).map(Some).ok_or_else(|| fault(name, "Write a date such as 2026-09-30."))
}

impl From<NotDone> for Trouble {
    fn from(why: NotDone) -> Self {
        match why {
            NotDone::Unknown(what) => Self::Nothing(sentence(&what)),
            NotDone::Wrong(field, what) | NotDone::Conflict(Some(field), what) => {
                Self::Field(fault(field, &sentence(&what)))
            }
            NotDone::Conflict(None, what) => Self::Refused(sentence(&what)),
            NotDone::Ledger(error) => Self::Ledger(error),
        }
    }
}

fn fault(field: &str, what: &str) -> Fault {
    Fault { field: field.to_owned(), what: what.to_owned() }
}

/// Back to the page, which tells how things stand now.
fn back(page: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, format!("{page}?{DONE}"))]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_and_nothing_else_is_one() {
        let of = |text: &str| date(&form(format!("until={text}").as_bytes(), &["until"]).unwrap(), "until");
        assert_eq!(of("2026-09-30").unwrap().unwrap().to_string(), "2026-09-30T00:00:00Z");
        assert_eq!(of("").unwrap(), None);
        for other in ["30.9.2026", "2026-9-30", "2026-02-30", "2026-09-30T10:00:00Z", "1790000000", "tomorrow"] {
            assert_eq!(of(other).unwrap_err().field, "until", "{other}");
        }
    }

    #[test]
    fn what_no_form_of_ours_sends_is_refused_by_name() {
        assert_eq!(form(b"act=\xff", &["act"]).unwrap_err().field, "form");
        assert_eq!(form(b"act=x&more=1", &["act"]).unwrap_err().field, "more");
        assert_eq!(wish(&form(b"act=other", &["act"]).unwrap(), &[("trust", ())]).unwrap_err().field, "act");
        assert_eq!(wish(&form(b"", &["act"]).unwrap(), &[("trust", ())]).unwrap_err().field, "act");
    }
}
