//! `[policy]`: what the rules go by, for everybody, for some, and what is accepted for a while.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;

use super::problem::Fault;
use super::reader::Section;
use super::tree::{Node, Value};
use super::values::{duration, quoted, some_days, some_time, text, words};
use crate::domain::finding::RuleName;
use crate::domain::ids::ProviderName;
use crate::domain::policy::{Exemption, Exemptions, Override, Overrides, Scope, may_be_exempt};
use crate::domain::spelling::nearest;
use crate::domain::time::Timestamp;

/// What the rules go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySettings {
    /// see [`Settings::warn_before`](super::Settings::warn_before)
    pub warn_before: Duration,
    /// see [`RulePolicy::history`](crate::domain::policy::RulePolicy::history)
    pub history: Duration,
    /// see [`Settings::max_age`](super::Settings::max_age)
    pub max_age: Option<Duration>,
    /// see [`RulePolicy::idle_after`](crate::domain::policy::RulePolicy::idle_after)
    pub idle_after: Option<Duration>,
    /// `[[policy.override]]`
    pub overrides: Overrides,
    /// `[[policy.exempt]]`
    pub exemptions: Exemptions,
}

impl PolicySettings {
    /// Whether anybody wants to know when connections last synchronised.
    pub fn knows_idleness(&self) -> bool {
        self.idle_after.is_some() || self.overrides.know_idleness()
    }
}

/// What entries may name.
#[derive(Clone, Copy)]
pub(super) struct Known<'k> {
    /// the catalogue's providers, the operator's own among them
    pub(super) providers: &'k [&'k str],
    /// the sources of this configuration
    pub(super) sources: &'k [&'k str],
    /// the clocks that a bare date goes by
    pub(super) zone: Tz,
}

pub(super) fn policy(section: Section<'_>, known: Known<'_>) -> PolicySettings {
    let settings = PolicySettings {
        warn_before: section.get("warn_before", duration),
        history: section.get("history", duration),
        max_age: section.find("max_age", some_time),
        idle_after: section.find("idle_after", some_days),
        overrides: overrides(&section, known),
        exemptions: exemptions(&section, known),
    };
    section.close();
    settings
}

fn overrides(section: &Section<'_>, known: Known<'_>) -> Overrides {
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    for section in section.sections("override") {
        let entry = Override {
            scope: scope(&section, known, "set it in [policy] for everybody"),
            max_age: section.find("max_age", some_time),
            warn_before: section.find("warn_before", duration),
            idle_after: section.find("idle_after", some_days),
            history: section.find("history", duration),
        };
        let sets = ["max_age", "warn_before", "idle_after", "history"].map(|key| section.has(key)).contains(&true);
        if !sets {
            let todo = "set at least one of max_age, warn_before, idle_after and history";
            section.report_here(Fault::new("it changes nothing", todo));
        }
        if !entry.scope.is_everybody() && !seen.insert(entry.scope.clone()) {
            let what = format!("there is another override for {}", entry.scope);
            section.report_here(Fault::new(what, "write all that holds there into one of them"));
        }
        section.close();
        all.push(entry);
    }
    Overrides::new(all)
}

fn exemptions(section: &Section<'_>, known: Known<'_>) -> Exemptions {
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    for section in section.sections("exempt") {
        let scope = scope(&section, known, "name at least one: whom nothing is to be told of can't be everybody");
        let rules = section.find("rules", rules);
        section.report_missing(
            "rules",
            Fault::new("which rules' findings are accepted is missing", "write e.g. rules = [\"secret-stale\"]"),
        );
        let reason = section.find("reason", text);
        section.report_missing(
            "reason",
            Fault::new("the reason is missing", "write in a sentence why it is accepted: every report shows it"),
        );
        let until = section.find("until", |node| end(node, known.zone));
        section.report_missing(
            "until",
            Fault::new(
                "the end is missing",
                "write e.g. until = \"2027-03-31\": what is accepted for ever is forgotten",
            ),
        );
        let by = section.find("by", text);
        if let (Some(rules), Some(reason), Some(until)) = (rules, reason, until) {
            let entry = Exemption { scope, rules, reason, until, by };
            if !entry.scope.is_everybody() && !seen.insert(entry.terms()) {
                let what = format!("there is another exemption for {}", entry.terms());
                section.report_here(Fault::new(what, "leave one of them, with the end that is meant"));
            }
            all.push(entry);
        }
        section.close();
    }
    Exemptions::new(all)
}

