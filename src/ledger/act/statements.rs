//! The statements of people's acts.

use crate::ledger::sql::Sql;

/// Whether others have the key is told by the first and the last entry of an index, however many share it.
pub(in crate::ledger) const MATTER: Sql = sql!(
    "SELECT " [page
        "f.rule, f.opening, f.state <> 'closed', f.account_id, f.credential_id, " [json "k.belief"] ",
         EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1),
         k.idle_since IS NOT NULL,
         (SELECT min(u.account_id) FROM use AS u WHERE u.credential_id = k.id)
             = (SELECT max(u.account_id) FROM use AS u WHERE u.credential_id = k.id),
         k.compromised_at IS NOT NULL OR coalesce(f.leak_said, 0) = f.opening, f.pause, f.pause_until,
         coalesce(f.state = 'closed' AND f.closed_why = 'dead', false), f.exempt_until"] "
     FROM finding AS f JOIN credential AS k ON k.id = f.credential_id
     WHERE f.id = $1"
);

pub(in crate::ledger) const BY_PERSON: Sql = sql!(
    "SELECT " [page
        "p.account_id = f.account_id, p.role, p.status, p.verified, coalesce(p.member_id = c.created_by, false),
         EXISTS (SELECT 1 FROM disowned AS d
                 WHERE d.finding_id = f.id AND d.person_id = p.id AND d.opening = f.opening),
         (SELECT count(*) FROM asked AS a WHERE a.person_id = p.id AND a.at > $3
             AND a.credential_id = f.credential_id),
         EXISTS (SELECT 1 FROM asked AS w
                 WHERE w.credential_id = f.credential_id AND w.answered_at IS NULL AND w.person_id = p.id)"] "
     FROM finding AS f
     JOIN connection AS c ON c.id = f.connection_id
     JOIN person AS p ON p.id = $2
     WHERE f.id = $1"
);

/// The findings of one rule that are not closed about one key in one account: all of them for an owner, for others those about
/// connections that they made.
pub(in crate::ledger) const SIBLINGS: Sql = sql!(
    "SELECT " [numbers "f.id"] "
     FROM finding AS f
     JOIN connection AS c ON c.id = f.connection_id
     JOIN person AS p ON p.id = $4
     WHERE f.credential_id = $1 AND f.account_id = $2 AND f.rule = $3 AND f.state <> 'closed'
       AND p.account_id = f.account_id AND (p.role = 'owner' OR p.member_id = c.created_by)"
);

/// The ladder goes on as it is: its steps are not taken before the pause is over. What the operator has acknowledged stays
/// so where a person speaks, at $5, who may mean findings that they have not seen; null for the operator.
pub(in crate::ledger) const PAUSE: Sql = sql!(
    "UPDATE finding SET pause = $2, pause_until = $3, reset_at = coalesce($4, reset_at)
     WHERE id IN " [within "$1" bigint] "
       AND (pause_until <= $5 OR $5 IS NULL OR coalesce(pause, '') <> 'acknowledged')"
);

/// But for what the operator has acknowledged, likewise.
pub(in crate::ledger) const UNPAUSE: Sql = sql!(
    "UPDATE finding SET pause = NULL, pause_until = NULL
     WHERE id IN " [within "$1" bigint] "
       AND (pause_until <= $2 OR $2 IS NULL OR coalesce(pause, '') <> 'acknowledged')"
);

/// What was to be said of these findings to a person, or to everybody, and is not on its way.
pub(in crate::ledger) const SILENCE: Sql = sql!(
    "UPDATE notice SET state = 'cancelled'
     WHERE finding_id IN " [within "$1" bigint] " AND state = 'planned' AND person_id = coalesce($2, person_id)
       AND NOT EXISTS (SELECT 1 FROM mail WHERE mail.id = notice.mail_id AND mail.state IN ('sending', 'sent'))"
);

/// The step of a notice that is silenced here before anybody could read it is due once more when reminders come again: its
/// ladder may have no other. Who was told already is not told again, nor who may have been.
pub(in crate::ledger) const STEP_LATER: Sql = sql!(
    "UPDATE finding SET next_step_at = $2, last_step = CASE WHEN unsaid.step > 0 THEN unsaid.step - 1 END
     FROM (SELECT n.finding_id, n.opening, max(n.step) AS step
           FROM " [each "$1" paused bigint] " JOIN notice AS n ON n.finding_id = paused.value AND n.state = 'planned'
           WHERE NOT EXISTS (SELECT 1 FROM mail AS m
                             WHERE m.id = n.mail_id AND (m.state IN ('sending', 'sent') OR m.maybe_sent = 1))
           GROUP BY n.finding_id, n.opening) AS unsaid
     WHERE finding.id = unsaid.finding_id AND finding.opening = unsaid.opening AND finding.last_step = unsaid.step
       AND finding.state = 'open' AND finding.mailed = 1 AND finding.baseline = 0"
);

pub(in crate::ledger) const DISOWN: Sql = sql!(
    "INSERT INTO disowned (finding_id, person_id, opening)
     SELECT f.id, $2, f.opening FROM finding AS f WHERE f.id IN " [within "$1" bigint] "
     ON CONFLICT (finding_id, person_id) DO UPDATE SET opening = excluded.opening"
);

pub(in crate::ledger) const OWN_AGAIN: Sql =
    sql!("DELETE FROM disowned WHERE finding_id IN " [within "$1" bigint] " AND person_id = $2");

/// Their step is due once more, so that the next in line is told.
pub(in crate::ledger) const STEP_AGAIN: Sql = sql!(
    "UPDATE finding SET next_step_at = $2, last_step = CASE WHEN last_step > 0 THEN last_step - 1 END
     WHERE id IN " [within "$1" bigint] " AND last_step IS NOT NULL AND state = 'open' AND mailed = 1 AND baseline = 0"
);

pub(in crate::ledger) const SAY_LEAK: Sql =
    sql!("UPDATE finding SET leak_said = opening WHERE id IN " [within "$1" bigint]);

pub(in crate::ledger) const ASK: Sql =
    sql!("INSERT INTO asked (finding_id, credential_id, person_id, at) VALUES ($1, $2, $3, $4)");

/// Where it is asked at all.
pub(in crate::ledger) const PROBE_SOON: Sql =
    sql!("UPDATE credential SET probe_at = $2 WHERE id = $1 AND probe_at > $2");

pub(in crate::ledger) const DESTROYED: Sql =
    sql!("UPDATE credential SET liveness = 'shredded', belief = $2, probe_at = NULL WHERE id = $1");

pub(in crate::ledger) const MUTE: Sql = sql!(
    "INSERT INTO muted (person_id) SELECT p.id FROM person AS p WHERE p.id = $1 ON CONFLICT (person_id) DO NOTHING"
);

pub(in crate::ledger) const UNMUTE: Sql = sql!("DELETE FROM muted WHERE person_id = $1");

pub(in crate::ledger) const COUNT: Sql = sql!(
    "INSERT INTO acted (act, outcome, times) VALUES ($1, $2, 1)
     ON CONFLICT (act, outcome) DO UPDATE SET times = acted.times + 1"
);

pub(in crate::ledger) const COUNTED: Sql =
    sql!("SELECT " [page "act, outcome, times"] " FROM (SELECT * FROM acted ORDER BY act, outcome) AS counted");

pub(in crate::ledger) const SILENCE_LOW: Sql = sql!(
    "UPDATE notice SET state = 'cancelled'
     WHERE state = 'planned'
       AND id IN (SELECT n.id FROM notice AS n WHERE n.person_id = $1 AND n.mail_id IS NULL AND n.state = 'planned'
                  UNION ALL SELECT n.id FROM mail AS m CROSS JOIN notice AS n
                            WHERE m.person_id = $1 AND m.state NOT IN ('sending', 'sent')
                              AND n.mail_id = m.id AND n.state = 'planned')
       AND EXISTS (SELECT 1 FROM finding AS f WHERE f.id = notice.finding_id AND f.severity = 'low')"
);
