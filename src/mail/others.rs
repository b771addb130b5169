//! Sentences of rules whose facts stand in their evidence, and the steps where a provider has none: pure.

use serde_json::Value;

use super::clean::{self, instant};
use super::digest::Group;
use super::words::kind_words;
use crate::domain::finding::RuleName;
use crate::domain::record::UsedFor;
use crate::domain::time::Timestamp;

/// Who says since when that others know the secret. To its owner, platform and operator are one.
pub(super) fn compromised(group: &Group<'_>, name: &str) -> String {
    let platform = clean::name(group.platform);
    let since = time(group, "compromised_at").map(|at| format!(" since {}", instant(at))).unwrap_or_default();
    let accepted = group.first.belief.accepted_at.filter(|_| group.first.held);
    let accepted = accepted.map(|at| format!(" {} last accepted it on {}.", group.title, instant(at)));
    format!(
        "{platform} says that the {} secret of {name} is known to others{since}.{}",
        group.title,
        accepted.unwrap_or_default()
    )
}

/// What the value is, and what it ought to be.
pub(super) fn wrong_kind(group: &Group<'_>, name: &str) -> String {
    let kind = |name: &str| text(group, name).map(|kind| clean::name(&kind_words(kind)));
    match (kind("kind"), kind("wanted_kind")) {
        (Some(kind), Some(wanted)) => {
            format!(
                "{} takes the value that {name} was connected with for its {kind}; the {wanted} is needed.",
                group.title
            )
        }
        _ => format!("{} takes the value that {name} was connected with for another kind of key.", group.title),
    }
}

/// What else the key does.
pub(super) fn mixed(group: &Group<'_>, name: &str) -> String {
    let used_for = |what| group.all.iter().any(|notice| notice.used_for.contains(&what));
    let ways = match (used_for(UsedFor::Smtp), used_for(UsedFor::Transactional)) {
        (true, true) => "mail over SMTP and transactional mail",
        (true, false) => "mail over SMTP",
        (false, true) => "transactional mail",
        (false, false) => "mail",
    };
    format!("The {} key that synchronises the lists of {name} also sends {ways}.", group.title)
}

/// Since when nothing has been synchronised.
pub(super) fn idle(group: &Group<'_>, name: &str) -> String {
    match time(group, "last_sync_at") {
        Some(at) => format!("{name} last synchronised on {}.", instant(at)),
        None => format!("{name} has never synchronised since it was made."),
    }
}

/// What to do where that is no matter of the provider's screens.
pub(super) fn steps(group: &Group<'_>) -> Vec<String> {
    let (title, platform) = (group.title, clean::name(group.platform));
    match group.first.rule {
        RuleName::MixedUse => vec![
            format!("Make another key at {title}, and let everything that sends mail use that one."),
            format!("Leave this key to {platform} alone. From then on it can be reset without stopping your mail."),
        ],
        RuleName::ConnectionIdle => vec![
            format!("If the connection is still needed, look on {platform} why it doesn't synchronise."),
            format!("If it isn't, delete it on {platform}. Its key still works then: revoke it at {title}."),
        ],
        _ => vec![format!("Ask whoever runs {platform} to correct the owner's address.")],
    }
}

fn text<'a>(group: &Group<'a>, name: &str) -> Option<&'a str> {
    group.first.evidence.get(name).and_then(Value::as_str)
}

fn time(group: &Group<'_>, name: &str) -> Option<Timestamp> {
    text(group, name).and_then(Timestamp::parse)
}
