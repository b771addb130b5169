//! Findings whose next step is due, who might be told, and the steps that are taken.

use serde::Deserialize;
use sqlx::SqliteConnection;

use crate::domain::belief::Belief;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{AccountId, CredentialId, FindingId, PersonId};
use crate::domain::record::{PersonStatus, Role};
use crate::domain::time::Timestamp;
use crate::ledger::judge::creator;
use crate::ledger::packed::{bound, flag, rows};
use crate::ledger::store::{database, pack};
use crate::ports::LedgerError;
use crate::ports::notify::{Candidate, StepDue, StepTaken};

/// With more due findings than this, a page walks all findings in order, as the page of due connections does.
const MANY: i64 = 20_000;

/// The next page of findings whose step is due, with those who might be told.
pub(super) async fn due(
    tx: &mut SqliteConnection,
    now: Timestamp,
    after: FindingId,
    limit: usize,
) -> Result<Vec<StepDue>, LedgerError> {
    const DOING: &str = "read whose next step is due";
    let count: i64 = sqlx::query_scalar(COUNT)
        .bind(now.as_millis())
        .bind(MANY + 1)
        .fetch_one(&mut *tx)
        .await
        .map_err(database(DOING))?;
    let ids: String = sqlx::query_scalar(if count > MANY { AMONG_MANY } else { AMONG_FEW })
        .bind(now.as_millis())
        .bind(after.0)
        .bind(bound(limit))
        .fetch_one(&mut *tx)
        .await
        .map_err(database(DOING))?;
    let page = sqlx::query_scalar(STEPS).bind(&ids).bind(now.as_millis());
    let mut steps: Vec<StepRow> = rows(tx, "finding", DOING, page).await?;
    steps.sort_unstable_by_key(|row| row.finding);
    Ok(steps.into_iter().map(StepRow::into_due).collect())
}

/// Writes the steps of findings that are still open in the same opening; the others have begun anew or closed meanwhile.
pub(super) async fn write(tx: &mut SqliteConnection, now: Timestamp, steps: &[StepTaken]) -> Result<(), LedgerError> {
    const DOING: &str = "write steps";
    let notices: Vec<(FindingId, u32, u32, PersonId)> = steps
        .iter()
        .flat_map(|step| step.people.iter().map(|person| (step.finding, step.opening, step.step, *person)))
        .collect();
    sqlx::query(INSERT_NOTICES)
        .bind(pack(&notices, DOING)?)
        .bind(now.as_millis())
        .execute(&mut *tx)
        .await
        .map_err(database(DOING))?;
    let taken: Vec<(FindingId, u32, u32, Option<Timestamp>)> =
        steps.iter().map(|step| (step.finding, step.opening, step.step, step.next_step_at)).collect();
    sqlx::query(TAKE).bind(pack(&taken, DOING)?).execute(tx).await.map_err(database(DOING))?;
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
    due_at: Timestamp,
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
    creator: bool,
}

impl StepRow {
    fn into_due(self) -> StepDue {
        let people: Vec<Candidate> = self.people.into_iter().map(PersonRow::into_candidate).collect();
        StepDue {
            finding: self.finding,
            rule: self.rule,
            severity: self.severity,
            opening: self.opening,
            opened_at: self.opened_at,
            last_step: self.last_step,
            due_at: self.due_at,
            account: self.account,
            credential: self.credential,
            belief: self.belief,
            held: self.held,
            creator: creator(people.iter().find(|person| person.creator).map(|person| person.status)),
            people,
        }
    }
}

impl PersonRow {
    fn into_candidate(self) -> Candidate {
        Candidate {
            id: self.id,
            role: self.role,
            status: self.status,
            verified: self.verified,
            suppressed: self.suppressed,
            creator: self.creator,
        }
    }
}

const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM finding WHERE next_step_at <= ?1 LIMIT ?2) AS due";

const AMONG_MANY: &str = "
    SELECT json_group_array(id)
    FROM (SELECT id FROM finding WHERE id > ?2 AND +next_step_at <= ?1 AND state = 'open' AND mailed = 1
          ORDER BY id LIMIT ?3)";

const AMONG_FEW: &str = "
    SELECT json_group_array(id)
    FROM (SELECT id FROM finding WHERE next_step_at <= ?1 AND +id > ?2 AND +state = 'open' AND mailed = 1
          ORDER BY +id LIMIT ?3)";

/// Owners first; an owner who made the connection is named once.
pub(super) const STEPS: &str = "
    SELECT json_group_array(json_array(
        f.id, f.rule, f.severity, f.opening, f.opened_at, f.last_step, f.next_step_at, f.account_id, f.credential_id,
        json(k.belief), EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1),
        json((SELECT json_group_array(json_array(
                  p.id, p.role, p.status, p.verified,
                  EXISTS (SELECT 1 FROM suppressed AS s
                          WHERE s.person_id = p.id AND s.email = p.email AND s.until > ?2),
                  coalesce(p.member_id = c.created_by, 0)))
              FROM (SELECT * FROM person AS o WHERE o.account_id = f.account_id AND o.role = 'owner'
                    UNION ALL
                    SELECT * FROM person AS m
                    WHERE m.account_id = f.account_id AND m.member_id = c.created_by AND m.role <> 'owner') AS p))))
    FROM json_each(?1) AS page
    JOIN finding AS f ON f.id = page.value
    JOIN connection AS c ON c.id = f.connection_id
    JOIN credential AS k ON k.id = f.credential_id";

/// A notice whose mail was cancelled never arrived: where its step is taken once more, it is to be said after all. Any
/// other stays as it is, so that nobody is told a step twice.
const INSERT_NOTICES: &str = "
    INSERT INTO notice (finding_id, opening, step, person_id, planned_at)
    SELECT f.id, f.opening, value ->> 2, value ->> 3, ?2
    FROM json_each(?1) AS page
    JOIN finding AS f ON f.id = page.value ->> 0 AND f.opening = page.value ->> 1 AND f.state = 'open'
    WHERE true
    ON CONFLICT (finding_id, opening, step, person_id) DO UPDATE
    SET state = 'planned', mail_id = NULL, planned_at = excluded.planned_at
    WHERE notice.state = 'cancelled'";

const TAKE: &str = "
    UPDATE finding SET last_step = taken.value ->> 2, next_step_at = taken.value ->> 3
    FROM json_each(?1) AS taken
    WHERE finding.id = taken.value ->> 0 AND finding.opening = taken.value ->> 1 AND finding.state = 'open'";
