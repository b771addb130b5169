//! Reports, sent as they are written.
//!
//! The head of the answer leaves with the first piece, so what limits the time of an answer does not cut off its rest; what
//! does is the life of a connection ([`Limits`](crate::http::server::Limits)). A reader who is slow slows the writing down:
//! at most a few pieces wait for them. A report that comes to no good end is broken off within a chunk, which every reader
//! of HTTP tells from a whole one.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use utoipa::{IntoParams, ToSchema};

use super::query::{Asked, Text};
use super::refused::Refused;
use crate::domain::chain::Link;
use crate::http::ops::Ops;
use crate::ledger::Ledger;
use crate::ports::Quiet;
use crate::report::cases::Scope;
use crate::report::form::{self, Form};
use crate::report::pack::{EvidencePack, Head, ReportError};
use crate::report::paper::{Outlet, Paper};
use crate::report::whom::{WhomError, about_whom};

/// Reports that are written at a time: each of them reads all of the ledger, on connections that the page needs too.
const AT_ONCE: usize = 2;
/// The header with the head of the event log, as `audit verify --head` takes it; the rows of a table have no place for it.
const LOG_HEAD: &str = "keysweep-log-head";
/// A report of a great estate has its head before its first words; one that fails before is answered with the error.
const FIRST_WORDS: Duration = Duration::from_secs(5);
/// Whoever takes no piece for so long keeps others from their reports, and gets no more.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pieces that wait for their reader.
const WAITING: usize = 4;

/// Who may write a report now.
#[derive(Clone, Debug)]
pub(super) struct Desk(Arc<Semaphore>);

impl Default for Desk {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ReportForm {
    /// the evidence pack: one document
    #[default]
    Json,
    /// one row a finding
    Csv,
    /// a list of OCSF Detection Findings
    Ocsf,
}

/// A report in JSON, by its form.
#[derive(ToSchema)]
#[schema(as = JsonReport)]
#[serde(untagged)]
#[expect(dead_code, reason = "the document's name for what is sent as it is written")]
pub(super) enum JsonReport<'r> {
    /// `json`: the evidence pack
    Json(Box<EvidencePack<'r>>),
    /// `ocsf`: a list of OCSF's Detection Findings, whose fields are OCSF's own
    Ocsf(Vec<BTreeMap<String, Value>>),
}

/// Which report.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReportAsked {
    /// its form: `json` is the evidence pack, `csv` has a row a finding, `ocsf` is a list of Detection Findings; `json`
    /// where it is left out
    format: Option<ReportForm>,
    /// of the account with this id on the platform; it then says nothing of other accounts that have the same key
    account: Option<Text>,
    /// of the source of this name; beside an account, the one whose account it is, where several have one of this id
    source: Option<Text>,
}

/// A report: what `keysweep report` writes. It is sent while it is written; one that is broken off is no report.
#[utoipa::path(
    get,
    path = "/api/v1/report",
    tag = "log",
    params(ReportAsked),
    responses((
        status = 200,
        description = "the report",
        content((JsonReport = "application/json"), (String = "text/csv")),
        headers(("Keysweep-Log-Head" = String, description = "the head of the event log, as `audit verify --head` takes it")),
    ))
)]
pub(super) async fn write_report(
    State(ops): State<Arc<Ops>>,
    Extension(Desk(desk)): Extension<Desk>,
    Asked(asked): Asked<ReportAsked>,
) -> Result<Response, Refused> {
    let (account, source) = (asked.account.map(Text::into_string), asked.source.map(Text::into_string));
    let known = ops.shown.about();
    let about = about_whom(&ops.ledger, |source| known.sources.contains_key(source), account, source).await?;
    let Ok(permit) = desk.try_acquire_owned() else {
        return Err(Refused::later("as many reports as may be are being written already; try again when one is done"));
    };
    let (form, kind) = match asked.format.unwrap_or_default() {
        ReportForm::Json => (Form::Json, "application/json"),
        ReportForm::Csv => (Form::Csv, "text/csv; charset=utf-8; header=present"),
        ReportForm::Ocsf => (Form::Ocsf, "application/json"),
    };
    let scope = Scope { about, ..Scope::default() };
    let log = ops.ledger.log_head().await?;
    let (sender, mut pieces) = mpsc::channel(WAITING);
    tokio::spawn(written(ops, (form, log), scope, sender, permit));
    let first = begun(&mut pieces, FIRST_WORDS).await?;
    let rest = stream::unfold(pieces, async |mut pieces| pieces.recv().await.map(|piece| (piece, pieces)));
    let all = futures::StreamExt::chain(stream::iter(first), rest);
    let log = log.map(|link| [(LOG_HEAD, link.to_string())]);
    Ok(([(CONTENT_TYPE, kind)], log, Body::from_stream(all)).into_response())
}

