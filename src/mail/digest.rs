//! What a digest says and in which order: pure. The templates only lay it out; docs/mail-templates.md lists for operators
//! what stands here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::clean;
use super::group::{Group, Scene, groups};
use super::item::{Done, Item, done, item};
use super::render::{MailSettings, UNNAMED};
use super::texts::{LabelTexts, Languages, Sentence};
use super::voice::Voice;
use super::words::{self, Verb};
use crate::domain::ids::{CredentialId, ProviderName};
use crate::domain::link::ActionLink;
use crate::domain::time::Timestamp;
use crate::ports::notify::{Audience, ClaimedMail};

/// More items than this tire the reader; the rest are told by count.
const MOST_ITEMS: usize = 25;

/// The line that mail programs show beside the subject is cut there anyway.
const LONGEST_PREVIEW: usize = 140;

/// One mail's contents, ready for the templates. Other people's text in it is clean.
#[derive(Debug, Serialize)]
pub(super) struct Digest<'a> {
    pub(super) subject: String,
    /// the language's tag
    pub(super) language: &'a str,
    /// what mail programs show beside the subject
    preview: String,
    pub(super) platform: &'a str,
    account: String,
    /// what this mail asks for: its one heading of the first order
    lead: String,
    /// what to know before the first item; empty where there is one item
    intro: String,
    pub(super) items: Vec<Item>,
    /// what is settled
    done: Vec<Done>,
    /// what is settled beyond that, in words; empty where there is nothing
    done_more: String,
    /// findings beyond the last item, in words; empty where there are none
    more: String,
    /// the boundaries that the items rest on, and which clocks the times go by
    notes: Vec<String>,
    /// why the reader gets this
    because: String,
    /// what keysweep is and does not do
    about: String,
    /// the address that ends mails on low severities; empty where there is none
    unsubscribe: &'a str,
    /// the layout's own words
    t: &'a LabelTexts,
    /// providers of which the catalogue says nothing
    #[serde(skip)]
    pub(super) uncatalogued: Vec<ProviderName>,
}

/// Groups, orders and words what is still current of a mail. What the catalogue doesn't know is said in general words.
pub(super) fn compose<'a>(
    mail: &'a ClaimedMail,
    settings: &'a MailSettings,
    languages: &'a Languages,
    platform: &'a str,
    now: Timestamp,
) -> Digest<'a> {
    let (language, texts) = languages.of(mail.locale.as_deref());
    let voice = Voice::new(texts, mail.timezone.as_deref());
    let platform = if platform == UNNAMED { texts.name.platform.as_str() } else { platform };
    let scene = Scene { settings, platform, voice, now };
    let (mut open, closed) = (groups(mail, &scene, false), groups(mail, &scene, true));
    take_turns(&mut open);
    let shown = &open[..open.len().min(MOST_ITEMS)];
    let items: Vec<Item> = shown.iter().map(|group| item(group, mail.audience, settings, language)).collect();
    let done: Vec<Done> = closed.iter().take(MOST_ITEMS).map(|group| done(group, mail.audience, settings)).collect();
    let account = clean::name(&mail.account);
    let said = said(&open, &closed, &voice);
    Digest {
        subject: subject(&said, reminder(&open, mail.earlier), &voice),
        language,
        preview: preview(&items, &done),
        platform,
        intro: intro(&open, mail.audience, &scene),
        items,
        done,
        done_more: more_done(closed.len().saturating_sub(MOST_ITEMS), &voice),
        more: more(&open, &scene),
        notes: notes(shown, &voice),
        because: because(mail.audience, &account, &scene),
        about: texts.footer.about.fill(&[("platform", platform)]),
        unsubscribe: mail.unsubscribe.as_ref().map_or("", ActionLink::expose),
        t: &texts.labels,
        uncatalogued: uncatalogued(shown, settings),
        account,
        lead: lead(said, &open, &closed, &voice),
    }
}

/// What to do and how many. A key with several findings counts once, under the worst.
fn said(open: &[Group<'_>], closed: &[Group<'_>], voice: &Voice<'_>) -> String {
    let texts = &voice.texts.subject;
    let Some(worst) = open.first() else {
        let (refused, over) = ([&texts.done_one, &texts.done_many], [&texts.over_one, &texts.over_many]);
        return settled(closed, voice, refused, over);
    };
    let mut verbs: BTreeMap<CredentialId, Verb> = BTreeMap::new();
    for group in open {
        verbs.entry(group.first.credential).or_insert_with(|| words::verb(group.first.rule));
    }
    let mut order: Vec<(Verb, usize)> = Vec::new();
    for group in open {
        let Some(verb) = verbs.remove(&group.first.credential) else { continue };
        match order.iter_mut().find(|(known, _)| *known == verb) {
            Some((_, count)) => *count += 1,
            None => order.push((verb, 1)),
        }
    }
    let keys: usize = order.iter().map(|(_, count)| count).sum();
    if keys == 1 {
        return words::heading(worst);
    }
    let parts: Vec<String> = order.iter().map(|(verb, count)| verb.said(worst, *count)).collect();
    texts.many.fill(&[("keys", &keys.to_string()), ("verbs", &parts.join(&voice.texts.list.comma))])
}

