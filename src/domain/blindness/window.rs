//! The recent answers at one endpoint: the newest of each credential, of the newest credentials.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ACCOUNTS, CREDENTIALS};
use crate::domain::ids::{AccountId, CredentialId, SourceId};
use crate::domain::time::{Timestamp, hours};

/// So many credentials are remembered. A share of one half is plain long before, and a large estate fills them within
/// seconds, so that trouble is seen while it is young.
pub const MOST: usize = 128;
/// An older answer says nothing about now.
pub(super) const REACH: Duration = hours(24);
/// Two clocks of ours may differ by so much; an answer from further in the future is from before our clock was set back.
const AHEAD: Duration = hours(1);

/// What a credential heard at the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Said {
    /// let in, fully or as limited as before
    #[serde(rename = "a")]
    Accepted,
    /// still let in, but not to what it could do before
    #[serde(rename = "t")]
    Turned,
    /// turned away
    #[serde(rename = "r")]
    Refused,
    /// nothing to be learnt
    #[serde(rename = "u")]
    Unknown,
}

/// The accounts that use a credential, as far as it matters: the first and the last of them by number. Over several
/// credentials that counts too few accounts at worst, never too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Accounts(pub Option<AccountId>, pub Option<AccountId>);

impl Accounts {
    fn iter(self) -> impl Iterator<Item = AccountId> {
        [self.0, self.1].into_iter().flatten()
    }
}

/// One credential's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Packed", into = "Packed")]
pub struct Answered {
    /// when
    pub at: Timestamp,
    /// who asked
    pub credential: CredentialId,
    /// the source that showed it
    pub source: SourceId,
    /// who uses it
    pub accounts: Accounts,
    /// what it heard
    pub said: Said,
    /// whether it was believed to be let in here until this trouble, if it is one, began
    pub formerly_live: bool,
}

/// As the ledger keeps it: there are many.
type Packed = (Timestamp, CredentialId, SourceId, Accounts, Said, u8);

impl From<Packed> for Answered {
    fn from((at, credential, source, accounts, said, formerly_live): Packed) -> Self {
        Self { at, credential, source, accounts, said, formerly_live: formerly_live != 0 }
    }
}

impl From<Answered> for Packed {
    fn from(answered: Answered) -> Self {
        let Answered { at, credential, source, accounts, said, formerly_live } = answered;
        (at, credential, source, accounts, said, u8::from(formerly_live))
    }
}

impl Answered {
    const fn is_refusal(&self) -> bool {
        matches!(self.said, Said::Refused | Said::Turned)
    }
}

/// The newest answer of each of the credentials that were asked last, at most [`MOST`], oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Window(Vec<Answered>);

impl Window {
    /// Takes in an answer. One older than what is known of its credential changes nothing, so the order in which answers
    /// come in is of no matter.
    pub fn hear(&mut self, answered: Answered) {
        // The newest are the likeliest to be asked about again.
        if let Some(known) = self.0.iter().rposition(|known| known.credential == answered.credential) {
            if self.0[known] >= answered {
                return;
            }
            self.0.remove(known);
        }
        let place = self.0.partition_point(|known| *known < answered);
        self.0.insert(place, answered);
        if self.0.len() > MOST {
            self.0.remove(0);
        }
    }

    /// Drops what is too old at `now` to say anything, and what comes from a future that our clock was set back from.
    pub fn forget(&mut self, now: Timestamp) {
        self.0.retain(|answered| answered.at > now - REACH && answered.at <= now + AHEAD);
    }

    /// The credentials of a source that were accepted last, newest first.
    pub fn accepted_of(&self, source: SourceId) -> impl Iterator<Item = CredentialId> {
        let of_source = self.0.iter().rev().filter(move |answered| answered.source == source);
        of_source.filter(|answered| answered.said == Said::Accepted).map(|answered| answered.credential)
    }

    /// When somebody was let in last, as far as that is still kept.
    pub(super) fn last_accepted_at(&self) -> Option<Timestamp> {
        self.0.iter().rev().find(|answered| answered.said == Said::Accepted).map(|answered| answered.at)
    }

    /// The answers after `from`, counted.
    pub(super) fn since(&self, from: Timestamp) -> Tally {
        let mut tally = Tally::default();
        self.newest_after(Some(from)).for_each(|answered| tally.count(answered));
        tally
    }

    /// The answers of the last `span`, counted; where these are too few to judge, as many older ones, newest first, as it
    /// takes. None from `floor` or before.
    pub(super) fn recent(&self, now: Timestamp, span: Duration, floor: Option<Timestamp>) -> Tally {
        let mut tally = Tally::default();
        for answered in self.newest_after(floor) {
            if answered.at <= now - span && tally.are_enough() {
                break;
            }
            tally.count(answered);
        }
        tally
    }

    /// Likewise, of formerly live credentials alone: the others would only make up the number.
    pub(super) fn recent_live(&self, now: Timestamp, span: Duration, floor: Option<Timestamp>) -> Tally {
        let mut tally = Tally::default();
        for answered in self.newest_after(floor).filter(|answered| answered.formerly_live) {
            if answered.at <= now - span && tally.are_enough() {
                break;
            }
            tally.count(answered);
        }
        tally
    }

    fn newest_after(&self, floor: Option<Timestamp>) -> impl Iterator<Item = &Answered> {
        self.0.iter().rev().take_while(move |answered| floor.is_none_or(|floor| answered.at > floor))
    }
}

/// Some answers, one a credential, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// credentials
    pub asked: usize,
    /// those among them of which nothing was learnt
    pub unknown: usize,
    /// those that were live before
    pub formerly_live: usize,
    /// those among the formerly live that are let in
    pub accepted: usize,
    /// those among the formerly live that are refused, or turned limited
    pub refused: usize,
    accounts: BTreeSet<AccountId>,
    refused_accounts: BTreeSet<AccountId>,
    oldest: Option<Timestamp>,
}

impl Tally {
    fn count(&mut self, answered: &Answered) {
        self.asked += 1;
        self.unknown += usize::from(answered.said == Said::Unknown);
        self.accounts.extend(answered.accounts.iter());
        self.oldest = Some(self.oldest.map_or(answered.at, |oldest| oldest.min(answered.at)));
        if !answered.formerly_live {
            return;
        }
        self.formerly_live += 1;
        self.accepted += usize::from(answered.said == Said::Accepted);
        if answered.is_refusal() {
            self.refused += 1;
            self.refused_accounts.extend(answered.accounts.iter());
        }
    }

    /// Accounts, as far as they can be told apart.
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// When the oldest of the answers came.
    pub(super) const fn oldest(&self) -> Option<Timestamp> {
        self.oldest
    }

    /// True where they are enough to be judged together.
    pub(super) fn are_enough(&self) -> bool {
        self.asked >= CREDENTIALS && self.accounts.len() >= ACCOUNTS
    }

    /// True where most are unknown.
    pub(super) const fn mostly_unknown(&self) -> bool {
        self.unknown * 2 > self.asked
    }

    /// True where at least half of the formerly live are refused, in more than one account: one customer who cleans up is
    /// no outage.
    pub(super) fn refused_in_bulk(&self) -> bool {
        self.refused > 0 && self.refused * 2 >= self.formerly_live && self.refused_accounts.len() > 1
    }

    /// True where most of the formerly live are let in.
    pub(super) const fn mostly_accepted(&self) -> bool {
        self.accepted * 2 > self.formerly_live
    }
}
