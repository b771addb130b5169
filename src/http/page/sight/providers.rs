//! Whether the providers are in sight.

use super::{Level, Line, title, trouble};
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::http::page::facts::Facts;
use crate::http::page::words::{When, counted, harmless};
use crate::ledger::read::BlindOverview;

pub(super) fn providers(facts: &Facts<'_>) -> Vec<Line> {
    let given_up = &facts.health.given_up;
    let used = facts.overview.iter().flat_map(|overview| overview.providers.keys());
    let blind = facts.overview.iter().flat_map(|overview| &overview.blind).map(|blind| &blind.provider);
    let mut names: Vec<&ProviderName> = used.chain(given_up.keys()).chain(blind).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() && facts.is_being_counted() {
        return vec![Line::uncounted("All")];
    }
    if names.is_empty() {
        return vec![Line::new("none", Level::Unknown, "not asked yet", "no credential is known")];
    }
    names.into_iter().map(|name| provider(facts, name)).collect()
}

/// Whether one provider is in sight.
pub(in crate::http::page) fn provider(facts: &Facts<'_>, name: &ProviderName) -> Line {
    let blind: Vec<&BlindOverview> = blind_at(name, facts).collect();
    let title = title(facts, name);
    // Where nothing is left to ask about, no answer will ever end it.
    let numbers = facts.overview.and_then(|overview| overview.providers.get(name));
    let given_up = facts.health.given_up.get(name).filter(|_| numbers.is_none_or(|numbers| numbers.answers.to_ask > 0));
    let line = match (given_up, facts.about.providers.contains_key(name)) {
        (Some(seen), _) => {
            Line::new(title, Level::Trouble, "given up", "no definite answer since the first of its failures,")
                .at(Some(When::of(seen.since, facts.now)))
                .more(format!("{}. Nothing follows from that for its keys; they stay due.", trouble(seen)))
        }
        (None, false) => Line::new(title, Level::Look, "unknown", "it is not in the catalogue, so it is not asked"),
        // Who turns everybody away is blind; that they say nothing definite follows from it.
        (None, true) if !blind.is_empty() => Line::new(title, Level::Well, "answering", ""),
        (None, true) => answering(title, name, facts),
    };
    blind.into_iter().fold(line, |line, blind| blinded(line, blind, facts.now))
}

/// What its last answers say of a provider that is neither given up nor blind: for these it takes more keys than it may
/// have.
fn answering(title: String, name: &ProviderName, facts: &Facts<'_>) -> Line {
    let Some(overview) = facts.overview else {
        return Line::uncounted(title);
    };
    let answers = overview.providers.get(name).map(|numbers| numbers.answers).unwrap_or_default();
    if let Some(since) = answers.silent_since() {
        let keys = counted(answers.asked, "key was", "keys were");
        let more = format!(
            "{keys} asked about, and no last answer says anything definite. Nothing follows from that for them; `keysweep \
             doctor` tries whether it can be reached"
        );
        return Line::new(title, Level::Trouble, "no answer", "nothing definite since")
            .at(Some(When::of(since, facts.now)))
            .more(more);
    }
    match (answers.to_ask, answers.asked) {
        (0, _) => Line::new(title, Level::Well, "nothing to ask", "no key is held there that is to be asked about"),
        (_, 0) => Line::new(title, Level::Unknown, "not asked yet", ""),
        _ => Line::new(title, Level::Well, "answering", ""),
    }
}

fn blind_at<'a>(name: &'a ProviderName, facts: &'a Facts<'_>) -> impl Iterator<Item = &'a BlindOverview> {
    facts.overview.iter().flat_map(|overview| &overview.blind).filter(move |blind| blind.provider == *name)
}

/// A provider that is given up as well is that first.
fn blinded(line: Line, blind: &BlindOverview, now: Timestamp) -> Line {
    let since = When::of(blind.since, now);
    let what = format!(
        "{}/{}: {}. No refusal there is believed until that ends; `keysweep providers trust {}` ends it",
        harmless(&blind.protocol),
        harmless(&blind.endpoint),
        blind.why.sentence(),
        harmless(blind.provider.as_str())
    );
    match line.level {
        Level::Trouble => line.more(format!("blind since {}: {what}", since.words)),
        _ => Line { level: Level::Trouble, word: "blind", lead: "since".to_owned(), ..line }.at(Some(since)).more(what),
    }
}
