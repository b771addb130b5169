//! The outbox as people see it: of readers their numbers only.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::findings::{FindingState, printed};
use super::paging::{Cursor, Page};
use super::when;
use crate::domain::finding::RuleName;
use crate::domain::ids::{FindingId, MailId, PersonId, ScanId};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::packed::{flag, size};
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;
use crate::ports::notify::WaitReason;

/// How far a mail has come (DESIGN.md 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// formed, not yet taken up
    Planned,
    /// taken up by a sender
    Claimed,
    /// just being sent
    Sending,
    /// the server took it
    Sent,
    /// an attempt may have arrived: tried again under the same Message-ID
    MaybeSent,
    /// not taken, and tried again
    Failed,
    /// nothing was left to say, or nobody to say it to
    Cancelled,
    /// the server took it, and it came back
    Bounced,
}

impl MailState {
    /// Every state, in the order of a mail's way.
    pub const ALL: [Self; 8] = [
        Self::Planned,
        Self::Claimed,
        Self::Sending,
        Self::Sent,
        Self::MaybeSent,
        Self::Failed,
        Self::Cancelled,
        Self::Bounced,
    ];

    /// True where the mail still has to go out.
    pub const fn is_waiting(self) -> bool {
        !matches!(self, Self::Sent | Self::Cancelled | Self::Bounced)
    }

    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Claimed => "claimed",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::MaybeSent => "maybe_sent",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Bounced => "bounced",
        }
    }
}

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MailRow {
    /// the ledger's number
    pub id: MailId,
    /// the scan that formed it
    pub scan: ScanId,
    /// the ledger's number of the reader
    pub person: PersonId,
    /// the source of the reader's account
    pub source: String,
    /// the platform's id of the reader's account
    pub account_id: String,
    /// how far it has come
    pub state: MailState,
    /// how many findings it tells of, those included that were fixed before it left
    pub notices: u64,
    /// when it was formed
    #[serde(serialize_with = "when::text")]
    pub formed_at: Timestamp,
    /// when the server took it
    #[serde(serialize_with = "when::maybe")]
    pub sent_at: Option<Timestamp>,
    /// when it came back
    #[serde(serialize_with = "when::maybe")]
    pub returned_at: Option<Timestamp>,
    /// attempts so far
    pub attempts: u32,
    /// true where an attempt may have arrived
    #[serde(deserialize_with = "flag")]
    pub maybe_sent: bool,
    /// when it is tried next
    #[serde(serialize_with = "when::maybe")]
    pub next_try_at: Option<Timestamp>,
    /// its Message-ID
    pub message_id: String,
    /// what was last seen to go wrong, without addresses
    pub error: Option<String>,
}

/// A mail with what it tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailDetail {
    /// the mail
    pub mail: MailRow,
    /// its reader's address, masked; `None` where there is none that we would send to
    pub address: Option<String>,
    /// the steps that it carries, in the order in which they were planned
    pub notices: Vec<CarriedRow>,
}

/// One step of a finding, in the mail that carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedRow {
    /// the finding; printed as `F12`
    #[serde(serialize_with = "printed")]
    pub finding: FindingId,
    /// its rule
    pub rule: RuleName,
    /// what has become of it since
    pub finding_state: FindingState,
    /// in which opening
    pub opening: u32,
    /// which step
    pub step: u32,
    /// planned, sent, cancelled, superseded by a tighter step
    pub state: String,
    /// true for the note that ends a tombstone
    #[serde(deserialize_with = "flag")]
    pub closing: bool,
    /// when it was planned
    #[serde(serialize_with = "when::text")]
    pub planned_at: Timestamp,
}