/// What is settled in a sentence, for one key and for several: each was refused, or one of them never was, for a newer secret took
/// its place.
fn settled(closed: &[Group<'_>], voice: &Voice<'_>, refused: [&Sentence; 2], over: [&Sentence; 2]) -> String {
    let Some(first) = closed.first() else { return voice.texts.subject.nothing.fill(&[]) };
    let keys: BTreeSet<CredentialId> = closed.iter().map(|group| group.first.credential).collect();
    let (name, count) = (words::names(first), keys.len().to_string());
    let [one, many] = if closed.iter().any(|group| group.first.belief.is_only_outlived()) { over } else { refused };
    let sentence = if keys.len() == 1 { one } else { many };
    sentence.fill(&[("title", first.title), ("name", &name), ("count", &count)])
}

fn subject(said: &str, reminder: Option<u32>, voice: &Voice<'_>) -> String {
    match reminder {
        Some(step) => voice.texts.subject.reminder.fill(&[("step", &step.to_string()), ("subject", said)]),
        None => said.to_owned(),
    }
}

/// The greatest step, where every item has been told before, and never more than the mails that this reader has had of them:
/// steps that were told to others, or to nobody, are no reminders to them.
fn reminder(groups: &[Group<'_>], earlier: u32) -> Option<u32> {
    let steps = || groups.iter().map(|group| group.all.iter().map(|notice| notice.step).max().unwrap_or(0));
    let told_before = earlier > 0 && steps().all(|step| step > 0);
    steps().max().filter(|_| told_before).map(|step| step.min(earlier))
}

/// The subject again, without its reminder; of what is settled, a whole sentence.
fn lead(said: String, open: &[Group<'_>], closed: &[Group<'_>], voice: &Voice<'_>) -> String {
    let texts = &voice.texts.lead;
    if open.is_empty() && !closed.is_empty() {
        let (refused, over) = ([&texts.done_one, &texts.done_many], [&texts.over_one, &texts.over_many]);
        return settled(closed, voice, refused, over);
    }
    said
}

fn intro(open: &[Group<'_>], audience: Audience, scene: &Scene<'_>) -> String {
    let (texts, facts) = (&scene.voice.texts.lead, [("platform", scene.platform)]);
    match (audience, open.len()) {
        (_, 0) | (Audience::Account, 1) => String::new(),
        (Audience::Account, _) => texts.many.fill(&facts),
        (Audience::SecurityContact, _) => texts.contact.fill(&facts),
    }
}

/// What was found, or what to do about each of several.
fn preview(items: &[Item], done: &[Done]) -> String {
    let words = match (items, done) {
        ([one], _) => one.what.clone(),
        ([], done) => done.iter().map(|done| done.what.as_str()).collect::<Vec<_>>().join(" "),
        (several, _) => several.iter().map(|item| item.heading.as_str()).collect::<Vec<_>>().join(" · "),
    };
    if words.chars().count() <= LONGEST_PREVIEW {
        return words;
    }
    words.chars().take(LONGEST_PREVIEW - 1).chain(['…']).collect()
}

/// A reminder lists others than the mail before it: those as severe as the last one that is listed take turns, by the step.
fn take_turns(open: &mut [Group<'_>]) {
    let Some(last) = open.get(MOST_ITEMS - 1).map(|group| group.first.severity) else { return };
    let first = open.partition_point(|group| group.first.severity > last);
    let end = open.partition_point(|group| group.first.severity >= last);
    let Some(alike) = open.get_mut(first..end) else { return };
    let step = alike.iter().flat_map(|group| &group.all).map(|notice| notice.step).max().unwrap_or(0);
    let listed = (MOST_ITEMS - first).saturating_mul(usize::try_from(step).unwrap_or(0));
    let turn = listed.checked_rem(alike.len()).unwrap_or(0);
    alike.rotate_left(turn);
}

/// How many findings are not listed, and where they are to be learnt of. They are less urgent only where all are.
fn more(open: &[Group<'_>], scene: &Scene<'_>) -> String {
    let (shown, hidden) = open.split_at(open.len().min(MOST_ITEMS));
    let notices = || hidden.iter().flat_map(|group| &group.all);
    let (Some(last), Some(next)) = (shown.last(), hidden.first()) else { return String::new() };
    let texts = &scene.voice.texts.footer;
    let less = next.first.severity < last.first.severity;
    let count = if less { &texts.more_less_urgent } else { &texts.more }.fill(notices().count(), &[]);
    let later = if notices().all(|notice| notice.reminded) { &texts.more_reminded } else { &texts.more_ask };
    format!("{count} {}", later.fill(&[("platform", scene.platform)]))
}

fn more_done(hidden: usize, voice: &Voice<'_>) -> String {
    match hidden {
        0 => String::new(),
        count => voice.texts.name.more.fill(&[("count", &count.to_string())]),
    }
}

/// One sentence per limit that the shown items rest on, longest limit last; then which clocks the times go by.
fn notes(shown: &[Group<'_>], voice: &Voice<'_>) -> Vec<String> {
    let mut limits: BTreeMap<Duration, Vec<&str>> = BTreeMap::new();
    for group in shown.iter().filter(|group| words::rests_on_age(group.first.rule)) {
        let titles = limits.entry(group.max_age).or_default();
        if !titles.contains(&group.title) {
            titles.push(group.title);
        }
    }
    let boundary = |(limit, titles): (Duration, Vec<&str>)| {
        voice.texts.footer.boundary.fill(&[("titles", &voice.list(&titles)), ("limit", &voice.limit(limit))])
    };
    limits.into_iter().map(boundary).chain([voice.clocks()]).collect()
}

fn because(audience: Audience, account: &str, scene: &Scene<'_>) -> String {
    let (texts, facts) = (&scene.voice.texts.footer, [("account", account), ("platform", scene.platform)]);
    match audience {
        Audience::Account => texts.owner.fill(&facts),
        Audience::SecurityContact => texts.contact.fill(&facts),
    }
}

fn uncatalogued(shown: &[Group<'_>], settings: &MailSettings) -> Vec<ProviderName> {
    let names = shown.iter().map(|group| &group.first.provider);
    names.filter(|name| !settings.providers.contains_key(*name)).cloned().collect()
}
