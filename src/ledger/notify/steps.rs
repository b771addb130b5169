//! Findings whose next step is due, who might be told, and the steps that are taken.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::domain::belief::Belief;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{AccountId, CredentialId, FindingId, PersonId, ProviderName};
use crate::domain::record::{PersonStatus, Role};
use crate::domain::routing::Reader;
use crate::domain::time::Timestamp;
use crate::ledger::packed::{flag, pack, size};
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;
use crate::ports::notify::{Candidate, StepDue, StepTaken};

/// With more due findings than this, a page walks all findings in order, as the page of due connections does.
const MANY: i64 = 20_000;

/// The next page of findings whose step is due, with those who might be told.
pub(super) async fn due(
    moment: &mut Session,
    now: Timestamp,
    after: FindingId,
    limit: usize,
) -> Result<Vec<StepDue>, LedgerError> {
    let count = moment.number(&COUNT, [now.into(), (MANY + 1).into()]).await?;
    let statement = if count > MANY { &AMONG_MANY } else { &AMONG_FEW };
    let mut ids: Vec<FindingId> = Vec::new();
    for statement in [statement, &WINDOWS_OVER] {
        ids.extend(
            moment.rows::<FindingId>("finding", statement, [now.into(), after.0.into(), size(limit).into()]).await?,
        );
    }
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(limit);
    let mut steps: Vec<StepRow> = moment.rows("finding", &STEPS, [pack(&ids)?.into(), now.into()]).await?;
    steps.sort_unstable_by_key(|row| row.finding);
    Ok(steps.into_iter().map(StepRow::into_due).collect())
}

/// Writes the steps of findings that are still open in the same opening; the others have begun anew or closed meanwhile.
/// Where somebody said meanwhile that a finding is not theirs, its step is not taken: the next in line may be another.
pub(super) async fn write(tx: &mut Session, now: Timestamp, steps: &[StepTaken]) -> Result<(), LedgerError> {
    let told = |step: &StepTaken| {
        let (finding, opening, number) = (step.finding, step.opening, step.step);
        step.people.iter().map(move |person| (finding, opening, number, *person)).collect::<Vec<_>>()
    };
    let all: Vec<_> = steps.iter().flat_map(told).collect();
    let disowned: BTreeSet<FindingId> =
        tx.rows("finding", &DISOWNED, [pack(&all)?.into()]).await?.into_iter().collect();
    let steps: Vec<&StepTaken> = steps.iter().filter(|step| !disowned.contains(&step.finding)).collect();
    let notices: Vec<_> = steps.iter().copied().flat_map(told).collect();
    let notices = pack(&notices)?;
    tx.run(&INSERT_NOTICES, [(&notices).into(), now.into()]).await?;
    tx.run(&SUPERSEDE, [(&notices).into()]).await?;
    tx.run(&EMPTIED, [notices.into()]).await?;
    let taken: Vec<(FindingId, u32, u32, Option<Timestamp>)> =
        steps.iter().map(|step| (step.finding, step.opening, step.step, step.next_step_at)).collect();
    tx.run(&TAKE, [pack(&taken)?.into(), now.into()]).await?;
    Ok(())
}

#[derive(Deserialize)]
struct StepRow {
    finding: FindingId,
    rule: RuleName,
    severity: Severity,
    opening: u32,
    opened_at: Timestamp,
    last_step: Option<u32>,
    told_step: Option<u32>,
    due_at: Option<Timestamp>,
    window_over: Option<Timestamp>,
    replaced_at: Option<Timestamp>,
    provider: ProviderName,
    account: AccountId,
    credential: CredentialId,
    belief: Belief,
    #[serde(deserialize_with = "flag")]
    held: bool,
    people: Vec<PersonRow>,
}

#[derive(Deserialize)]
struct PersonRow {
    id: PersonId,
    role: Role,
    status: PersonStatus,
    #[serde(deserialize_with = "flag")]
    verified: bool,
    #[serde(deserialize_with = "flag")]
    suppressed: bool,
    #[serde(deserialize_with = "flag")]
    disowned: bool,
    #[serde(deserialize_with = "flag")]
    muted: bool,
    #[serde(deserialize_with = "flag")]
    creator: bool,
}

