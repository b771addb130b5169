//! What came of a question, in words (pure).

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::output::{pairs, table};
use crate::domain::catalogue::Provider;
use crate::domain::outcome::{Answer, Outcome, Reason, Verdict};
use crate::domain::time::{hours, words};

/// For programs.
pub(super) fn document(provider: &Provider, answer: &Answer) -> Value {
    let parts = answer.parts.iter().map(|part| {
        let reason = if let Verdict::Unknown(reason) = part.verdict { Some(reason.as_str()) } else { None };
        json!({
            "protocol": part.protocol, "endpoint": part.endpoint, "verdict": part.verdict.as_str(),
            "reason": reason, "status": part.status,
        })
    });
    json!({
        "provider": provider.name,
        "outcome": answer.outcome.as_str(),
        "reason": answer.outcome.reason().map(Reason::as_str),
        "at": answer.at.to_string(),
        "parts": parts.collect::<Vec<_>>(),
        "kind": answer.kind,
        "retry_after_seconds": answer.retry_after.map(|wait| wait.as_secs()),
        "means": means(provider, answer),
        "todo": todo(provider, answer),
    })
}

/// For people.
pub(super) fn page(provider: &Provider, answer: &Answer) -> String {
    let mut text = pairs(&[
        ("provider", provider.title.clone()),
        ("outcome", answer.outcome.to_string()),
        ("kind of key", answer.kind.as_deref().map(|kind| title(provider, kind)).unwrap_or_default()),
        ("asked at", answer.at.to_string()),
        ("ask again", answer.retry_after.map(|wait| format!("after {}", words(wait))).unwrap_or_default()),
    ]);
    let rows = answer.parts.iter().map(|part| {
        let status = part.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        vec![part.protocol.clone(), part.endpoint.clone(), part.verdict.to_string(), status]
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        // writing to a String can't fail
        _ = writeln!(text, "\n{}", table(&["protocol", "endpoint", "said", "status"], rows));
    }
    _ = writeln!(text, "\n{}\n{}", means(provider, answer), todo(provider, answer));
    text
}

/// What it means.
fn means(provider: &Provider, answer: &Answer) -> String {
    let title_of = &provider.title;
    let refused = on(provider, answer, |verdict| verdict == Verdict::Refused);
    let left_out = on(provider, answer, |verdict| verdict == Verdict::NotAsked);
    let mut said = match answer.outcome {
        Outcome::Accepted => format!("{title_of} accepts this credential: it works."),
        Outcome::Limited => format!(
            "{title_of} knows this credential and doesn't let it do what was asked: it is alive, and may do other things."
        ),
        Outcome::Refused => format!("{title_of} refused this credential on {refused}."),
        Outcome::PartlyRefused(reason) => {
            let unasked = on(provider, answer, |verdict| matches!(verdict, Verdict::Unknown(_)));
            let unasked = if unasked == refused { "another of its addresses".to_owned() } else { unasked };
            format!("{title_of} refused this credential on {refused}; {unasked} could not be asked: {}.", why(reason))
        }
        Outcome::Unknown(reason) => format!("Nothing was learnt about this credential: {}.", why(reason)),
    };
    if !left_out.is_empty() {
        _ = write!(said, " {left_out} was not asked: the operator's settings say so.");
    }
    if let Some(wrong) = wrong_kind(provider, answer) {
        _ = write!(said, " {wrong}");
    }
    said
}

/// What to do next.
fn todo(provider: &Provider, answer: &Answer) -> String {
    match answer.outcome {
        Outcome::Accepted | Outcome::Limited => {
            format!("If nobody should use it any more, take it away at {}: {}.", provider.title, provider.remedies.path)
        }
        Outcome::Refused => format!(
            "One refusal is no proof: keysweep calls a key dead where it is refused again after {} and something shows \
             that the question was put rightly.",
            words(provider.confirm_gap().unwrap_or(hours(1)))
        ),
        Outcome::PartlyRefused(reason) | Outcome::Unknown(reason) => next(reason).to_owned(),
    }
}

/// The titles of the protocols with such a verdict, each once.
fn on(provider: &Provider, answer: &Answer, wanted: impl Fn(Verdict) -> bool) -> String {
    let mut names: Vec<&str> = Vec::new();
    for part in answer.parts.iter().filter(|part| wanted(part.verdict)) {
        let protocol = provider.protocols.iter().find(|protocol| protocol.name == part.protocol);
        let name = protocol.map_or(part.protocol.as_str(), |protocol| protocol.title.as_str());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(" and ")
}

/// What the provider calls a kind of key.
fn title(provider: &Provider, kind: &str) -> String {
    provider.credential.kind(kind).map_or_else(|| kind.replace('_', " "), |kind| kind.title.clone())
}

fn wrong_kind(provider: &Provider, answer: &Answer) -> Option<String> {
    let found = provider.credential.kind(answer.kind.as_deref()?).filter(|kind| !kind.wanted)?;
    let wanted = provider.credential.kinds.iter().find(|kind| kind.wanted)?;
    Some(format!("This is its {}; what the platform needs is its {}.", found.title, wanted.title))
}

/// Why nothing was learnt, without a full stop.
const fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::BadAddress => "the address is not one of the provider's own, or leads into a private network",
        Reason::Blind => "the provider turns everybody away for the moment",
        Reason::Blocked => "something turned the question away before the provider looked at the credential",
        Reason::Connect => "there was no connection, or it was closed before an answer",
        Reason::Dns => "the name could not be looked up",
        Reason::Garbled => "the answer broke off or was not what it said it was",
        Reason::NoAddress => "nothing says at which of the provider's addresses the customer lives",
        Reason::NoCopy => "a part of the credential is missing",
        Reason::NoProber => "there is no way to ask there",
        Reason::RateLimited => "the provider says that it is asked too often",
        Reason::Redirect => "the answer pointed elsewhere, and nothing was sent there",
        Reason::ServerError => "the provider failed",
        Reason::Timeout => "there was no answer in time",
        Reason::Tls => "there was no secure connection",
        Reason::Unexpected => "the catalogue has no row for this answer",
        Reason::WrongPath => "the provider doesn't know the path that the catalogue names",
    }
}

/// What to do where nothing was learnt.
const fn next(reason: Reason) -> &'static str {
    match reason {
        Reason::BadAddress => "Compare --base-url and --region with what the customer sees at the provider.",
        Reason::Blocked => {
            "See whether a proxy, a firewall or the provider's list of allowed addresses stands between."
        }
        Reason::Connect | Reason::Dns | Reason::Timeout => "Try `keysweep doctor`: it says which step fails, and why.",
        Reason::Garbled | Reason::Redirect => {
            "See who answers: a proxy or a sign-in page in the provider's place does this."
        }
        Reason::NoAddress => "Give --base-url or --region.",
        Reason::NoCopy => "Give the public half as well: --key-id.",
        Reason::NoProber => {
            "Ask over what the settings leave out: [providers.NAME] protocols, dangerous_test_endpoints."
        }
        Reason::Blind | Reason::RateLimited | Reason::ServerError => "Ask again later.",
        Reason::Tls => "See who answers there, to this machine's clock, and to ca-certificates.",
        Reason::Unexpected | Reason::WrongPath => {
            "Ask again later; if it stays so, the catalogue's file needs a new row."
        }
    }
}
