//! What people do about findings, beside whatever the stages write.

pub(super) mod statements;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::statements::{
    ASK, BY_PERSON, COUNT, DESTROYED, DISOWN, MATTER, MUTE, OWN_AGAIN, PAUSE, PROBE_SOON, SAY_LEAK, SIBLINGS, SILENCE,
    SILENCE_LOW, STEP_AGAIN, STEP_LATER, UNMUTE, UNPAUSE,
};
use super::compromise;
use super::packed::{flag, pack};
use super::session::Session;
use super::{Ledger, due, escrow, turn};
use crate::domain::action::{Act, ActPolicy, Actor, Change, Matter, Member, Pause, Refusal, Why, decide};
use crate::domain::belief::Belief;
use crate::domain::facts::{Compromise, SaidBy};
use crate::domain::finding::RuleName;
use crate::domain::ids::{AccountId, CredentialId, FindingId, PersonId};
use crate::domain::liveness::destroyed;
use crate::domain::record::{PersonStatus, Role};
use crate::domain::time::{Timestamp, days};
use crate::ports::act::{ActLedger, By};
use crate::ports::meter::{ActName, ActOutcome};
use crate::ports::{Event, LedgerError};

impl ActLedger for Ledger {
    async fn perform(
        &self,
        finding: FindingId,
        opening: Option<u32>,
        by: By<'_>,
        act: Act,
        now: Timestamp,
        policy: &ActPolicy,
    ) -> Result<Result<Change, Refusal>, LedgerError> {
        let mut tx = self.write("do what somebody asked for").await?;
        turn::acted(&mut tx).await?;
        let decided = match decided(&mut tx, finding, opening, by, (act, now, policy)).await? {
            Ok((_, Change::Nothing)) => Ok(Change::Nothing),
            Ok((about, change)) => {
                Doing { tx: &mut tx, about, by, now }.change(change).await?;
                Ok(change)
            }
            Err(refusal) => Err(refusal),
        };
        count(&mut tx, act.into(), outcome(decided)).await?;
        tx.commit().await?;
        if decided == Ok(Change::Destroy) {
            // Else by the next pass of PROBE: somebody may be reading what was.
            if let Err(error) = escrow::scrub(self).await {
                tracing::debug!(%error, "the journal keeps a destroyed copy until the next scan");
            }
        }
        Ok(decided)
    }

    async fn mute(&self, person: PersonId, muted: bool, now: Timestamp) -> Result<bool, LedgerError> {
        let mut tx = self.write("note who wants which mails").await?;
        let is_new = tx.run(if muted { &MUTE } else { &UNMUTE }, [person.0.into()]).await? > 0;
        if is_new && muted {
            tx.run(&SILENCE_LOW, [person.0.into()]).await?;
        }
        if is_new {
            let kind = if muted { "person.muted" } else { "person.unmuted" };
            tx.log(&[Event { at: now, kind, subject: format!("person:{person}"), data: Map::new() }]).await?;
        }
        let act = if muted { ActName::Mute } else { ActName::Unmute };
        count(&mut tx, act, if is_new { ActOutcome::Done } else { ActOutcome::Nothing }).await?;
        tx.commit().await?;
        Ok(is_new)
    }
}

/// What an act comes to, with what it is about.
async fn decided(
    tx: &mut Session,
    finding: FindingId,
    opening: Option<u32>,
    by: By<'_>,
    (act, now, policy): (Act, Timestamp, &ActPolicy),
) -> Result<Result<(About, Change), Refusal>, LedgerError> {
    let Some(about) = About::read(tx, finding, opening).await? else {
        // whoever saw an opening saw a finding
        return Ok(Err(if opening.is_some() { Refusal::Over } else { Refusal::Unknown }));
    };
    let Some(actor) = actor(tx, finding, by, now).await? else { return Ok(Err(Refusal::NotYours)) };
    Ok(decide(act, &actor, &about.matter, now, policy).map(|change| (about, change)))
}

const fn outcome(decided: Result<Change, Refusal>) -> ActOutcome {
    match decided {
        Ok(Change::Nothing) => ActOutcome::Nothing,
        Ok(_) => ActOutcome::Done,
        Err(_) => ActOutcome::Refused,
    }
}

/// Counts what somebody asked for, for good: the command line is another process than the page.
pub(super) async fn count(tx: &mut Session, act: ActName, outcome: ActOutcome) -> Result<(), LedgerError> {
    tx.run(&COUNT, [act.as_str().into(), outcome.as_str().into()]).await?;
    Ok(())
}

/// A finding, as it is acted upon.
pub(super) struct About {
    finding: FindingId,
    account: AccountId,
    credential: CredentialId,
    belief: Belief,
    /// true where it has closed, in the opening that is meant, because the key is proven dead, and it still is
    pub(super) settled: bool,
    pub(super) matter: Matter,
}

