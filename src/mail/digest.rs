//! What a digest says and in which order: pure. The templates only lay it out.

mod described;

pub(super) use described::described;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::render::MailSettings;
use super::words::{self, Verb};
use super::{clean, others};
use crate::domain::ids::CredentialId;
use crate::domain::policy::RulePolicy;
use crate::domain::rules;
use crate::domain::time::Timestamp;
use crate::ports::notify::{ClaimedMail, MailNotice};

/// More items than this tire the reader; the rest are told by count.
const MOST_ITEMS: usize = 25;

/// Names of connections that an item spells out.
const MOST_NAMES: usize = 10;

/// One mail's contents, ready for the templates. Other people's text in it is clean.
#[derive(Debug, Serialize)]
pub(super) struct Digest {
    pub(super) subject: String,
    platform: String,
    account: String,
    /// the first line: what this mail asks for
    lead: String,
    items: Vec<Item>,
    /// findings beyond the last item, in words; empty where there are none
    more: String,
    /// the boundaries that the items rest on, in words
    boundaries: Vec<String>,
}

/// Findings of one rule about one credential.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    /// the provider's title
    provider: String,
    heading: String,
    severity: &'static str,
    what: String,
    why: &'static str,
    /// the provider's title and how the key is named
    key: String,
    /// the age of the secret, and how it is known
    age: String,
    /// which connections, by name and by the platform's id
    connections: String,
    /// what to mind before doing it
    minds: Vec<String>,
    path: String,
    link: String,
    old_value: String,
    steps: Vec<String>,
}

/// Notices with the same credential and rule, and all that the sentences need to know beside them.
pub(super) struct Group<'a> {
    /// the first by order of the mail; the others differ in connection only
    pub(super) first: &'a MailNotice,
    pub(super) all: Vec<&'a MailNotice>,
    /// the provider's title
    pub(super) title: &'a str,
    pub(super) platform: &'a str,
    pub(super) max_age: Duration,
    pub(super) now: Timestamp,
}

/// Groups, orders and words what is still current of a mail.
///
/// # Errors
/// A sentence for the operator: the catalogue has no texts for a provider or situation.
pub(super) fn compose(mail: &ClaimedMail, settings: &MailSettings, now: Timestamp) -> Result<Digest, String> {
    let groups = group(mail, settings, now);
    let shown = &groups[..groups.len().min(MOST_ITEMS)];
    let items = shown.iter().map(|group| item(group, settings)).collect::<Result<_, _>>()?;
    let hidden: usize = groups.iter().skip(MOST_ITEMS).map(|group| group.all.len()).sum();
    let platform = clean::name(&settings.platform);
    Ok(Digest {
        subject: subject(&groups),
        lead: lead(&groups, &platform),
        account: clean::name(&mail.account),
        platform,
        items,
        more: more(hidden),
        boundaries: boundaries(shown),
    })
}

fn group<'a>(mail: &'a ClaimedMail, settings: &'a MailSettings, now: Timestamp) -> Vec<Group<'a>> {
    let mut by_subject: BTreeMap<_, Vec<&MailNotice>> = BTreeMap::new();
    for notice in mail.notices.iter().filter(|notice| notice.current) {
        by_subject.entry((notice.credential, notice.rule)).or_default().push(notice);
    }
    let mut groups: Vec<Group<'_>> = by_subject
        .into_values()
        .filter_map(|mut all| {
            // A group is as bad as its worst, and named by its oldest.
            all.sort_by_key(|notice| (std::cmp::Reverse(notice.severity), notice.since, notice.finding));
            let first = *all.first()?;
            let provider = settings.providers.get(&first.provider);
            Some(Group {
                first,
                all,
                title: provider.map_or(first.provider.as_str(), |texts| texts.title.as_str()),
                platform: &settings.platform,
                max_age: settings.max_age.get(&first.provider).copied().unwrap_or(RulePolicy::default().max_age),
                now,
            })
        })
        .collect();
    groups.sort_by_key(|group| {
        let first = group.first;
        (std::cmp::Reverse(first.severity), first.rule, first.since, first.finding)
    });
    groups
}

