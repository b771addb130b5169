//! Notices that are in no mail yet, whose they are, and who is put off.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::domain::belief::Belief;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{MailId, NoticeId, PersonId, ScanId};
use crate::domain::time::Timestamp;
use crate::ledger::meta;
use crate::ledger::packed::{flag, pack};
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;
use crate::ports::notify::{Digest, Formed, WaitingNotice, WaitingReader};

/// These people with what waits for them, in their order. `run` is the one whose digest it is, where none put them off.
pub(super) async fn read(
    moment: &mut Session,
    now: Timestamp,
    run: Option<ScanId>,
    people: &[PersonId],
) -> Result<Vec<WaitingReader>, LedgerError> {
    let ids = pack(people)?;
    let mut readers: Vec<ReaderRow> = moment.rows("person", &WAITING, [ids.into(), now.into()]).await?;
    let place = |person| people.iter().position(|wanted| *wanted == person);
    readers.sort_unstable_by_key(|reader| place(reader.person));
    Ok(readers.into_iter().map(|reader| reader.into_waiting(run)).collect())
}

/// A mail for each digest that still has notices, and the others' waits.
pub(super) async fn form(tx: &mut Session, now: Timestamp, formed: &Formed, domain: &str) -> Result<(), LedgerError> {
    let wanted: Vec<NoticeId> = formed.digests.iter().flat_map(|digest| digest.notices.iter().copied()).collect();
    let free: Vec<NoticeId> = tx.rows("notice", &FREE, [pack(&wanted)?.into()]).await?;
    let mails = Mails::of(&formed.digests, &free.into_iter().collect(), tx, domain).await?;
    tx.run(&FORM, [pack(&mails.formed)?.into(), now.into()]).await?;
    tx.run(&TAKE_UP, [pack(&mails.taken_up)?.into()]).await?;
    let people: Vec<PersonId> = formed.digests.iter().map(|digest| digest.person).collect();
    tx.run(&NOT_PUT_OFF, [pack(&people)?.into()]).await?;
    let waits: Vec<_> = formed.waits.iter().map(|w| (w.person, w.run, w.until, w.why)).collect();
    tx.run(&PUT_OFF, [pack(&waits)?.into()]).await?;
    Ok(())
}

/// Rows of mails, and of what they take up.
#[derive(Default)]
struct Mails {
    formed: Vec<MailRow>,
    taken_up: Vec<(MailId, NoticeId)>,
}

#[derive(Serialize)]
struct MailRow {
    id: MailId,
    run: ScanId,
    person: PersonId,
    message_id: String,
}

impl Mails {
    async fn of(
        digests: &[Digest],
        free: &HashSet<NoticeId>,
        tx: &mut Session,
        domain: &str,
    ) -> Result<Self, LedgerError> {
        let ledger = tx.text(&meta::GET, ["ledger_id".into()]).await?;
        let ledger = ledger.ok_or_else(|| LedgerError::Inconsistent {
            table: "meta",
            row: "ledger_id".to_owned(),
            what: "the ledger has no name of its own: no Message-ID can be made".to_owned(),
        })?;
        let mut last = tx.number(&LAST, []).await?;
        let mut mails = Self::default();
        for Digest { person, run, notices } in digests {
            let notices: Vec<NoticeId> = notices.iter().copied().filter(|notice| free.contains(notice)).collect();
            if notices.is_empty() {
                continue;
            }
            last += 1;
            let message_id = format!("<keysweep.{last}.{ledger}@{domain}>");
            mails.formed.push(MailRow { id: MailId(last), run: *run, person: *person, message_id });
            mails.taken_up.extend(notices.into_iter().map(|notice| (MailId(last), notice)));
        }
        Ok(mails)
    }
}

#[derive(Deserialize)]
struct ReaderRow {
    person: PersonId,
    email: String,
    timezone: Option<String>,
    #[serde(deserialize_with = "flag")]
    told_before: bool,
    run: Option<ScanId>,
    lately: Vec<Timestamp>,
    notices: Vec<NoticeRow>,
}

#[derive(Deserialize)]
struct NoticeRow {
    id: NoticeId,
    #[serde(deserialize_with = "flag")]
    closing: bool,
    rule: RuleName,
    severity: Severity,
    belief: Belief,
}

impl ReaderRow {
    fn into_waiting(self, run: Option<ScanId>) -> WaitingReader {
        let notice = |row: NoticeRow| WaitingNotice {
            id: row.id,
            closing: row.closing,
            rule: row.rule,
            severity: row.severity,
            belief: row.belief,
        };
        WaitingReader {
            person: self.person,
            email: self.email,
            timezone: self.timezone,
            told_before: self.told_before,
            lately: self.lately,
            run: run.or(self.run).unwrap_or(ScanId(0)),
            notices: self.notices.into_iter().map(notice).collect(),
        }
    }
}