#[derive(Deserialize)]
struct MatterRow {
    rule: RuleName,
    opening: u32,
    #[serde(deserialize_with = "flag")]
    open: bool,
    account: AccountId,
    credential: CredentialId,
    belief: Belief,
    #[serde(deserialize_with = "flag")]
    held: bool,
    #[serde(deserialize_with = "flag")]
    idle: bool,
    #[serde(deserialize_with = "flag")]
    alone: bool,
    #[serde(deserialize_with = "flag")]
    compromised: bool,
    pause: Option<String>,
    pause_until: Option<Timestamp>,
    #[serde(deserialize_with = "flag")]
    settled: bool,
    exempt_until: Option<Timestamp>,
}

impl About {
    /// `None` where there is no such finding. In another opening than the one that is meant it is not open.
    pub(super) async fn read(
        tx: &mut Session,
        finding: FindingId,
        opening: Option<u32>,
    ) -> Result<Option<Self>, LedgerError> {
        let rows: Vec<MatterRow> = tx.rows("finding", &MATTER, [finding.0.into()]).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let is_meant = opening.is_none_or(|opening| opening == row.opening);
        let matter = Matter {
            open: row.open && is_meant,
            rule: row.rule,
            liveness: row.belief.liveness,
            held: row.held,
            idle: row.idle,
            alone: row.alone,
            compromised: row.compromised,
            exempt: row.exempt_until.is_some(),
            pause: accepted(row.exempt_until).or_else(|| pause(row.pause.as_deref(), row.pause_until)),
        };
        let (account, credential, belief) = (row.account, row.credential, row.belief);
        // A key may come back to life once its finding has closed: then another rule speaks of it, and nothing is settled.
        let settled = row.settled && is_meant && belief.is_proven_dead();
        Ok(Some(Self { finding, account, credential, belief, settled, matter }))
    }
}

/// What the configuration accepts until a date is to people as what the operator has acknowledged.
fn accepted(exempt_until: Option<Timestamp>) -> Option<Pause> {
    exempt_until.map(|until| Pause { why: Why::Acknowledged, until })
}

/// A pause from its two columns; one of them alone is none.
pub(super) fn pause(why: Option<&str>, until: Option<Timestamp>) -> Option<Pause> {
    Some(Pause { why: why.and_then(Why::parse)?, until: until? })
}

#[derive(Deserialize)]
struct MemberRow {
    #[serde(deserialize_with = "flag")]
    of_account: bool,
    role: Role,
    status: PersonStatus,
    #[serde(deserialize_with = "flag")]
    verified: bool,
    #[serde(deserialize_with = "flag")]
    maker: bool,
    #[serde(deserialize_with = "flag")]
    disowned: bool,
    checks: u32,
    #[serde(deserialize_with = "flag")]
    checking: bool,
}

/// Who acts; `None` where there is no such person.
async fn actor(tx: &mut Session, finding: FindingId, by: By<'_>, now: Timestamp) -> Result<Option<Actor>, LedgerError> {
    let By::Person(person) = by else { return Ok(Some(Actor::Operator)) };
    Ok(member(tx, finding, person, now).await?.map(Actor::Member))
}

/// A person, as far as it matters for one finding; `None` where either is unknown.
pub(super) async fn member(
    session: &mut Session,
    finding: FindingId,
    person: PersonId,
    now: Timestamp,
) -> Result<Option<Member>, LedgerError> {
    let since = now - days(1);
    let rows: Vec<MemberRow> =
        session.rows("person", &BY_PERSON, [finding.0.into(), person.0.into(), since.into()]).await?;
    Ok(rows.into_iter().next().map(|row| Member {
        of_account: row.of_account,
        role: row.role,
        status: row.status,
        verified: row.verified,
        maker: row.maker,
        disowned: row.disowned,
        checks: row.checks,
        checking: row.checking,
    }))
}

/// A change on its way into the ledger.
struct Doing<'a> {
    tx: &'a mut Session,
    about: About,
    by: By<'a>,
    now: Timestamp,
}

