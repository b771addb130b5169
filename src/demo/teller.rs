//! The ledger's log in sentences. Nothing is told that isn't written there.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::finding::RuleName;
use crate::domain::ids::{ConnectionId, CredentialId};
use crate::ledger::Ledger;
use crate::ledger::read::{EventRow, FindingDetail};
use crate::ports::LedgerError;
use crate::providers::Catalogue;

/// Of more events of one kind than so many, only the number is told.
const TOLD_ONE_BY_ONE: usize = 3;
const PAGE: usize = 1_000;

/// Tells what is new in the log.
pub(super) struct Teller<'a> {
    ledger: &'a Ledger,
    catalogue: &'a Catalogue,
    last: i64,
    rules: BTreeSet<&'static str>,
}

impl<'a> Teller<'a> {
    pub(super) const fn new(ledger: &'a Ledger, catalogue: &'a Catalogue) -> Self {
        Self { ledger, catalogue, last: 0, rules: BTreeSet::new() }
    }

    /// The rules that have opened a finding so far.
    pub(super) fn rules(&self) -> usize {
        self.rules.len()
    }

    /// The rules that have not.
    pub(super) fn silent_rules(&self) -> Vec<&'static str> {
        RuleName::ALL.into_iter().map(RuleName::as_str).filter(|rule| !self.rules.contains(rule)).collect()
    }

    /// A provider's name as people write it.
    pub(super) fn title(&self, provider: &str) -> String {
        title(self.catalogue, provider)
    }

    /// Sentences for everything that was logged since the last call, what is alike taken together.
    pub(super) async fn news(&mut self) -> Result<Vec<String>, LedgerError> {
        let mut groups: Vec<(String, Vec<EventRow>)> = Vec::new();
        loop {
            let page = self.ledger.events(self.last, PAGE).await?;
            let Some(last) = page.last() else { break };
            self.last = last.id;
            for event in page {
                self.note(&event);
                let alike = format!("{} {}", event.kind, text(&event, "rule"));
                match groups.iter_mut().find(|(known, _)| *known == alike) {
                    Some((_, group)) => group.push(event),
                    None => groups.push((alike, vec![event])),
                }
            }
        }
        let mut sentences = Vec::new();
        for (_, group) in groups {
            match group.first() {
                Some(first) if group.len() > TOLD_ONE_BY_ONE => sentences.extend(together(first, group.len())),
                _ => {
                    for event in &group {
                        sentences.extend(self.sentence(event).await?);
                    }
                }
            }
        }
        Ok(sentences)
    }

    fn note(&mut self, event: &EventRow) {
        if matches!(event.kind.as_str(), "finding.opened" | "finding.reopened") {
            self.rules.extend(RuleName::parse(text(event, "rule")).map(RuleName::as_str));
        }
    }

    /// One event as a sentence; `None` for what is told elsewhere or not worth a line.
    pub(super) async fn sentence(&self, event: &EventRow) -> Result<Option<String>, LedgerError> {
        let kind = event.kind.as_str();
        let words = match kind.split_once('.') {
            Some(("credential", what)) => {
                let Some((provider, key)) = self.key_of(event).await? else { return Ok(None) };
                match what {
                    "live" => format!("{provider} accepts {key}"),
                    "suspect" if text(event, "outcome").starts_with("partly") => {
                        format!("{provider} refuses {key} over one protocol and can't be asked over the other: suspect")
                    }
                    "suspect" => {
                        format!("{provider} refuses {key}: suspect until that is confirmed, nothing closes yet")
                    }
                    "dead" => format!("{provider} refuses {key} again: dead, and that is proven"),
                    "shredded" => format!("the sealed copy of {key} is destroyed: shredded"),
                    "reopened" => format!("{provider} accepts {key} again, though it was dead"),
                    "compromised" if text(event, "by") == "platform" => {
                        format!("the platform says that others know {key}")
                    }
                    "compromised" => format!("the operator says that others know {key}"),
                    "presented_again" => format!("{key} is presented again"),
                    _ => return Ok(None),
                }
            }
            Some(("finding", what)) => {
                let connection = self.connection(event.data.get("connection").and_then(Value::as_i64)).await?;
                let finding = format!("F{} {}", number(&event.subject), text(event, "rule"));
                match what {
                    "closed" => format!("{finding} on {connection} closes: {}", because(text(event, "why"))),
                    what => format!("{finding} on {connection} is {what}: {}", text(event, "severity")),
                }
            }
            Some(("use", "ended")) => {
                let connection = self.connection(Some(number(&event.subject))).await?;
                match text(event, "by") {
                    "replaced" => format!("{connection} shows another secret"),
                    by => format!("{connection} is {by}: no more use for its key"),
                }
            }
            Some(("use", "compromised")) => {
                let connection = self.connection(Some(number(&event.subject))).await?;
                format!("the platform says that others know the key of {connection}")
            }
            Some(("mail", "released")) => "keysweep mail release: from now on mail leaves".to_owned(),
            _ => return Ok(None),
        };
        Ok(Some(words))
    }

    /// The provider's name, and `the key of "Shop EU" (c-01, acct-1)`, as it was when the event happened.
    async fn key_of(&self, event: &EventRow) -> Result<Option<(String, String)>, LedgerError> {
        let credential = CredentialId(number(&event.subject));
        let Some(detail) = self.ledger.credential_by_id(credential).await? else { return Ok(None) };
        let connection = self.connection(detail.uses.last().map(|used| used.connection.0)).await?;
        let former = detail.uses.iter().all(|used| used.until.is_some_and(|until| until <= event.at));
        let key = if former { "the former key" } else { "the key" };
        Ok(Some((self.title(detail.credential.provider.as_str()), format!("{key} of {connection}"))))
    }

    async fn connection(&self, id: Option<i64>) -> Result<String, LedgerError> {
        let known = match id {
            Some(id) => self.ledger.connection_by_id(ConnectionId(id)).await?,
            None => None,
        };
        Ok(known.map_or_else(
            || "a connection".to_owned(),
            |detail| {
                let row = detail.connection;
                format!("\"{}\" ({}, {})", row.name.unwrap_or_default(), row.connection_id, row.account_id)
            },
        ))
    }
}