/// Whom an entry is about. `todo` is what to do where it names nobody.
fn scope(section: &Section<'_>, known: Known<'_>, todo: &str) -> Scope {
    let scope = Scope {
        connection: section.find("connection", text),
        account: section.find("account", text),
        tag: section.find("tag", text),
        provider: section.find("provider", |node| {
            let name = ProviderName::new(&text(node)?);
            one_of_names("provider", name.as_str(), known.providers)?;
            Ok(name)
        }),
        source: section.find("source", |node| {
            let name = text(node)?;
            one_of_names("source", &name, known.sources)?;
            Ok(name)
        }),
    };
    // what is there and wrong has been told
    let named = ["connection", "account", "tag", "provider", "source"].map(|key| section.has(key)).contains(&true);
    if !named {
        let what = "it names no connection, account, tag, provider or source";
        section.report_here(Fault::new(what, todo));
    }
    scope
}

fn one_of_names(what: &str, name: &str, known: &[&str]) -> Result<(), Fault> {
    if known.contains(&name) {
        return Ok(());
    }
    let meant = nearest(name, known.iter().copied());
    let meant = meant.map_or_else(String::new, |meant| format!("did you mean \"{meant}\"? "));
    let all = if known.is_empty() { "there are none".to_owned() } else { format!("known are {}", known.join(", ")) };
    Err(Fault::new(format!("there is no {what} {}", quoted(name)), format!("{meant}{all}")))
}

fn rules(node: &Node) -> Result<BTreeSet<RuleName>, Fault> {
    words(node)?.iter().map(|name| rule(name)).collect()
}

fn rule(name: &str) -> Result<RuleName, Fault> {
    let accepted: Vec<&str> =
        RuleName::ALL.into_iter().filter(|rule| may_be_exempt(*rule)).map(RuleName::as_str).collect();
    match RuleName::parse(name) {
        Some(rule) if may_be_exempt(rule) => Ok(rule),
        Some(rule) => {
            let todo = "take the rule out: whoever said that the key leaked can take it back";
            Err(Fault::new(format!("{rule} can't be accepted: others know the key"), todo))
        }
        None => {
            one_of_names("rule", name, &accepted)?;
            Err(Fault::new(format!("there is no rule {}", quoted(name)), "name one of the rules"))
        }
    }
}

/// The first instant at which an exemption no longer holds. A bare date means to its end.
fn end(node: &Node, zone: Tz) -> Result<Timestamp, Fault> {
    let text = match &node.value {
        Value::Text(text) | Value::Other(text) => text.trim(),
        _ => return Err(not_a_date(node.kind(), zone)),
    };
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return day_end(date, zone).ok_or_else(|| not_a_date(&quoted(text), zone));
    }
    let instant = Timestamp::parse(text).filter(|_| text.contains('-'));
    instant.ok_or_else(|| not_a_date(&quoted(text), zone))
}

/// The first instant of the next day; where clocks leave its midnight out, the first that they show.
fn day_end(date: NaiveDate, zone: Tz) -> Option<Timestamp> {
    /// Minutes within which every zone has shown something of a day, a day that was left out included.
    const LATEST: i64 = 2 * 24 * 60;
    let midnight = date.succ_opt()?.and_time(NaiveTime::MIN);
    let mut shown = (0..LATEST).map(|later| zone.from_local_datetime(&(midnight + TimeDelta::minutes(later))));
    let at = shown.find_map(LocalResult::earliest)?;
    (0..=LAST_YEAR_END).contains(&at.timestamp()).then(|| Timestamp::from_secs(at.timestamp()))
}

/// The last second that is read as a date anywhere.
const LAST_YEAR_END: i64 = 253_402_300_799;

fn not_a_date(what: &str, zone: Tz) -> Fault {
    let todo = format!(
        "write a day, as in \"2027-03-31\" (to its end, by the clocks of schedule.zone: {zone}), or an instant, as in \
         \"2027-03-31T12:00:00Z\""
    );
    Fault::new(format!("{what} is no date"), todo)
}
