//! `explain`: the whole story of a finding, a connection or a credential, with times.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::{Value, json};

use super::args::TextFormat;
use super::lists::{find_connections, json};
use super::output::pairs;
use super::words::{cure, minute, state, why};
use super::{CliError, Done};
use crate::config::Settings;
use crate::domain::time::words;
use crate::ledger::Ledger;
use crate::ledger::read::{CredentialRow, EventRow, FindingDetail, finding_name, parse_finding};

/// Entries of the log that a story shows.
const EVENTS: usize = 500;

/// Prints the story behind an id.
pub async fn run(ledger: &Ledger, id: &str, format: TextFormat, settings: &Settings) -> Result<Done, CliError> {
    if let Some(number) = parse_finding(id)
        && let Some(detail) = ledger.finding(number).await?
    {
        let events = ledger.timeline(&detail.subjects(), 0, EVENTS).await?;
        if format == TextFormat::Json {
            return json(&json!({"finding": value(&detail), "timeline": value(&events)}));
        }
        let held = words(settings.escrow.retention);
        let text = format!("{}{}", finding_story(&detail), told(&detail, &held));
        write!(anstream::stdout(), "{text}{}", timeline(&events))?;
        return Ok(Done::Ok);
    }
    let connections = find_connections(ledger, id).await?;
    if !connections.is_empty() {
        return explain_connections(ledger, &connections, format).await;
    }
    let Some(detail) = ledger.credential(id).await? else {
        return Err(CliError::Other(format!(
            "nothing is called {id:?}: give a finding (F12), a connection's id, or the last 12 digits of a credential"
        )));
    };
    let events = ledger.timeline(&detail.subjects(), 0, EVENTS).await?;
    if format == TextFormat::Json {
        return json(&json!({"credential": value(&detail), "timeline": value(&events)}));
    }
    write!(anstream::stdout(), "{}{}", credential_story(&detail.credential), timeline(&events))?;
    Ok(Done::Ok)
}

async fn explain_connections(
    ledger: &Ledger,
    connections: &[crate::ledger::read::ConnectionDetail],
    format: TextFormat,
) -> Result<Done, CliError> {
    let mut documents = Vec::new();
    let mut out = anstream::stdout();
    for detail in connections {
        let events = ledger.timeline(&detail.subjects(), 0, EVENTS).await?;
        if format == TextFormat::Json {
            documents.push(json!({"connection": value(detail), "timeline": value(&events)}));
            continue;
        }
        let row = &detail.connection;
        writeln!(out, "{}/{} at {}, {}.", row.source, row.connection_id, row.provider, row.status.as_str())?;
        let open: Vec<_> = detail.findings.iter().filter(|finding| finding.closed_at.is_none()).collect();
        if open.is_empty() {
            writeln!(out, "Nothing is open on it.")?;
        }
        for finding in open {
            let (name, rule) = (finding_name(finding.id), finding.rule);
            writeln!(out, "{name} {} {rule}: {} {}", finding.severity, why(rule), cure(rule))?;
        }
        match row.judge_at {
            Some(at) => writeln!(out, "The rules look at it again by themselves at {} UTC.", minute(at))?,
            None => writeln!(out, "The rules look at it again when its facts change; time alone changes nothing.")?,
        }
        for used in &detail.uses {
            write!(out, "\n{}", credential_story(&used.credential))?;
        }
        write!(out, "{}", timeline(&events))?;
    }
    if format == TextFormat::Json { json(&documents) } else { Ok(Done::Ok) }
}

/// A finding: what, why, from which facts, what would clear it, when it is next looked at.
pub fn finding_story(detail: &FindingDetail) -> String {
    let finding = &detail.finding;
    let mut text = format!("{} {} {}\n", finding_name(finding.id), finding.severity, finding.rule);
    // writing to a String can't fail
    _ = writeln!(text, "{}\n{}\n", why(finding.rule), cure(finding.rule));
    let evidence: Vec<(&str, String)> =
        finding.evidence.iter().map(|(name, value)| (name.as_str(), plain(value))).collect();
    let mut facts = vec![
        ("connection", format!("{}/{}", finding.source, finding.connection_id)),
        ("name", finding.connection_name.clone().unwrap_or_default()),
        ("account", finding.account_id.clone()),
        ("state", finding.state.as_str().to_owned()),
        ("opened", format!("{} UTC (opening {})", minute(finding.opened_at), detail.course.opening)),
        ("holds since", format!("{} UTC", minute(finding.since))),
    ];
    facts.extend(finding.closed_at.map(|at| {
        let why = detail.course.closed_why.clone().unwrap_or_default();
        ("closed", format!("{} UTC: {why}", minute(at)))
    }));
    facts.extend(evidence);
    facts.push(("next judged", next(detail.course.judge_at)));
    facts.push(("next step", next(detail.course.next_step_at)));
    text.push_str(&pairs(&facts));
    text.push('\n');
    text.push_str(&credential_story(&detail.course.credential_now));
    text
}

