//! Claimed mails with everything that rendering needs, as it stands now.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::domain::belief::Belief;
use crate::domain::facts::{EndedBy, Provenance};
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{CredentialId, FindingId, MailId, NoticeId, PersonId, ProviderName};
use crate::domain::record::{Address, Auth, UsedFor};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ledger::notify::contact::CONTACT;
use crate::ledger::notify::unsaid;
use crate::ledger::packed::{flag, key_tail, pack, size};
use crate::ledger::session::Session;
use crate::ledger::sql::Sql;
use crate::ports::LedgerError;
use crate::ports::notify::{Audience, Begun, ClaimedMail, MailNotice};

/// A mail's head names at most so many earlier ones.
const REFERENCES: usize = 10;

/// These mails, in this order.
pub(in crate::ledger) async fn read(moment: &mut Session, ids: &[MailId]) -> Result<Vec<ClaimedMail>, LedgerError> {
    let packed = pack(ids)?;
    let heads: Vec<Head> = moment.rows("mail", &HEADS, [(&packed).into()]).await?;
    let notices: Vec<NoticeRow> = moment.rows("notice", &NOTICES, [(&packed).into()]).await?;
    let sharers: Vec<(MailId, CredentialId, u32)> = moment.rows("use", &SHARERS, [(&packed).into()]).await?;
    let references: Vec<(MailId, MailId, String)> = moment.rows("mail", &REFERRED, [packed.into()]).await?;

    let sharers: HashMap<_, _> =
        sharers.into_iter().map(|(mail, credential, count)| ((mail, credential), count)).collect();
    let mut mails: HashMap<MailId, ClaimedMail> = HashMap::with_capacity(heads.len());
    for head in heads {
        mails.insert(head.id, head.into_mail()?);
    }
    for row in notices {
        let count = sharers.get(&(row.mail, row.credential)).copied().unwrap_or(0);
        if let Some(mail) = mails.get_mut(&row.mail) {
            mail.notices.push(row.into_notice(count));
        }
    }
    add_references(&mut mails, references);
    let in_order = ids.iter().filter_map(|id| mails.remove(id)).map(|mut mail| {
        mail.notices.sort_by_key(|notice| (std::cmp::Reverse(notice.severity), notice.since, notice.id));
        mail
    });
    Ok(in_order.collect())
}

/// A mail with the notice of one finding alone, and without those that it follows: however many findings it tells of, they
/// are not read. `None` where it doesn't tell of that one.
pub(in crate::ledger) async fn about(
    moment: &mut Session,
    mail: MailId,
    finding: FindingId,
) -> Result<Option<ClaimedMail>, LedgerError> {
    let heads: Vec<Head> = moment.rows("mail", &HEADS, [pack(&[mail])?.into()]).await?;
    let notices: Vec<NoticeRow> = moment.rows("notice", &NOTICE, [mail.0.into(), finding.0.into()]).await?;
    let first = notices.into_iter().min_by_key(|notice| notice.id);
    let (Some(head), Some(notice)) = (heads.into_iter().next(), first) else { return Ok(None) };
    let sharers = moment.number(&SHARING, [finding.0.into()]).await?;
    let notice = notice.into_notice(u32::try_from(sharers).unwrap_or(u32::MAX));
    Ok(Some(ClaimedMail { notices: vec![notice], ..head.into_mail()? }))
}

/// Marks a claimed mail as being sent, where it still says what the ledger says, to whom it was offered. What else was to be
/// said in it is not said by it, and is due again when it may be; where an earlier try may have said it, it stays.
pub(super) async fn begin(tx: &mut Session, mail: &ClaimedMail, now: Timestamp) -> Result<Begun, LedgerError> {
    let said: Vec<NoticeId> = mail.notices.iter().map(|notice| notice.id).collect();
    let packed = pack(&said)?;
    let stands = tx.number(&SAID, [mail.id.0.into(), (&packed).into()]).await? == size(said.len());
    if !stands || tx.run(&SENDING, [mail.id.0.into(), mail.address.expose().into()]).await? == 0 {
        if tx.number(&IS_CLAIMED, [mail.id.0.into()]).await? == 0 {
            return Err(LedgerError::Inconsistent {
                table: "mail",
                row: mail.id.to_string(),
                what: "it is to be sent but is not claimed".to_owned(),
            });
        }
        return Ok(Begun::Changed);
    }
    let left_out: Vec<NoticeId> = tx.rows("notice", &unsaid::LEFT_OUT, [mail.id.0.into(), packed.into()]).await?;
    unsaid::take_back(tx, now, &left_out).await?;
    Ok(Begun::Sending)
}

/// The latest few of the earlier mails, oldest first.
fn add_references(mails: &mut HashMap<MailId, ClaimedMail>, mut references: Vec<(MailId, MailId, String)>) {
    references.sort_unstable();
    for (mail, _, message_id) in references {
        if let Some(mail) = mails.get_mut(&mail) {
            mail.earlier += 1;
            if mail.references.len() == REFERENCES {
                mail.references.remove(0);
            }
            mail.references.push(message_id);
        }
    }
}

