//! Findings that open, begin anew, change and close, and what becomes of the notices that were planned for them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::closings;
use crate::domain::finding::{Anew, Exempt, FindingChange, Opened, RuleName, Severity};
use crate::domain::ids::{ConnectionId, CredentialId, FindingId, ProviderName};
use crate::domain::time::Timestamp;
use crate::ledger::packed::{flag, pack};
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::{Event, LedgerError};

/// Writes all changes. Returns what the log is to be told of them.
pub(super) async fn write(
    tx: &mut Session,
    now: Timestamp,
    changes: &[FindingChange],
) -> Result<Vec<Event>, LedgerError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let last = tx.number(&LAST, []).await?;
    let sorted = Sorted::of(changes, last);
    let mut events = sorted.opening_events(now);
    let closed = close(tx, now, &sorted.closed).await?;
    events.extend(closed.events);
    expect_all(sorted.opened.len(), run(tx, &OPEN, &sorted.opened, now).await?)?;
    expect_all(sorted.anew.len(), run(tx, &BEGIN_ANEW, &sorted.anew, now).await?)?;
    expect_all(sorted.exempted.len(), exempt(tx, &sorted.exempted).await?)?;
    expect_all(sorted.updated.len(), run(tx, &UPDATE, &sorted.updated, now).await?)?;
    cancel_notices(tx, &sorted.silenced).await?;
    run(tx, &CLOSING_NOTES, &closed.told, now).await?;
    Ok(events)
}

/// The changes by kind, as rows of the statements below.
#[derive(Default)]
struct Sorted<'a> {
    opened: Vec<State<'a>>,
    anew: Vec<State<'a>>,
    exempted: Vec<State<'a>>,
    updated: Vec<State<'a>>,
    closed: Vec<(FindingId, &'static str)>,
    /// findings whose planned notices have lost their reason
    silenced: Vec<FindingId>,
    /// what the log is told of those that open, or become exempt
    told: Vec<(FindingId, &'static str, &'a Opened)>,
}

/// A finding's state; what an update leaves alone is missing.
#[derive(Serialize)]
struct State<'a> {
    id: FindingId,
    rule: Option<RuleName>,
    connection: Option<ConnectionId>,
    credential: Option<CredentialId>,
    opening: Option<u32>,
    severity: Severity,
    since: Timestamp,
    evidence: &'a Map<String, Value>,
    mailed: u8,
    exempt_until: Option<Timestamp>,
    exempt_reason: Option<&'a str>,
    exempt_by: Option<&'a str>,
    exempt_terms: Option<&'a str>,
}

impl<'a> Sorted<'a> {
    fn of(changes: &'a [FindingChange], mut last: i64) -> Self {
        let mut sorted = Self::default();
        for change in changes {
            match change {
                FindingChange::Opened(opened) => {
                    last += 1;
                    sorted.opened.push(State::of(FindingId(last), opened));
                    let kind = if opened.exempt.is_some() { EXEMPTED } else { "finding.opened" };
                    sorted.told.push((FindingId(last), kind, opened));
                }
                FindingChange::Anew { id, opened, why } => {
                    sorted.anew.push(State::of(*id, opened));
                    sorted.silenced.push(*id); // what was planned belongs to the opening before
                    sorted.told.push((*id, kind_of(*why, opened), opened));
                }
                FindingChange::Exempted { id, opened } => {
                    sorted.exempted.push(State::of(*id, opened));
                    sorted.silenced.push(*id);
                    sorted.told.push((*id, EXEMPTED, opened));
                }
                FindingChange::Updated { id, severity, since, evidence, mailed } => {
                    let facts = (*severity, *since, evidence, *mailed);
                    sorted.updated.push(State::of_facts(*id, facts));
                    if !mailed {
                        sorted.silenced.push(*id);
                    }
                }
                FindingChange::Closed { id, why } => {
                    sorted.closed.push((*id, why));
                    sorted.silenced.push(*id);
                }
            }
        }
        sorted
    }

    fn opening_events(&self, now: Timestamp) -> Vec<Event> {
        let event = |(id, kind, opened): &(FindingId, &'static str, &Opened)| {
            let mut data = facts(opened.rule, opened.connection, opened.credential);
            data.insert("severity".to_owned(), opened.severity.as_str().into());
            data.insert("opening".to_owned(), opened.opening.into());
            data.extend(opened.exempt.iter().flat_map(accepted));
            Event { at: now, kind, subject: format!("finding:{id}"), data }
        };
        self.told.iter().map(event).collect()
    }
}

