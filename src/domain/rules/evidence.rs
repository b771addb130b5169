//! Evidence: flat facts under stable names. Nothing in it moves with the clock alone, so that judging again on the same
//! facts writes nothing.

use serde_json::{Map, Value};

use crate::domain::facts::{EndedBy, Provenance, Subject, UseFacts};
use crate::domain::outcome::Reason;
use crate::domain::policy::RulePolicy;
use crate::domain::time::Timestamp;

/// Evidence in the making.
pub(super) struct Evidence(Map<String, Value>);

impl Evidence {
    /// The credential's name, which every rule gives.
    pub(super) fn of(used: &UseFacts) -> Self {
        Self(Map::new()).with("fingerprint", used.credential.fingerprint.short())
    }

    /// What both rules on former credentials give: how the use ended and what is believed of its credential.
    pub(super) fn of_former(subject: &Subject, used: &UseFacts) -> Self {
        let belief = &used.credential.belief;
        let deleted_at = used.until.filter(|_| used.ended_by == Some(EndedBy::Deleted));
        Self::of(used)
            .secret(used)
            .time("connection_deleted_at", deleted_at)
            .time("ended_at", used.until)
            .maybe("ended_by", used.ended_by.map(ended_by_word))
            .with("liveness", belief.liveness.as_str())
            .time("accepted_at", belief.accepted_at)
            .time("refused_since", belief.refused_first)
            .refused_over(used)
            .maybe("refused_partly", belief.partly.map(Reason::as_str))
            .time("unknown_since", belief.unknown_since)
            .maybe("unknown_reason", belief.unknown_reason.map(Reason::as_str))
            .maybe("running_jobs", Some(subject.connection.running_jobs).filter(|jobs| *jobs > 0))
    }

    /// Which protocols refused, and which the operator's settings left out.
    pub(super) fn refused_over(self, used: &UseFacts) -> Self {
        let belief = &used.credential.belief;
        let some = |names: &[String]| (!names.is_empty()).then(|| Value::from(names.to_vec()));
        self.maybe("refused_on", some(&belief.refused_on)).maybe("not_asked", some(&belief.left_out))
    }

    /// When a newer secret under the same key was accepted, where that is the proof; and which, where it is the account's own.
    pub(super) fn outlived(self, subject: &Subject, used: &UseFacts) -> Self {
        let Some(outlived) = &used.credential.belief.outlived else { return self };
        let own = outlived.by.as_ref().filter(|heir| heir.account == subject.connection.account);
        self.time("newer_accepted_at", Some(outlived.at))
            .maybe("newer_credential", own.map(|heir| heir.credential.as_str()))
    }

    /// From when the secret is known to have existed, and how.
    pub(super) fn secret(self, used: &UseFacts) -> Self {
        let provenance = used.credential.provenance;
        self.time("secret_since", Some(used.credential.secret_since)).with("provenance", provenance.as_str())
    }

    /// The secret's age: since when, the limit in whole days, and whether the date is only a lower bound. The age itself
    /// would change daily: presenters compute it. A limit that an override set says which one, and is told to the second.
    pub(super) fn age(self, used: &UseFacts, policy: &RulePolicy) -> Self {
        let at_least = used.credential.provenance == Provenance::FirstSeen;
        let (limit, from) = (policy.max_age.as_secs(), policy.max_age_from.as_ref());
        self.secret(used)
            .with("max_age_days", limit / 86_400)
            .maybe("max_age_seconds", from.map(|_| limit))
            .maybe("max_age_from", from.map(ToString::to_string))
            .flag("at_least", at_least)
    }

    /// One fact.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// One fact, where there is one.
    pub(super) fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// An instant as RFC 3339, where there is one.
    pub(super) fn time(self, name: &str, at: Option<Timestamp>) -> Self {
        self.maybe(name, at.map(|at| at.to_string()))
    }

    /// `true`, or nothing at all.
    pub(super) fn flag(self, name: &str, holds: bool) -> Self {
        self.maybe(name, holds.then_some(true))
    }

    /// The finished map.
    pub(super) fn done(self) -> Map<String, Value> {
        self.0
    }
}

const fn ended_by_word(ended_by: EndedBy) -> &'static str {
    match ended_by {
        EndedBy::Deleted => "deleted",
        EndedBy::Absent => "absent",
        EndedBy::Replaced => "replaced",
        EndedBy::Identified => "identified",
    }
}