fn told(detail: &FindingDetail, retention: &str) -> String {
    let mut text = String::new();
    for notice in &detail.notices {
        let sent = notice.sent_at.map_or_else(|| notice.state.clone(), |at| format!("sent {} UTC", minute(at)));
        _ = writeln!(text, "told     person {} step {}: {sent}", notice.person, notice.step);
    }
    if detail.course.credential_now.held {
        _ = writeln!(
            text,
            "The sealed copy is kept until the key is proven dead, at most {retention} after its last use ended."
        );
    }
    text
}

/// A credential: what is believed of it, since when, from which answers, and when it is asked next.
pub fn credential_story(row: &CredentialRow) -> String {
    let at =
        |at: Option<crate::domain::time::Timestamp>| at.map(|at| format!("{} UTC", minute(at))).unwrap_or_default();
    let tail = if row.key_tail.is_empty() { String::new() } else { format!(", key …{}", row.key_tail) };
    let unknown = row.unknown_since.map(|since| {
        let reason = row.unknown_reason.map(|reason| reason.to_string()).unwrap_or_default();
        format!("since {} UTC ({reason})", minute(since))
    });
    let refused = match (row.refused_first, row.refused_last) {
        (Some(first), Some(last)) if first != last => format!("{} UTC and {} UTC", minute(first), minute(last)),
        (first, _) => at(first),
    };
    let mut text = format!("credential {} ({}{tail})\n", row.credential, row.provider);
    text.push_str(&pairs(&[
        ("liveness", format!("{}: {}", row.liveness, state(row.liveness))),
        ("  since", at(row.liveness_since)),
        ("  accepted", at(row.accepted_at)),
        ("  refused", refused),
        ("  control", if row.no_control { "none: the refusal does not count yet".to_owned() } else { String::new() }),
        ("  no answer", unknown.unwrap_or_default()),
        ("  died", at(row.died_at)),
        ("  last asked", at(row.asked_at)),
        ("  last answer", row.last_answer.as_ref().map(answer).unwrap_or_default()),
        ("  next asked", next(row.probe_at)),
        ("secret since", format!("{} UTC ({})", minute(row.secret_since), row.provenance.as_str())),
        ("sealed copy", if row.held { "held" } else { "none" }.to_owned()),
    ]));
    text
}

/// `rest/default refused (401)`, part by part.
fn answer(parts: &Value) -> String {
    let parts = parts.as_array().map(Vec::as_slice).unwrap_or_default();
    let words = parts.iter().map(|part| {
        let word = |name: &str| part.get(name).map(plain).unwrap_or_default();
        let status = part.get("status").and_then(Value::as_u64).map(|s| format!(" ({s})")).unwrap_or_default();
        format!("{}/{} {}{status}", word("protocol"), word("endpoint"), word("verdict"))
    });
    words.collect::<Vec<_>>().join("; ")
}

fn timeline(events: &[EventRow]) -> String {
    let mut text = String::new();
    if !events.is_empty() {
        text.push_str("\nWhat happened\n");
    }
    for event in events {
        let facts = event.data.iter().map(|(name, value)| format!("{name} {}", plain(value)));
        let facts = facts.collect::<Vec<_>>().join(", ");
        _ = writeln!(text, "  {}  {:<22} {facts}", minute(event.at), event.kind);
    }
    text
}

fn next(at: Option<crate::domain::time::Timestamp>) -> String {
    at.map_or_else(|| "never by itself".to_owned(), |at| format!("{} UTC", minute(at)))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            map.iter().map(|(name, value)| format!("{name}({})", plain(value))).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}
