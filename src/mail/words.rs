//! The sentences of a digest: pure. One function per question that a reader has, one row per rule.
//!
//! A refusal is told as what the provider did and when, never as "revoked": only the provider knows that.

use super::clean::{self, instant};
use super::digest::Group;
use super::{others, reasons};
use crate::domain::facts::{EndedBy, Provenance};
use crate::domain::finding::RuleName;
use crate::domain::outcome::Reason;
use crate::domain::record::UsedFor;
use crate::ports::notify::MailNotice;

/// What a subject asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Check,
    Reconnect,
    Reset,
    Revoke,
    Separate,
    TakeOver,
}

impl Verb {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Reconnect => "reconnect",
            Self::Reset => "reset",
            Self::Revoke => "revoke",
            Self::Separate => "separate",
            Self::TakeOver => "take over",
        }
    }
}

/// What the reader is to do about a rule, in a word.
pub(super) const fn verb(rule: RuleName) -> Verb {
    match rule {
        RuleName::RevocationMissing => Verb::Revoke,
        RuleName::ConnectionOrphaned => Verb::TakeOver,
        RuleName::RevocationUnproven | RuleName::ConnectionIdle | RuleName::OwnerUnreachable => Verb::Check,
        RuleName::ConnectionBroken | RuleName::WrongKeyKind => Verb::Reconnect,
        RuleName::MixedUse => Verb::Separate,
        RuleName::SecretCompromised
        | RuleName::SecretReused
        | RuleName::SecretStale
        | RuleName::SecretDue
        | RuleName::SecretAgeUnknown
        | RuleName::SecretShared => Verb::Reset,
    }
}

/// True for rules that compare the secret's age with its limit.
pub(super) const fn rests_on_age(rule: RuleName) -> bool {
    matches!(rule, RuleName::SecretStale | RuleName::SecretDue | RuleName::SecretAgeUnknown)
}

/// What to do, in the imperative and without a full stop: an item's heading, and the subject where it is alone.
pub(super) fn heading(group: &Group<'_>) -> String {
    let (title, name) = (group.title, names(group));
    match group.first.rule {
        RuleName::SecretCompromised => format!("Reset the {title} secret of {name} now: others know it"),
        RuleName::RevocationMissing => {
            format!("Revoke the {}{title} key of {name}: it {}", former(group.first), still_works(group.first))
        }
        RuleName::SecretReused => format!("Reset the {title} secret of {name}: it had been left behind before"),
        RuleName::ConnectionOrphaned => format!("Take over {name}: nobody answers for the {title} key"),
        RuleName::SecretStale => format!("Reset the {title} secret of {name} ({} old)", old(group)),
        RuleName::RevocationUnproven => {
            format!("Check at {title} that the {}key of {name} no longer works", former(group.first))
        }
        RuleName::ConnectionBroken => format!("Reconnect {name}: {title} refuses the key"),
        RuleName::WrongKeyKind => format!("Reconnect {name}: {title} takes its key for another kind"),
        RuleName::SecretDue => format!("Plan to reset the {title} secret of {name} ({} old)", old(group)),
        RuleName::SecretAgeUnknown => format!("Reset the {title} secret of {name}: its age is unknown"),
        RuleName::SecretShared => {
            format!("Reset the {title} secret that {} share", clean::count(sharers(group), "connection"))
        }
        RuleName::MixedUse => format!("Give the mail that is sent with the {title} key of {name} a key of its own"),
        RuleName::ConnectionIdle => format!("Check whether {name} is still needed: its {title} key lies idle"),
        RuleName::OwnerUnreachable => format!("Check who answers for {name}: nobody can be told of its {title} key"),
    }
}