/// What the log calls it that a finding is accepted for a while. A finding that is exempt from its first day on has no other
/// entry: whoever acts on those that open has nothing to do.
const EXEMPTED: &str = "finding.exempted";

fn kind_of(why: Anew, opened: &Opened) -> &'static str {
    match why {
        Anew::Reopened if opened.exempt.is_some() => EXEMPTED,
        Anew::Reopened => "finding.reopened",
        Anew::Worsened => "finding.worsened",
        Anew::ExemptionEnded => "finding.exemption_ended",
    }
}

/// The operator's own words are under the names under which the log has such words everywhere.
fn accepted(exempt: &Exempt) -> impl Iterator<Item = (String, Value)> {
    let by = exempt.by.as_ref().map(|by| ("who".to_owned(), by.as_str().into()));
    let always = [
        ("exempt_until".to_owned(), exempt.until.to_string().into()),
        ("terms".to_owned(), exempt.terms.as_str().into()),
        ("note".to_owned(), exempt.reason.as_str().into()),
    ];
    always.into_iter().chain(by)
}

impl<'a> State<'a> {
    fn of(id: FindingId, opened: &'a Opened) -> Self {
        let exempt = opened.exempt.as_ref();
        Self {
            rule: Some(opened.rule),
            connection: Some(opened.connection),
            credential: Some(opened.credential),
            opening: Some(opened.opening),
            exempt_until: exempt.map(|exempt| exempt.until),
            exempt_reason: exempt.map(|exempt| exempt.reason.as_str()),
            exempt_by: exempt.and_then(|exempt| exempt.by.as_deref()),
            exempt_terms: exempt.map(|exempt| exempt.terms.as_str()),
            ..Self::of_facts(id, (opened.severity, opened.since, &opened.evidence, opened.mailed))
        }
    }

