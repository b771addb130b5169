//! What rules, ends and states mean, in a sentence each.

use std::borrow::Cow;

use super::text::second;
use crate::domain::belief::Liveness;
use crate::domain::facts::EndedBy;
use crate::domain::finding::{Exempt, RuleName};
use crate::ledger::read::{CredentialRow, FindingRow, NoticeRow};

/// Until when a finding is accepted, and why.
pub fn exempt(exempt: &Exempt) -> String {
    let by = exempt.by.as_ref().map(|by| format!(" (by {by})")).unwrap_or_default();
    format!("exempt until {}: {}{by}", second(exempt.until), exempt.reason)
}

/// What a finding says, in a sentence. What a closed one said is not so any more.
pub fn said(finding: &FindingRow) -> Cow<'static, str> {
    match finding.closed_at {
        None if finding.rule == RuleName::RevocationMissing && finding.liveness != Liveness::Live => IN_DOUBT.into(),
        None => why(finding.rule).into(),
        Some(_) => format!("It said: {}", why(finding.rule)).into(),
    }
}

/// What would clear a finding, in a sentence, or since when that is so.
pub fn cleared(finding: &FindingRow) -> Cow<'static, str> {
    match finding.closed_at {
        None if finding.liveness == Liveness::Shredded && of_ended(finding.rule) => NOBODY_ASKS.into(),
        None => cure(finding.rule).into(),
        Some(at) => {
            format!("It is closed since {}: it was no longer so, or another finding took its place.", second(at)).into()
        }
    }
}

/// What is said of a left-behind key that was refused since, or can't be asked.
const IN_DOUBT: &str = "No connection of the account uses this key any more. The provider accepted it before, and no refusal since is proven.";

/// What is said of a key that nobody can ask about any more.
const NOBODY_ASKS: &str = "Nobody can ask any more, for the copy is destroyed: it closes when an open connection of the account uses the key again, and an owner's word that the key no longer works ends the reminders.";

/// Whether a rule waits for the proof that a key which was left behind is dead.
const fn of_ended(rule: RuleName) -> bool {
    matches!(rule, RuleName::RevocationMissing | RuleName::RevocationUnproven)
}

/// What a rule has to say, in a sentence.
pub const fn why(rule: RuleName) -> &'static str {
    match rule {
        RuleName::SecretCompromised => {
            "The platform, the operator or the account itself says that others know this key."
        }
        RuleName::RevocationMissing => {
            "No connection of the account uses this key any more, and the provider's last definite answer accepted it."
        }
        RuleName::SecretReused => {
            "The connection uses a key that an earlier connection of the same account had left behind."
        }
        RuleName::ConnectionOrphaned => "Nobody is left who made the connection, or who owns the account.",
        RuleName::SecretStale => "The secret is older than its provider's limit.",
        RuleName::RevocationUnproven => {
            "The connection no longer uses this key or permission, and whether the provider still accepts it can't be proven."
        }
        RuleName::ConnectionBroken => "The provider refuses the key of a connection that is in use.",
        RuleName::WrongKeyKind => "The provider takes the value for another kind of key than the platform needs.",
        RuleName::SecretDue => "The secret will soon be older than its provider's limit.",
        RuleName::SecretAgeUnknown => "Only a lower bound of the secret's age is known.",
        RuleName::SecretShared => "Several open connections of the account use the same key.",
        RuleName::MixedUse => "The key that synchronises lists sends mail too: a reset stops that as well.",
        RuleName::ConnectionIdle => "Nothing has been synchronised for longer than [policy] idle_after.",
        RuleName::OwnerUnreachable => {
            "Something was found that somebody ought to be told, and nobody can be: the operator is told instead."
        }
    }
}

/// What would clear it, in a sentence. What is said of one key closes with the proof of its death, whatever the rule; that a
/// connection is broken by it does not.
pub const fn cure(rule: RuleName) -> &'static str {
    match rule {
        RuleName::SecretCompromised => {
            "It closes when the provider's refusal is proven, or whoever said so takes it back."
        }
        RuleName::RevocationMissing => {
            "It closes when the provider's refusal is proven (twice and with a positive control, or without one three times over 72 hours), or when an open connection of the account uses the key."
        }
        RuleName::SecretReused | RuleName::SecretStale | RuleName::SecretDue => {
            "It closes when the connection shows another secret, or ends, or when the key is proven dead."
        }
        RuleName::ConnectionOrphaned => {
            "It closes when its cause is gone (no_owner: an active owner is listed; creator_removed, creator_suspended: they are active again, or somebody else is listed), when the connection ends, or when the key is proven dead."
        }
        RuleName::RevocationUnproven => "It closes when the provider's refusal is proven, or the key is in use again.",
        RuleName::ConnectionBroken => "It closes when the connection shows a key that is not dead, or ends.",
        RuleName::WrongKeyKind => {
            "It closes when the connection shows a key of the right kind, or ends, or when the key is proven dead."
        }
        RuleName::SecretAgeUnknown => {
            "It closes when the connection shows another secret, or ends, when the inventory gives secret_set_at, or when the key is proven dead."
        }
        RuleName::SecretShared => {
            "It closes when at most one open connection of the account uses the key, or when the key is proven dead."
        }
        RuleName::MixedUse => {
            "It closes when sending has a key of its own, and the inventory's used_for says so, or when the key is proven dead."
        }
        RuleName::ConnectionIdle => {
            "It closes with the next synchronisation, when the connection ends, or when the key is proven dead."
        }
        RuleName::OwnerUnreachable => {
            "It closes when an owner, or the member who made the connection, is listed as active and verified and takes mail, or when nothing is left to tell."
        }
    }
}

/// What ended a use, in a word.
pub const fn ended(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Deleted => "deleted",
        EndedBy::Absent => "absent from two complete snapshots",
        EndedBy::Replaced => "replaced by another secret",
        EndedBy::Identified => "a placeholder whose row got a secret",
    }
}

/// What a state means, in a sentence.
pub const fn state(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Unverified => "never answered definitely",
        Liveness::Live => "the provider accepts it",
        Liveness::Suspect => "refused, not yet confirmed",
        Liveness::Dead => "refused and confirmed",
        Liveness::Shredded => "the sealed copy is destroyed",
    }
}

/// The same of a credential: what died of a newer secret need not have been refused.
pub fn stands(row: &CredentialRow) -> &'static str {
    let is_outlived = row.outlived_at.is_some() && row.refused_last.is_none();
    match row.liveness {
        Liveness::Dead if is_outlived => "a newer secret has taken its place",
        liveness => state(liveness),
    }
}

/// What a notice is: the first, which reminder, or the note that ends the finding.
pub fn step(notice: &NoticeRow) -> String {
    match notice.step {
        _ if notice.closing => "closing note".to_owned(),
        0 => "first notice".to_owned(),
        step => format!("reminder {step}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_closes_with_the_proof_that_a_key_is_dead_says_so() {
        for rule in RuleName::ALL {
            let stays = matches!(rule, RuleName::ConnectionBroken | RuleName::OwnerUnreachable);
            assert_eq!(cure(rule).contains("proven"), !stays, "{rule}: {}", cure(rule));
        }
    }

    #[test]
    fn what_clears_a_finding_is_no_more_than_is_asked_for() {
        let missing = cure(RuleName::RevocationMissing);
        assert!(missing.contains("without one three times over 72 hours"), "{missing}");
        let orphaned = cure(RuleName::ConnectionOrphaned);
        for cause in ["no_owner", "creator_removed", "creator_suspended", "active again"] {
            assert!(orphaned.contains(cause), "one cause is one cure: {orphaned}");
        }
    }
}
