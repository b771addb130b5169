//! What a catalogue file may not say, whoever wrote it.
//!
//! The types already refuse what can't be read. Here is what can be read and would do harm: a bare status that turns a
//! key away, a credential in a host's name, an address that a customer may choose freely.

mod protocol;

use std::collections::BTreeSet;

use super::Provider;
use super::trial::try_out;
use crate::domain::record::Auth;
use crate::domain::remedy::{Remedies, Situation};

/// What a connection by permission needs steps for: nobody can ask whether its key is dead.
const NEEDED_FOR_GRANTS: [Situation; 3] = [Situation::DeletedAlive, Situation::Orphaned, Situation::Unproven];

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// the key as a dotted path, lists counted from 0: `protocol[0].probe[1].path`
    pub at: String,
    /// what is wrong
    pub what: String,
    /// what to do
    pub todo: String,
}

impl Fault {
    fn new(at: impl Into<String>, what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { at: at.into(), what: what.into(), todo: todo.into() }
    }
}

/// Everything that is wrong with a file that could be read, and every example that its rows judge otherwise.
pub fn check(provider: &Provider) -> Vec<Fault> {
    let mut faults = Vec::new();
    name(provider, &mut faults);
    limits(provider, &mut faults);
    credential(provider, &mut faults);
    remedies(provider, &mut faults);
    texts(provider, &mut faults);
    protocol::check(provider, &mut faults);
    examples(provider, &mut faults);
    faults
}

fn name(provider: &Provider, faults: &mut Vec<Fault>) {
    let name = provider.name.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
        let todo = "write at most 40 lower-case letters, digits and hyphens: it is a word in settings and metrics";
        faults.push(Fault::new("name", format!("{name:?} is no name"), todo));
    }
    if provider.title.trim().is_empty() {
        faults.push(Fault::new("title", "it is empty", "write the name as people know it"));
    }
}

fn limits(provider: &Provider, faults: &mut Vec<Fault>) {
    let limits = &provider.limits;
    let account = limits.account.map(|account| (account.requests, account.per_seconds));
    let numbers = [
        ("limits.requests", Some(u64::from(limits.requests))),
        ("limits.per_seconds", Some(u64::from(limits.per_seconds))),
        ("limits.in_flight", Some(limits.in_flight as u64)),
        ("limits.account.requests", account.map(|(requests, _)| u64::from(requests))),
        ("limits.account.per_seconds", account.map(|(_, seconds)| u64::from(seconds))),
        ("age.max_days", Some(provider.age.max_days)),
    ];
    for (at, _) in numbers.into_iter().filter(|(_, number)| *number == Some(0)) {
        faults.push(Fault::new(at, "it is 0", "write 1 or more"));
    }
}

fn credential(provider: &Provider, faults: &mut Vec<Fault>) {
    let kinds = &provider.credential.kinds;
    if !kinds.is_empty() && !kinds.iter().any(|kind| kind.wanted) {
        let todo = "mark the kind that a connection needs with wanted = true";
        faults.push(Fault::new("credential.kind[0].wanted", "no kind is wanted", todo));
    }
    for (index, kind) in kinds.iter().enumerate() {
        if kinds[..index].iter().any(|other| other.name == kind.name) {
            let what = format!("there is another kind of the name {:?}", kind.name);
            faults.push(Fault::new(format!("credential.kind[{index}].name"), what, "give each a name of its own"));
        }
    }
}

fn remedies(provider: &Provider, faults: &mut Vec<Fault>) {
    guide(&provider.remedies, "remedies", &Situation::ALL, faults);
    match &provider.remedies.oauth {
        Some(grant) if !grant.general => {
            guide(grant, "remedies.oauth", &NEEDED_FOR_GRANTS, faults);
            if grant.oauth.is_some() {
                faults.push(Fault::new("remedies.oauth.oauth", "it stands in itself", "take it out"));
            }
        }
        _ if provider.connects_by == Auth::Oauth => {
            let todo = "add [remedies.oauth]: how a person disconnects the platform at the provider";
            faults.push(Fault::new("remedies.oauth", "it is missing, though connects_by is oauth", todo));
        }
        _ => {}
    }
    for (name, kind) in &provider.remedies.kinds {
        let at = format!("remedies.kind.{name}");
        if !provider.credential.kinds.iter().any(|known| known.name == *name) {
            let todo = "write the name of one of [[credential.kind]]";
            faults.push(Fault::new(&at, format!("there is no kind {name:?}"), todo));
        }
        of_kind(kind, &at, faults);
    }
}

