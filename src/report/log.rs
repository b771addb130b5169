//! What happened, in the order of time: the log's entries in sentences, and what stands in rows instead of the log (when a
//! use began, when a value was first seen, what was mailed). Pure.

use std::collections::HashMap;

use serde::{Deserialize as _, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::text::second;
use super::words::{ended, step};
use crate::domain::facts::EndedBy;
use crate::domain::ids::{ConnectionId, PersonId};
use crate::domain::time::Timestamp;
use crate::ledger::read::{
    CredentialDetail, CredentialUse, EventRow, FindingDetail, MailState, NoticeRow, finding_name, when,
};

/// What the log's numbers are called.
pub struct Names {
    /// connections: `source/id`
    pub connections: HashMap<ConnectionId, String>,
    /// people: id on the platform, account, masked address
    pub readers: HashMap<PersonId, String>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct Entry {
    /// when
    #[serde(serialize_with = "when::text")]
    pub at: Timestamp,
    /// what, in a sentence
    pub what: String,
    /// the log's word for it, or one of the same form
    kind: String,
    /// what it happened to
    subject: String,
    /// the log's facts
    #[schema(value_type = BTreeMap<String, Value>)]
    data: Map<String, Value>,
}

impl Entry {
    fn new(at: Timestamp, kind: &str, subject: String, what: String) -> Self {
        Self { at, what, kind: kind.to_owned(), subject, data: Map::new() }
    }
}

/// Everything that happened to a credential, in the order of time; what happened at one instant in the order of cause.
pub fn entries(
    detail: &CredentialDetail,
    findings: &[FindingDetail],
    events: &[EventRow],
    names: &Names,
) -> Vec<Entry> {
    let mut all = beginnings(detail);
    all.extend(detail.uses.iter().filter(|used| !is_logged(used, events)).filter_map(unlogged_end));
    all.extend(events.iter().map(|event| Entry {
        at: event.at,
        what: sentence(event, names),
        kind: event.kind.clone(),
        subject: event.subject.clone(),
        data: event.data.clone(),
    }));
    for finding in findings {
        all.extend(finding.notices.iter().map(|notice| told(finding, notice, names)));
    }
    all.sort_by_key(|entry| entry.at); // stable: within one instant the order stays
    all
}

fn beginnings(detail: &CredentialDetail) -> Vec<Entry> {
    let row = &detail.credential;
    let subject = || format!("credential:{}", row.id);
    let known =
        format!("the earliest instant at which the value is known to have existed ({})", row.provenance.as_str());
    let mut all = vec![Entry::new(row.secret_since, "credential.known_since", subject(), known)];
    all.extend(detail.uses.iter().map(|used| {
        let what = format!("{}/{} ({}) begins to use it", used.source, used.connection_id, used.account_id);
        Entry::new(used.since, "use.begun", format!("connection:{}", used.connection), what)
    }));
    all.extend(row.first_seen_at.map(|at| {
        Entry::new(at, "credential.first_seen", subject(), "keysweep sees it for the first time".to_owned())
    }));
    all
}

/// Whether the log tells of the end of that use. It doesn't where the use had ended before it was first seen.
fn is_logged(used: &CredentialUse, events: &[EventRow]) -> bool {
    let subject = format!("connection:{}", used.connection);
    let is_end = |event: &EventRow| matches!(event.kind.as_str(), "use.ended" | "use.identified");
    let until = used.until.map(|until| until.to_string());
    events.iter().any(|event| {
        is_end(event) && event.subject == subject && event.data.get("until").and_then(Value::as_str) == until.as_deref()
    })
}

fn unlogged_end(used: &CredentialUse) -> Option<Entry> {
    let by = used.ended_by.map_or("ended", ended);
    let what = format!("{}/{} ({}) stops using it: {by}", used.source, used.connection_id, used.account_id);
    Some(Entry::new(used.until?, "use.ended", format!("connection:{}", used.connection), what))
}

fn told(finding: &FindingDetail, notice: &NoticeRow, names: &Names) -> Entry {
    let name = finding_name(finding.finding.id);
    let person = names.readers.get(&notice.person).cloned().unwrap_or_else(|| format!("person {}", notice.person));
    let step = step(notice);
    let mail = notice.mail.map(|mail| format!("mail {mail}")).unwrap_or_else(|| "a mail".to_owned());
    let goes = || format!("{mail} goes to {person}: {step} of {name}");
    let planned = || format!("{step} of {name} is planned for {person}");
    let (at, kind, what) = match (notice.sent_at, notice.mail_state, notice.state.as_str()) {
        // Whatever became of the notice: whoever's mail comes back was told nothing.
        (Some(at), Some(MailState::Bounced), _) => {
            let back = notice.returned_at.map(|back| format!(" at {}", second(back))).unwrap_or_default();
            (at, "notice.returned", format!("{}; it came back{back}", goes()))
        }
        (Some(at), _, "sent") => (at, "notice.sent", goes()),
        _ if notice.is_maybe_told() => {
            let what = format!(
                "{}; {mail} may have arrived: its server took it without a word, and nothing was left to say again",
                planned()
            );
            (notice.planned_at, "notice.maybe_sent", what)
        }
        (_, _, "cancelled") => (notice.planned_at, "notice.cancelled", format!("{}; later cancelled", planned())),
        (_, _, "superseded") => {
            (notice.planned_at, "notice.superseded", format!("{}; a later step says it instead", planned()))
        }
        (_, state, _) => {
            let state = state.map_or("not formed yet", MailState::as_str);
            (notice.planned_at, "notice.planned", format!("{}; its mail: {state}", planned()))
        }
    };
    Entry::new(at, kind, format!("finding:{}", finding.finding.id), what)
}

/// An entry of the log in a sentence. What is not known here is told in the log's own words.
fn sentence(event: &EventRow, names: &Names) -> String {
    let word = |name: &str| event.data.get(name).map(fact).unwrap_or_default();
    let connection = || connection(event, names);
    match event.kind.as_str() {
        "credential.live" => answered(event, "live: the provider accepts it"),
        "credential.reopened" => answered(event, "live again, though it was proven dead: the provider accepts it"),
        "credential.suspect" => {
            answered(event, "suspect: the provider refuses it, and nothing closes until that is confirmed")
        }
        "credential.dead" => answered(event, "dead: the provider's refusal is confirmed"),
        "credential.outlived" => {
            let newer = event.data.get("newer").map(|newer| format!(" ({})", fact(newer))).unwrap_or_default();
            format!("proven dead: a newer secret under the same key{newer} is accepted")
        }
        "credential.shredded" => answered(event, "shredded: the sealed copy is destroyed"),
        "credential.asked_elsewhere" => "no suspect any more: its row says that it belongs elsewhere".to_owned(),
        "credential.taken_back" => answered(event, "no suspect any more: its provider refused everybody"),
        "provider.blind" => {
            format!("{} is blind: no refusal there is believed ({})", endpoint(event), word("why"))
        }
        "provider.sighted" => {
            format!("{} is sighted again: refusals count ({}{})", endpoint(event), word("by"), who(event))
        }
        "credential.presented_again" => "unverified: the inventory shows the value again".to_owned(),
        "credential.compromised" => {
            let note = event.data.get("note").map(|note| format!(": {}", fact(note))).unwrap_or_default();
            let teller = match word("by").as_str() {
                "platform" => "the platform".to_owned(),
                _ => format!("the operator{}", who(event)),
            };
            format!("{teller} says that it leaked at {}{note}", time(&word("compromised_at")))
        }
        "credential.not_compromised" => format!("the operator{} takes back that it leaked", who(event)),
        "use.ended" => {
            let by = event.data.get("by").and_then(|by| EndedBy::deserialize(by).ok());
            format!("{} stops using it, as of {}: {}", connection(), time(&word("until")), by.map_or("ended", ended))
        }
        "use.identified" => format!("{} shows a secret: this stand-in for it ends", connection()),
        "use.compromised" => {
            format!("the platform says on {} that it leaked at {}", connection(), time(&word("compromised_at")))
        }
        "use.not_compromised" => format!("the platform no longer says on {} that it leaked", connection()),
        _ => of_finding(event, names).unwrap_or_else(|| plainly(event)),
    }
}

/// In the log's own words.
fn plainly(event: &EventRow) -> String {
    let facts = event.data.iter().map(|(name, value)| format!("{} {}", name.replace('_', " "), fact(value)));
    let facts = facts.collect::<Vec<_>>().join(", ");
    let what = event.kind.replace(['.', '_'], " ");
    if facts.is_empty() { what } else { format!("{what}: {facts}") }
}

/// What became of a finding; `None` for what is not known here.
fn of_finding(event: &EventRow, names: &Names) -> Option<String> {
    let word = |name: &str| event.data.get(name).map(fact).unwrap_or_default();
    let connection = || connection(event, names);
    Some(match event.kind.as_str() {
        "finding.opened" => format!("{} opens on {}: {}", finding(event), connection(), word("severity")),
        "finding.reopened" => {
            format!(
                "{} opens again on {}: {} (opening {})",
                finding(event),
                connection(),
                word("severity"),
                word("opening")
            )
        }
        "finding.worsened" => format!("{} grows worse on {}: {}", finding(event), connection(), word("severity")),
        "finding.exempted" => {
            let by = event.data.get("who").map(|by| format!(" (by {})", fact(by))).unwrap_or_default();
            format!(
                "{} on {} is accepted until {}: {}{by}; nobody is told of it",
                finding(event),
                connection(),
                time(&word("exempt_until")),
                word("note")
            )
        }
        "finding.exemption_ended" => format!(
            "{} is open again on {}, for its exemption is over: {} (opening {})",
            finding(event),
            connection(),
            word("severity"),
            word("opening")
        ),
        "finding.closed" => format!("{} closes on {}: {}", finding(event), connection(), word("why")),
        _ => return of_person(event, names),
    })
}

/// What somebody did about a finding; `None` for what is not known here.
fn of_person(event: &EventRow, names: &Names) -> Option<String> {
    let (finding, actor) = (finding(event), actor(event, names));
    let until = || event.data.get("until").map(|until| time(&fact(until))).unwrap_or_default();
    Some(match event.kind.as_str() {
        "finding.acknowledged" => format!("{finding} is acknowledged by {actor}: reminders wait until {}", until()),
        "finding.snoozed" => format!("{finding} is snoozed by {actor}: reminders wait until {}", until()),
        "finding.resumed" => format!("reminders of {finding} come again: {actor} wants that"),
        "finding.check_asked" => format!("{actor} has the provider asked about the key of {finding}"),
        "finding.reset_said" => {
            format!("{actor} says that the key of {finding} was reset: reminders wait until {}", until())
        }
        "finding.reset_confirmed" => format!(
            "{actor} confirms by hand that the key of {finding}, which nobody can ask about, was reset: nobody is reminded"
        ),
        "finding.disowned" => format!("{actor} says that {finding} is not theirs"),
        "finding.copy_destroyed" => format!("{actor} has the held copy of the key of {finding} destroyed"),
        "finding.compromise_said" => format!("{actor} says that the key of {finding} leaked"),
        _ => return None,
    })
}

/// A transition with what it was before and the answer that caused it.
fn answered(event: &EventRow, what: &str) -> String {
    let word = |name: &str| event.data.get(name).filter(|value| !value.is_null()).map(fact).filter(|w| !w.is_empty());
    let was = word("from").map(|from| format!(" (was {from})")).unwrap_or_default();
    let outcome = word("outcome").map(|outcome| format!("; {outcome}")).unwrap_or_default();
    let asked = word("asked").map(|asked| format!(": {asked}")).unwrap_or_default();
    format!("{what}{was}{outcome}{asked}")
}

/// `mailjet rest/default`, of an entry on a provider.
fn endpoint(event: &EventRow) -> String {
    let word = |name: &str| event.data.get(name).map(fact).unwrap_or_default();
    let provider = event.subject.split_once(':').map_or("?", |(_, name)| name);
    format!("{provider} {}/{}", word("protocol"), word("endpoint"))
}

fn finding(event: &EventRow) -> String {
    let number = event.subject.split_once(':').map_or("?", |(_, number)| number);
    let rule = event.data.get("rule").map(|rule| format!(" {}", fact(rule))).unwrap_or_default();
    format!("F{number}{rule}")
}

/// Who did it: one of those who run keysweep, or a person of the account.
fn actor(event: &EventRow, names: &Names) -> String {
    match event.data.get("person").and_then(Value::as_i64).map(PersonId) {
        Some(person) => names.readers.get(&person).cloned().unwrap_or_else(|| format!("person {person}")),
        None if event.data.get("by").is_some_and(|by| by == "operator") => format!("the operator{}", who(event)),
        None => "somebody of the account".to_owned(),
    }
}

/// ` (alice)`, where the log has a name.
fn who(event: &EventRow) -> String {
    event.data.get("who").map(|who| format!(" ({})", fact(who))).unwrap_or_default()
}

/// The connection that an entry names in its facts, else the one that is its subject.
fn connection(event: &EventRow, names: &Names) -> String {
    let own = || event.subject.strip_prefix("connection:").and_then(|number| number.parse().ok());
    let number = event.data.get("connection").and_then(Value::as_i64).or_else(own);
    let named = number.and_then(|number| names.connections.get(&ConnectionId(number)));
    named.cloned().unwrap_or_else(|| "a connection".to_owned())
}

/// An instant of the log to the second; anything else as it is. Digits alone are no instant here.
fn time(text: &str) -> String {
    let at = Timestamp::parse(text).filter(|_| text.contains('T'));
    at.map_or_else(|| text.to_owned(), second)
}

/// A fact as people read it.
pub fn fact(value: &Value) -> String {
    match value {
        Value::String(text) => time(text),
        Value::Array(items) => items.iter().map(fact).collect::<Vec<_>>().join(" "),
        Value::Object(map) => {
            map.iter().map(|(name, value)| format!("{name}({})", fact(value))).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}
