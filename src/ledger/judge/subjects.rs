//! What rules may see of a page of connections: a few statements a page, and of neighbours only summaries.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::belief::Belief;
use crate::domain::facts::{
    AccountSummary, Compromise, ConnectionFacts, ConnectionStatus, Count, Creator, CredentialFacts, EndedBy,
    Provenance, Reach, SaidBy, Share, Subject, UseFacts,
};
use crate::domain::finding::{Exempt, KnownFinding, RuleName, Severity};
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, FindingId, ProviderName, SourceId, UseId};
use crate::domain::record::{Auth, PersonStatus, UsedFor};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ledger::packed::{Flag, flag, key_tail, maybe_flag};
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;

/// The subjects of these connections, a JSON list of numbers, ascending, with every finding they ever had.
pub(super) async fn read(
    moment: &mut Session,
    ids: Option<String>,
) -> Result<Vec<(Subject, Vec<KnownFinding>)>, LedgerError> {
    let ids = ids.unwrap_or_else(|| "[]".to_owned());
    let mut connections: Vec<ConnectionRow> = moment.rows("connection", &CONNECTIONS, [(&ids).into()]).await?;
    let mut uses: Vec<UseRow> = moment.rows("use", &USES, [(&ids).into()]).await?;
    let findings: Vec<FindingRow> = moment.rows("finding", &FINDINGS, [ids.into()]).await?;

    connections.sort_unstable_by_key(|row| row.id); // a join promises no order
    uses.sort_unstable_by_key(|row| row.id);
    let mut places: HashMap<ConnectionId, usize> = HashMap::with_capacity(connections.len());
    let mut subjects: Vec<(Subject, Vec<KnownFinding>)> = Vec::with_capacity(connections.len());
    for row in connections {
        places.insert(row.id, subjects.len());
        subjects.push((row.into_subject(), Vec::new()));
    }
    for row in uses {
        if let Some(place) = places.get(&row.connection) {
            subjects[*place].0.uses.push(row.into_facts());
        }
    }
    for row in findings {
        if let Some(place) = places.get(&row.connection) {
            subjects[*place].1.push(row.into_known());
        }
    }
    Ok(subjects)
}

/// How a creator's status counts; a person whom the people's inventory has never shown is unknown.
fn creator(status: Option<PersonStatus>) -> Creator {
    match status {
        None => Creator::Unknown,
        Some(PersonStatus::Active) => Creator::Active,
        Some(PersonStatus::Suspended) => Creator::Suspended,
        Some(PersonStatus::Removed) => Creator::Removed,
    }
}

#[derive(Deserialize)]
struct ConnectionRow {
    id: ConnectionId,
    source: SourceId,
    source_name: String,
    account: AccountId,
    account_name: String,
    external_id: String,
    provider: ProviderName,
    name: Option<String>,
    status: ConnectionStatus,
    auth: Auth,
    created_at: Option<Timestamp>,
    creator: Option<PersonStatus>,
    running_jobs: u32,
    used_for: Vec<UsedFor>,
    #[serde(deserialize_with = "maybe_flag")]
    has_owner: Option<bool>,
    last_sync_at: Option<Timestamp>,
    #[serde(deserialize_with = "flag")]
    syncs_are_told: bool,
    tags: Vec<String>,
    /// whether an address that was never refused is among those who may be told, and when a refused one is tried again
    reach: (Option<Flag>, Option<Timestamp>),
}

impl ConnectionRow {
    fn into_subject(self) -> Subject {
        Subject {
            connection: ConnectionFacts {
                id: self.id,
                source: self.source,
                source_name: self.source_name,
                account: self.account,
                account_name: self.account_name,
                external_id: self.external_id,
                provider: self.provider,
                name: self.name,
                status: self.status,
                auth: self.auth,
                created_at: self.created_at,
                creator: creator(self.creator),
                running_jobs: self.running_jobs,
                used_for: self.used_for,
                last_sync_at: self.last_sync_at,
                syncs_are_told: self.syncs_are_told,
                tags: self.tags,
            },
            reach: self.has_owner.map(|_| Reach { somebody: self.reach.0 == Some(Flag(true)), again_at: self.reach.1 }),
            account: AccountSummary { has_owner: self.has_owner },
            uses: Vec::new(),
        }
    }
}

