//! Links: by the hashes of their tokens, and what they lead to.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Ledger;
use super::act::{About, member};
use super::notify::claimed;
use super::packed::{flag, pack};
use super::session::{Bind, Session};
use super::sql::Sql;
use crate::domain::action::{Matter, Member};
use crate::domain::belief::Belief;
use crate::domain::ids::{CredentialId, FindingId, MailId, PersonId, ProviderName};
use crate::domain::link::LinkHash;
use crate::domain::outcome::Part;
use crate::domain::time::{Timestamp, days};
use crate::ports::LedgerError;
use crate::ports::links::{KeptLink, LinkLedger};
use crate::ports::notify::ClaimedMail;

/// What a link leads to that may be followed.
#[derive(Debug)]
pub enum Followed {
    /// a finding, for somebody who may act on it
    Finding(Box<Linked>),
    /// the end of mails about low severities
    Unsubscribe {
        /// for whom
        person: PersonId,
        /// the language that they read
        locale: Option<String>,
        /// true where they have ended already
        muted: bool,
    },
}

/// A finding as its page shows it.
#[derive(Debug)]
pub struct Linked {
    /// who may act
    pub person: PersonId,
    /// on what
    pub finding: FindingId,
    /// in which opening
    pub opening: u32,
    /// the mail that had the link, with this finding's notice alone
    pub mail: ClaimedMail,
    /// what they may do
    pub member: Member,
    /// how the finding stands; where it is not open, its key is proven dead, which has closed it
    pub matter: Matter,
    /// what is believed of the key
    pub belief: Belief,
    /// the parts of the provider's last answer
    pub parts: Vec<Part>,
    /// when it is next asked; `None` for never
    pub probe_at: Option<Timestamp>,
    /// when somebody last said that the secret was reset
    pub reset_at: Option<Timestamp>,
    /// their last "check again now" of the key, through whichever of its findings
    pub check: Option<Checked>,
}

/// "Check again now", as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Checked {
    /// when it was asked for
    pub at: Timestamp,
    /// when the provider had been asked, or could not be; `None` until then
    pub answered_at: Option<Timestamp>,
}

impl LinkLedger for Ledger {
    async fn keep_links(&self, mail: MailId, person: PersonId, links: &[KeptLink]) -> Result<(), LedgerError> {
        let rows: Vec<_> = links.iter().map(|link| (&link.hash, link.finding, link.until)).collect();
        let mut tx = self.write("keep the links of a mail").await?;
        tx.run(&KEEP, [pack(&rows)?.into(), mail.0.into(), person.0.into()]).await?;
        tx.commit().await
    }
}

#[derive(Deserialize)]
struct LinkRow {
    person: PersonId,
    mail: MailId,
    finding: Option<FindingId>,
    opening: Option<u32>,
    until: Timestamp,
    locale: Option<String>,
    #[serde(deserialize_with = "flag")]
    active: bool,
    #[serde(deserialize_with = "flag")]
    muted: bool,
}

#[derive(Deserialize)]
struct Evidence {
    belief: Belief,
    parts: Option<Vec<Part>>,
    probe_at: Option<Timestamp>,
    reset_at: Option<Timestamp>,
}

/// Who is not to be asked for the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotNow {
    /// nobody at these providers, which do not answer
    pub providers: BTreeSet<ProviderName>,
    /// nor these
    pub credentials: BTreeSet<CredentialId>,
}

impl NotNow {
    pub(super) fn packed(&self) -> Result<[Bind<'static>; 2], LedgerError> {
        Ok([pack(&self.providers)?.into(), pack(&self.credentials)?.into()])
    }
}

impl Ledger {
    /// What a link leads to at `now`; `None` where there is no such link, it has ended, what it is about has closed or
    /// begun anew, its person may no longer act, or its mail went to an address that they have left: none of these is told
    /// from another. What has closed because the key is
    /// proven dead is shown until the link ends, for as long as it is proven: its owner may have waited for just that.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn follow(&self, hash: &LinkHash, now: Timestamp) -> Result<Option<Followed>, LedgerError> {
        let mut moment = self.moment("follow a link").await?;
        let rows: Vec<LinkRow> = moment.rows("link", &FIND, [hash.as_str().into()]).await?;
        let Some(link) = rows.into_iter().next().filter(|link| link.until > now && link.active) else {
            return Ok(None);
        };
        let (Some(finding), Some(opening)) = (link.finding, link.opening) else {
            let LinkRow { person, locale, muted, .. } = link;
            return Ok(Some(Followed::Unsubscribe { person, locale, muted }));
        };
        let linked = linked(&mut moment, &link, finding, opening, now).await?;
        Ok(linked.map(|linked| Followed::Finding(Box::new(linked))))
    }

    /// How far somebody's last "check again now" of a finding's key has come; `None` where there is none.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn last_check(&self, finding: FindingId, person: PersonId) -> Result<Option<Checked>, LedgerError> {
        last_check(&mut self.look("see how far a check has come").await?, finding, person).await
    }

    /// The credentials that somebody waits to be asked about, but for some, each with the latest such wish; at most 100.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn checks_waiting(&self, but: &NotNow) -> Result<Vec<(CredentialId, i64)>, LedgerError> {
        self.look("see which checks wait").await?.rows("asked", &WAITING, but.packed()?).await
    }

    /// Notes that these credentials were asked about at `now`, or could not be: these wishes and those before them have
    /// their answer.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn checks_answered(&self, wishes: &[(CredentialId, i64)], now: Timestamp) -> Result<(), LedgerError> {
        let mut tx = self.write("note which checks are answered").await?;
        tx.run(&ANSWERED, [pack(wishes)?.into(), now.into()]).await?;
        tx.commit().await
    }

    /// Forgets links that have ended, and checks that no longer count.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub async fn forget_links(&self, now: Timestamp) -> Result<(), LedgerError> {
        let mut tx = self.write("forget links that have ended").await?;
        tx.run(&FORGET, [now.into()]).await?;
        tx.run(&FORGET_CHECKS, [(now - days(2)).into()]).await?;
        tx.commit().await
    }
}