#[derive(Deserialize)]
struct Head {
    id: MailId,
    message_id: String,
    person: PersonId,
    email: String,
    #[serde(deserialize_with = "flag")]
    deliverable: bool,
    locale: Option<String>,
    timezone: Option<String>,
    account: String,
    attempts: u32,
    #[serde(deserialize_with = "flag")]
    maybe_sent: bool,
}

impl Head {
    fn into_mail(self) -> Result<ClaimedMail, LedgerError> {
        // As it stands there, or the mail would be taken for changed at each try.
        let address = Address::parse(&self.email).filter(|address| address.expose() == self.email);
        let address = address.ok_or_else(|| LedgerError::Inconsistent {
            table: "person",
            row: self.person.to_string(),
            what: "the address is not one that keysweep would have taken".to_owned(),
        })?;
        Ok(ClaimedMail {
            id: self.id,
            message_id: self.message_id,
            person: self.person,
            address,
            deliverable: self.deliverable,
            locale: self.locale,
            timezone: self.timezone,
            audience: if self.person == CONTACT { Audience::SecurityContact } else { Audience::Account },
            account: self.account,
            unsubscribe: None,
            attempts: self.attempts,
            maybe_sent: self.maybe_sent,
            references: Vec::new(),
            earlier: 0,
            notices: Vec::new(),
        })
    }
}

#[derive(Deserialize)]
struct NoticeRow {
    mail: MailId,
    id: NoticeId,
    finding: FindingId,
    step: u32,
    #[serde(deserialize_with = "flag")]
    closing: bool,
    #[serde(deserialize_with = "flag")]
    current: bool,
    account: String,
    rule: RuleName,
    severity: Severity,
    since: Timestamp,
    evidence: Map<String, Value>,
    connection: String,
    name: Option<String>,
    auth: Auth,
    provider: ProviderName,
    credential: CredentialId,
    fingerprint: Fingerprint,
    #[serde(deserialize_with = "key_tail")]
    key_tail: String,
    kind: Option<String>,
    belief: Belief,
    #[serde(deserialize_with = "flag")]
    held: bool,
    secret_since: Timestamp,
    provenance: Provenance,
    ended_by: Option<EndedBy>,
    until: Option<Timestamp>,
    reset_at: Option<Timestamp>,
    #[serde(deserialize_with = "flag")]
    reminded: bool,
    running_jobs: u32,
    used_for: Vec<UsedFor>,
}

impl NoticeRow {
    fn into_notice(self, sharers: u32) -> MailNotice {
        MailNotice {
            id: self.id,
            finding: self.finding,
            step: self.step,
            closing: self.closing,
            current: self.current,
            link: None,
            account: self.account,
            rule: self.rule,
            severity: self.severity,
            since: self.since,
            evidence: self.evidence,
            connection: self.connection,
            name: self.name,
            auth: self.auth,
            provider: self.provider,
            credential: self.credential,
            fingerprint: self.fingerprint,
            key_tail: self.key_tail,
            kind: self.kind,
            belief: self.belief,
            held: self.held,
            secret_since: self.secret_since,
            provenance: self.provenance,
            ended_by: self.ended_by,
            until: self.until,
            reset_at: self.reset_at,
            reminded: self.reminded,
            sharers,
            running_jobs: self.running_jobs,
            used_for: self.used_for,
        }
    }
}

/// Whether a mail `m` may go to its reader `p`. A suppression counts where it outlasts the claim: one that ends within minutes
/// is as good as over.
macro_rules! deliverable {
    ($dialect:ident) => {
        "p.status = 'active' AND p.verified = 1
         AND NOT EXISTS (SELECT 1 FROM suppressed AS s WHERE s.email = p.email
                         AND s.until > coalesce(m.claimed_until, 0))"
    };
}

