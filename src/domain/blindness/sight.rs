//! Whether an endpoint is sighted or blind, and what ends either.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::window::{Answered, REACH, Said, Tally, Window};
use crate::domain::time::{Timestamp, days, hours};

/// However short the confirmation gap is, answers of so long are judged together.
const SHORTEST_SPAN: Duration = hours(1);
/// So long nothing but well-formed answers, refusals among them, and they are believed.
pub(super) const BELIEVED_AFTER: Duration = hours(48);
/// A longer silence, a daily scan that comes late and more, is no part of those: it proves nothing.
pub(super) const SILENCE: Duration = hours(36);
/// So long bulk refusals are believed afterwards: else the very refusals that were let through would blind at once.
pub(super) const TRUST: Duration = days(7);
/// So long they are believed on the word of the operator's own credential.
pub(super) const CONTROL_TRUST: Duration = hours(24);

/// Why an endpoint is taken for blind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BlindWhy)]
pub enum Why {
    /// of most credentials nothing is learnt
    Unknown,
    /// formerly live credentials are refused in bulk
    Refused,
}

impl Why {
    /// The one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Refused => "refused",
        }
    }

    /// For people, after "blind since T:".
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Unknown => "most answers say nothing",
            Self::Refused => "keys that were live are refused or limited in bulk",
        }
    }
}

/// What ended a blind period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// formerly live credentials are let in again
    Accepted,
    /// the operator's own credential was let in
    Control,
    /// it has refused in good form for so long that it is believed
    Refusals,
    /// the operator said so
    Word,
}

impl Ending {
    /// The one word, for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Control => "control",
            Self::Refusals => "refusals",
            Self::Word => "word",
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A blind period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    /// since when
    pub since: Timestamp,
    /// why
    pub why: Why,
    /// what became suspect since then did so by answers like these, and goes back
    pub from: Timestamp,
    /// since when there is nothing but well-formed answers
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusing_since: Option<Timestamp>,
    /// the last refusal
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused_last: Option<Timestamp>,
}

impl Blind {
    fn hear(&mut self, answered: &Answered) {
        if answered.at < self.since {
            return; // from before it began
        }
        match answered.said {
            Said::Unknown => self.refusing_since = None,
            Said::Accepted => {}
            Said::Refused | Said::Turned => {
                if self.refused_last.is_none_or(|last| answered.at.since(last) > SILENCE) {
                    self.refusing_since = None;
                }
                self.refusing_since.get_or_insert(answered.at);
                self.refused_last = self.refused_last.max(Some(answered.at));
            }
        }
    }

    fn has_refused_long_enough(&self) -> bool {
        match (self.refusing_since, self.refused_last) {
            (Some(since), Some(last)) => last.since(since) >= BELIEVED_AFTER,
            _ => false,
        }
    }
}

/// All that is remembered of an endpoint beside its answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// the blind period, if this is one
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blind: Option<Blind>,
    /// until then refusals in bulk are believed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_until: Option<Timestamp>,
    /// answers from then or before are not judged again
    #[serde(skip_serializing_if = "Option::is_none")]
    judged_from: Option<Timestamp>,
    /// the suspects made since then still have to go back
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taking_back: Option<Timestamp>,
}

impl State {
    /// Ends a blind period by the operator's word, given at `word`. A word from before it began says nothing of it.
    pub fn heed(&mut self, word: Option<Timestamp>) {
        if let (Some(word), Some(blind)) = (word, self.blind)
            && word >= blind.since
        {
            self.end(word, Some(TRUST));
        }
    }

    /// After our clock was set back, nothing has begun later than now.
    fn not_after(&mut self, now: Timestamp) {
        self.judged_from = self.judged_from.map(|from| from.min(now));
        self.trusted_until = self.trusted_until.map(|until| until.min(now + TRUST));
        if let Some(blind) = &mut self.blind {
            blind.since = blind.since.min(now);
        }
    }