impl Ledger {
    /// The mail of that number, with what it tells of; `None` where there is none.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn mail(&self, id: MailId) -> Result<Option<MailDetail>, LedgerError> {
        let found = self.mail_rows(&PAGE, None, id.0.saturating_sub(1), 1).await?.pop();
        let Some(mail) = found.filter(|mail| mail.id == id) else { return Ok(None) };
        let notices = self.look("read what a mail tells of").await?.rows("notice", &CARRIED, [id.0.into()]).await?;
        let reader = self.readers(&[mail.person]).await?.pop();
        let address = reader.and_then(|reader| reader.address).map(|address| address.to_string());
        Ok(Some(MailDetail { mail, address, notices }))
    }

    /// A page of mails, in one state or in all.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn mails(
        &self,
        state: Option<MailState>,
        after: MailId,
        limit: usize,
    ) -> Result<Vec<MailRow>, LedgerError> {
        self.mail_rows(&PAGE, state, after.0, limit).await
    }

    /// A page of at most `limit` mails before a number, the latest first.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn mails_page(
        &self,
        state: Option<MailState>,
        before: MailId,
        limit: usize,
    ) -> Result<Page<MailRow>, LedgerError> {
        let statement = if state.is_some() { &LATEST_IN_STATE } else { &LATEST };
        let rows = self.mail_rows(statement, state, before.0, limit.saturating_add(1)).await?;
        Ok(Page::of(rows, limit, |row| Cursor::Latest(row.id.0)))
    }

    async fn mail_rows(
        &self,
        statement: &Sql,
        state: Option<MailState>,
        from: i64,
        limit: usize,
    ) -> Result<Vec<MailRow>, LedgerError> {
        let page = [from.into(), size(limit).into(), state.map(MailState::as_str).into()];
        let mut mails: Vec<MailRow> = self.look("list mails").await?.rows("mail", statement, page).await?;
        for mail in &mut mails {
            mail.error = mail.error.as_deref().map(without_addresses);
        }
        Ok(mails)
    }
}

/// Notices that are put off for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutOff {
    /// why
    pub reason: WaitReason,
    /// how many
    pub notices: u64,
    /// whose they are
    pub people: u64,
    /// when the first of these people may be told; `None` for the next run
    #[serde(serialize_with = "when::maybe")]
    pub from: Option<Timestamp>,
    /// until when the last of them waits; `None` likewise
    #[serde(serialize_with = "when::maybe")]
    pub until: Option<Timestamp>,
}

impl Ledger {
    /// What waits to be formed into mails, by the reason; a reason that nobody waits for is left out.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn put_off(&self) -> Result<Vec<PutOff>, LedgerError> {
        self.look("read what is put off").await?.rows("put_off", &PUT_OFF, []).await
    }
}

/// A server's words without the addresses that servers like to repeat.
pub(super) fn without_addresses(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.contains('@') { "<address>" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// A page of mails: which, and in which order.
macro_rules! page_of {
    ($among:literal, $order:literal) => {
        sql!(
            "SELECT " [page by $order:
                "m.id, m.run_id, m.person_id, s.name, a.external_id, m.state,
                 (SELECT count(*) FROM notice AS n WHERE n.mail_id = m.id), m.formed_at, m.sent_at,
                 m.returned_at, m.attempts, m.maybe_sent,
                 m.next_try_at, m.message_id, m.error"] "
             FROM (SELECT * FROM mail AS m WHERE " $among " AND ($3 IS NULL OR m.state = $3) ORDER BY " $order " LIMIT $2) AS m
             JOIN person AS p ON p.id = m.person_id
             JOIN account AS a ON a.id = p.account_id
             JOIN source AS s ON s.id = a.source_id"
        )
    };
}

pub(in crate::ledger) const PAGE: Sql = page_of!("m.id > $1", "m.id");

pub(in crate::ledger) const LATEST: Sql = page_of!("m.id < $1", "m.id DESC");

/// From the index by state: those that came back are few among very many.
pub(in crate::ledger) const LATEST_IN_STATE: Sql = page_of!("m.state = $3 AND m.id < $1", "m.id DESC");

pub(in crate::ledger) const CARRIED: Sql = sql!(
    "SELECT " [page by "n.id": "n.finding_id, f.rule, f.state, n.opening, n.step, n.state, n.closing, n.planned_at"] "
     FROM (SELECT * FROM notice WHERE mail_id = $1 ORDER BY id) AS n
     JOIN finding AS f ON f.id = n.finding_id"
);

/// Those who wait for the next run have no instant. Who is gone gets nothing, and waits for nothing.
pub(in crate::ledger) const PUT_OFF: Sql = sql!(
    "SELECT " [page by "why": "why, notices, people, first_at, last_at"] "
     FROM (SELECT w.why, count(*) AS notices, count(DISTINCT w.person_id) AS people, min(w.until) AS first_at,
                  max(w.until) AS last_at
           FROM put_off AS w
           JOIN person AS p ON p.id = w.person_id AND p.status = 'active'
           JOIN notice AS n ON n.person_id = w.person_id AND n.mail_id IS NULL AND n.state = 'planned'
           GROUP BY w.why ORDER BY w.why) AS waits"
);
