//! What the template is given: words, decided here and only laid out there. Pure.

use std::time::Duration;

use serde::Serialize;

use super::evidence::Ground;
use super::form::SNOOZES;
use super::texts::{Texts, fill};
use crate::domain::action::{Act, ActPolicy, Actor, Change, Pause, Why, decide};
use crate::domain::time::{days, minutes};
use crate::ports::links::Described;

const STYLE: &str = super::STYLE;

/// An answer is new for so long; then the page has it among how it stands, with its date.
const JUST_NOW: Duration = minutes(10);

/// A page.
#[derive(Serialize)]
pub(super) struct View<'a> {
    lang: &'static str,
    style: &'static str,
    t: &'static Texts,
    heading: String,
    told: Option<Note>,
    /// what is said on a page without a finding
    lines: Vec<String>,
    found: Option<Found<'a>>,
    settled: Option<Settled<'a>>,
    evidence: Vec<String>,
    /// the words of the provider's link
    open: String,
    acts: Option<Acts>,
    nonce: String,
    footer: String,
}

/// What became of an act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Note {
    text: String,
    /// true where nothing came of it
    warn: bool,
    /// true where the page will soon say more
    again: bool,
}

#[derive(Serialize)]
struct Found<'a> {
    what: &'a str,
    why: &'a str,
    key: &'a str,
    connections: &'a str,
    age: &'a str,
    steps: &'a [String],
    link: &'a str,
    old_value: &'a str,
    minds: &'a [String],
    breaks: &'a str,
    /// the language's tag of all of it but for what follows: mails may know more languages than the page
    language: &'a str,
    steps_language: &'a str,
    /// of `old_value` and `breaks`
    guide_language: &'a str,
}

/// What was found, once it is over.
#[derive(Serialize)]
struct Settled<'a> {
    key: &'a str,
    connections: &'a str,
    /// the tag of their language
    language: &'a str,
}

/// What may be done: for each act that may, what it means.
#[derive(Default, Serialize)]
struct Acts {
    check: Option<String>,
    reset: Option<String>,
    /// true where an owner's word is all that there is going to be
    by_hand: bool,
    resume: Option<String>,
    snooze: Vec<Choice>,
    not_mine: bool,
    compromised: Option<String>,
    destroy: Option<String>,
    mute: bool,
    unmute: bool,
}

#[derive(Serialize)]
struct Choice {
    days: u32,
    label: String,
}

/// What the address says after an act; the page has the words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Checked,
    Reset,
    Snoozed,
    Resumed,
    Disowned,
    Destroyed,
    Compromised,
    TooOften,
    Unfit,
    Unsure,
    Muted,
    Unmuted,
}

impl Told {
    pub(super) const ALL: [Self; 12] = [
        Self::Checked,
        Self::Reset,
        Self::Snoozed,
        Self::Resumed,
        Self::Disowned,
        Self::Destroyed,
        Self::Compromised,
        Self::TooOften,
        Self::Unfit,
        Self::Unsure,
        Self::Muted,
        Self::Unmuted,
    ];

    /// The one word.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Reset => "reset",
            Self::Snoozed => "snoozed",
            Self::Resumed => "resumed",
            Self::Disowned => "disowned",
            Self::Destroyed => "destroyed",
            Self::Compromised => "compromised",
            Self::TooOften => "too-often",
            Self::Unfit => "unfit",
            Self::Unsure => "unsure",
            Self::Muted => "muted",
            Self::Unmuted => "unmuted",
        }
    }

    /// What stands behind the question mark of an address.
    pub(super) fn parse(query: Option<&str>) -> Option<Self> {
        let word = query?.strip_prefix("told=")?;
        Self::ALL.into_iter().find(|told| told.as_str() == word)
    }

    /// What was done, in a word.
    pub(super) const fn of(change: Change, act: Act) -> Self {
        match (change, act) {
            (Change::Check, _) | (_, Act::Check) => Self::Checked,
            (_, Act::Reset) => Self::Reset,
            (_, Act::Snooze { .. } | Act::Acknowledge { .. }) => Self::Snoozed,
            (_, Act::Resume) => Self::Resumed,
            (_, Act::NotMine) => Self::Disowned,
            (_, Act::Destroy) => Self::Destroyed,
            (_, Act::Compromised) => Self::Compromised,
        }
    }

    const fn sentence(self, texts: &Texts) -> &'static str {
        match self {
            Self::Checked => texts.told_asking,
            Self::Reset => texts.told_reset,
            Self::Snoozed => texts.told_snoozed,
            Self::Resumed => texts.told_resumed,
            Self::Disowned => texts.told_disowned,
            Self::Destroyed => texts.told_destroyed,
            Self::Compromised => texts.told_compromised,
            Self::TooOften => texts.told_too_often,
            Self::Unfit => texts.told_unfit,
            Self::Unsure => texts.told_unsure,
            Self::Muted => texts.told_muted,
            Self::Unmuted => texts.told_unmuted,
        }
    }

    const fn is_warning(self) -> bool {
        matches!(self, Self::TooOften | Self::Unfit | Self::Unsure)
    }
}

