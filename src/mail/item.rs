//! One point of a mail: what was found, why it matters, what to do, and where. Pure.

use serde::Serialize;

use super::group::Group;
use super::render::{MailSettings, Reversal};
use super::texts::ENGLISH;
use super::{clean, former, others, words};
use crate::domain::record::Auth;
use crate::domain::remedy::{Remedies, Situation};
use crate::domain::rules;
use crate::ports::links::Described;
use crate::ports::notify::Audience;

/// Names of connections that an item spells out.
const MOST_NAMES: usize = 10;

/// Findings of one rule about one credential.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    /// the provider's title
    provider: String,
    pub(super) heading: String,
    /// `critical`, `high`, `medium`, `low`, whatever the language
    severity: &'static str,
    /// the same in the reader's language
    severity_text: String,
    /// the account; empty where the whole mail is about one
    account: String,
    pub(super) what: String,
    /// why it matters, and what whoever has a copy of the key could do
    why: String,
    /// the provider's title and how the key is named
    key: String,
    /// the age of the secret, and how it is known; empty where there is none
    age: String,
    /// which connections, by name and by the platform's id
    connections: String,
    /// what to mind before doing it
    minds: Vec<String>,
    steps: Vec<String>,
    /// the language of `steps`
    steps_language: String,
    /// the language of `breaks`, `path` and `old_value`: the catalogue may not know the reader's
    language: String,
    /// what else stops when it is done; empty where no key is ended
    breaks: String,
    /// the way through the provider's screens; empty where it is not known
    path: String,
    /// the address that opens nearest to it; empty where it is not known
    link: String,
    /// what a link to it is called
    open: String,
    /// what dies at once and what lives on
    old_value: String,
    /// the one thing to press; none where there is nowhere to go
    button: Option<Button>,
}

impl Item {
    /// The same for a page of its own.
    pub(super) fn described(self, platform: &str, language: &str) -> Described {
        Described {
            heading: self.heading,
            platform: platform.to_owned(),
            provider: self.provider,
            what: self.what,
            why: self.why,
            key: self.key,
            age: self.age,
            connections: self.connections,
            minds: self.minds,
            breaks: self.breaks,
            path: self.path,
            link: self.link,
            old_value: self.old_value,
            steps: self.steps,
            language: language.to_owned(),
            steps_language: self.steps_language,
            guide_language: self.language,
        }
    }
}

/// The one thing to press.
#[derive(Debug, Serialize)]
struct Button {
    link: String,
    text: String,
    /// the text with what it is about, for those who hear it alone
    about: String,
    /// what is behind it
    hint: String,
}

/// A finding that has closed.
#[derive(Debug, Serialize)]
pub(super) struct Done {
    key: String,
    account: String,
    connections: String,
    /// what the provider did and when
    pub(super) what: String,
    /// what to mind where the refusal can be taken back; empty elsewhere
    undo: String,
}

/// Words an item, its steps in `language` where the catalogue has them.
pub(super) fn item(group: &Group<'_>, audience: Audience, settings: &MailSettings, language: &str) -> Item {
    let situation = rules::situation(group.first.rule, group.first.ended_by, group.first.sharers);
    let guide = guide(group, situation, settings, language);
    let heading = words::heading(group);
    let open = group.voice.texts.labels.open.fill(&[("title", group.title)]);
    Item {
        provider: group.title.to_owned(),
        severity: group.first.severity.as_str(),
        severity_text: group.voice.texts.severity.of(group.first.severity).to_owned(),
        account: account(group, audience),
        what: words::found(group),
        why: words::why(group, &guide.risk),
        key: words::key(group),
        // A permission has no secret whose age could be told.
        age: if group.is_grant() { String::new() } else { words::age(group) },
        connections: connections(group),
        // Where no key is ended at the provider, nothing stops.
        minds: if situation.is_some() { words::minds(group) } else { Vec::new() },
        button: button(group, &heading, &open, &guide),
        steps: guide.steps,
        steps_language: guide.steps_language,
        language: guide.language,
        breaks: guide.breaks,
        path: guide.path,
        link: guide.link,
        old_value: guide.old_value,
        open,
        heading,
    }
}

