//! What the operator's own endpoints are told of the log, and in which words: pure.
//!
//! Entries of the log hold numbers of people and no addresses, and nothing secret; what an operator wrote by hand, and
//! who they are, stays here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::time::Timestamp;

/// Lines that a digest spells out; the rest are told by count.
const LINES: usize = 20;
/// The operator's own words, and who they are.
const KEPT: [&str; 2] = ["note", "who"];

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Entry {
    /// its number
    pub id: i64,
    /// when it happened
    pub at: Timestamp,
    /// what happened, as `noun.verb`
    pub kind: String,
    /// what it happened to, as `noun:number`
    pub subject: String,
    /// the facts
    pub data: Map<String, Value>,
}

/// In what form an endpoint takes messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// one message an entry, signed as Standard Webhooks has it
    #[default]
    Standard,
    /// one message for many entries, as Slack and its like take it
    Slack,
    /// one mail for many entries
    Mail,
}

/// A message that is to be sent as it is, however often it is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formed {
    /// its identity, the same at every try
    pub message_id: String,
    /// what is sent
    pub body: String,
    /// entries of the log that it tells of
    pub events: usize,
}

/// Whether endpoints are told of entries of this kind: transitions of keys, findings, providers that can't be believed,
/// clocks, sources, mail that does not arrive, and a log that is not as it was written. Not of each mail, nor of what became of these messages themselves.
pub fn is_told(kind: &str) -> bool {
    const NOUNS: [&str; 7] = ["credential", "finding", "provider", "clock", "source", "mail", "log"];
    let noun = kind.split('.').next().unwrap_or_default();
    NOUNS.contains(&noun) && kind != "mail.sent"
}

/// The messages that tell of these entries, in their order. `ledger` makes their identities the ledger's own.
pub fn form(entries: &[Entry], form: Form, endpoint: &str, ledger: &str) -> Vec<Formed> {
    let identity = |entry: &Entry| format!("msg_{ledger}_{endpoint}_{}", entry.id);
    match (form, entries) {
        (_, []) => Vec::new(),
        (Form::Standard, entries) => entries
            .iter()
            .map(|entry| Formed { message_id: identity(entry), body: standard(entry).to_string(), events: 1 })
            .collect(),
        (Form::Slack, [.., last]) => {
            let body = json!({"text": format!("{}\n{}", subject(entries), lines(entries))});
            vec![Formed { message_id: identity(last), body: body.to_string(), events: entries.len() }]
        }
        (Form::Mail, [.., last]) => {
            let body = json!({"subject": subject(entries), "text": lines(entries)});
            vec![Formed { message_id: identity(last), body: body.to_string(), events: entries.len() }]
        }
    }
}

fn standard(entry: &Entry) -> Value {
    let mut data = facts(entry);
    data.insert("entry".to_owned(), entry.id.into());
    data.insert("subject".to_owned(), entry.subject.as_str().into());
    json!({"type": entry.kind, "timestamp": entry.at.to_string(), "data": data})
}

/// The facts, without what is the operator's own and without what is not there.
fn facts(entry: &Entry) -> Map<String, Value> {
    let told = |(name, value): &(&String, &Value)| !value.is_null() && !KEPT.contains(&name.as_str());
    entry.data.iter().filter(told).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn subject(entries: &[Entry]) -> String {
    match entries {
        [one] => format!("keysweep: {}", what(one)),
        many => format!("keysweep: {} events", many.len()),
    }
}

/// What happened, in a few words.
fn what(entry: &Entry) -> String {
    format!("{} {}", entry.subject, entry.kind.replace(['.', '_'], " "))
}

/// Counts by kind where there are many, then the latest, one line each.
fn lines(entries: &[Entry]) -> String {
    let mut text = String::new();
    let more = entries.len().saturating_sub(LINES);
    // writing to a String can't fail
    if more > 0 {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        entries.iter().for_each(|entry| *kinds.entry(&entry.kind).or_default() += 1);
        for (kind, count) in kinds {
            _ = writeln!(text, "{count} x {kind}");
        }
        _ = writeln!(text, "The latest {LINES}:");
    }
    for entry in &entries[more..] {
        let facts = facts(entry);
        let facts = facts.iter().map(|(name, value)| match value {
            Value::String(word) => format!("{name} {word}"),
            other => format!("{name} {other}"),
        });
        _ = writeln!(text, "{} {}: {}", entry.at, what(entry), facts.collect::<Vec<_>>().join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(id: i64, kind: &str) -> Entry {
        let data = json!({"from": "live", "to": "dead", "asked": null, "note": "mine", "who": "me"});
        let data = serde_json::from_value(data).unwrap();
        let at = Timestamp::from_secs(1_790_000_000 + id);
        Entry { id, at, kind: kind.to_owned(), subject: "credential:7".to_owned(), data }
    }

    #[test]
    fn transitions_findings_and_trouble_are_told_and_each_mail_is_not() {
        for kind in
            ["credential.died", "finding.opened", "provider.blind", "clock.suspect", "source.down", "mail.stopped"]
        {
            assert!(is_told(kind), "{kind}");
        }
        for kind in ["mail.sent", "webhook.given_up", "use.ended", "mailbox.read", ""] {
            assert!(!is_told(kind), "{kind}");
        }
    }

    #[test]
    fn a_standard_message_is_one_entry_with_its_facts_and_nothing_of_the_operators() {
        let [formed] = &form(&[entry(3, "credential.died")], Form::Standard, "siem", "ab12")[..] else { panic!() };
        assert_eq!(formed.message_id, "msg_ab12_siem_3");
        let body: Value = serde_json::from_str(&formed.body).unwrap();
        let data = json!({"entry": 3, "subject": "credential:7", "from": "live", "to": "dead"});
        assert_eq!(body, json!({"type": "credential.died", "timestamp": "2026-09-21T14:13:23Z", "data": data}));
    }

    #[test]
    fn a_burst_is_one_message_with_an_honest_count() {
        let many: Vec<Entry> = (1..=500).map(|id| entry(id, "finding.opened")).collect();
        for kind in [Form::Slack, Form::Mail] {
            let [formed] = &form(&many, kind, "chat", "ab12")[..] else { panic!() };
            let body: Value = serde_json::from_str(&formed.body).unwrap();
            let text = body["text"].as_str().unwrap();
            assert_eq!((formed.events, formed.message_id.as_str()), (500, "msg_ab12_chat_500"));
            assert!(text.contains("500 x finding.opened"), "{text}");
            assert!(text.lines().count() <= LINES + 4 && !text.contains("mine"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_entry_is_told_once_and_in_order(count in 0usize..60) {
            let entries: Vec<Entry> = (0..count as i64).map(|id| entry(id, "finding.opened")).collect();
            for kind in [Form::Standard, Form::Slack, Form::Mail] {
                let formed = form(&entries, kind, "x", "y");
                prop_assert_eq!(formed.iter().map(|one| one.events).sum::<usize>(), count);
                let mut ids: Vec<&str> = formed.iter().map(|one| one.message_id.as_str()).collect();
                ids.sort_unstable();
                ids.dedup();
                prop_assert_eq!(ids.len(), formed.len());
            }
        }
    }
}
