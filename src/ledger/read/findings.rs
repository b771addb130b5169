//! Findings, one by one; as lists in [`list`].

pub(in crate::ledger) mod list;

use std::collections::HashMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::credentials::{CredentialRow, credential_columns};
use super::moment::Moment;
use super::outbox::MailState;
use super::search::Search;
use super::when;
use crate::domain::belief::Liveness;
use crate::domain::finding::{Exempt, RuleName, Severity};
use crate::domain::ids::{ConnectionId, CredentialId, FindingId, MailId, PersonId, ProviderName, UseId};
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::packed::{flag, pack};
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// How people write a finding's number: `F12`.
pub fn finding_name(id: FindingId) -> String {
    format!("F{id}")
}

/// The number behind `F12`, in either case; `None` for anything else.
pub fn parse_finding(name: &str) -> Option<FindingId> {
    let digits = name.strip_prefix(['F', 'f'])?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|id| plain && *id > 0).map(FindingId)
}

/// Open, exempt or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// the rule still says so
    Open,
    /// the rule still says so, and the operator accepts it until a date: nobody is told, and it doesn't count as open
    Exempt,
    /// it no longer does
    Closed,
}

impl FindingState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Exempt, Self::Closed];

    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Exempt => "exempt",
            Self::Closed => "closed",
        }
    }
}

/// Which findings to list; what is `None` matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// in this state
    pub state: Option<FindingState>,
    /// only what is not closed: what stands now
    pub current: bool,
    /// of this rule
    pub rule: Option<RuleName>,
    /// exactly as bad as this
    pub severity: Option<Severity>,
    /// as bad as this or worse
    pub at_least: Option<Severity>,
    /// of the account with this id on the platform
    pub account: Option<String>,
    /// of this connection
    pub connection: Option<ConnectionId>,
    /// about this credential
    pub credential: Option<CredentialId>,
    /// about a credential of this provider
    pub provider: Option<ProviderName>,
    /// on a connection of the source of this name
    pub source: Option<String>,
    /// what was looked for names it, its connection, its account or its credential
    pub search: Option<Search>,
}

/// A finding, with the names of the contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FindingRow {
    /// its number; printed as `F12`
    #[serde(serialize_with = "printed")]
    #[schema(value_type = String, pattern = "^F[1-9][0-9]*$")]
    pub id: FindingId,
    /// its rule
    pub rule: RuleName,
    /// how bad it is
    pub severity: Severity,
    /// the connection's source
    pub source: String,
    /// the ledger's number of the connection
    pub connection_number: ConnectionId,
    /// the platform's id of the connection
    pub connection_id: String,
    /// the connection's name, for people
    pub connection_name: Option<String>,
    /// the platform's id of the account
    pub account_id: String,
    /// the credential's provider
    pub provider: ProviderName,
    /// the credential: 12 hex digits
    pub credential: String,
    /// what is believed of it
    pub liveness: Liveness,
    /// open, exempt or closed
    pub state: FindingState,
    /// why it is accepted and until when, where it is exempt
    #[serde(serialize_with = "accepted")]
    pub exempt: Option<Exempt>,
    /// when this opening began
    #[serde(serialize_with = "when::text")]
    pub opened_at: Timestamp,
    /// when it closed
    #[serde(serialize_with = "when::maybe")]
    pub closed_at: Option<Timestamp>,
    /// since when it holds, which is not when it was noticed
    #[serde(serialize_with = "when::text")]
    pub since: Timestamp,
    /// false where it is counted for the operator and never mailed
    #[serde(deserialize_with = "flag")]
    pub mailed: bool,
    /// why reminders wait: snoozed, acknowledged, pending, confirmed; as long as `pause_until` lies ahead, which for what an
    /// owner has confirmed by hand it always does
    pub pause: Option<String>,
    /// until when
    #[serde(serialize_with = "when::maybe")]
    pub pause_until: Option<Timestamp>,
    /// true where it was there when the baseline was recorded: it is told once it reopens or grows worse
    #[serde(deserialize_with = "flag")]
    pub baseline: bool,
    /// the facts that it rests on
    #[schema(value_type = BTreeMap<String, Value>)]
    pub evidence: Map<String, Value>,
}

/// A finding with everything that explains it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FindingDetail {
    /// the finding
    pub finding: FindingRow,
    /// the rest of its own row
    #[serde(flatten)]
    pub course: FindingCourse,
    /// the credential
    pub credential_now: CredentialRow,
    /// who was told what, oldest first
    pub notices: Vec<NoticeRow>,
}

/// How far a finding has come, and what it is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FindingCourse {
    /// the ledger's number of the connection
    #[serde(skip_serializing)]
    pub connection: ConnectionId,
    /// the ledger's number of the credential
    #[serde(skip_serializing)]
    pub credential_number: CredentialId,
    /// how often it has been opened or begun anew
    pub opening: u32,
    /// why it closed, in one word
    pub closed_why: Option<String>,
    /// the step last taken in this opening, counted from 0
    pub last_step: Option<u32>,
    /// when the next step is due; `None` for never
    #[serde(serialize_with = "when::maybe")]
    pub next_step_at: Option<Timestamp>,
    /// when a verdict can next change by time alone; `None` for never
    #[serde(serialize_with = "when::maybe")]
    pub judge_at: Option<Timestamp>,
    /// the ledger's numbers of the connection's uses of the credential, oldest first
    #[serde(skip_serializing)]
    pub uses: Vec<UseId>,
}

impl FindingDetail {
    /// What the log calls the finding and all that it is about: the subjects of its timeline.
    pub fn subjects(&self) -> Vec<String> {
        let FindingCourse { connection, credential_number, uses, .. } = &self.course;
        let own = [
            format!("finding:{}", self.finding.id),
            format!("connection:{connection}"),
            format!("credential:{credential_number}"),
        ];
        own.into_iter().chain(uses.iter().map(|id| format!("use:{id}"))).collect()
    }
}