/// What people were told of a finding, in the form of events' sentences.
pub(super) fn told(detail: &FindingDetail) -> Vec<(crate::domain::time::Timestamp, String)> {
    let mails = detail.notices.iter().filter_map(|notice| {
        let what = if notice.step == 0 { "a mail" } else { "a reminder" };
        Some((notice.sent_at?, format!("{what} about F{} leaves for person {}", detail.finding.id, notice.person)))
    });
    mails.collect()
}

/// A provider's name as people write it.
pub(super) fn title(catalogue: &Catalogue, provider: &str) -> String {
    let known = catalogue.iter().find(|known| known.name.as_str() == provider);
    known.map_or_else(|| provider.to_owned(), |known| known.title.clone())
}

fn together(first: &EventRow, count: usize) -> Option<String> {
    Some(match first.kind.as_str() {
        "credential.live" => format!("{count} keys are accepted by their providers"),
        "credential.suspect" => format!("{count} keys are refused: suspect until that is confirmed"),
        "credential.dead" => format!("{count} keys are refused again: dead"),
        "credential.shredded" => format!("the sealed copies of {count} keys are destroyed"),
        "finding.opened" => {
            format!("{} is opened on {count} connections: {}", text(first, "rule"), text(first, "severity"))
        }
        "finding.closed" => format!("{} closes on {count} connections", text(first, "rule")),
        "use.ended" => format!("{count} connections end"),
        _ => return None,
    })
}

fn because(why: &str) -> String {
    why.replace('_', " ")
}

fn text<'a>(event: &'a EventRow, name: &str) -> &'a str {
    event.data.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The number of `noun:number`; no row has 0.
fn number(subject: &str) -> i64 {
    subject.split_once(':').and_then(|(_, number)| number.parse().ok()).unwrap_or_default()
}