impl<'a> View<'a> {
    /// A finding's page.
    pub(super) fn of_finding(
        ground: &Ground<'_>,
        described: &'a Described,
        policy: &ActPolicy,
        told: Option<Told>,
        nonce: String,
    ) -> Self {
        let texts = ground.texts;
        let Described { what, why, key, connections, age, steps, link, old_value, minds, breaks, .. } = described;
        let Described { language, steps_language, guide_language, .. } = described;
        // Whatever a catalogue says, this page leads nowhere but to a provider's own site.
        let link = if link.starts_with("https://") { link.as_str() } else { "" };
        Self {
            heading: described.heading.clone(),
            told: note(ground, told),
            found: Some(Found {
                what,
                why,
                key,
                connections,
                age,
                steps,
                link,
                old_value,
                minds,
                breaks,
                language,
                steps_language,
                guide_language,
            }),
            evidence: ground.evidence(),
            open: ground.plain(texts.open),
            acts: Some(acts(ground, policy)),
            nonce,
            footer: ground.plain(texts.footer),
            ..Self::bare(texts, String::new())
        }
    }

    /// The page of a finding that closed because its key is proven dead: the proof, and nothing to do.
    pub(super) fn of_settled(ground: &Ground<'_>, described: &'a Described, told: Option<Told>) -> Self {
        let texts = ground.texts;
        let Described { key, connections, language, .. } = described;
        Self {
            told: note(ground, told),
            lines: vec![ground.plain(texts.settled_text)],
            settled: Some(Settled { key, connections, language }),
            evidence: ground.evidence(),
            footer: ground.plain(texts.footer),
            ..Self::bare(texts, texts.settled.to_owned())
        }
    }

    /// The page that ends mails about low severities, or has them begin again.
    pub(super) fn of_unsubscribe(texts: &'static Texts, muted: bool, told: Option<Told>, nonce: String) -> Self {
        let told = told
            .filter(|told| matches!((told, muted), (Told::Muted, true) | (Told::Unmuted, false)))
            .or(muted.then_some(Told::Muted))
            .map(|told| Note { text: told.sentence(texts).to_owned(), warn: false, again: false });
        Self {
            told,
            lines: vec![texts.unsubscribe_text.to_owned()],
            acts: Some(Acts { mute: !muted, unmute: muted, ..Acts::default() }),
            nonce,
            ..Self::bare(texts, texts.unsubscribe.to_owned())
        }
    }

    /// A page that says that something is not to be had.
    pub(super) fn of_nothing(texts: &'static Texts, heading: &'static str, line: &'static str) -> Self {
        Self { lines: vec![line.to_owned()], ..Self::bare(texts, heading.to_owned()) }
    }

    fn bare(texts: &'static Texts, heading: String) -> Self {
        Self {
            lang: texts.lang,
            style: STYLE,
            t: texts,
            heading,
            told: None,
            lines: Vec::new(),
            found: None,
            settled: None,
            evidence: Vec::new(),
            open: String::new(),
            acts: None,
            nonce: String::new(),
            footer: String::new(),
        }
    }
}

/// What became of the last act. That an answer is waited for is said whatever the address says.
fn note(ground: &Ground<'_>, told: Option<Told>) -> Option<Note> {
    let texts = ground.texts;
    match (ground.linked.check, told) {
        (Some(check), _) if check.answered_at.is_none() => {
            Some(Note { text: ground.plain(texts.told_asking), warn: false, again: true })
        }
        (Some(check), Some(Told::Checked)) => {
            let is_new = check.answered_at.is_some_and(|at| ground.now.since(at) < JUST_NOW);
            is_new.then(|| Note { text: ground.answer(check.at), warn: false, again: false })
        }
        (_, Some(told)) if told != Told::Checked => {
            let sentence = if told == Told::Reset { thanks(ground) } else { told.sentence(texts) };
            Some(Note { text: ground.plain(sentence), warn: told.is_warning(), again: false })
        }
        _ => None,
    }
}

/// What is going to show that it was reset.
fn thanks(ground: &Ground<'_>) -> &'static str {
    let (matter, texts) = (&ground.linked.matter, ground.texts);
    match matter.pause {
        _ if matter.held => texts.told_reset,
        Some(Pause { why: Why::Confirmed, .. }) => texts.told_reset_by_hand,
        _ => texts.told_reset_unasked,
    }
}

fn acts(ground: &Ground<'_>, policy: &ActPolicy) -> Acts {
    let (linked, texts, now) = (ground.linked, ground.texts, ground.now);
    let actor = Actor::Member(linked.member);
    let change =
        |act| decide(act, &actor, &linked.matter, now, policy).ok().filter(|change| *change != Change::Nothing);
    let may = |act| change(act).is_some();
    let reset = change(Act::Reset);
    let by_hand = matches!(reset, Some(Change::Pause(Pause { why: Why::Confirmed, .. })));
    let choices = SNOOZES.into_iter().filter(|count| may(Act::Snooze { until: now + days(u64::from(*count)) }));
    Acts {
        check: may(Act::Check).then(|| ground.plain(texts.check_hint)),
        reset: reset.map(|_| match linked.matter.held {
            _ if by_hand => ground.plain(texts.reset_by_hand_hint),
            true => ground.at(texts.reset_hint, now + policy.reset_window),
            false => ground.at(texts.reset_unasked_hint, now + policy.reset_window),
        }),
        by_hand,
        resume: may(Act::Resume).then(|| texts.resume_hint.to_owned()),
        snooze: choices.map(|days| Choice { days, label: fill(texts.days, &[("days", &days.to_string())]) }).collect(),
        not_mine: may(Act::NotMine),
        compromised: may(Act::Compromised).then(|| ground.plain(texts.compromised_hint)),
        destroy: may(Act::Destroy).then(|| ground.plain(texts.destroy_hint)),
        mute: false,
        unmute: false,
    }
}