impl Doing<'_> {
    async fn change(mut self, change: Change) -> Result<(), LedgerError> {
        match change {
            Change::Nothing => Ok(()),
            Change::Check => self.check().await,
            Change::Pause(pause) => self.pause(pause).await,
            Change::Resume => self.resume().await,
            Change::Disown => self.disown().await,
            Change::Destroy => self.destroy().await,
            Change::Compromise => self.compromise().await,
        }
    }

    async fn check(&mut self) -> Result<(), LedgerError> {
        let By::Person(person) = self.by else { return Ok(()) };
        let (finding, credential) = (self.about.finding.0, self.about.credential.0);
        self.tx.run(&ASK, [finding.into(), credential.into(), person.0.into(), self.now.into()]).await?;
        self.tx.run(&PROBE_SOON, [credential.into(), self.now.into()]).await?;
        self.log("finding.check_asked", []).await
    }

    async fn pause(&mut self, pause: Pause) -> Result<(), LedgerError> {
        let findings = self.siblings().await?;
        let reset_at = matches!(pause.why, Why::Pending | Why::Confirmed).then_some(self.now);
        let (why, spoken) = (pause.why.as_str(), self.spoken().into());
        let binds = [(&findings).into(), why.into(), pause.until.into(), reset_at.into(), spoken];
        self.tx.run(&PAUSE, binds).await?;
        self.tx.run(&STEP_LATER, [(&findings).into(), self.now.into()]).await?;
        self.tx.run(&SILENCE, [findings.into(), None::<i64>.into()]).await?;
        if pause.why == Why::Pending {
            self.tx.run(&PROBE_SOON, [self.about.credential.0.into(), self.now.into()]).await?;
        }
        let kind = match pause.why {
            Why::Snoozed => "finding.snoozed",
            Why::Acknowledged => "finding.acknowledged",
            Why::Pending => "finding.reset_said",
            Why::Confirmed => return self.log("finding.reset_confirmed", []).await,
        };
        self.log(kind, [("until", pause.until.to_string().into())]).await
    }

    async fn resume(&mut self) -> Result<(), LedgerError> {
        let findings = self.siblings().await?;
        self.tx.run(&UNPAUSE, [(&findings).into(), self.spoken().into()]).await?;
        if let By::Person(person) = self.by {
            self.tx.run(&OWN_AGAIN, [findings.into(), person.0.into()]).await?;
        }
        self.log("finding.resumed", []).await
    }

    /// When a person speaks, whose word does not end the operator's.
    fn spoken(&self) -> Option<Timestamp> {
        matches!(self.by, By::Person(_)).then_some(self.now)
    }

    /// Nobody is told twice: who was, keeps the notice, and only the next in line gets one.
    async fn disown(&mut self) -> Result<(), LedgerError> {
        let By::Person(person) = self.by else { return Ok(()) };
        let findings = self.siblings().await?;
        self.tx.run(&DISOWN, [(&findings).into(), person.0.into()]).await?;
        self.tx.run(&SILENCE, [(&findings).into(), person.0.into()]).await?;
        self.tx.run(&STEP_AGAIN, [findings.into(), self.now.into()]).await?;
        self.log("finding.disowned", []).await
    }

    async fn destroy(&mut self) -> Result<(), LedgerError> {
        let credential = self.about.credential;
        let belief = destroyed(&self.about.belief, self.now);
        escrow::shred(self.tx, &[credential]).await?;
        self.tx.run(&DESTROYED, [credential.0.into(), pack(&belief)?.into()]).await?;
        due::by_credential(self.tx, &[credential], self.now).await?;
        self.log("finding.copy_destroyed", [("credential", credential.0.into())]).await?;
        let data = Map::from_iter([("from".to_owned(), self.about.matter.liveness.as_str().into())]);
        let subject = format!("credential:{credential}");
        self.tx.log(&[Event { at: self.now, kind: "credential.shredded", subject, data }]).await
    }

    /// One account's word is noted of the key where nobody else has it. Else it is noted of its findings, and the operator is
    /// told by the log: what one customer says is not to open findings for another.
    async fn compromise(&mut self) -> Result<(), LedgerError> {
        let credential = self.about.credential;
        if self.about.matter.alone {
            let leak = Compromise { at: self.now, by: SaidBy::Account, note: None };
            compromise::note(self.tx, credential, Some(&leak)).await?;
            due::by_credential(self.tx, &[credential], self.now).await?;
        } else {
            let findings = self.siblings().await?;
            self.tx.run(&SAY_LEAK, [findings.into()]).await?;
        }
        let noted = self.about.matter.alone;
        self.log("finding.compromise_said", [("credential", credential.0.into()), ("noted", noted.into())]).await
    }

    /// The findings that the act holds for, packed: the operator means one, a person means the point of their mail.
    async fn siblings(&mut self) -> Result<String, LedgerError> {
        match self.by {
            By::Operator(_) => pack(&[self.about.finding]),
            By::Person(person) => {
                let (credential, account) = (self.about.credential.0, self.about.account.0);
                let rule = self.about.matter.rule.as_str();
                let binds = [credential.into(), account.into(), rule.into(), person.0.into()];
                Ok(self.tx.text(&SIBLINGS, binds).await?.unwrap_or_else(|| "[]".to_owned()))
            }
        }
    }

    async fn log<const N: usize>(&mut self, kind: &'static str, facts: [(&str, Value); N]) -> Result<(), LedgerError> {
        let mut data = Map::from_iter(facts.map(|(name, value)| (name.to_owned(), value)));
        match self.by {
            By::Operator(who) => {
                data.insert("by".to_owned(), "operator".into());
                data.extend(who.map(|who| ("who".to_owned(), who.as_str().into())));
            }
            By::Person(person) => _ = data.insert("person".to_owned(), person.0.into()),
        }
        let subject = format!("finding:{}", self.about.finding);
        self.tx.log(&[Event { at: self.now, kind, subject, data }]).await
    }
}
