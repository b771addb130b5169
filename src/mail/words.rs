//! The sentences of an item: pure. One function per question that a reader has; which sentence fits is decided here, how
//! it reads is the language's.
//!
//! A refusal is told as what the provider did and when, never as "revoked": only the provider knows that.

use super::clean;
use super::group::Group;
use super::texts::{EndTexts, GrantTexts, Sentence};
use super::{former, others};
use crate::domain::facts::{EndedBy, Provenance};
use crate::domain::finding::RuleName;
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
    /// `reset 3`, in the reader's language.
    pub(super) fn said(self, group: &Group<'_>, count: usize) -> String {
        let verbs = &group.voice.texts.subject.verbs;
        let verb = match self {
            Self::Check => &verbs.check,
            Self::Reconnect => &verbs.reconnect,
            Self::Reset => &verbs.reset,
            Self::Revoke => &verbs.revoke,
            Self::Separate => &verbs.separate,
            Self::TakeOver => &verbs.take_over,
        };
        verb.fill(&[("count", &count.to_string())])
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

/// True where a copy of the key in other hands is what is to be feared.
const fn fears_copies(rule: RuleName) -> bool {
    !matches!(
        rule,
        RuleName::ConnectionBroken | RuleName::WrongKeyKind | RuleName::MixedUse | RuleName::OwnerUnreachable
    )
}

/// What to do, in the imperative and without a full stop: an item's heading, and the subject where it is alone.
pub(super) fn heading(group: &Group<'_>) -> String {
    let texts = group.voice.texts.rules.of(group.first.rule);
    let former = texts.heading_former.as_ref().filter(|_| former::is(group.first));
    let outlived = texts.heading_outlived.as_ref().filter(|_| group.first.belief.is_only_outlived());
    let heading = match grant(group) {
        Some(grant) => &grant.heading,
        None => former.or(outlived).unwrap_or(&texts.heading),
    };
    heading.fill(&[
        ("title", group.title),
        ("name", &names(group)),
        ("age", &old(group)),
        ("works", &former::works(group)),
        ("count", &sharers(group).to_string()),
    ])
}

/// What the rule says of a permission, where this is one.
fn grant<'a>(group: &Group<'a>) -> Option<&'a GrantTexts> {
    group.voice.texts.rules.of(group.first.rule).grant.as_ref().filter(|_| group.is_grant())
}

/// What was found, since when, and how that is known; and what has come of a reset that somebody spoke of.
pub(super) fn found(group: &Group<'_>) -> String {
    let what = what(group);
    match after_reset(group) {
        Some(after) => format!("{what} {after}"),
        None => what,
    }
}

/// That the key was accepted after somebody said that it was reset.
fn after_reset(group: &Group<'_>) -> Option<String> {
    let said = group.all.iter().filter_map(|notice| notice.reset_at).max()?;
    let accepted = group.first.belief.accepted_at.filter(|accepted| *accepted > said)?;
    let (said, when) = (group.voice.instant(said), group.voice.instant(accepted));
    let facts = [("title", group.title), ("said", said.as_str()), ("when", when.as_str())];
    Some(group.voice.texts.accepted.after_reset.fill(&facts))
}

/// What was found, since when, and how that is known.
fn what(group: &Group<'_>) -> String {
    let name = names(group);
    match group.first.rule {
        RuleName::SecretCompromised => return others::compromised(group, &name),
        RuleName::RevocationMissing => return format!("{} {}", former::ended(group), former::last_accepted(group)),
        RuleName::WrongKeyKind => return others::wrong_kind(group, &name),
        RuleName::MixedUse => return others::mixed(group, &name),
        RuleName::ConnectionIdle => return others::idle(group, &name),
        _ => {}
    }
    let what = group.voice.texts.rules.of(group.first.rule).what.as_ref();
    let what = grant(group).and_then(|grant| grant.what.as_ref()).or(what);
    let due = group.voice.instant(group.first.secret_since + group.max_age);
    let (ended, reason) = match group.first.rule {
        RuleName::RevocationUnproven => (former::ended(group), former::unproven(group)),
        _ => (String::new(), String::new()),
    };
    let refused = former::refused(group);
    what.map(|what| {
        what.fill(&[
            ("title", group.title),
            ("platform", group.platform),
            ("name", &name),
            ("age", &old(group)),
            ("when", &due),
            ("count", &sharers(group).to_string()),
            ("cause", &orphaned(group, &name)),
            ("refused", &refused),
            ("ended", &ended),
            ("reason", &reason),
        ])
    })
    .unwrap_or_default()
}

/// Why that matters, in one calm sentence, and what whoever has a copy of the key could do.
pub(super) fn why(group: &Group<'_>, risk: &str) -> String {
    let texts = group.voice.texts;
    let facts = [("title", group.title), ("platform", group.platform)];
    let why = grant(group).map_or_else(|| &texts.rules.of(group.first.rule).why, |grant| &grant.why).fill(&facts);
    if !fears_copies(group.first.rule) {
        return why;
    }
    let usual = texts.risk.usual.fill(&facts);
    let risk = if risk.is_empty() { usual.as_str() } else { risk };
    let whoever = if group.is_grant() { &texts.risk.whoever_grant } else { &texts.risk.whoever };
    format!("{why} {}", whoever.fill(&[("risk", risk)]))
}

