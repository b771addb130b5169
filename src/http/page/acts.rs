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
use crate::domain::action::{Act, Refusal};
use crate::domain::compromise::word;
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::http::access::Visitor;
use crate::ledger::read::{Longer, Meant, finding_name, parse_finding};

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
    #[derive(Clone, Copy)]
    enum Wish {
        Acknowledge,
        Snooze,
        Resume,
    }
    const WISHES: [(&str, Wish); 3] =
        [("acknowledge", Wish::Acknowledge), ("snooze", Wish::Snooze), ("resume", Wish::Resume)];
    let form = form(&body, &["act", "until"])?;
    let id = parse_finding(&name).ok_or_else(|| Trouble::nothing("There is no finding of this number."))?;
    let until = || date(&form, "until")?.ok_or_else(|| fault("until", "Choose a date."));
    let act = match wish(&form, &WISHES)? {
        Wish::Acknowledge => Act::Acknowledge { until: until()? },
        Wish::Snooze => Act::Snooze { until: until()? },
        Wish::Resume => Act::Resume,
    };
    match ops.operator.pause(id, act, visitor.known_as().as_ref()).await? {
        Ok(change) => {
            tracing::info!(by = %visitor.name, finding = finding_name(id), ?act, ?change, "an operator acted on a finding");
            Ok(back(&path("/findings", &name)))
        }
        Err(Refusal::BadDate) => Err(fault("until", &sentence(&Refusal::BadDate.to_string())).into()),
        Err(refusal) => Err(Trouble::Refused(sentence(&refusal.to_string()))),
    }
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
    let said = match wish(&form, &[("leaked", true), ("not-leaked", false)])? {
        false => None,
        true => {
            let said = word(date(&form, "at")?, form.text("note"), ops.operator.now());
            Some(said.map_err(|error| fault(error.field(), &sentence(&format!("it {error}"))))?)
        }
    };
    let meant = ops.ledger.at_one_moment().await?.credential_number(&name).await?;
    let credential = match meant {
        Meant::One(id) => id,
        Meant::Nothing => return Err(Trouble::nothing("There is no credential of this name.")),
        Meant::Several(several) => return Err(Trouble::Refused(sentence(&Longer::ask(&name, &several)))),
    };
    let changed = ops.operator.leaked(credential, said.as_ref(), visitor.known_as().as_ref()).await?;
    tracing::info!(by = %visitor.name, credential = name, leaked = said.is_some(), changed, "an operator spoke of a leak");
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
    let provider = ProviderName::new(&name);
    if !ops.shown.about().providers.contains_key(&provider) {
        return Err(Trouble::nothing("The catalogue has no provider of this name."));
    }
    if ops.operator.trust(&provider, None, visitor.known_as().as_ref()).await?.is_empty() {
        return Err(Trouble::Refused(
            "It is not blind: its refusals count already, and nothing is changed.".to_owned(),
        ));
    }
    tracing::info!(by = %visitor.name, %provider, "an operator believes a blind provider again");
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
    let ended = ops.operator.accept(source, visitor.known_as().as_ref()).await?;
    let ended = ended.ok_or_else(|| Trouble::nothing("The configuration has no source of this name."))?;
    tracing::info!(by = %visitor.name, source, ended, "an operator believes what a source no longer shows");
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
    let day = Timestamp::parse(&format!("{text}T00:00:00Z")).filter(|_| text.len() == 10);
    day.map(Some).ok_or_else(|| fault(name, "Write a date such as 2026-09-30."))
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