    fn end(&mut self, now: Timestamp, trust: Option<Duration>) {
        self.blind = None;
        self.judged_from = Some(now);
        self.trusted_until = trust.map(|trust| now + trust);
    }
}

/// What a judgement changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// it is blind from now on, by these answers
    Blinded(Blind, Tally),
    /// it is sighted again, after this period
    Sighted(Blind, Ending),
}

/// One endpoint: its answers, and what is made of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// the recent answers
    pub window: Window,
    /// sighted or blind
    pub state: State,
}

impl Sight {
    /// The blind period, if this is one.
    pub const fn blind(&self) -> Option<&Blind> {
        self.state.blind.as_ref()
    }

    /// Takes in an answer of one of the estate's credentials.
    pub fn hear(&mut self, answered: Answered) {
        if let Some(blind) = &mut self.state.blind {
            blind.hear(&answered);
        }
        self.window.hear(answered);
    }

    /// The operator's own credential was let in at `at`. That ends a blind period that began before.
    pub fn vouch(&mut self, at: Timestamp) -> Option<Change> {
        let blind = self.state.blind.filter(|blind| at > blind.since)?;
        self.state.end(at, Some(CONTROL_TRUST));
        Some(Change::Sighted(blind, Ending::Control))
    }

    /// Judges the answers heard until `now`. `confirm_gap` is the provider's: answers of at least that long are taken
    /// together, so that no confirmation of a refusal is diluted by acceptances from before the trouble.
    pub fn judge(&mut self, now: Timestamp, confirm_gap: Duration) -> Option<Change> {
        self.window.forget(now);
        self.state.not_after(now);
        self.state.trusted_until = self.state.trusted_until.filter(|until| *until > now);
        match self.state.blind {
            None => self.look_for_trouble(now, confirm_gap.max(SHORTEST_SPAN)),
            Some(blind) => self.look_for_its_end(blind, now),
        }
    }

    fn look_for_trouble(&mut self, now: Timestamp, span: Duration) -> Option<Change> {
        let floor = self.state.judged_from;
        let all = self.window.recent(now, span, floor);
        let live = self.window.recent_live(now, span, floor);
        if live.are_enough() && live.mostly_accepted() {
            self.state.trusted_until = None; // what was believed on trust has come to its end
        }
        let (why, tally) = if all.are_enough() && all.mostly_unknown() {
            (Why::Unknown, all)
        } else if live.are_enough() && live.refused_in_bulk() && self.state.trusted_until.is_none() {
            (Why::Refused, live)
        } else {
            return None;
        };
        // Refused since nobody was let in any more is refused in the same trouble, though it be longer ago than the span. Where
        // the window knows of nobody, that is as long ago as it reaches: each credential's newest answer is all that it keeps.
        let let_in = self.window.last_accepted_at().unwrap_or(now - REACH);
        let from = [tally.oldest(), Some(let_in)].into_iter().flatten().fold(now - span, Timestamp::min);
        let blind = Blind { since: now, why, from, refusing_since: None, refused_last: None };
        self.state.blind = Some(blind);
        self.state.taking_back = Some(from);
        Some(Change::Blinded(blind, tally))
    }

    fn look_for_its_end(&mut self, blind: Blind, now: Timestamp) -> Option<Change> {
        if blind.has_refused_long_enough() {
            self.state.end(now, Some(TRUST));
            return Some(Change::Sighted(blind, Ending::Refusals));
        }
        let tally = self.window.since(blind.since);
        // In a day every credential is asked: then whoever answered is everybody that there is.
        let are_enough = tally.are_enough() || now.since(blind.since) >= REACH;
        let ended = are_enough
            && tally.asked > 0
            && !tally.mostly_unknown()
            && !tally.refused_in_bulk()
            && (blind.why == Why::Unknown || tally.mostly_accepted());
        if !ended {
            return None;
        }
        self.state.end(now, None);
        Some(Change::Sighted(blind, Ending::Accepted))
    }
}