/// Steps for one kind of value: those that there are, and nothing within them.
fn of_kind(kind: &Remedies, at: &str, faults: &mut Vec<Fault>) {
    let given: Vec<Situation> = kind.steps.keys().copied().collect();
    guide(kind, at, &given, faults);
    if kind.oauth.is_some() || !kind.kinds.is_empty() || given.is_empty() {
        let todo = "write steps for the situations in which this kind needs others, and nothing else beside its words";
        faults.push(Fault::new(format!("{at}.steps"), "it is made of steps", todo));
    }
}

fn texts(provider: &Provider, faults: &mut Vec<Fault>) {
    for (tag, translation) in &provider.texts {
        let at = format!("texts.{tag}");
        let is_tag = (2..=3).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_lowercase()) && tag != "en";
        if !is_tag {
            let todo = "write a language's tag of two or three letters, such as de; English stands in remedies";
            faults.push(Fault::new(&at, format!("{tag:?} is no other language"), todo));
        }
        let translated = translation.of(&provider.remedies);
        guide(&translated, &at, &Situation::ALL, faults);
        match (&provider.remedies.oauth, &translated.oauth) {
            (Some(_), Some(grant)) => guide(grant, &format!("{at}.oauth"), &NEEDED_FOR_GRANTS, faults),
            (Some(grant), None) if !grant.general => {
                let todo = "translate it as well: it goes with [remedies.oauth]";
                faults.push(Fault::new(format!("{at}.oauth"), "it is missing", todo));
            }
            _ => {}
        }
        kinds_in(&translated, &at, &provider.remedies, faults);
    }
}

/// In another language each kind has steps for the very situations that it has them for in English: the steps of the other
/// kinds would name another value.
fn kinds_in(translated: &Remedies, at: &str, original: &Remedies, faults: &mut Vec<Fault>) {
    for name in original.kinds.keys().chain(translated.kinds.keys()).collect::<BTreeSet<_>>() {
        let at = format!("{at}.kind.{name}");
        let situations =
            |remedies: &Remedies| remedies.kinds.get(name).map(|kind| kind.steps.keys().copied().collect());
        let (here, there): (Option<Vec<Situation>>, _) = (situations(translated), situations(original));
        if here != there {
            let todo = format!("write it for the situations of [remedies.kind.{name}]");
            faults.push(Fault::new(&at, "it doesn't go with the English one", todo));
        }
        if let Some(kind) = translated.kinds.get(name) {
            of_kind(kind, &at, faults);
        }
    }
}

fn guide(remedies: &Remedies, at: &str, needed: &[Situation], faults: &mut Vec<Fault>) {
    for situation in needed {
        let steps = remedies.steps.get(situation);
        if steps.is_none_or(|steps| steps.is_empty() || steps.iter().any(|step| step.trim().is_empty())) {
            let at = format!("{at}.steps.{}", situation.as_str());
            faults.push(Fault::new(
                at,
                "it has no steps, or an empty one",
                "write what a person is to do, step by step",
            ));
        }
    }
    for (key, text) in [("path", &remedies.path), ("old_value", &remedies.old_value), ("breaks", &remedies.breaks)] {
        if text.trim().is_empty() {
            faults.push(Fault::new(format!("{at}.{key}"), "it is empty", "write it in plain sentences"));
        }
    }
    let host = remedies.link.strip_prefix("https://").filter(|rest| !rest.starts_with('/') && !rest.is_empty());
    if host.is_none_or(|host| host.contains(char::is_whitespace)) {
        let todo = "write the address that opens nearest to the screen, beginning with https://";
        faults.push(Fault::new(format!("{at}.link"), format!("{:?} is no link", remedies.link), todo));
    }
}

fn examples(provider: &Provider, faults: &mut Vec<Fault>) {
    let trial = try_out(provider);
    for tried in trial.tried.iter().filter(|tried| !tried.holds()) {
        let what = format!("{:?} should be {}, and the rows say {}", tried.name, tried.expected, tried.found);
        faults.push(Fault::new(
            tried.at.clone(),
            what,
            "correct the example or the rows; the first row that fits decides",
        ));
    }
    for at in trial.unshown {
        let todo = "add an example that meets it; if none can, a row before it takes them all";
        faults.push(Fault::new(at, "no example shows this row", todo));
    }
}

#[cfg(test)]
mod tests;