pub(in crate::ledger) const HEADS: Sql = sql!(
    "SELECT " [page
        "m.id, m.message_id, m.person_id, p.email, " [fill deliverable] ",
         p.locale, p.timezone, a.external_id, m.attempts, m.maybe_sent"] "
     FROM " [each "$1" page bigint] "
     JOIN mail AS m ON m.id = page.value
     JOIN person AS p ON p.id = m.person_id
     JOIN account AS a ON a.id = p.account_id"
);

/// Whether a notice `n` of a mail `m` is said to its reader `p` as things stand: its finding `f` is open in that opening, not
/// quiet beyond the claim, the reader may know of it still, and has not said meanwhile that it is not theirs, or that they want
/// no such mail. The note that ends a tombstone is for those who were told of it, and says that the key is dead: nothing else
/// closes one quietly.
macro_rules! current {
    ($dialect:ident) => {
        concat!("n.state = 'planned' AND f.opening = n.opening
         AND CASE n.closing
             WHEN 0 THEN f.state = 'open' AND (f.pause_until IS NULL OR f.pause_until <= coalesce(m.claimed_until, 0))
                 AND NOT EXISTS (SELECT 1 FROM disowned AS d
                                 WHERE d.finding_id = f.id AND d.person_id = p.id AND d.opening = f.opening)
                 AND NOT (f.severity = 'low' AND EXISTS (SELECT 1 FROM muted AS q WHERE q.person_id = p.id))
             ELSE f.closed_why = 'dead' AND EXISTS (
                 SELECT 1 FROM notice AS o JOIN mail AS e ON e.id = o.mail_id
                 WHERE o.finding_id = n.finding_id AND o.opening = n.opening AND o.person_id = n.person_id
                   AND o.closing = 0 AND (o.state = 'sent' OR e.maybe_sent = 1)) END
         AND ",
        entitled!($dialect))
    };
}

/// Notices `n`, with everything that is told of them. What ended the use is told of the latest use of that credential by that
/// connection; nothing where it is open.
macro_rules! notices {
    ($($from:tt)*) => {
        sql!(
            "SELECT " [page
                "n.mail_id, n.id, n.finding_id, n.step, n.closing, " [fill current] ",
                 a.external_id, f.rule, f.severity, f.since, " [json "f.evidence"] ", c.external_id, c.name, c.auth,
                 k.provider, k.id, k.fingerprint, k.key_id, k.kind, " [json "k.belief"] ",
                 EXISTS (SELECT 1 FROM escrow AS e WHERE e.credential_id = k.id AND e.held = 1),
                 k.secret_since, k.provenance, u.ended_by, u.until, f.reset_at, f.next_step_at IS NOT NULL, c.running_jobs, " [json "c.used_for"]] "
             FROM " $($from)* "
             JOIN mail AS m ON m.id = n.mail_id
             JOIN person AS p ON p.id = n.person_id
             JOIN finding AS f ON f.id = n.finding_id
             JOIN account AS a ON a.id = f.account_id
             JOIN connection AS c ON c.id = f.connection_id
             JOIN credential AS k ON k.id = f.credential_id
             LEFT JOIN use AS u ON u.id = (SELECT max(x.id) FROM use AS x
                                           WHERE x.connection_id = f.connection_id AND " ["+" | ""] "x.credential_id = f.credential_id)"
        )
    };
}

pub(in crate::ledger) const NOTICES: Sql =
    notices!([each "$1" page bigint] " JOIN notice AS n ON n.mail_id = page.value");

/// By the finding, of which there are a few notices: the sign keeps SQLite from going by the mail, which may have thousands.
pub(in crate::ledger) const NOTICE: Sql =
    notices!("(SELECT * FROM notice WHERE finding_id = $2 AND +mail_id = $1) AS n");

/// How many of these notices mail $1 says as things stand.
pub(in crate::ledger) const SAID: Sql = sql!(
    "SELECT count(*)
     FROM " [each "$2" said bigint] "
     JOIN notice AS n ON n.id = said.value AND " ["+" | ""] "n.mail_id = $1
     JOIN mail AS m ON m.id = n.mail_id
     JOIN person AS p ON p.id = n.person_id
     JOIN finding AS f ON f.id = n.finding_id
     JOIN connection AS c ON c.id = f.connection_id
     WHERE " [fill current]
);

/// The address is the one that the mail was offered to, and still the reader's.
pub(in crate::ledger) const SENDING: Sql = sql!(
    "UPDATE mail AS m SET state = 'sending', attempts = attempts + 1, sent_to = $2
     WHERE m.id = $1 AND m.state = 'claimed'
       AND EXISTS (SELECT 1 FROM person AS p WHERE p.id = m.person_id AND p.email = $2 AND " [fill deliverable] ")"
);

pub(in crate::ledger) const IS_CLAIMED: Sql = sql!("SELECT count(*) FROM mail WHERE id = $1 AND state = 'claimed'");

/// Once for each credential of a mail, and counted no further than anybody would read.
pub(in crate::ledger) const SHARERS: Sql = sql!(
    "SELECT " [page
        "mail_id, credential_id,
         (SELECT count(*) FROM (SELECT 1 FROM use AS o WHERE o.credential_id = one.credential_id
                                AND o.account_id = one.account_id AND o.until IS NULL LIMIT 1000) AS counted)"] "
     FROM (SELECT DISTINCT n.mail_id, f.credential_id, f.account_id
           FROM " [each "$1" page bigint] "
           JOIN notice AS n ON n.mail_id = page.value
           JOIN finding AS f ON f.id = n.finding_id) AS one"
);

/// Those of one finding's credential.
pub(in crate::ledger) const SHARING: Sql = sql!(
    "SELECT count(*) FROM (SELECT 1 FROM finding AS f
                           JOIN use AS o ON o.credential_id = f.credential_id AND o.account_id = f.account_id
                           WHERE f.id = $1 AND o.until IS NULL LIMIT 1000) AS counted"
);

pub(in crate::ledger) const REFERRED: Sql = sql!(
    "SELECT " [page "mail_id, earlier, message_id"] "
     FROM (SELECT DISTINCT n.mail_id, e.id AS earlier, e.message_id
           FROM " [each "$1" page bigint] "
           JOIN notice AS n ON n.mail_id = page.value
           JOIN notice AS o ON o.finding_id = n.finding_id AND o.person_id = n.person_id AND o.mail_id <> n.mail_id
           JOIN mail AS e ON e.id = o.mail_id AND e.state = 'sent') AS pairs"
);