/// What was found, since when, and how that is known.
pub(super) fn what(group: &Group<'_>) -> String {
    let (title, name, first) = (group.title, names(group), group.first);
    match first.rule {
        RuleName::SecretCompromised => others::compromised(group, &name),
        RuleName::RevocationMissing => format!("{} {}", ended(group), last_accepted(group)),
        RuleName::SecretReused => {
            format!("An earlier, ended connection of this account had left the secret of {name} behind.")
        }
        RuleName::ConnectionOrphaned => {
            format!("{} The {title} key goes on working.", orphaned(group))
        }
        RuleName::SecretStale => format!("The {title} secret of {name} is {} old, past its limit.", old(group)),
        RuleName::RevocationUnproven => {
            format!(
                "{} Whether {title} still accepts the key can't be proven: {}.",
                ended(group),
                reasons::unproven(first)
            )
        }
        RuleName::ConnectionBroken => {
            format!("{} Syncs of {name} fail until it is connected with fresh values.", refused(group))
        }
        RuleName::WrongKeyKind => others::wrong_kind(group, &name),
        RuleName::SecretDue => format!(
            "The {title} secret of {name} is {} old and becomes stale on {}.",
            old(group),
            instant(first.secret_since + group.max_age)
        ),
        RuleName::SecretAgeUnknown => {
            format!("The age of the {title} secret of {name} is not known; it is at least {}.", age_in_words(group))
        }
        RuleName::SecretShared => {
            format!("{} of this account use the same {title} secret.", clean::count(sharers(group), "open connection"))
        }
        RuleName::MixedUse => others::mixed(group, &name),
        RuleName::ConnectionIdle => others::idle(group, &name),
        RuleName::OwnerUnreachable => {
            format!("There is something to say about the {title} key of {name}, and nobody whom it could be said to.")
        }
    }
}

/// Why that matters, in one calm sentence.
pub(super) const fn why(rule: RuleName) -> &'static str {
    match rule {
        RuleName::SecretCompromised => {
            "Whoever knows this secret can read and change your contacts, until the provider refuses it."
        }
        RuleName::RevocationMissing => {
            "Nothing uses this key any more, yet whoever holds a copy of it can still reach your account and its contacts."
        }
        RuleName::SecretReused => "Copies of a key from its earlier life open what it opens today.",
        RuleName::ConnectionOrphaned => "If this key were misused or stopped working, nobody would notice.",
        RuleName::SecretStale | RuleName::SecretDue => {
            "The longer a secret lives, the more places may hold a copy of it; a reset makes all of them worthless."
        }
        RuleName::RevocationUnproven => "Until it is known to be refused, it may still open your account.",
        RuleName::ConnectionBroken => "Until then the platform works with the lists as they were.",
        RuleName::WrongKeyKind => "With this kind of key the platform can't do all that the connection is for.",
        RuleName::SecretAgeUnknown => "A reset starts the clock: from then on its age is known.",
        RuleName::SecretShared => "One leak, or one reset, touches all of them at once.",
        RuleName::MixedUse => "As long as they share a key, it can't be reset without stopping your mail.",
        RuleName::ConnectionIdle => "A key that nothing uses is one more that others could.",
        RuleName::OwnerUnreachable => "What nobody is told, nobody mends.",
    }
}

/// How the reader finds the key: the provider and the last four characters of the public half, else the credential's name.
pub(super) fn key(group: &Group<'_>) -> String {
    let first = group.first;
    let tail = clean::name(&first.key_tail);
    let kind = match &first.kind {
        Some(kind) => format!(" (its {})", clean::name(&kind_words(kind))),
        None => String::new(),
    };
    if tail.is_empty() {
        return format!("{}, credential {}{kind}", group.title, first.fingerprint.short());
    }
    format!("{}, API key ending in {tail}{kind}", group.title)
}

/// `api_secret` as providers write it: API Secret.
pub(super) fn kind_words(kind: &str) -> String {
    let word = |word: &str| match word.split_at_checked(1) {
        _ if word == "api" => "API".to_owned(),
        Some((first, rest)) => format!("{}{rest}", first.to_uppercase()),
        None => word.to_owned(),
    };
    kind.split('_').map(word).collect::<Vec<_>>().join(" ")
}

/// The secret's age with its provenance.
pub(super) fn age(group: &Group<'_>) -> String {
    let first = group.first;
    let since = instant(first.secret_since);
    let known = match first.provenance {
        Provenance::Declared => {
            format!("since {since}, the date that {} recorded for it", clean::name(group.platform))
        }
        Provenance::Observed => format!("since {since}, when it was seen to have replaced another"),
        Provenance::Connected => format!("since {since}, when its connection was made with it"),
        Provenance::FirstSeen => format!("since {since} at the latest, when it was first seen; it may be older"),
    };
    format!("{} old: {known}", old(group))
}