async fn linked(
    moment: &mut Session,
    link: &LinkRow,
    finding: FindingId,
    opening: u32,
    now: Timestamp,
) -> Result<Option<Linked>, LedgerError> {
    let (about, member) =
        (About::read(moment, finding, Some(opening)).await?, member(moment, finding, link.person, now).await?);
    let (Some(about), Some(member)) = (about, member) else { return Ok(None) };
    if !(about.matter.open || about.settled) || !member.may_act() {
        return Ok(None);
    }
    let Some(mut mail) = claimed::about(moment, link.mail, finding).await? else { return Ok(None) };
    let Some(notice) = mail.notices.first_mut() else { return Ok(None) };
    notice.current = true; // it was told, which is why there is a link
    let rows: Vec<Evidence> = moment.rows("finding", &EVIDENCE, [finding.0.into()]).await?;
    let Some(evidence) = rows.into_iter().next() else { return Ok(None) };
    let check = last_check(moment, finding, link.person).await?;
    Ok(Some(Linked {
        person: link.person,
        finding,
        opening,
        mail,
        member,
        matter: about.matter,
        belief: evidence.belief,
        parts: evidence.parts.unwrap_or_default(),
        probe_at: evidence.probe_at,
        reset_at: evidence.reset_at,
        check,
    }))
}

async fn last_check(
    session: &mut Session,
    finding: FindingId,
    person: PersonId,
) -> Result<Option<Checked>, LedgerError> {
    let checks: Vec<Checked> = session.rows("asked", &LAST_CHECK, [finding.0.into(), person.0.into()]).await?;
    Ok(checks.into_iter().next())
}

/// A mail may hold two steps of one finding, both of one opening.
pub(super) const KEEP: Sql = sql!(
    "INSERT INTO link (hash, person_id, mail_id, finding_id, opening, until)
     SELECT v.hash, $3, $2, v.finding,
            (SELECT max(n.opening) FROM notice AS n WHERE n.mail_id = $2 AND n.finding_id = v.finding), v.until
     FROM " [tuples "$1" v (0 hash text, 1 finding bigint, 2 until bigint)] "
     WHERE true
     ON CONFLICT (hash) DO UPDATE SET until = excluded.until WHERE link.until < excluded.until"
);

/// Whoever reads the mailbox that the mail went to acts as the person only while it is theirs.
pub(super) const FIND: Sql = sql!(
    "SELECT " [page
        "l.person_id, l.mail_id, l.finding_id, l.opening, l.until, p.locale,
         p.status = 'active' AND p.verified = 1 AND coalesce(m.sent_to = p.email, false),
         EXISTS (SELECT 1 FROM muted AS q WHERE q.person_id = p.id)"] "
     FROM link AS l JOIN person AS p ON p.id = l.person_id JOIN mail AS m ON m.id = l.mail_id
     WHERE l.hash = $1"
);

pub(super) const EVIDENCE: Sql = sql!(
    "SELECT " [page [json "k.belief"] ", " [json "k.parts"] ", k.probe_at, f.reset_at"] "
     FROM finding AS f JOIN credential AS k ON k.id = f.credential_id
     WHERE f.id = $1"
);

/// A check asks for the key, through whichever of its findings.
pub(super) const LAST_CHECK: Sql = sql!(
    "SELECT " [page "at, answered_at"] "
     FROM (SELECT a.at, a.answered_at FROM asked AS a
           WHERE a.person_id = $2 AND a.credential_id = (SELECT f.credential_id FROM finding AS f WHERE f.id = $1)
           ORDER BY a.id DESC LIMIT 1) AS one"
);

pub(super) const WAITING: Sql = sql!(
    "SELECT " [page "credential_id, last"] "
     FROM (SELECT a.credential_id, max(a.id) AS last FROM asked AS a JOIN credential AS k ON k.id = a.credential_id
           WHERE a.answered_at IS NULL AND k.provider NOT IN " [within "$1" text] " AND k.id NOT IN " [within "$2" bigint] "
           GROUP BY a.credential_id ORDER BY a.credential_id LIMIT 100) AS page"
);

pub(super) const ANSWERED: Sql = sql!(
    "UPDATE asked SET answered_at = $2
     FROM " [tuples "$1" v (0 credential bigint, 1 last bigint)] "
     WHERE asked.credential_id = v.credential AND asked.id <= v.last AND asked.answered_at IS NULL"
);

pub(super) const FORGET: Sql = sql!("DELETE FROM link WHERE until < $1");

pub(super) const FORGET_CHECKS: Sql = sql!("DELETE FROM asked WHERE at < $1 AND answered_at IS NOT NULL");