/// The first piece, where it comes soon: an error before it can still be answered as one.
async fn begun(pieces: &mut mpsc::Receiver<Piece>, soon: Duration) -> Result<Option<Piece>, Refused> {
    match tokio::time::timeout(soon, pieces.recv()).await {
        Ok(Some(Ok(first))) => Ok(Some(Ok(first))),
        Ok(_) => Err(Refused::later("the report can't be written: try again, and see the log")),
        Err(_) => Ok(None),
    }
}

impl From<WhomError> for Refused {
    fn from(error: WhomError) -> Self {
        let field = match &error {
            WhomError::NoSource(_) | WhomError::Several { .. } => "source",
            WhomError::Ledger(_) | WhomError::NoAccount(_) | WhomError::Elsewhere { .. } => "account",
        };
        match error {
            WhomError::Ledger(error) => error.into(),
            WhomError::Several { .. } => Self::field(field, error.to_string()),
            WhomError::NoSource(_) | WhomError::NoAccount(_) | WhomError::Elsewhere { .. } => {
                Self::unknown(field, error.to_string())
            }
        }
    }
}

type Piece = io::Result<Vec<u8>>;

/// Writes a report and tells its reader where it can't be written to its end.
async fn written(
    ops: Arc<Ops>,
    form: (Form, Option<Link>),
    scope: Scope,
    sender: mpsc::Sender<Piece>,
    permit: OwnedSemaphorePermit,
) {
    let ended = tokio::select! {
        ended = write(&ops, form, &scope, sender.clone()) => ended,
        () = sender.closed() => Ok(()), // whoever has gone away hears of nothing
    };
    if let Err(error) = ended
        && !sender.is_closed()
    {
        tracing::warn!(%error, "a report was broken off");
        _ = sender.send_timeout(Err(io::Error::other("the report was broken off")), PATIENCE).await;
    }
    drop(permit);
}

async fn write(
    ops: &Ops,
    (form, log): (Form, Option<Link>),
    scope: &Scope,
    sender: mpsc::Sender<Piece>,
) -> Result<(), ReportError> {
    let ledger: &Ledger = &ops.ledger;
    let about = ops.shown.about();
    let ledger_id = ledger.get("ledger_id").await?.unwrap_or_default();
    let (exemptions, audit, now) = (&about.exemptions, ledger.log_audit().await?, ops.clock.now());
    let head = Head { now, version: &about.version, ledger_id: &ledger_id, log, audit, scope, exemptions };
    form::write(form, ledger, &head, Paper::new(Wire { sender, patience: PATIENCE }), &Quiet).await
}

/// To whoever asked.
struct Wire {
    sender: mpsc::Sender<Piece>,
    patience: Duration,
}

impl Outlet for Wire {
    async fn take(&mut self, piece: Vec<u8>) -> io::Result<()> {
        self.sender.send_timeout(Ok(piece), self.patience).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_report_that_begins_late_has_its_head_in_time_and_one_that_fails_at_once_is_an_error() {
        let (sender, mut pieces) = mpsc::channel(WAITING);
        assert!(matches!(begun(&mut pieces, Duration::ZERO).await, Ok(None)), "nothing yet");
        sender.send(Ok(b"words".to_vec())).await.unwrap();
        assert!(matches!(begun(&mut pieces, FIRST_WORDS).await, Ok(Some(Ok(first))) if first == b"words"));
        sender.send(Err(io::ErrorKind::Other.into())).await.unwrap();
        assert!(begun(&mut pieces, FIRST_WORDS).await.is_err());
        drop(sender);
        assert!(begun(&mut pieces, FIRST_WORDS).await.is_err(), "it ended without a word");
    }

    #[tokio::test]
    async fn whoever_takes_nothing_for_too_long_gets_no_more() {
        let (sender, mut pieces) = mpsc::channel(1);
        let mut wire = Wire { sender, patience: Duration::ZERO };
        wire.take(vec![1]).await.unwrap();
        assert_eq!(wire.take(vec![2]).await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(pieces.recv().await.is_some_and(|piece| piece.is_ok()), "what was sent is there");
        wire.take(vec![3]).await.unwrap();
    }
}