/// One step for one person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NoticeRow {
    /// in which opening
    pub opening: u32,
    /// which step
    pub step: u32,
    /// the ledger's number of the person
    pub person: PersonId,
    /// planned, sent, cancelled, superseded by a tighter step
    pub state: String,
    /// true for the note that ends a tombstone
    #[serde(deserialize_with = "flag")]
    pub closing: bool,
    /// when it was planned
    #[serde(serialize_with = "when::text")]
    pub planned_at: Timestamp,
    /// the mail that carries it
    pub mail: Option<MailId>,
    /// how far that is
    pub mail_state: Option<MailState>,
    /// when that was sent
    #[serde(serialize_with = "when::maybe")]
    pub sent_at: Option<Timestamp>,
    /// when it came back
    #[serde(serialize_with = "when::maybe")]
    pub returned_at: Option<Timestamp>,
    /// true where the mail server may have taken it at some time without saying so
    #[serde(deserialize_with = "flag")]
    pub maybe_sent: bool,
}

impl NoticeRow {
    /// True where the server took its mail, which has not come back. A notice stays as it is where its mail comes back through
    /// no fault of the address, so that nobody is told it twice.
    pub fn is_told(&self) -> bool {
        self.state == "sent" && self.mail_state == Some(MailState::Sent)
    }

    /// True where nobody knows whether it arrived, and it is not tried again: nothing was left to say.
    pub fn is_maybe_told(&self) -> bool {
        self.maybe_sent && self.mail_state == Some(MailState::Cancelled)
    }
}

impl Ledger {
    /// The finding of that number; `None` where there is none.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn finding(&self, id: FindingId) -> Result<Option<FindingDetail>, LedgerError> {
        self.at_one_moment().await?.finding(id).await
    }

    /// A page of findings that is read already, each with everything that explains it, in its order. Those that are gone
    /// meanwhile are left out.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn explained(&self, findings: Vec<FindingRow>) -> Result<Vec<FindingDetail>, LedgerError> {
        self.at_one_moment().await?.explained(findings).await
    }
}

impl Moment {
    /// The finding of that number; `None` where there is none.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn finding(&mut self, id: FindingId) -> Result<Option<FindingDetail>, LedgerError> {
        let (all, one) = (FindingFilter::default(), (id.0 - 1, id.0));
        let found = list::by_number(self.line("read a finding"), &all, one, 1).await?;
        Ok(self.explained(found).await?.pop())
    }

    /// As [`Ledger::explained`].
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn explained(&mut self, findings: Vec<FindingRow>) -> Result<Vec<FindingDetail>, LedgerError> {
        if findings.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<FindingId> = findings.iter().map(|finding| finding.id).collect();
        let ids = pack(&ids)?;
        let line = self.line("read findings");
        let courses: Vec<(FindingId, FindingCourse, CredentialRow)> =
            line.rows("finding", &COURSES, [(&ids).into()]).await?;
        let all: Vec<(FindingId, NoticeRow)> = line.rows("notice", &NOTICES, [ids.into()]).await?;
        let courses = courses.into_iter().map(|(finding, course, credential)| (finding, (course, credential)));
        let mut courses: HashMap<FindingId, (FindingCourse, CredentialRow)> = courses.collect();
        let mut notices: HashMap<FindingId, Vec<NoticeRow>> = HashMap::new();
        for (finding, notice) in all {
            notices.entry(finding).or_default().push(notice);
        }
        let detail = |finding: FindingRow| {
            let (course, credential_now) = courses.remove(&finding.id)?;
            let notices = notices.remove(&finding.id).unwrap_or_default();
            Some(FindingDetail { finding, course, credential_now, notices })
        };
        Ok(findings.into_iter().filter_map(detail).collect())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
pub(super) fn printed<S: Serializer>(id: &FindingId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&finding_name(*id))
}

#[expect(clippy::ref_option, reason = "serde calls it with a reference")]
fn accepted<S: Serializer>(exempt: &Option<Exempt>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(Exempt { until, reason, by, terms }) = exempt else { return serializer.serialize_none() };
    let said = json!({"until": until.to_string(), "reason": reason, "by": by, "terms": terms});
    said.serialize(serializer)
}

// The uses of a finding are found by its connection, which has few: a key may have a hundred thousand.
pub(in crate::ledger) const COURSES: Sql = sql!(
    "SELECT " [page
        "f.id, " [array
            "f.connection_id, f.credential_id, f.opening, f.closed_why, f.last_step, f.next_step_at, c.judge_at, "
            [json "(SELECT " [numbers "u.id"] " FROM use AS u
                    WHERE u.connection_id = f.connection_id AND " ["+" | ""] "u.credential_id = f.credential_id)"]] ", "
        [fill credential_columns]] "
     FROM " [each "$1" page bigint] "
     JOIN finding AS f ON f.id = page.value
     JOIN connection AS c ON c.id = f.connection_id
     JOIN credential AS k ON k.id = f.credential_id
     JOIN source AS ks ON ks.id = k.source_id"
);

pub(in crate::ledger) const NOTICES: Sql = sql!(
    "SELECT " [page by "n.id":
        "n.finding_id, " [array
            "n.opening, n.step, n.person_id, n.state, n.closing, n.planned_at, n.mail_id, m.state, m.sent_at,
             m.returned_at, coalesce(m.maybe_sent, 0)"]] "
     FROM (SELECT * FROM notice WHERE finding_id IN " [within "$1" bigint] " ORDER BY id) AS n
     LEFT JOIN mail AS m ON m.id = n.mail_id"
);
