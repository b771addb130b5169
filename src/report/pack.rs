//! The evidence pack: what was live when, who was told when, and what proves that a key is dead; one document, written as it is
//! read.

mod document;

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;

pub use self::document::{EvidencePack, ReportHead, ReportedFinding, RiskRow};
use super::cases::{Cases, Scope, Tally};
use super::exemptions::{ExemptionRow, listed, of_scope};
use super::paper::{Outlet, Paper};
use super::story::Story;
use crate::domain::chain::Link;
use crate::domain::ids::CredentialId;
use crate::domain::policy::Exemptions;
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::read::LogOverview;
use crate::ports::{LedgerError, Progress};

/// Keys looked at at a time.
const KEYS: usize = 1_000;

/// What a report says of itself.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// the present instant
    pub now: Timestamp,
    /// of keysweep
    pub version: &'a str,
    /// the ledger's own name
    pub ledger_id: &'a str,
    /// the head of the event log: `keysweep audit verify --head` shows later that nothing was cut off or rewritten since
    pub log: Option<Link>,
    /// what is known of the log's chain
    pub audit: LogOverview,
    /// what it is about
    pub scope: &'a Scope,
    /// what the operator accepts for a while
    pub exemptions: &'a Exemptions,
}

impl Head<'_> {
    /// What is accepted of what the report is about, with how many of its findings are exempt by each.
    pub fn exempt(&self, tally: &Tally) -> Vec<ExemptionRow> {
        listed(&of_scope(self.exemptions, &self.scope.about, tally.exempt()), tally.exempt(), self.now)
    }
}

/// What goes wrong with a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// the ledger
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// the output
    #[error("the report can't be written")]
    Output(#[from] io::Error),
}

/// Writes the pack.
///
/// # Errors
/// [`ReportError`]: then what was written so far is no document.
pub async fn write<O: Outlet>(
    ledger: &Ledger,
    head: &Head<'_>,
    out: &mut Paper<O>,
    progress: &(impl Progress + Sync),
) -> Result<(), ReportError> {
    out.write_all(b"{\"report\": ")?;
    document(out, &ReportHead::of(head))?;
    let (mut tally, mut keys) = (Tally::default(), BTreeSet::new());
    let mut cases = Cases::of(ledger, head.scope);
    let mut list = Array::begin(out, "findings")?;
    progress.stage("findings", None);
    while let Some(detail) = cases.next().await? {
        tally.add(&detail.finding);
        keys.insert(detail.course.credential_number);
        list.item(&ReportedFinding::of(&detail)).await?;
        progress.advance(1);
    }
    progress.done();
    list.end()?;
    stories(ledger, head.scope, keys, out, progress).await?;
    out.write_all(b",\n\"owasp_nhi\": ")?;
    document(out, &RiskRow::all(&tally))?;
    out.write_all(b",\n\"exemptions\": ")?;
    document(out, &head.exempt(&tally))?;
    Ok(out.write_all(b"}\n")?)
}

/// Every key of the scope, whether anything was found about it or not: an auditor asks which were live when. Those behind its
/// findings alone where it is about open ones.
async fn stories<O: Outlet>(
    ledger: &Ledger,
    scope: &Scope,
    mut behind: BTreeSet<CredentialId>,
    out: &mut Paper<O>,
    progress: &(impl Progress + Sync),
) -> Result<(), ReportError> {
    progress.stage("credentials", None);
    let mut list = Array::begin(out, "credentials")?;
    let (source, account) = (scope.about.source(), scope.about.account().map(|account| account.id.as_str()));
    let mut after = (!scope.open_only).then_some(CredentialId(0));
    while let Some(from) = after {
        let page = ledger.keys_of(source, account, from, KEYS).await?;
        after = page.last;
        for id in page.keys {
            let is_behind = behind.remove(&id);
            story(ledger, scope, id, is_behind, &mut list).await?;
            progress.advance(1);
        }
    }
    for id in behind {
        story(ledger, scope, id, true, &mut list).await?;
        progress.advance(1);
    }
    progress.done();
    Ok(list.end()?)
}

/// One key; where no finding of the report is about it, only one that had not died before the report begins.
async fn story<O: Outlet>(
    ledger: &Ledger,
    scope: &Scope,
    id: CredentialId,
    is_behind: bool,
    list: &mut Array<'_, O>,
) -> Result<(), ReportError> {
    let mut moment = ledger.at_one_moment().await?;
    let Some(story) = Story::within(&mut moment, id, scope.about.account()).await? else { return Ok(()) };
    drop(moment); // whoever reads the report may be slow
    let died = story.credential().died_at;
    if !is_behind && scope.since.is_some_and(|since| died.is_some_and(|died| died < since)) {
        return Ok(());
    }
    Ok(list.item(&story.evidence()).await?)
}

fn document(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(out, value).map_err(io::Error::from)
}

/// A list that is written item by item, as a member of the document or as the document itself.
pub struct Array<'o, O> {
    out: &'o mut Paper<O>,
    first: bool,
}

impl<'o, O: Outlet> Array<'o, O> {
    /// Begins a member of that name.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn begin(out: &'o mut Paper<O>, name: &str) -> io::Result<Self> {
        write!(out, ",\n\"{name}\": [")?;
        Ok(Self { out, first: true })
    }

    /// Begins the document itself.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn alone(out: &'o mut Paper<O>) -> io::Result<Self> {
        out.write_all(b"[")?;
        Ok(Self { out, first: true })
    }

    /// Adds an item, and passes on what has become a piece.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub async fn item(&mut self, item: &(impl Serialize + Sync)) -> io::Result<()> {
        self.out.write_all(if self.first { b"\n  " } else { b",\n  " })?;
        self.first = false;
        document(self.out, item)?;
        self.out.pass().await
    }

    /// Ends the list.
    ///
    /// # Errors
    /// Where the output can't be written.
    pub fn end(self) -> io::Result<()> {
        self.out.write_all(if self.first { b"]" } else { b"\n]" })
    }
}