/// Whom among these. Where there is no room for all, whoever was never told of something comes before those who are reminded, so
/// that nobody's turn is taken again and again; then the worst, and then whoever had no mail for the longest. A note that ends a
/// tombstone presses nobody. What was cancelled and never in a mail is not walked over: the index is named, since SQLite would
/// take the one on mails.
macro_rules! whose_notices_wait {
    ($from:literal, $and:literal) => {
        sql!(
            "SELECT " [numbers "person_id"] "
             FROM (SELECT person_id
                   FROM (SELECT n.person_id, f.since,
                                CASE WHEN n.closing = 1 THEN 0
                                     ELSE CASE f.severity WHEN 'critical' THEN 3 WHEN 'high' THEN 2 WHEN 'medium' THEN 1
                                                          ELSE 0 END END AS weight,
                                CASE WHEN n.closing = 1
                                       OR EXISTS (SELECT 1 FROM notice AS t
                                                  WHERE t.finding_id = n.finding_id AND t.opening = n.opening
                                                    AND t.person_id = n.person_id AND t.state = 'sent')
                                     THEN 1 ELSE 0 END AS told
                         FROM " $from " " ["INDEXED BY notice_waiting" | ""] "
                         JOIN finding AS f ON f.id = n.finding_id
                         WHERE n.mail_id IS NULL AND n.state = 'planned' " $and ") AS waiting
                   GROUP BY person_id
                   ORDER BY max(CASE WHEN told = 1 THEN -1 ELSE weight END) DESC, max(weight) DESC,
                            coalesce((SELECT max(m.sent_at) FROM mail AS m WHERE m.person_id = waiting.person_id), 0),
                            min(since), person_id) AS readers"
        )
    };
}

pub(in crate::ledger) const EVERYBODY: Sql = whose_notices_wait!("notice AS n", "");

pub(in crate::ledger) const WHOSE_TIME_HAS_COME: Sql =
    whose_notices_wait!("put_off AS w CROSS JOIN notice AS n", "AND w.until <= $1 AND n.person_id = w.person_id");

/// A mail that is on its way counts as of now, for it may arrive at any moment.
pub(in crate::ledger) const WAITING: Sql = sql!(
    "SELECT " [page
        "p.id, p.email, p.timezone,
         EXISTS (SELECT 1 FROM mail AS m WHERE m.person_id = p.id AND m.state NOT IN ('cancelled', 'bounced')),
         (SELECT w.run_id FROM put_off AS w WHERE w.person_id = p.id), "
        [json "(SELECT " [numbers "at"] "
                FROM (SELECT CASE m.state WHEN 'sent' THEN m.sent_at ELSE $2 END AS at
                      FROM person AS q JOIN mail AS m ON m.person_id = q.id
                      WHERE q.email = p.email AND m.state NOT IN ('cancelled', 'bounced')
                        AND (m.state <> 'sent' OR m.sent_at > $2 - 86400000)) AS lately)"] ", "
        [json "(SELECT " [page by "n.id": "n.id, n.closing, f.rule, f.severity, " [json "k.belief"]] "
                FROM notice AS n
                JOIN finding AS f ON f.id = n.finding_id
                JOIN credential AS k ON k.id = f.credential_id
                WHERE n.person_id = p.id AND n.mail_id IS NULL AND n.state = 'planned')"]] "
     FROM " [each "$1" wanted bigint] " JOIN person AS p ON p.id = wanted.value"
);

pub(in crate::ledger) const FREE: Sql = sql!(
    "SELECT " [numbers "n.id"] " FROM " [each "$1" wanted bigint] "
     JOIN notice AS n ON n.id = wanted.value WHERE n.mail_id IS NULL AND n.state = 'planned'"
);

pub(in crate::ledger) const LAST: Sql = sql!("SELECT coalesce(max(id), 0) FROM mail");

pub(in crate::ledger) const FORM: Sql = sql!(
    "INSERT INTO mail (id, run_id, person_id, message_id, state, formed_at, next_try_at)
     SELECT v.id, v.run, v.person, v.message_id, 'planned', $2, $2
     FROM " [records "$1" v (id bigint, run bigint, person bigint, message_id text)]
);

pub(in crate::ledger) const TAKE_UP: Sql = sql!(
    "UPDATE notice SET mail_id = v.mail
     FROM " [tuples "$1" v (0 mail bigint, 1 notice bigint)] "
     WHERE notice.id = v.notice"
);

pub(in crate::ledger) const NOT_PUT_OFF: Sql = sql!("DELETE FROM put_off WHERE person_id IN " [within "$1" bigint]);

pub(in crate::ledger) const PUT_OFF: Sql = sql!(
    "INSERT INTO put_off (person_id, run_id, until, why)
     SELECT v.person, v.run, v.until, v.why
     FROM " [tuples "$1" v (0 person bigint, 1 run bigint, 2 until bigint, 3 why text)] "
     WHERE true
     ON CONFLICT (person_id) DO UPDATE SET run_id = excluded.run_id, until = excluded.until, why = excluded.why"
);

pub(in crate::ledger) const ALL_WAITS_END: Sql = sql!("DELETE FROM put_off");

pub(in crate::ledger) const WAITS_END: Sql = sql!("DELETE FROM put_off WHERE until <= $1");
