//! When a credential is next looked at.

use std::time::Duration;

use super::belief::{Belief, Liveness};
use super::liveness::{AT_DELETION_PATIENCE, Context, UNCONTROLLED_SPREAD};
use super::policy::{Hold, LivenessPolicy};
use super::time::{Timestamp, days, hours};

/// The greatest wait that a provider's `Retry-After` is believed for.
pub const LONGEST_RETRY_AFTER: Duration = hours(24);

/// A day: the rarest that anything but an open, live credential is asked.
const DAILY: Duration = days(1);
/// How often what may die or has just died is asked.
const CLOSELY: Duration = hours(6);
/// How long a tombstone is asked closely.
const FRESH: Duration = days(7);
/// The wait after the first unknown answer. It doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(60);
/// Doublings after which any back-off is longer than any cadence.
const MOST_DOUBLINGS: u32 = 24;
/// The precision of [`Timestamp`]: the soonest that is not now.
const SOONEST: Duration = Duration::from_millis(1);

/// Returns when to look at the credential again, always after the present instant; `None` for never.
///
/// `retry_after` is the provider's wish with the last answer. The result is never after the end of retention, so that the copy
/// is destroyed on time: then no request is made. While our clock is suspect nothing is destroyed for its time, and what is held
/// beyond that end is asked at the usual times. `seed`, which should differ between credentials, spreads them: it only ever
/// moves an instant forward, by up to a tenth of its period, and never one that a proof or a provider's wish rests on.
pub fn next_probe(
    belief: &Belief,
    ctx: &Context,
    policy: &LivenessPolicy,
    retry_after: Option<Duration>,
    seed: u64,
) -> Option<Timestamp> {
    if belief.liveness == Liveness::Shredded || policy.hold == Hold::None {
        return None;
    }
    let now = ctx.now;
    let schedule = Schedule { belief, idle_since: ctx.idle_since, now, policy, seed };
    let mut next = schedule.regular();
    if belief.unknowns > 0 {
        next = next.min(now + schedule.jittered(back_off(belief.unknowns)));
    }
    if let Some(wish) = retry_after {
        next = next.max(now + wish.min(LONGEST_RETRY_AFTER));
    }
    if let Some(end) = schedule.end_of_holding().filter(|end| *end > now || !ctx.clock_suspect) {
        next = next.min(end);
    }
    Some(next.max(now + SOONEST))
}

/// What every part of the decision looks at.
struct Schedule<'a> {
    belief: &'a Belief,
    idle_since: Option<Timestamp>,
    now: Timestamp,
    policy: &'a LivenessPolicy,
    seed: u64,
}

impl Schedule<'_> {
    /// The cadence of the state, as if the last answer had been definite.
    fn regular(&self) -> Timestamp {
        if self.belief.asked_at.is_none() || self.last_question_is_open() {
            return self.now;
        }
        match self.belief.liveness {
            Liveness::Unverified | Liveness::Live => self.now + self.jittered(self.watch()),
            Liveness::Suspect => self.confirmation(),
            Liveness::Dead | Liveness::Shredded => self.settling(),
        }
    }

    /// With `hold = "at-deletion"` the end of the last use calls for a question at once.
    fn last_question_is_open(&self) -> bool {
        let ended = self.idle_since.filter(|idle| *idle <= self.now);
        self.policy.hold == Hold::AtDeletion && ended.is_some() && self.belief.asked_at < ended
    }

    /// How often a credential is asked that was not refused.
    fn watch(&self) -> Duration {
        match self.idle_since {
            None => self.policy.probe_every,
            Some(idle) => self.tombstone(idle).min(self.policy.probe_every),
        }
    }

    fn tombstone(&self, idle_since: Timestamp) -> Duration {
        if self.now.since(idle_since) < FRESH { CLOSELY } else { DAILY }
    }

    /// A suspect is asked at the very instant at which a refusal would prove something.
    fn confirmation(&self) -> Timestamp {
        let gap = self.policy.confirm_gap;
        if let Some(first) = self.belief.refused_whole_first
            && first + gap > self.now
        {
            // The bound matters only after a clock has jumped back.
            return (first + gap).min(self.now + gap);
        }
        let partly = self.belief.partly.is_some();
        let often = match self.idle_since {
            Some(idle) if partly => self.tombstone(idle),
            _ => DAILY,
        };
        let next = self.now + self.jittered(often.min(self.policy.probe_every)).max(gap);
        match self.belief.refused_whole_first.map(|first| first + UNCONTROLLED_SPREAD) {
            Some(proof) if !partly && self.belief.accepted_at.is_some() && proof > self.now => next.min(proof),
            _ => next,
        }
    }

    /// A dead credential is asked at the very instant at which settling is over, if nobody uses it.
    fn settling(&self) -> Timestamp {
        if self.idle_since.is_none() {
            return self.now + self.jittered(DAILY.min(self.policy.probe_every));
        }
        let next = self.now + self.jittered(CLOSELY.min(self.policy.probe_every));
        match self.belief.died_at.map(|died| died + self.policy.settle) {
            Some(settled) if settled > self.now => next.min(settled),
            _ => next,
        }
    }

    /// When the copy must be destroyed, whatever is believed.
    fn end_of_holding(&self) -> Option<Timestamp> {
        let longest = match self.policy.hold {
            Hold::AtDeletion => self.policy.retention.min(AT_DELETION_PATIENCE),
            Hold::UntilProven | Hold::None => self.policy.retention,
        };
        self.idle_since.map(|idle| idle + longest)
    }

    /// The period less up to a tenth of it.
    fn jittered(&self, period: Duration) -> Duration {
        let thousandths = u32::try_from(scattered(self.seed) % 1001).unwrap_or(0);
        period.saturating_sub((period / 10_000).saturating_mul(thousandths))
    }
}

/// The wait after this many unknown answers in a row.
fn back_off(unknowns: u32) -> Duration {
    FIRST_RETRY.saturating_mul(1 << unknowns.saturating_sub(1).min(MOST_DOUBLINGS))
}

/// Neighbouring seeds, such as row numbers, to numbers that have nothing to do with each other (SplitMix64's finish).
pub(crate) const fn scattered(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests;