/// Words what has been settled.
pub(super) fn done(group: &Group<'_>, audience: Audience, settings: &MailSettings) -> Done {
    let texts = &group.voice.texts.done;
    let undo = match settings.providers.get(&group.first.provider).and_then(|texts| texts.reversal) {
        Some(Reversal::Reset) => texts.reset.fill(&[]),
        Some(Reversal::Delete) => texts.delete.fill(&[]),
        None => String::new(),
    };
    Done {
        key: words::key(group),
        account: account(group, audience),
        connections: connections(group),
        what: former::refused(group),
        undo,
    }
}

/// What the catalogue says of what to do, or what is said without it.
#[derive(Default)]
struct Guide {
    language: String,
    steps: Vec<String>,
    steps_language: String,
    risk: String,
    breaks: String,
    path: String,
    link: String,
    old_value: String,
}

fn guide(group: &Group<'_>, situation: Option<Situation>, settings: &MailSettings, language: &str) -> Guide {
    let general = || match situation {
        Some(situation) => others::fallback(group, situation),
        None => others::steps(group),
    };
    let Some(texts) = settings.providers.get(&group.first.provider) else {
        let (language, steps_language) = (language.to_owned(), language.to_owned());
        return Guide { language, steps: general(), steps_language, ..Guide::default() };
    };
    let (tongue, remedies) = match texts.translations.get(language) {
        Some(translated) => (language, translated),
        None => (ENGLISH, &texts.remedies),
    };
    let auth = if group.is_grant() { Auth::Oauth } else { Auth::Key };
    let fitting =
        situation.map_or(remedies, |situation| remedies.fitting(auth, group.first.kind.as_deref(), situation));
    let Remedies { path, link, old_value, breaks, words, mut steps, .. } = fitting.clone();
    // The catalogue has steps for every situation; should it ever not, general ones are better than none.
    let (steps, steps_language) = match situation.and_then(|situation| steps.remove(&situation)) {
        Some(steps) => (steps, tongue),
        None => (general(), language),
    };
    // Where no key is ended at the provider, nothing stops and no old value dies; and the way to the button that ends one is
    // no way for what leaves it be.
    let is_ended = match situation {
        None | Some(Situation::WrongKind) => false,
        // What is refused already is only made anew; where that ends the one before, it may be another that is in force.
        Some(Situation::Broken) => texts.renewal_ends && !group.is_grant(),
        Some(_) => true,
    };
    let shown = |text: String, is_shown: bool| if is_shown { text } else { String::new() };
    Guide {
        language: tongue.to_owned(),
        steps,
        steps_language: steps_language.to_owned(),
        risk: if tongue == language { words.risk } else { String::new() },
        breaks: shown(breaks, is_ended),
        path: shown(path, situation.is_some()),
        link,
        old_value: shown(old_value, is_ended),
    }
}

/// The reader's own page, else the provider's.
fn button(group: &Group<'_>, heading: &str, open: &str, guide: &Guide) -> Option<Button> {
    let texts = &group.voice.texts.labels;
    let page = group.all.iter().find_map(|notice| notice.link.as_ref());
    if let Some(page) = page {
        return Some(Button {
            link: page.expose().to_owned(),
            text: texts.button.clone(),
            about: texts.button_about.fill(&[("heading", heading)]),
            hint: texts.button_hint.clone(),
        });
    }
    (!guide.link.is_empty()).then(|| Button {
        link: guide.link.clone(),
        text: open.to_owned(),
        about: if guide.path.is_empty() { open.to_owned() } else { format!("{open}: {}", guide.path) },
        hint: String::new(),
    })
}

fn account(group: &Group<'_>, audience: Audience) -> String {
    match audience {
        Audience::Account => String::new(),
        Audience::SecurityContact => clean::name(&group.first.account),
    }
}

/// Which connections a group is about: names where they have one, the platform's id beside it.
fn connections(group: &Group<'_>) -> String {
    let mut names: Vec<String> =
        group.all.iter().take(MOST_NAMES).map(|notice| words::connection(group, notice)).collect();
    let rest = group.all.len().saturating_sub(MOST_NAMES);
    if rest > 0 {
        names.push(group.voice.texts.name.more.fill(&[("count", &rest.to_string())]));
    }
    names.join(&group.voice.texts.list.comma)
}
