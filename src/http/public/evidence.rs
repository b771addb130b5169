//! What the provider has said of a key, in sentences: pure. A refusal is told as what the provider did and when, never as
//! "revoked".

use std::time::Duration;

use chrono_tz::Tz;

use super::texts::{Texts, fill};
use crate::domain::action::Why;
use crate::domain::belief::Liveness;
use crate::domain::outcome::Reason;
use crate::domain::time::Timestamp;
use crate::ledger::Linked;

/// What the sentences rest on.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) linked: &'a Linked,
    /// the provider's title
    pub(super) provider: &'a str,
    /// the platform's name
    pub(super) platform: &'a str,
    /// how long a refusal takes to be confirmed
    pub(super) confirm_gap: Duration,
    pub(super) now: Timestamp,
    /// the reader's
    pub(super) zone: Tz,
    pub(super) texts: &'static Texts,
}

impl Ground<'_> {
    /// How it stands, the newest first.
    pub(super) fn evidence(&self) -> Vec<String> {
        let (belief, texts) = (&self.linked.belief, self.texts);
        let mut said = vec![self.last_answer()];
        if !self.linked.matter.open {
            return said; // it is proven dead: nothing is waited for any more
        }
        match (belief.unknown_since, belief.unknown_reason) {
            (Some(since), Some(Reason::Blind)) => said.push(self.at(texts.blind, since)),
            (Some(since), _) => said.push(self.at(texts.unclear, since)),
            (None, _) => {}
        }
        if let Some(next) = self.linked.probe_at.filter(|next| *next > self.now && self.linked.matter.held) {
            said.push(self.at(texts.next, next));
        }
        said.extend(self.reset_said());
        said.extend(self.quiet());
        said
    }

    /// What became of "check again now", once it is answered.
    pub(super) fn answer(&self, asked: Timestamp) -> String {
        let (belief, texts) = (&self.linked.belief, self.texts);
        if belief.asked_at.is_none_or(|at| at < asked) {
            return self.plain(texts.told_put_off);
        }
        if belief.unknown_since.is_some() {
            return self.plain(texts.told_unclear);
        }
        match belief.liveness {
            _ if self.refuses() => format!("{} {}", self.over(texts.told_refused), self.worth()),
            Liveness::Live => self.over(texts.told_accepted),
            _ => self.plain(texts.told_unclear),
        }
    }

    /// A sentence that names only provider and platform.
    pub(super) fn plain(&self, sentence: &str) -> String {
        fill(sentence, &[("provider", self.provider), ("platform", self.platform)])
    }

    /// One that names an instant as well.
    pub(super) fn at(&self, sentence: &str, at: Timestamp) -> String {
        let at = self.instant(at);
        fill(sentence, &[("provider", self.provider), ("platform", self.platform), ("at", &at)])
    }

    fn instant(&self, at: Timestamp) -> String {
        self.texts.instant(at, self.zone)
    }

    fn last_answer(&self) -> String {
        let (belief, texts) = (&self.linked.belief, self.texts);
        match (belief.liveness, belief.accepted_at) {
            (Liveness::Shredded, _) if belief.is_proven_dead() => {
                let destroyed = self.at(texts.destroyed, belief.since.unwrap_or(self.now));
                format!("{} {destroyed}", self.proof())
            }
            (Liveness::Shredded, _) => {
                let last = belief.accepted_at.map(|at| format!(" {}", self.accepted(at))).unwrap_or_default();
                format!("{}{last}", self.at(texts.destroyed, belief.since.unwrap_or(self.now)))
            }
            (Liveness::Suspect | Liveness::Dead, _) => self.proof(),
            (Liveness::Live | Liveness::Unverified, Some(at)) if self.linked.matter.held => self.accepted(at),
            (Liveness::Live | Liveness::Unverified, Some(at)) => {
                format!("{} {}", self.plain(texts.no_copy), self.accepted(at))
            }
            (_, None) if !self.linked.matter.held => self.plain(texts.no_copy),
            (_, None) => self.plain(texts.not_yet_asked),
        }
    }

    /// What was refused and what that is worth; or which newer secret makes it worth nothing.
    fn proof(&self) -> String {
        let belief = &self.linked.belief;
        let Some(outlived) = &belief.outlived else { return format!("{} {}", self.refused(), self.worth()) };
        let outlived = self.at(self.texts.outlived, outlived.at);
        if belief.refused_last.is_some() { format!("{} {outlived}", self.refused()) } else { outlived }
    }

    /// Whether the last definite answer is a refusal. What proved a key dead stays known when its copy is destroyed.
    fn refuses(&self) -> bool {
        let belief = &self.linked.belief;
        belief.liveness == Liveness::Suspect || belief.is_proven_dead()
    }

    fn accepted(&self, at: Timestamp) -> String {
        let texts = self.texts;
        let sentence = if self.linked.belief.limited { texts.accepted_limited } else { texts.accepted };
        let (at, over) = (self.instant(at), self.protocols());
        fill(sentence, &[("provider", self.provider), ("at", &at), ("over", &over)])
    }

    fn refused(&self) -> String {
        let (belief, texts) = (&self.linked.belief, self.texts);
        let first = belief.refused_first.or(belief.refused_last).unwrap_or(self.now);
        let last = belief.refused_last.unwrap_or(first);
        let sentence = if first == last { texts.refused } else { texts.refused_last };
        let (first, last, over) = (self.instant(first), self.instant(last), self.protocols());
        fill(sentence, &[("provider", self.provider), ("first", &first), ("at", &last), ("over", &over)])
    }

    /// What the refusal proves, and when it will prove more.
    fn worth(&self) -> String {
        let (belief, texts) = (&self.linked.belief, self.texts);
        if belief.is_proven_dead() {
            return self.plain(texts.proven);
        }
        if belief.partly.is_some() {
            return texts.not_everywhere.to_owned();
        }
        if belief.no_control {
            return texts.no_control.to_owned();
        }
        let from = belief.refused_whole_first.map(|first| first + self.confirm_gap).filter(|from| *from > self.now);
        from.map_or_else(|| texts.confirmed_next.to_owned(), |from| self.at(texts.confirmed_from, from))
    }

    fn over(&self, sentence: &str) -> String {
        fill(sentence, &[("provider", self.provider), ("over", &self.protocols())])
    }

    /// The ways in that the last definite answer came over; nothing where that isn't known.
    fn protocols(&self) -> String {
        let (belief, texts) = (&self.linked.belief, self.texts);
        let mut names: Vec<String> = match self.refuses() {
            true => belief.refused_on.iter().map(|name| name.to_uppercase()).collect(),
            false => {
                let accepting = self.linked.parts.iter().filter(|part| part.verdict.is_acceptance());
                accepting.map(|part| part.protocol.to_uppercase()).collect()
            }
        };
        names.dedup();
        if names.is_empty() { String::new() } else { fill(texts.over, &[("list", &texts.list(&names))]) }
    }

    fn reset_said(&self) -> Option<String> {
        let (reset, texts) = (self.linked.reset_at.filter(|_| !self.is_confirmed())?, self.texts);
        let works_still = self.linked.belief.accepted_at.is_some_and(|at| at > reset);
        Some(self.at(if works_still { texts.still_accepted } else { texts.said_reset }, reset))
    }

    fn quiet(&self) -> Option<String> {
        let texts = self.texts;
        if self.linked.member.disowned {
            return Some(texts.disowned.to_owned());
        }
        let pause = self.linked.matter.pause.filter(|pause| pause.until > self.now)?;
        let sentence = match pause.why {
            Why::Snoozed => texts.snoozed,
            Why::Acknowledged => texts.acknowledged,
            Why::Pending if self.linked.matter.held => texts.pending,
            Why::Pending => texts.snoozed,
            Why::Confirmed => texts.confirmed,
        };
        let said = self.linked.reset_at.filter(|_| pause.why == Why::Confirmed);
        Some(self.at(sentence, said.unwrap_or(pause.until)))
    }

    /// Whether an owner has confirmed by hand that the key is dead.
    fn is_confirmed(&self) -> bool {
        self.linked.matter.pause.is_some_and(|pause| pause.why == Why::Confirmed)
    }
}