impl StepRow {
    fn into_due(self) -> StepDue {
        StepDue {
            finding: self.finding,
            rule: self.rule,
            severity: self.severity,
            opening: self.opening,
            opened_at: self.opened_at,
            last_step: self.last_step,
            told_step: self.told_step,
            due_at: self.due_at,
            window_over: self.window_over,
            replaced_at: self.replaced_at,
            provider: self.provider,
            account: self.account,
            credential: self.credential,
            belief: self.belief,
            held: self.held,
            people: self.people.into_iter().map(PersonRow::into_candidate).collect(),
        }
    }
}

impl PersonRow {
    fn into_candidate(self) -> Candidate {
        let reader = Reader {
            role: self.role,
            status: self.status,
            verified: self.verified,
            suppressed: self.suppressed,
            disowned: self.disowned,
            muted: self.muted,
            creator: self.creator,
        };
        Candidate { id: self.id, reader }
    }
}

pub(in crate::ledger) const COUNT: Sql =
    sql!("SELECT count(*) FROM (SELECT 1 FROM finding WHERE next_step_at <= $1 LIMIT $2) AS due");

pub(in crate::ledger) const AMONG_MANY: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT id FROM finding WHERE id > $2 AND +next_step_at <= $1 AND state = 'open' AND mailed = 1
             AND (pause_until IS NULL OR pause_until <= $1)
           ORDER BY id LIMIT $3) AS page"
);

pub(in crate::ledger) const AMONG_FEW: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT id FROM finding WHERE next_step_at <= $1 AND +id > $2 AND " ["+state" | "state"] " = 'open' AND mailed = 1
             AND (pause_until IS NULL OR pause_until <= $1)
           ORDER BY +id LIMIT $3) AS page"
);

/// Where a copy is held: else nobody can ask what has come of it, and the ladder goes on as it is.
pub(in crate::ledger) const WINDOWS_OVER: Sql = sql!(
    "SELECT " [numbers "id"] "
     FROM (SELECT f.id FROM finding AS f
           WHERE f.pause = 'pending' AND f.pause_until <= $1 AND f.state = 'open' AND f.mailed = 1 AND f.id > $2
             AND EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = f.credential_id AND e.held = 1)
           ORDER BY f.id LIMIT $3) AS page"
);

