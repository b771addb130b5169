//! What is said of keys that are on their way out: how their use ended, what the provider last said, what stands in the
//! way of a proof. Pure.

use serde_json::Value;

use super::clean;
use super::group::Group;
use super::texts::Sentence;
use super::words::{end, names};
use crate::domain::facts::EndedBy;
use crate::domain::outcome::Reason;
use crate::domain::time::Timestamp;
use crate::ports::notify::MailNotice;

/// True where another key has taken its place.
pub(super) const fn is(notice: &MailNotice) -> bool {
    matches!(notice.ended_by, Some(EndedBy::Replaced))
}

/// Whether the key works, as surely as is known.
pub(super) fn works(group: &Group<'_>) -> String {
    let (first, texts) = (group.first, &group.voice.texts.works);
    let doubted = first.belief.refused_last.is_some() || first.belief.unknown_since.is_some() || !first.held;
    if doubted { texts.maybe.fill(&[]) } else { texts.still.fill(&[]) }
}

/// How the use ended, as a whole sentence. Several connections seldom ended at one instant: they share the latest.
pub(super) fn ended(group: &Group<'_>) -> String {
    let texts = &group.voice.texts.ended;
    let latest = group.all.iter().filter_map(|notice| notice.until).max();
    let when = latest.map(|at| group.voice.instant(at));
    let texts = match group.first.ended_by {
        Some(EndedBy::Replaced) => &texts.replaced,
        Some(EndedBy::Absent) => &texts.absent,
        Some(EndedBy::Deleted) => &texts.deleted,
        Some(EndedBy::Identified) | None => &texts.ceased,
    };
    end(texts, group.all.len(), when.is_some()).fill(&[
        ("name", &names(group)),
        ("platform", group.platform),
        ("when", when.as_deref().unwrap_or_default()),
    ])
}

/// When the provider last accepted the key, and what has happened since.
pub(super) fn last_accepted(group: &Group<'_>) -> String {
    let (texts, belief) = (&group.voice.texts.accepted, &group.first.belief);
    let sentence = match (belief.accepted_at, is(group.first)) {
        (Some(_), false) => &texts.at,
        (Some(_), true) => &texts.former_at,
        (None, false) => &texts.now,
        (None, true) => &texts.former_now,
    };
    let when = belief.accepted_at.map(|at| group.voice.instant(at)).unwrap_or_default();
    let mut said = vec![sentence.fill(&[("title", group.title), ("when", &when)])];
    let since = belief.unknown_since.map(|at| group.voice.instant(at));
    if belief.refused_last.is_some() {
        said.push(texts.unconfirmed.fill(&[("refused", &refused(group))]));
    } else if let Some(since) = since {
        let blind = belief.unknown_reason == Some(Reason::Blind);
        let sentence = if blind { &texts.blind } else { &texts.unasked };
        said.push(sentence.fill(&[("since", &since), ("title", group.title)]));
    }
    if let (Some(since), None) = (belief.revived_at, belief.refused_last) {
        said.push(texts.again.fill(&[("since", &group.voice.instant(since))]));
    }
    if !group.first.held {
        said.push(texts.no_copy.fill(&[]));
    }
    said.join(" ")
}

/// What the provider did and when; both instants where there are two. And what proves it beside that.
pub(super) fn refused(group: &Group<'_>) -> String {
    let (texts, belief) = (&group.voice.texts.refused, &group.first.belief);
    let instant = |at: Timestamp| group.voice.instant(at);
    let outlived = belief.outlived.as_ref();
    let outlived = outlived.map(|by| texts.outlived.fill(&[("title", group.title), ("when", &instant(by.at))]));
    if let Some(outlived) = outlived.clone().filter(|_| belief.is_only_outlived()) {
        return outlived;
    }
    let (sentence, first, last) = match (belief.refused_first, belief.refused_last.or(belief.died_at)) {
        (Some(first), Some(last)) if first < last => (&texts.twice, instant(first), instant(last)),
        (Some(at), _) | (None, Some(at)) => (&texts.once, instant(at), String::new()),
        (None, None) => (&texts.now, String::new(), String::new()),
    };
    let protocols = protocols(group, &belief.refused_on, "refused_on");
    let place = protocols.map(|protocols| texts.r#where.fill(&[("protocols", &protocols)])).unwrap_or_default();
    let said = sentence.fill(&[("title", group.title), ("where", &place), ("first", &first), ("last", &last)]);
    let left_out = self::protocols(group, &belief.left_out, "not_asked");
    let left_out = left_out.map(|protocols| texts.left_out.fill(&[("protocols", &protocols)]));
    [Some(said), left_out, outlived].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Protocols by name: as the belief has them, else as the evidence has kept them.
fn protocols(group: &Group<'_>, believed: &[String], fact: &str) -> Option<String> {
    let kept = group.first.evidence.get(fact).and_then(Value::as_array);
    let kept = kept.into_iter().flatten().filter_map(Value::as_str);
    let names: Vec<&str> =
        if believed.is_empty() { kept.collect() } else { believed.iter().map(String::as_str).collect() };
    let names: Vec<String> = names.into_iter().map(|name| clean::name(&name.to_uppercase())).collect();
    (!names.is_empty()).then(|| group.voice.list(&names))
}

/// What stands in the way of a proof, without a full stop.
pub(super) fn unproven(group: &Group<'_>) -> String {
    let (texts, belief) = (&group.voice.texts.unproven, &group.first.belief);
    let plain = |reason: Reason| group.voice.texts.reasons.of(reason);
    let say = |sentence: &Sentence, since: Option<Timestamp>, detail: Option<Reason>| {
        let since = since.map(|at| texts.since.fill(&[("since", &group.voice.instant(at))])).unwrap_or_default();
        let detail = detail.map(|reason| texts.detail.fill(&[("detail", plain(reason))])).unwrap_or_default();
        sentence.fill(&[("since", &since), ("detail", &detail)])
    };
    match group.first.evidence.get("reason").and_then(Value::as_str) {
        Some("oauth") => say(&texts.oauth, None, None),
        Some("no_copy") => plain(Reason::NoCopy).to_owned(),
        Some("no_control") => say(&texts.no_control, belief.refused_first, None),
        Some("protocol_unasked") => say(&texts.protocol_unasked, belief.refused_first, belief.partly),
        Some("unknown_too_long") => say(&texts.unknown_too_long, belief.unknown_since, belief.unknown_reason),
        Some("unconfirmed") => say(&texts.unconfirmed, belief.refused_first, None),
        Some(other) => clean::name(&other.replace('_', " ")),
        None => say(&texts.unsaid, None, None),
    }
}