/// How the reader finds the key: the provider and the last four characters of the public half, else the credential's name.
pub(super) fn key(group: &Group<'_>) -> String {
    let (first, texts) = (group.first, &group.voice.texts.key);
    if group.is_grant() {
        return texts.grant.fill(&[("title", group.title)]);
    }
    let tail = clean::name(&first.key_tail);
    let key = if tail.is_empty() {
        texts.credential.fill(&[("title", group.title), ("short", first.fingerprint.short())])
    } else {
        texts.ending.fill(&[("title", group.title), ("tail", &tail)])
    };
    match &first.kind {
        Some(kind) => texts.of_kind.fill(&[("key", &key), ("kind", &clean::name(&kind_words(kind)))]),
        None => key,
    }
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
    let texts = &group.voice.texts.age;
    let known = match group.first.provenance {
        Provenance::Declared => &texts.declared,
        Provenance::Observed => &texts.observed,
        Provenance::Connected => &texts.connected,
        Provenance::FirstSeen => &texts.first_seen,
    };
    let since = group.voice.instant(group.first.secret_since);
    known.fill(&[("age", &old(group)), ("since", &since), ("platform", group.platform)])
}

/// What to mind: who else uses the key, what stops, what is under way.
pub(super) fn minds(group: &Group<'_>) -> Vec<String> {
    let (first, texts) = (group.first, &group.voice.texts.minds);
    let mut minds = Vec::new();
    if first.ended_by.is_none() && sharers(group) > 1 {
        minds.push(texts.sharers.fill(sharers(group), &[]));
    }
    let mut say = |sentence: &Sentence| minds.push(sentence.fill(&[]));
    if group.serves(UsedFor::Smtp) {
        say(&texts.smtp);
    }
    if group.serves(UsedFor::Transactional) {
        say(&texts.transactional);
    }
    // What runs over a connection with another key by now has begun with that one, as far as anybody knows.
    let is_replaced = first.ended_by == Some(EndedBy::Replaced);
    if !is_replaced && group.all.iter().any(|notice| notice.running_jobs > 0) {
        let fails = first.ended_by.is_some() || first.rule == RuleName::ConnectionBroken;
        say(if fails { &texts.import_fails } else { &texts.import_runs });
    }
    minds
}

/// A connection by its name, else by the platform's id; the id beside it.
pub(super) fn connection(group: &Group<'_>, notice: &MailNotice) -> String {
    let (id, texts) = (clean::name(&notice.connection), &group.voice.texts.name);
    match given_name(notice) {
        Some(name) => texts.with_id.fill(&[("name", &name), ("id", &id)]),
        None => texts.unnamed.fill(&[("id", &id)]),
    }
}

/// The first connection, and how many others.
pub(super) fn names(group: &Group<'_>) -> String {
    let texts = &group.voice.texts.name;
    let first = match given_name(group.first) {
        Some(name) => texts.named.fill(&[("name", &name)]),
        None => texts.unnamed.fill(&[("id", &clean::name(&group.first.connection))]),
    };
    match group.all.len() {
        0 | 1 => first,
        count => texts.and_others.fill(count - 1, &[("first", &first)]),
    }
}

fn given_name(notice: &MailNotice) -> Option<String> {
    notice.name.as_deref().map(clean::name).filter(|name| !name.is_empty())
}

/// Open connections that use the secret: as the ledger counts them, and never fewer than are named here.
fn sharers(group: &Group<'_>) -> usize {
    usize::try_from(group.first.sharers).unwrap_or(usize::MAX).max(group.all.len())
}

/// The secret's age in days, with "at least" where only a lower bound is known.
fn old(group: &Group<'_>) -> String {
    let age = group.now.since(group.first.secret_since);
    match group.first.provenance {
        Provenance::FirstSeen => group.voice.at_least(age),
        _ => group.voice.age(age),
    }
}

/// Who is missing, as a whole sentence.
fn orphaned(group: &Group<'_>, name: &str) -> String {
    let texts = &group.voice.texts.orphaned;
    let missing = match group.first.evidence.get("cause").and_then(serde_json::Value::as_str) {
        Some("creator_suspended") => &texts.suspended,
        Some("no_owner") => &texts.no_owner,
        _ => &texts.removed,
    };
    missing.fill(&[("name", name), ("platform", group.platform)])
}

/// One of the sentences on an end: for one connection, for several, or without a date.
pub(super) const fn end(texts: &EndTexts, connections: usize, dated: bool) -> &Sentence {
    match connections {
        _ if !dated => &texts.undated,
        0 | 1 => &texts.one,
        _ => &texts.other,
    }
}
