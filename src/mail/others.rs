//! Sentences of rules whose facts stand in their evidence, and the steps where a provider has none: pure.

use serde_json::Value;

use super::clean;
use super::group::Group;
use super::texts::Sentence;
use super::words::kind_words;
use crate::domain::facts::SaidBy;
use crate::domain::finding::RuleName;
use crate::domain::record::UsedFor;
use crate::domain::remedy::Situation;
use crate::domain::time::Timestamp;

/// Who says since when that others know the secret. To its owner, platform and operator are one; their own people are not.
pub(super) fn compromised(group: &Group<'_>, name: &str) -> String {
    let texts = &group.voice.texts.compromised;
    let since = time(group, "compromised_at").map(|at| group.voice.instant(at));
    let is_own = group.first.evidence.get("said_by").is_some_and(|by| by == SaidBy::Account.as_str());
    let known = match (since.is_some(), group.is_grant()) {
        (true, false) if is_own => &texts.own,
        (true, true) if is_own => &texts.own_grant,
        (true, false) => &texts.known_since,
        (false, false) => &texts.known,
        (true, true) => &texts.grant_since,
        (false, true) => &texts.grant,
    };
    let known = known.fill(&[
        ("platform", group.platform),
        ("title", group.title),
        ("name", name),
        ("since", since.as_deref().unwrap_or_default()),
    ]);
    match group.first.belief.accepted_at.filter(|_| group.first.held) {
        Some(at) => {
            let accepted = texts.accepted.fill(&[("title", group.title), ("when", &group.voice.instant(at))]);
            format!("{known} {accepted}")
        }
        None => known,
    }
}

/// What the value is, and what it ought to be.
pub(super) fn wrong_kind(group: &Group<'_>, name: &str) -> String {
    let texts = &group.voice.texts.wrong_kind;
    let kind = |name: &str| text(group, name).map(|kind| clean::name(&kind_words(kind)));
    match (kind("kind"), kind("wanted_kind")) {
        (Some(kind), Some(wanted)) => {
            texts.named.fill(&[("title", group.title), ("name", name), ("kind", &kind), ("wanted", &wanted)])
        }
        _ => texts.unnamed.fill(&[("title", group.title), ("name", name)]),
    }
}

/// What else the key does.
pub(super) fn mixed(group: &Group<'_>, name: &str) -> String {
    let texts = &group.voice.texts.mixed;
    let ways = match (group.serves(UsedFor::Smtp), group.serves(UsedFor::Transactional)) {
        (true, true) => &texts.both,
        (true, false) => &texts.smtp,
        (false, true) => &texts.transactional,
        (false, false) => &texts.mail,
    };
    ways.fill(&[("title", group.title), ("name", name)])
}

/// Since when nothing has been synchronised.
pub(super) fn idle(group: &Group<'_>, name: &str) -> String {
    let texts = &group.voice.texts.idle;
    match time(group, "last_sync_at") {
        Some(at) => texts.since.fill(&[("name", name), ("when", &group.voice.instant(at))]),
        None => texts.never.fill(&[("name", name)]),
    }
}

/// What to do where that is no matter of the provider's screens.
pub(super) fn steps(group: &Group<'_>) -> Vec<String> {
    let texts = &group.voice.texts.steps;
    let steps = match group.first.rule {
        RuleName::MixedUse => &texts.mixed,
        RuleName::ConnectionIdle if group.is_grant() => &texts.idle_grant,
        RuleName::ConnectionIdle => &texts.idle,
        _ => &texts.unreachable,
    };
    filled(group, steps)
}

/// What to do at a provider of which the catalogue says nothing.
pub(super) fn fallback(group: &Group<'_>, situation: Situation) -> Vec<String> {
    filled(group, group.voice.texts.fallback.of(situation))
}

fn filled(group: &Group<'_>, steps: &[Sentence]) -> Vec<String> {
    let facts = [("title", group.title), ("platform", group.platform)];
    steps.iter().map(|step| step.fill(&facts)).collect()
}

fn text<'a>(group: &Group<'a>, name: &str) -> Option<&'a str> {
    group.first.evidence.get(name).and_then(Value::as_str)
}

fn time(group: &Group<'_>, name: &str) -> Option<Timestamp> {
    text(group, name).and_then(Timestamp::parse)
}
