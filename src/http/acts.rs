//! What operators do, from a page or through the API: done through the port, noted in the daemon's log, and refused in the same
//! words. Pages and API only read what was sent, and say what came of it in their own form.

use super::access::Visitor;
use super::ops::Ops;
use crate::domain::action::{Act, Change, Refusal};
use crate::domain::blindness::{Blind, Scope};
use crate::domain::compromise::{Noted, Word, WordError, word};
use crate::domain::diff::Accepted;
use crate::domain::ids::{FindingId, ProviderName};
use crate::domain::time::{Timestamp, words};
use crate::ledger::read::{Longer, Meant, finding_name};
use crate::ports::LedgerError;

/// Why something is not done. Nothing is changed then.
#[derive(Debug)]
pub(super) enum NotDone {
    /// nothing is called so
    Unknown(String),
    /// what was sent under this name means nothing; with what does
    Wrong(&'static str, String),
    /// it can't be done as things stand; with what was filled in wrong, where it is that
    Conflict(Option<&'static str>, String),
    /// the ledger doesn't answer
    Ledger(LedgerError),
}

impl From<LedgerError> for NotDone {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<WordError> for NotDone {
    fn from(error: WordError) -> Self {
        Self::Conflict(Some(error.field()), format!("{} {error}", error.field()))
    }
}

/// An operator, acting.
pub(super) struct Hand<'a> {
    pub(super) ops: &'a Ops,
    pub(super) visitor: &'a Visitor,
}

impl Hand<'_> {
    /// Has reminders of a finding wait, or come again.
    ///
    /// # Errors
    /// [`NotDone`].
    pub(super) async fn pause(&self, id: FindingId, act: Act) -> Result<Change, NotDone> {
        let name = finding_name(id);
        let done = self.ops.operator.pause(id, act, self.visitor.known_as().as_ref()).await?;
        let change = done.map_err(|refusal| match refusal {
            Refusal::Unknown => NotDone::Unknown(format!("there is no finding {name}")),
            Refusal::BadDate => {
                let longest = words(self.ops.shown.about().longest_pause);
                NotDone::Conflict(Some("until"), format!("{name}: {refusal} ({longest})"))
            }
            _ => NotDone::Conflict(None, format!("{name}: {refusal}")),
        })?;
        tracing::info!(by = %self.visitor.name, finding = name, ?act, ?change, "an operator acted on a finding");
        Ok(change)
    }

    /// Notes that the key of this name leaked, at some instant and with a note. Returns what counts then, and whether it is
    /// news.
    ///
    /// # Errors
    /// [`NotDone`].
    pub(super) async fn leaked(&self, name: &str, at: Option<Timestamp>, note: Option<&str>) -> Result<Noted, NotDone> {
        let said = word(at, note, self.ops.operator.now())?;
        self.spoke(name, Some(&said)).await
    }

    /// Takes the operator's word back that the key of this name leaked. Returns false where nobody had said so.
    ///
    /// # Errors
    /// [`NotDone`].
    pub(super) async fn not_leaked(&self, name: &str) -> Result<bool, NotDone> {
        Ok(self.spoke(name, None).await?.changed)
    }

    async fn spoke(&self, name: &str, said: Option<&Word>) -> Result<Noted, NotDone> {
        let meant = self.ops.ledger.at_one_moment().await?.credential_number(name).await?;
        let id = match meant {
            Meant::One(id) => id,
            Meant::Nothing => return Err(NotDone::Unknown(format!("no credential ends in {name}"))),
            Meant::Several(several) => return Err(NotDone::Conflict(None, Longer::ask(name, &several))),
        };
        let noted = self.ops.operator.leaked(id, said, self.visitor.known_as().as_ref()).await?;
        let (leaked, changed) = (said.is_some(), noted.changed);
        tracing::info!(by = %self.visitor.name, credential = name, leaked, changed, "an operator spoke of a leak");
        Ok(noted)
    }

    /// Believes that what a source no longer shows is gone. Returns what that ended.
    ///
    /// # Errors
    /// [`NotDone`].
    pub(super) async fn accept(&self, source: &str) -> Result<Accepted, NotDone> {
        let accepted = self.ops.operator.accept(source, self.visitor.known_as().as_ref()).await?;
        let unknown = || NotDone::Unknown("the configuration has no source of this name".to_owned());
        let accepted = accepted.ok_or_else(unknown)?;
        let Accepted { connections, people } = accepted;
        tracing::info!(
            by = %self.visitor.name,
            source,
            connections,
            people,
            "an operator believes what a source no longer shows"
        );
        Ok(accepted)
    }

    /// Believes a blind provider again, over one protocol or all. Returns the blind periods that this ends.
    ///
    /// # Errors
    /// [`NotDone`], also where it is not blind.
    pub(super) async fn trust(
        &self,
        provider: &ProviderName,
        protocol: Option<&str>,
    ) -> Result<Vec<(Scope, Blind)>, NotDone> {
        let about = self.ops.shown.about();
        let Some(known) = about.providers.get(provider) else {
            return Err(NotDone::Unknown("the catalogue has no provider of this name".to_owned()));
        };
        if protocol.is_some_and(|asked| !known.protocol_names.iter().any(|name| name == asked)) {
            let what = format!("{provider} has no such protocol; it has: {}", known.protocol_names.join(", "));
            return Err(NotDone::Wrong("protocol", what));
        }
        let ended = self.ops.operator.trust(provider, protocol, self.visitor.known_as().as_ref()).await?;
        if ended.is_empty() {
            let what = "it is not blind there: its refusals count already, and nothing is changed";
            return Err(NotDone::Conflict(None, what.to_owned()));
        }
        tracing::info!(by = %self.visitor.name, %provider, "an operator believes a blind provider again");
        Ok(ended)
    }
}