fn item(group: &Group<'_>, settings: &MailSettings) -> Result<Item, String> {
    let provider = &group.first.provider;
    let texts = settings.providers.get(provider).ok_or_else(|| format!("the catalogue has no texts for {provider}"))?;
    let situation = rules::situation(group.first.rule, group.first.ended_by, group.first.sharers);
    let remedies = situation.map_or(&texts.remedies, |situation| texts.remedies.fitting(group.first.auth, situation));
    let at_provider = situation.is_some(); // else no secret is reset
    let steps = match situation {
        Some(situation) => remedies
            .steps
            .get(&situation)
            .cloned()
            .ok_or_else(|| format!("the catalogue has no steps for {provider} in the situation {situation:?}"))?,
        None => others::steps(group),
    };
    Ok(Item {
        provider: texts.title.clone(),
        heading: words::heading(group),
        severity: group.first.severity.as_str(),
        what: words::what(group),
        why: words::why(group.first.rule),
        key: words::key(group),
        age: words::age(group),
        connections: connections(group),
        minds: if at_provider { words::minds(group, &remedies.breaks) } else { Vec::new() },
        path: remedies.path.clone(),
        link: remedies.link.clone(),
        old_value: if at_provider { remedies.old_value.clone() } else { String::new() },
        steps,
    })
}

/// What to do and how many. A key with several findings counts once, under the worst.
fn subject(groups: &[Group<'_>]) -> String {
    let mut verbs: BTreeMap<CredentialId, Verb> = BTreeMap::new();
    for group in groups {
        verbs.entry(group.first.credential).or_insert_with(|| words::verb(group.first.rule));
    }
    let mut order: Vec<(Verb, usize)> = Vec::new();
    for group in groups {
        let Some(verb) = verbs.remove(&group.first.credential) else { continue };
        match order.iter_mut().find(|(known, _)| *known == verb) {
            Some((_, count)) => *count += 1,
            None => order.push((verb, 1)),
        }
    }
    let keys: usize = order.iter().map(|(_, count)| count).sum();
    let said = match groups {
        [] => "Nothing needs your attention".to_owned(),
        [first, ..] if keys == 1 => words::heading(first),
        _ => {
            let parts: Vec<String> = order.iter().map(|(verb, count)| format!("{} {count}", verb.as_str())).collect();
            format!("{keys} API keys need your attention: {}", parts.join(", "))
        }
    };
    match reminder(groups) {
        Some(step) => format!("Reminder {step}: {said}"),
        None => said,
    }
}

/// The greatest step, where every item has been told before.
fn reminder(groups: &[Group<'_>]) -> Option<u32> {
    let steps = || groups.iter().map(|group| group.all.iter().map(|notice| notice.step).max().unwrap_or(0));
    let told_before = steps().all(|step| step > 0);
    steps().max().filter(|_| told_before)
}

/// One item speaks for itself; several get a line that says how many there are.
fn lead(groups: &[Group<'_>], platform: &str) -> String {
    match groups {
        [one] => format!("{}.", words::heading(one)),
        _ => format!(
            "{} about API keys that you connected to {platform}, the most urgent first. Each says why, and which steps to take.",
            clean::count(groups.len(), "point")
        ),
    }
}

/// Which connections a group is about: names where they have one, the platform's id beside it.
fn connections(group: &Group<'_>) -> String {
    let mut names: Vec<String> = group.all.iter().take(MOST_NAMES).map(|notice| words::connection(notice)).collect();
    let rest = group.all.len().saturating_sub(MOST_NAMES);
    if rest > 0 {
        names.push(format!("and {rest} more"));
    }
    names.join(", ")
}

fn more(hidden: usize) -> String {
    match hidden {
        0 => String::new(),
        _ => format!(
            "And {}, less urgent and not listed here. What is still open then is listed with its next reminder.",
            clean::count(hidden, "more finding")
        ),
    }
}

/// One sentence per limit that the shown items rest on, longest limit last.
fn boundaries(shown: &[Group<'_>]) -> Vec<String> {
    let mut limits: BTreeMap<Duration, Vec<&str>> = BTreeMap::new();
    for group in shown.iter().filter(|group| words::rests_on_age(group.first.rule)) {
        let titles = limits.entry(group.max_age).or_default();
        if !titles.contains(&group.title) {
            titles.push(group.title);
        }
    }
    limits
        .into_iter()
        .map(|(limit, titles)| {
            format!("For {}, stale means older than {}, counted in UTC.", titles.join(" and "), clean::limit(limit))
        })
        .collect()
}