    /// What an update knows.
    fn of_facts(
        id: FindingId,
        (severity, since, evidence, mailed): (Severity, Timestamp, &'a Map<String, Value>, bool),
    ) -> Self {
        Self {
            id,
            rule: None,
            connection: None,
            credential: None,
            opening: None,
            severity,
            since,
            evidence,
            mailed: u8::from(mailed),
            exempt_until: None,
            exempt_reason: None,
            exempt_by: None,
            exempt_terms: None,
        }
    }
}

/// What came of closing.
#[derive(Default)]
struct Closed {
    events: Vec<Event>,
    /// those of which a closing note may tell: of one that was accepted nobody is told anything
    told: Vec<(FindingId, &'static str)>,
}

#[derive(Deserialize)]
struct Closing {
    id: FindingId,
    rule: RuleName,
    connection: ConnectionId,
    credential: CredentialId,
    #[serde(deserialize_with = "flag")]
    exempt: bool,
    why: String,
    provider: ProviderName,
    since: Timestamp,
}

impl Closing {
    fn counted(&self) -> closings::Closed<'_> {
        closings::Closed { provider: &self.provider, rule: self.rule, why: &self.why, since: self.since }
    }
}

async fn close(tx: &mut Session, now: Timestamp, closed: &[(FindingId, &'static str)]) -> Result<Closed, LedgerError> {
    if closed.is_empty() {
        return Ok(Closed::default());
    }
    let closing: Vec<Closing> = tx.rows("finding", &CLOSING, [pack(closed)?.into()]).await?;
    expect_all(closed.len(), closing.len() as u64)?;
    run(tx, &CLOSE, closed, now).await?;
    // What was accepted was nobody's to mend: how it ended says nothing of how fast people are.
    closings::count(tx, now, closing.iter().filter(|row| !row.exempt).map(Closing::counted)).await?;
    let event = |row: &Closing| {
        let mut data = facts(row.rule, row.connection, row.credential);
        data.insert("why".to_owned(), row.why.as_str().into());
        Event { at: now, kind: "finding.closed", subject: format!("finding:{}", row.id), data }
    };
    let exempt: HashSet<FindingId> = closing.iter().filter(|row| row.exempt).map(|row| row.id).collect();
    let told = closed.iter().filter(|(id, _)| !exempt.contains(id)).copied().collect();
    Ok(Closed { events: closing.iter().map(event).collect(), told })
}

/// Cancels planned notices that no mail has carried out yet, nor is just carrying out. A mail that is left without any is
/// cancelled when it is claimed.
async fn cancel_notices(tx: &mut Session, findings: &[FindingId]) -> Result<(), LedgerError> {
    if !findings.is_empty() {
        tx.run(&CANCEL_NOTICES, [pack(findings)?.into()]).await?;
    }
    Ok(())
}

fn facts(rule: RuleName, connection: ConnectionId, credential: CredentialId) -> Map<String, Value> {
    Map::from_iter([
        ("rule".to_owned(), rule.as_str().into()),
        ("connection".to_owned(), connection.0.into()),
        ("credential".to_owned(), credential.0.into()),
    ])
}

async fn exempt(tx: &mut Session, rows: &[State<'_>]) -> Result<u64, LedgerError> {
    if rows.is_empty() {
        return Ok(0);
    }
    tx.run(&EXEMPT, [pack(rows)?.into()]).await
}

/// Runs one of the statements below over packed rows. Returns how many rows of the table it touched.
async fn run<T: Serialize>(tx: &mut Session, statement: &Sql, rows: &[T], now: Timestamp) -> Result<u64, LedgerError> {
    if rows.is_empty() {
        return Ok(0);
    }
    tx.run(statement, [pack(rows)?.into(), now.into()]).await
}

/// A change that touches no row was judged from facts that are no longer so: nothing of the batch may stay.
fn expect_all(wanted: usize, found: u64) -> Result<(), LedgerError> {
    if wanted as u64 == found {
        return Ok(());
    }
    Err(LedgerError::Inconsistent {
        table: "finding",
        row: "batch".to_owned(),
        what: format!("{wanted} findings were to change, {found} are there to be changed"),
    })
}

pub(in crate::ledger) const LAST: Sql = sql!("SELECT coalesce(max(id), 0) FROM finding");

/// Whose a finding `v` on a connection `c` is: the account of the latest use that it is about. A key that the connection had in
/// another account is still that one's.
macro_rules! account_column {
    ($dialect:ident) => {
        dialect!($dialect "(SELECT u.account_id FROM use AS u
                            WHERE u.connection_id = c.id AND " ["+" | ""] "u.credential_id = v.credential
                            ORDER BY u.id DESC LIMIT 1)")
    };
}

/// Rows are looked at in their order.
pub(in crate::ledger) const OPEN: Sql = sql!(
    "INSERT INTO finding (id, rule, connection_id, credential_id, account_id, state, opening, severity, since, opened_at,
                          evidence, mailed, last_step, next_step_at, exempt_until, exempt_reason, exempt_by, exempt_terms,
                          provider, source_id)
     SELECT v.id, v.rule, c.id, v.credential, coalesce(" [fill account_column] ", c.account_id), CASE WHEN v.exempt_until IS NULL THEN 'open' ELSE 'exempt' END,
            v.opening, v.severity, v.since, $2, v.evidence, v.mailed, NULL,
            CASE WHEN v.mailed = 1 AND v.exempt_until IS NULL THEN $2 END,
            v.exempt_until, v.exempt_reason, v.exempt_by, v.exempt_terms,
            (SELECT k.provider FROM credential AS k WHERE k.id = v.credential), c.source_id
     FROM " [records "$1" v (id bigint, rule text, connection bigint, credential bigint, opening bigint, severity text,
                             since bigint, evidence text, mailed bigint, exempt_until bigint, exempt_reason text,
                             exempt_by text, exempt_terms text)] "
     CROSS JOIN connection AS c
     WHERE c.id = v.connection"
);

/// The end of an exemption is news, even of what was there when the baseline was recorded.
pub(in crate::ledger) const BEGIN_ANEW: Sql = sql!(
    "UPDATE finding SET
         state = CASE WHEN v.exempt_until IS NULL THEN 'open' ELSE 'exempt' END,
         opening = v.opening, severity = v.severity, since = v.since, opened_at = $2, closed_at = NULL,
         closed_why = NULL, evidence = v.evidence, mailed = v.mailed, last_step = NULL, pause = NULL, pause_until = NULL,
         reset_at = NULL, baseline = 0,
         account_id = coalesce((SELECT u.account_id FROM use AS u
                                WHERE u.connection_id = finding.connection_id AND " ["+" | ""] "u.credential_id = finding.credential_id
                                ORDER BY u.id DESC LIMIT 1), finding.account_id),
         next_step_at = CASE WHEN v.mailed = 1 AND v.exempt_until IS NULL THEN $2 END,
         exempt_until = v.exempt_until, exempt_reason = v.exempt_reason, exempt_by = v.exempt_by,
         exempt_terms = v.exempt_terms
     FROM " [records "$1" v (id bigint, opening bigint, severity text, since bigint, evidence text, mailed bigint,
                             exempt_until bigint, exempt_reason text, exempt_by text, exempt_terms text)] "
     WHERE finding.id = v.id"
);