/// What to mind: who else uses the key, what stops, what is under way.
pub(super) fn minds(group: &Group<'_>, breaks: &str) -> Vec<String> {
    let first = group.first;
    let mut minds = Vec::new();
    if first.ended_by.is_none() && sharers(group) > 1 {
        minds.push(format!(
            "Rotate, then update these {}: all of them use this secret.",
            clean::count(sharers(group), "connection")
        ));
    }
    let used_for = |what| group.all.iter().any(|notice| notice.used_for.contains(&what));
    if used_for(UsedFor::Smtp) {
        minds.push("The same pair is an SMTP login: sending over SMTP needs the new values too.".to_owned());
    }
    if used_for(UsedFor::Transactional) {
        minds.push("It also sends transactional mail: update that as well, or it stops.".to_owned());
    }
    if group.all.iter().any(|notice| notice.running_jobs > 0) {
        let fails = first.ended_by.is_some() || first.rule == RuleName::ConnectionBroken;
        minds.push(if fails {
            "A running import still uses this key; new syncs already fail.".to_owned()
        } else {
            "A running import uses this key: let it finish before you reset the secret.".to_owned()
        });
    }
    if !breaks.is_empty() {
        minds.push(breaks.to_owned());
    }
    minds
}

/// A connection by its name, else by the platform's id.
pub(super) fn connection(notice: &MailNotice) -> String {
    let name = notice.name.as_deref().map(clean::name).filter(|name| !name.is_empty());
    let id = clean::name(&notice.connection);
    match name {
        Some(name) => format!("\"{name}\" ({id})"),
        None => format!("connection {id}"),
    }
}

/// The first connection, and how many others.
fn names(group: &Group<'_>) -> String {
    let name = group.first.name.as_deref().map(clean::name).filter(|name| !name.is_empty());
    let first = match name {
        Some(name) => format!("\"{name}\""),
        None => format!("connection {}", clean::name(&group.first.connection)),
    };
    match group.all.len() {
        1 => first,
        count => format!("{first} and {}", clean::count(count - 1, "other")),
    }
}

/// Open connections that use the secret: as the ledger counts them, and never fewer than are named here.
fn sharers(group: &Group<'_>) -> usize {
    usize::try_from(group.first.sharers).unwrap_or(usize::MAX).max(group.all.len())
}

/// A word before the key where another has taken its place.
const fn former(notice: &MailNotice) -> &'static str {
    if matches!(notice.ended_by, Some(EndedBy::Replaced)) { "former " } else { "" }
}

fn old(group: &Group<'_>) -> String {
    let bound = if group.first.provenance == Provenance::FirstSeen { "at least " } else { "" };
    format!("{bound}{}", age_in_words(group))
}

fn age_in_words(group: &Group<'_>) -> String {
    clean::age(group.now.since(group.first.secret_since))
}

/// Who is missing, as a whole sentence.
fn orphaned(group: &Group<'_>) -> String {
    let (name, platform) = (names(group), clean::name(group.platform));
    match group.first.evidence.get("cause").and_then(serde_json::Value::as_str) {
        Some("creator_suspended") => format!("Whoever connected {name} is suspended on {platform}."),
        Some("no_owner") => format!("The account of {name} has no owner on {platform}."),
        _ => format!("Whoever connected {name} is no longer a member on {platform}."),
    }
}

/// How the use ended, as a whole sentence. Several connections seldom ended at one instant: they share the latest.
fn ended(group: &Group<'_>) -> String {
    let (name, platform) = (names(group), clean::name(group.platform));
    let (was, on) = if group.all.len() == 1 { ("was", "on") } else { ("were", "by") };
    let latest = group.all.iter().filter_map(|notice| notice.until).max();
    let when = latest.map(|at| format!(" {on} {}", instant(at))).unwrap_or_default();
    match group.first.ended_by {
        Some(EndedBy::Replaced) => format!("{name} {was} given another secret{when}."),
        Some(EndedBy::Absent) => format!("{name} {was} found missing from {platform}{when}."),
        Some(EndedBy::Deleted) => format!("{name} {was} deleted from {platform}{when}."),
        Some(EndedBy::Identified) | None => format!("{name} stopped using this key{when}."),
    }
}

