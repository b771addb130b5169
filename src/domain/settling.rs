//! What a new judgement changes in the findings.

use super::facts::{EndedBy, UseFacts};
use super::finding::{Anew, FindingChange, KnownFinding, Opened, RuleName, Ruling};
use super::ids::ConnectionId;
use super::rules::{self, On};

#[cfg(test)]
mod tests;

/// Why a finding closes: its key is proven dead, its secret was replaced, its use ended, or the rule has nothing to say any
/// more.
pub const REASONS: [&str; 4] = ["dead", "rotated", "ended", "cleared"];

/// What a judgement changes: `rulings` is everything that the rules now say of the connection, `known` every finding it
/// ever had, `uses` all its uses, oldest first. Nothing for a finding that stays as it is.
///
/// First what opens, reopens, worsens, becomes exempt or has other facts, in the order of the rulings; then what closes.
pub fn settle(
    connection: ConnectionId,
    rulings: &[Ruling],
    known: &[KnownFinding],
    uses: &[UseFacts],
) -> Vec<FindingChange> {
    let known = || known.iter().filter(|finding| finding.connection == connection);
    let ruled = rulings.iter().filter_map(|ruling| {
        let finding = known().find(|finding| is_about(ruling, finding));
        if !ruling.opens && !finding.is_some_and(|finding| finding.open) {
            return None;
        }
        match finding {
            None => Some(FindingChange::Opened(open(connection, ruling, 1))),
            Some(old) => renew(old, ruling, has_moved(old, uses)),
        }
    });
    let closed = known()
        .filter(|finding| finding.open && !rulings.iter().any(|ruling| is_about(ruling, finding)))
        .map(|finding| FindingChange::Closed { id: finding.id, why: why_closed(finding, uses) });
    ruled.chain(closed).collect()
}

fn is_about(ruling: &Ruling, finding: &KnownFinding) -> bool {
    (ruling.rule, ruling.credential) == (finding.rule, finding.credential)
}

fn open(connection: ConnectionId, ruling: &Ruling, opening: u32) -> Opened {
    Opened {
        rule: ruling.rule,
        connection,
        credential: ruling.credential,
        opening,
        severity: ruling.severity,
        since: ruling.since,
        evidence: ruling.evidence.clone(),
        mailed: ruling.mailed,
        exempt: ruling.exempt.clone(),
    }
}

/// Whether the connection has moved to another account, and its key with it: what that account is told begins anew, and the
/// one before is told nothing more.
fn has_moved(old: &KnownFinding, uses: &[UseFacts]) -> bool {
    uses.iter().rfind(|used| used.credential.id == old.credential).is_some_and(|used| used.account != old.account)
}

fn renew(old: &KnownFinding, ruling: &Ruling, moved: bool) -> Option<FindingChange> {
    let reopened = moved.then_some(Anew::Reopened);
    if let Some(why) = reopened.or_else(|| begins_anew(old, ruling)) {
        let opened = open(old.connection, ruling, old.opening.saturating_add(1));
        return Some(FindingChange::Anew { id: old.id, opened, why });
    }
    if ruling.exempt != old.exempt {
        return Some(FindingChange::Exempted { id: old.id, opened: open(old.connection, ruling, old.opening) });
    }
    let same = (ruling.severity, ruling.since, ruling.mailed) == (old.severity, old.since, old.mailed)
        && ruling.evidence == old.evidence;
    (!same).then(|| FindingChange::Updated {
        id: old.id,
        severity: ruling.severity,
        since: ruling.since,
        evidence: ruling.evidence.clone(),
        mailed: ruling.mailed,
    })
}

fn begins_anew(old: &KnownFinding, ruling: &Ruling) -> Option<Anew> {
    if !old.open {
        Some(Anew::Reopened)
    } else if old.exempt.is_some() && ruling.exempt.is_none() {
        Some(Anew::ExemptionEnded)
    } else if ruling.exempt != old.exempt {
        None // the operator's word comes with whatever else is new, and what is accepted is told to nobody
    } else {
        (ruling.severity > old.severity).then_some(Anew::Worsened)
    }
}

/// A finding on a use that ended is over because the use is; one on a former credential only because of the credential.
fn why_closed(finding: &KnownFinding, uses: &[UseFacts]) -> &'static str {
    let Some(used) = uses.iter().rfind(|used| used.credential.id == finding.credential) else {
        return "cleared";
    };
    // a broken connection was dead all the time: its end is another one
    if used.credential.belief.is_proven_dead() && finding.rule != RuleName::ConnectionBroken {
        return "dead";
    }
    match (rules::rule(finding.rule).on, used.until, used.ended_by) {
        // a stand-in that gets its real secret is no other secret
        (On::Ended | On::Either | On::Said, _, _) | (On::Open, None, _) | (_, _, Some(EndedBy::Identified)) => {
            "cleared"
        }
        (On::Open, Some(_), Some(EndedBy::Replaced)) => "rotated",
        (On::Open, Some(_), _) => "ended",
    }
}