#[derive(Deserialize)]
struct UseRow {
    connection: ConnectionId,
    id: UseId,
    account: AccountId,
    since: Timestamp,
    until: Option<Timestamp>,
    ended_by: Option<EndedBy>,
    ended_seen_at: Option<Timestamp>,
    #[serde(deserialize_with = "flag")]
    ended_at_first_sight: bool,
    #[serde(deserialize_with = "flag")]
    first_run: bool,
    credential: CredentialId,
    fingerprint: Fingerprint,
    provider: ProviderName,
    #[serde(deserialize_with = "key_tail")]
    key_tail: String,
    kind: Option<String>,
    #[serde(deserialize_with = "flag")]
    placeholder: bool,
    #[serde(deserialize_with = "flag")]
    held: bool,
    belief: Belief,
    secret_since: Timestamp,
    provenance: Provenance,
    open: i64,
    #[serde(deserialize_with = "flag")]
    left_behind: bool,
    compromised_at: Option<Timestamp>,
    #[serde(deserialize_with = "flag")]
    mixed: bool,
    leaked_at: Option<Timestamp>,
    leak_told_by: Option<SaidBy>,
    leak_note: Option<String>,
}

impl UseRow {
    fn into_facts(self) -> UseFacts {
        UseFacts {
            id: self.id,
            account: self.account,
            credential: CredentialFacts {
                id: self.credential,
                fingerprint: self.fingerprint,
                provider: self.provider,
                key_tail: self.key_tail,
                kind: self.kind,
                compromise: self.leaked_at.zip(self.leak_told_by).map(|(at, by)| Compromise {
                    at,
                    by,
                    note: self.leak_note,
                }),
                placeholder: self.placeholder,
                held: self.held,
                belief: self.belief,
                secret_since: self.secret_since,
                provenance: self.provenance,
            },
            since: self.since,
            until: self.until,
            ended_by: self.ended_by,
            ended_seen_at: self.ended_seen_at,
            ended_at_first_sight: self.ended_at_first_sight,
            first_run: self.first_run,
            share: Share {
                open: Count::from(self.open),
                left_behind: self.left_behind,
                compromised_at: self.compromised_at,
                mixed: self.mixed,
            },
        }
    }
}

#[derive(Deserialize)]
struct FindingRow {
    id: FindingId,
    rule: RuleName,
    connection: ConnectionId,
    credential: CredentialId,
    account: AccountId,
    #[serde(deserialize_with = "flag")]
    open: bool,
    opening: u32,
    severity: Severity,
    since: Timestamp,
    opened_at: Timestamp,
    evidence: Map<String, Value>,
    #[serde(deserialize_with = "flag")]
    mailed: bool,
    exempt: Option<Exempt>,
}

impl FindingRow {
    fn into_known(self) -> KnownFinding {
        KnownFinding {
            id: self.id,
            rule: self.rule,
            connection: self.connection,
            credential: self.credential,
            account: self.account,
            open: self.open,
            opening: self.opening,
            severity: self.severity,
            since: self.since,
            opened_at: self.opened_at,
            evidence: self.evidence,
            mailed: self.mailed,
            exempt: self.exempt,
        }
    }
}

/// By which word a finding `f` is exempt, as one part of an answer: an [`Exempt`], or nothing.
macro_rules! exempt_column {
    ($dialect:ident) => {
        dialect!($dialect [json "CASE WHEN f.state = 'exempt' THEN "
            [array "f.exempt_until, f.exempt_reason, f.exempt_by, f.exempt_terms"] " END"])
    };
}
pub(in crate::ledger) use exempt_column;