/// It takes no step while it is exempt; with the exemption's end it begins anew.
pub(in crate::ledger) const EXEMPT: Sql = sql!(
    "UPDATE finding SET
         state = 'exempt', severity = v.severity, since = v.since, evidence = v.evidence, mailed = v.mailed,
         next_step_at = NULL, exempt_until = v.exempt_until, exempt_reason = v.exempt_reason, exempt_by = v.exempt_by,
         exempt_terms = v.exempt_terms
     FROM " [records "$1" v (id bigint, severity text, since bigint, evidence text, mailed bigint, exempt_until bigint,
                             exempt_reason text, exempt_by text, exempt_terms text)] "
     WHERE finding.id = v.id AND finding.state <> 'closed'"
);

/// The ladder stays as it is, unless the finding may be mailed from now on, or no longer. For its readers, one that they were
/// never told of opens now: its ladder begins here, and the brake counts it as new.
pub(in crate::ledger) const UPDATE: Sql = sql!(
    "UPDATE finding SET
         severity = v.severity, since = v.since, evidence = v.evidence, mailed = v.mailed,
         opened_at = CASE WHEN finding.mailed = 0 AND v.mailed = 1 AND finding.last_step IS NULL THEN $2
                          ELSE finding.opened_at END,
         next_step_at = CASE WHEN v.mailed = 0 OR finding.baseline = 1 OR finding.state = 'exempt' THEN NULL
                             WHEN finding.mailed = 0 THEN $2
                             ELSE finding.next_step_at END
     FROM " [records "$1" v (id bigint, severity text, since bigint, evidence text, mailed bigint)] "
     WHERE finding.id = v.id"
);

pub(in crate::ledger) const CLOSING: Sql = sql!(
    "SELECT " [page by "f.id": "f.id, f.rule, f.connection_id, f.credential_id, f.state = 'exempt', v.why, f.provider, f.since"] "
     FROM " [tuples "$1" v (0 id bigint, 1 why text)] "
     JOIN finding AS f ON f.id = v.id AND f.state <> 'closed'"
);

pub(in crate::ledger) const CLOSE: Sql = sql!(
    "UPDATE finding SET state = 'closed', closed_at = $2, closed_why = v.why, next_step_at = NULL,
         exempt_until = NULL, exempt_reason = NULL, exempt_by = NULL, exempt_terms = NULL
     FROM " [tuples "$1" v (0 id bigint, 1 why text)] "
     WHERE finding.id = v.id"
);

pub(in crate::ledger) const CANCEL_NOTICES: Sql = sql!(
    "UPDATE notice SET state = 'cancelled'
     WHERE finding_id IN " [within "$1" bigint] " AND state = 'planned'
       AND NOT EXISTS (SELECT 1 FROM mail WHERE mail.id = notice.mail_id AND mail.state IN ('sending', 'sent'))"
);

/// The note that ends a tombstone, for everybody who was told of this opening, or may have been, may still be written to
/// and has not said that it is not theirs. Only where the credential is dead, and nothing of the connection's own uses it.
pub(in crate::ledger) const CLOSING_NOTES: Sql = sql!(
    "INSERT INTO notice (finding_id, opening, step, person_id, planned_at, closing)
     SELECT f.id, f.opening, max(n.step) + 1, p.id, $2, 1
     FROM " [tuples "$1" v (0 id bigint)] "
     JOIN finding AS f ON f.id = v.id
     JOIN notice AS n ON n.finding_id = f.id AND n.opening = f.opening
     JOIN person AS p ON p.id = n.person_id
     LEFT JOIN mail AS m ON m.id = n.mail_id
     WHERE f.closed_why = 'dead' AND f.rule IN ('revocation-missing', 'revocation-unproven', 'secret-compromised')
       AND NOT EXISTS (SELECT 1 FROM use AS u WHERE u.connection_id = f.connection_id
                       AND " ["+" | ""] "u.credential_id = f.credential_id AND u.until IS NULL)
       AND p.status = 'active' AND p.verified = 1
       AND NOT EXISTS (SELECT 1 FROM suppressed AS s WHERE s.email = p.email AND s.until > $2)
       AND NOT EXISTS (SELECT 1 FROM disowned AS d
                       WHERE d.finding_id = f.id AND d.person_id = p.id AND d.opening = f.opening)
     GROUP BY f.id, f.opening, p.id
     HAVING max(CASE WHEN n.state = 'sent' OR m.state = 'sending' OR m.maybe_sent = 1 THEN 1 ELSE 0 END) = 1
     ON CONFLICT DO NOTHING"
);
