//! From one probe's answer to what it says at each endpoint, and back: what of it is believed where some are blind.

use super::window::{REACH, Said};
use crate::domain::belief::{Belief, Liveness};
use crate::domain::outcome::{Answer, Outcome, Part, Reason, Verdict};
use crate::domain::time::Timestamp;

/// Whether the credential was believed to be let in when the present trouble, if it is one, began. A suspect that was
/// live a day ago is: its second refusal is the same news as its first.
pub fn formerly_live(belief: &Belief, at: Timestamp) -> bool {
    match belief.liveness {
        Liveness::Live => true,
        Liveness::Suspect => {
            let is_fresh = belief.refused_first.is_some_and(|first| at.since(first) < REACH);
            is_fresh && belief.before == Some(Liveness::Live)
        }
        Liveness::Unverified | Liveness::Dead | Liveness::Shredded => false,
    }
}

/// What the answer says at the endpoint of one of its parts, and whether of a formerly live credential. `None` where
/// nobody was asked there.
///
/// Formerly live *there*: an endpoint that refuses what lives at another one always did. Where it isn't known yet where the
/// credential lives, that is a place of the first protocol: one that is only asked because an earlier one refused hears
/// nothing but refused credentials.
pub fn said(belief: &Belief, answer: &Answer, part: &Part) -> Option<(Said, bool)> {
    let said = match part.verdict {
        Verdict::NotAsked => return None,
        Verdict::Unknown(reason) if reason.asks_nobody() => return None,
        Verdict::Unknown(_) => Said::Unknown,
        Verdict::Refused => Said::Refused,
        Verdict::Limited if has_turned(belief) => Said::Turned,
        Verdict::Accepted | Verdict::Limited => Said::Accepted,
    };
    let first = answer.parts.iter().find(|part| part.verdict != Verdict::NotAsked);
    let is_first = || first.is_some_and(|first| first.protocol == part.protocol);
    let lives_here = belief.home.as_ref().map_or_else(is_first, |home| part.is_at(home));
    let lives_elsewhere = said == Said::Refused && matches!(answer.outcome, Outcome::Accepted | Outcome::Limited);
    Some((said, lives_here && !lives_elsewhere && formerly_live(belief, answer.at)))
}

/// The parts as they count where some endpoints are blind: refusals there, and acceptances that have become limited, say
/// nothing. Nor does a refusal elsewhere, beside such an acceptance or where the blind one is where the credential lives:
/// another region, or another protocol, refuses what lives there.
/// `None` where that changes none of them.
pub fn sift(belief: &Belief, parts: &[Part], is_blind: impl Fn(&Part) -> bool) -> Option<Vec<Part>> {
    let doubtful = |part: &Part| match part.verdict {
        Verdict::Refused => true,
        Verdict::Limited => has_turned(belief),
        Verdict::Accepted | Verdict::Unknown(_) | Verdict::NotAsked => false,
    };
    let held = |part: &Part| doubtful(part) && is_blind(part);
    if !parts.iter().any(held) {
        return None;
    }
    let is_let_in = parts.iter().any(|part| held(part) && part.verdict == Verdict::Limited);
    let is_home = |part: &Part| belief.home.as_ref().is_some_and(|home| part.is_at(home));
    let is_elsewhere = is_let_in || parts.iter().any(|part| held(part) && is_home(part));
    let says_nothing = |part: &Part| held(part) || (is_elsewhere && part.verdict == Verdict::Refused);
    let sifted = parts.iter().map(|part| {
        if says_nothing(part) {
            Part { verdict: Verdict::Unknown(Reason::Blind), ..part.clone() }
        } else {
            part.clone()
        }
    });
    Some(sifted.collect())
}

/// Whether a limited acceptance would be less than there was.
const fn has_turned(belief: &Belief) -> bool {
    belief.accepted_at.is_some() && !belief.limited && matches!(belief.liveness, Liveness::Live | Liveness::Suspect)
}