/// Of those who may be told ([`crate::domain::routing`]) only whether there is somebody, and else when there will be.
pub(in crate::ledger) const CONNECTIONS: Sql = sql!(
    "SELECT " [page
        "c.id, c.source_id, s.name, c.account_id, a.external_id, c.external_id, c.provider, c.name, c.status, c.auth, c.created_at,
         creator.status, c.running_jobs, " [json "c.used_for"] ",
         CASE WHEN s.last_people IS NULL THEN NULL
              WHEN EXISTS (SELECT 1 FROM person AS o
                           WHERE o.account_id = c.account_id AND o.role = 'owner' AND o.status <> 'removed') THEN 1
              WHEN a.unsure = 0 THEN 0 END,
         c.last_sync_at, s.syncs_told, " [json "c.tags"] ", "
        [json "(SELECT " [array "max(CASE WHEN s.email IS NULL THEN 1 ELSE 0 END), min(s.until)"] "
                FROM (SELECT o.email FROM person AS o
                      WHERE o.account_id = c.account_id AND o.role = 'owner' AND o.status = 'active' AND o.verified = 1
                      UNION ALL
                      SELECT m.email FROM person AS m
                      WHERE m.account_id = c.account_id AND m.member_id = c.created_by AND m.role <> 'owner'
                        AND m.status = 'active' AND m.verified = 1) AS told
                LEFT JOIN suppressed AS s ON s.email = told.email)"]] "
     FROM " [each "$1" page bigint] "
     JOIN connection AS c ON c.id = page.value
     JOIN source AS s ON s.id = c.source_id
     JOIN account AS a ON a.id = c.account_id
     LEFT JOIN person AS creator ON creator.account_id = c.account_id AND creator.member_id = c.created_by"
);

/// Neighbours are looked at only as far as none, one or many needs: a key that 100,000 connections share costs no more
/// than any other. What a connection left by being absent for a while, it did not leave behind. An end between two readings has
/// no date: what no reading showed beside the new use had left the key behind before (no reading takes longer than a day).
pub(in crate::ledger) const USES: Sql = sql!(
    "SELECT " [page
        "u.connection_id, u.id, u.account_id, u.since, u.until, u.ended_by, u.ended_seen_at, u.ended_at_first_sight, u.first_run,
         k.id, k.fingerprint, k.provider, k.key_id, k.kind, k.placeholder,
         EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1), "
        [json "k.belief"] ", k.secret_since, k.provenance,
         (SELECT count(*) FROM (SELECT 1 FROM use AS o WHERE o.credential_id = u.credential_id
                                AND o.account_id = u.account_id AND o.until IS NULL LIMIT 2) AS two),
         EXISTS (SELECT 1 FROM use AS b WHERE b.credential_id = u.credential_id AND b.account_id = u.account_id
                 AND b.until <= coalesce(u.begun_in + 86400000, u.since)
                 AND (b.until <= u.since OR b.ended_in <= u.begun_in) AND b.id <> u.id AND b.ended_by <> 'identified'
                 AND NOT (b.connection_id = u.connection_id AND b.ended_by = 'absent')),
         (SELECT min(w.compromised_at) FROM use AS w
          WHERE w.credential_id = u.credential_id AND w.account_id = u.account_id AND w.compromised_at IS NOT NULL),
         EXISTS (SELECT 1 FROM use AS w WHERE w.credential_id = u.credential_id AND w.account_id = u.account_id
                 AND w.until IS NULL AND w.sends = 1)
         AND EXISTS (SELECT 1 FROM use AS w WHERE w.credential_id = u.credential_id AND w.account_id = u.account_id
                     AND w.until IS NULL AND w.syncs = 1),
         k.compromised_at, k.compromised_by, k.compromised_note"] "
     FROM " [each "$1" page bigint] "
     JOIN use AS u ON u.connection_id = page.value
     JOIN credential AS k ON k.id = u.credential_id"
);

pub(in crate::ledger) const FINDINGS: Sql = sql!(
    "SELECT " [page
        "f.id, f.rule, f.connection_id, f.credential_id, f.account_id, f.state <> 'closed', f.opening, f.severity, f.since, f.opened_at, "
        [json "f.evidence"] ", f.mailed, " [fill exempt_column]] "
     FROM " [each "$1" page bigint] "
     JOIN finding AS f ON f.connection_id = page.value"
);