/// Whether the key works, as surely as is known.
const fn still_works(notice: &MailNotice) -> &'static str {
    let doubted = notice.belief.refused_last.is_some() || notice.belief.unknown_since.is_some() || !notice.held;
    if doubted { "may still work" } else { "still works" }
}

fn last_accepted(group: &Group<'_>) -> String {
    let (title, former, belief) = (group.title, former(group.first), &group.first.belief);
    let mut said = match belief.accepted_at {
        Some(at) => format!("{title} last accepted the {former}key on {}.", instant(at)),
        None => format!("{title} accepts the {former}key."),
    };
    if belief.refused_last.is_some() {
        said.push_str(&format!(" {} That is not confirmed yet.", refused(group)));
    } else if let (Some(since), Some(Reason::Blind)) = (belief.unknown_since, belief.unknown_reason) {
        said.push_str(&format!(
            " Since {} {title} turns everybody away, which says nothing of this key.",
            instant(since)
        ));
    } else if let Some(since) = belief.unknown_since {
        said.push_str(&format!(" Since {} it could not be asked again.", instant(since)));
    }
    if !group.first.held {
        said.push_str(" No copy of the key is held any more, so nobody here can ask again.");
    }
    said
}

/// What the provider did and when; both instants where there are two.
fn refused(group: &Group<'_>) -> String {
    let (title, belief) = (group.title, &group.first.belief);
    let protocols = named(group.first, "refused_on").map(|names| format!(" on {names}")).unwrap_or_default();
    let said = match (belief.refused_first, belief.refused_last.or(belief.died_at)) {
        (Some(first), Some(last)) if first < last => {
            format!("{title} refused this key{protocols} at {} and {}.", instant(first), instant(last))
        }
        (Some(at), _) | (None, Some(at)) => format!("{title} refused this key{protocols} at {}.", instant(at)),
        (None, None) => format!("{title} refuses this key{protocols}."),
    };
    match named(group.first, "not_asked") {
        Some(left_out) => format!("{said} {left_out} was not asked: the operator's settings say so."),
        None => said,
    }
}

/// The protocols that a fact of the evidence names.
fn named(notice: &MailNotice, fact: &str) -> Option<String> {
    let names = notice.evidence.get(fact).and_then(serde_json::Value::as_array)?;
    let names: Vec<String> =
        names.iter().filter_map(|name| name.as_str()).map(|name| clean::name(name).to_uppercase()).collect();
    (!names.is_empty()).then(|| names.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::remedy::Situation;

    #[test]
    fn the_steps_fit_the_rule_and_how_the_use_ended() {
        use RuleName as R;
        for (rule, ended_by, sharers, expected) in [
            (R::SecretStale, None, 1, Situation::Stale),
            (R::SecretStale, None, 2, Situation::Shared),
            (R::SecretReused, None, 1, Situation::Stale),
            (R::SecretShared, None, 1, Situation::Shared),
            (R::RevocationMissing, Some(EndedBy::Replaced), 0, Situation::ReplacedAlive),
            (R::RevocationMissing, Some(EndedBy::Deleted), 0, Situation::DeletedAlive),
            (R::RevocationMissing, Some(EndedBy::Absent), 0, Situation::DeletedAlive),
            (R::RevocationUnproven, Some(EndedBy::Replaced), 0, Situation::Unproven),
            (R::ConnectionOrphaned, None, 5, Situation::Orphaned),
            (R::ConnectionBroken, None, 5, Situation::Broken),
            (R::SecretCompromised, Some(EndedBy::Deleted), 0, Situation::Compromised),
            (R::WrongKeyKind, None, 5, Situation::WrongKind),
        ] {
            assert_eq!(
                crate::domain::rules::situation(rule, ended_by, sharers),
                Some(expected),
                "{rule} {ended_by:?} {sharers}"
            );
        }
    }
}