/// Owners first; an owner who made the connection is named once.
pub(in crate::ledger) const STEPS: Sql = sql!(
    "SELECT " [page
        "f.id, f.rule, f.severity, f.opening, f.opened_at, f.last_step,
         (SELECT max(n.step) FROM notice AS n WHERE n.finding_id = f.id AND n.opening = f.opening AND n.closing = 0), f.next_step_at,
         CASE WHEN f.pause = 'pending' AND f.pause_until <= $2 THEN f.pause_until END,
         (SELECT min(o.since) FROM credential AS n
          JOIN use AS o ON o.credential_id = n.id AND o.until IS NULL AND o.account_id = f.account_id
          WHERE n.provider = k.provider AND n.key_id = k.key_id AND n.id <> k.id),
         k.provider, f.account_id, f.credential_id, "
        [json "k.belief"] ", EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1), "
        [json "(SELECT " [page by "p.place, p.id":
                  "p.id, p.role, p.status, p.verified,
                   EXISTS (SELECT 1 FROM suppressed AS s WHERE s.email = p.email AND s.until > $2),
                   EXISTS (SELECT 1 FROM disowned AS d
                           WHERE d.finding_id = f.id AND d.person_id = p.id AND d.opening = f.opening),
                   f.severity = 'low' AND EXISTS (SELECT 1 FROM muted AS q WHERE q.person_id = p.id),
                   coalesce(p.member_id = c.created_by, false)"] "
               FROM (SELECT 0 AS place, o.* FROM person AS o WHERE o.account_id = f.account_id AND o.role = 'owner'
                     UNION ALL
                     SELECT 1 AS place, m.* FROM person AS m
                     WHERE m.account_id = f.account_id AND m.member_id = c.created_by AND m.role <> 'owner') AS p)"]] "
     FROM " [each "$1" page bigint] "
     JOIN finding AS f ON f.id = page.value
     JOIN connection AS c ON c.id = f.connection_id
     JOIN credential AS k ON k.id = f.credential_id"
);

pub(in crate::ledger) const DISOWNED: Sql = sql!(
    "SELECT " [numbers "v.finding"] "
     FROM " [tuples "$1" v (0 finding bigint, 1 opening bigint, 2 step bigint, 3 person bigint)] "
     JOIN disowned AS d ON d.finding_id = v.finding AND d.person_id = v.person AND d.opening = v.opening"
);

/// A notice whose mail was cancelled never arrived: where its step is taken once more, it is to be said after all. Any
/// other stays as it is, so that nobody is told a step twice.
pub(in crate::ledger) const INSERT_NOTICES: Sql = sql!(
    "INSERT INTO notice (finding_id, opening, step, person_id, planned_at)
     SELECT DISTINCT f.id, f.opening, v.step, v.person, $2
     FROM " [tuples "$1" v (0 finding bigint, 1 opening bigint, 2 step bigint, 3 person bigint)] "
     JOIN finding AS f ON f.id = v.finding AND f.opening = v.opening AND f.state = 'open'
     WHERE f.pause_until IS NULL OR f.pause_until <= $2
     ON CONFLICT (finding_id, opening, step, person_id) DO UPDATE
     SET state = 'planned', mail_id = NULL, planned_at = excluded.planned_at
     WHERE notice.state = 'cancelled'"
);

/// A tighter step says all that an earlier one would have: what still waits is not said twice, be it in no mail yet or in one
/// that never came as far as DATA. Found by the finding: those that are in no mail may be many.
pub(in crate::ledger) const SUPERSEDE: Sql = sql!(
    "UPDATE notice SET state = 'superseded'
     FROM " [tuples "$1" v (0 finding bigint, 1 opening bigint, 2 step bigint, 3 person bigint)] "
     WHERE notice.finding_id = v.finding AND notice.opening = v.opening AND notice.person_id = v.person
       AND notice.step < v.step AND notice.state = 'planned'
       AND (+notice.mail_id IS NULL
            OR EXISTS (SELECT 1 FROM mail AS m
                       WHERE m.id = notice.mail_id AND m.state IN ('planned', 'failed') AND m.maybe_sent = 0))"
);

/// A mail that says nothing any more for it is not sent, and counts for no day's limit.
pub(in crate::ledger) const EMPTIED: Sql = sql!(
    "UPDATE mail SET state = 'cancelled', next_try_at = NULL
     WHERE id IN (SELECT n.mail_id
                  FROM " [tuples "$1" v (0 finding bigint, 1 opening bigint, 2 step bigint, 3 person bigint)] "
                  JOIN notice AS n ON n.finding_id = v.finding AND n.opening = v.opening AND n.step < v.step
                  WHERE n.person_id = v.person AND n.state = 'superseded' AND n.mail_id IS NOT NULL)
       AND state IN ('planned', 'failed') AND maybe_sent = 0
       AND NOT EXISTS (SELECT 1 FROM notice AS o WHERE o.mail_id = mail.id AND o.state = 'planned')"
);

/// A pause that is over is forgotten with the step that follows it, so that its end is told of once. A step that
/// was decided before a pause, and of which nobody is told for it, is not taken.
pub(in crate::ledger) const TAKE: Sql = sql!(
    "UPDATE finding SET
         last_step = taken.step, next_step_at = taken.next_step_at, pause = NULL, pause_until = NULL
     FROM " [tuples "$1" taken (0 finding bigint, 1 opening bigint, 2 step bigint, 3 next_step_at bigint)] "
     WHERE finding.id = taken.finding AND finding.opening = taken.opening AND finding.state = 'open'
       AND (finding.pause_until IS NULL OR finding.pause_until <= $2)"
);
