//! How a story is read from the ledger: whole, or as far as one account may be told of it.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{Story, name};
use crate::domain::ids::{CredentialId, FindingId, PersonId};
use crate::ledger::Ledger;
use crate::ledger::read::{AccountName, CredentialDetail, EventRow, FindingDetail, FindingFilter};
use crate::ports::LedgerError;
use crate::report::log::{Names, entries};
use crate::report::own::{Own, Part};

/// Entries of the log that a story has at most.
const EVENTS: usize = 1_000;
/// Entries that are read at a time.
const PAGE: usize = 1_000;
/// Findings that a story has at most: a key that thousands share is read elsewhere.
const FINDINGS: usize = 200;
/// Uses that a story has at most.
const MOST_USES: usize = 1_000;

/// How people are called in a story.
#[derive(Clone, Copy)]
enum People {
    Named,
    Numbered,
}

impl Story {
    /// Reads the story; `None` where there is no such credential.
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn of(ledger: &Ledger, id: CredentialId) -> Result<Option<Self>, LedgerError> {
        Self::within(ledger, id, None).await
    }

    /// The same for who may see how things stand, but not who was told: people are numbers there.
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn of_nobody(ledger: &Ledger, id: CredentialId) -> Result<Option<Self>, LedgerError> {
        Self::read(ledger, id, None, People::Numbered).await
    }

    /// The same, as far as it is an account's own: a customer is not told that another one has the same key (DESIGN.md 6).
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn within(
        ledger: &Ledger,
        id: CredentialId,
        account: Option<&AccountName>,
    ) -> Result<Option<Self>, LedgerError> {
        Self::read(ledger, id, account, People::Named).await
    }

    async fn read(
        ledger: &Ledger,
        id: CredentialId,
        account: Option<&AccountName>,
        people: People,
    ) -> Result<Option<Self>, LedgerError> {
        let Some(mut detail) = ledger.credential_by_id(id).await? else { return Ok(None) };
        let (source, named) = (account.map(|of| of.source.clone()), account.map(|of| of.id.clone()));
        let filter = FindingFilter { credential: Some(id), account: named, source, ..FindingFilter::default() };
        let listed = ledger.findings(&filter, FindingId(0), FINDINGS + 1).await?;
        let mut cut = Vec::new();
        if listed.len() > FINDINGS {
            cut.push(format!("only its first {FINDINGS} findings are told of"));
        }
        let mut findings = ledger.explained(listed.into_iter().take(FINDINGS).collect()).await?;
        if account.is_some() {
            findings.iter_mut().for_each(|detail| Own::finding(&mut detail.finding));
        }
        let uses = match account {
            Some(account) => Some((account, ledger.own_uses(id, account).await?)),
            None => None,
        };
        let otherwise = findings.iter().map(|one| one.finding.since).min().unwrap_or(detail.credential.secret_since);
        let own = uses.as_ref().map(|(account, uses)| Own::of(account, Part::of(uses), otherwise));
        if let Some(own) = &own {
            own.row(&mut detail.credential);
        }
        if let Some((_, uses)) = &uses {
            detail.uses.clone_from(&uses.uses);
        }
        if detail.uses.len() >= MOST_USES {
            cut.push(format!("at most its first {MOST_USES} uses are told of"));
        }
        let mut events = told(ledger, &detail, &findings, own.as_ref()).await?;
        if events.len() > EVENTS {
            events.truncate(EVENTS);
            cut.push(format!("only the first {EVENTS} entries of the log are told"));
        }
        let readers = match people {
            People::Named => readers(ledger, &findings).await?,
            People::Numbered => HashMap::new(),
        };
        let connections = detail.uses.iter().map(|used| (used.connection, name(used))).collect();
        let names = Names { connections, readers };
        let entries = entries(&detail, &findings, &events, &names);
        Ok(Some(Self { detail, findings, entries, cut }))
    }
}

/// What the log tells of it, up to one entry more than a story has. What is none of its story is passed over page by page, so
/// that it takes no room.
async fn told(
    ledger: &Ledger,
    detail: &CredentialDetail,
    findings: &[FindingDetail],
    own: Option<&Own<'_>>,
) -> Result<Vec<EventRow>, LedgerError> {
    let subjects = subjects(detail, findings);
    let (mut told, mut after) = (Vec::new(), 0);
    while told.len() <= EVENTS {
        let page = ledger.timeline(&subjects, after, PAGE).await?;
        let (is_last, last) = (page.len() < PAGE, page.last().map(|event| event.id));
        let page = page.into_iter().filter(|event| is_about(event, detail) && !is_older_news(event, detail));
        match own {
            Some(own) => told.extend(page.filter_map(|event| own.event(event))),
            None => told.extend(page),
        }
        match last {
            Some(last) if !is_last => after = last,
            _ => break,
        }
    }
    told.truncate(EVENTS + 1);
    Ok(told)
}

/// False for what happened to its connections with another credential.
fn is_about(event: &EventRow, detail: &CredentialDetail) -> bool {
    event.data.get("credential").and_then(Value::as_i64).is_none_or(|other| other == detail.credential.id.0)
}

/// What became of the provider before the credential was seen is none of its story.
fn is_older_news(event: &EventRow, detail: &CredentialDetail) -> bool {
    event.subject.starts_with("provider:") && detail.credential.first_seen_at.is_some_and(|first| event.at < first)
}

/// What the log calls everything that a credential's story is about.
fn subjects(detail: &CredentialDetail, findings: &[FindingDetail]) -> Vec<String> {
    let connections: BTreeSet<_> = detail.uses.iter().map(|used| used.connection).collect();
    std::iter::once(format!("credential:{}", detail.credential.id))
        .chain(connections.into_iter().map(|id| format!("connection:{id}")))
        .chain(findings.iter().map(|finding| format!("finding:{}", finding.finding.id)))
        .chain([format!("provider:{}", detail.credential.provider)])
        .collect()
}

/// What the log's numbers of people are called. Addresses are masked.
async fn readers(ledger: &Ledger, findings: &[FindingDetail]) -> Result<HashMap<PersonId, String>, LedgerError> {
    let people: BTreeSet<PersonId> = findings.iter().flat_map(|f| &f.notices).map(|notice| notice.person).collect();
    let people: Vec<PersonId> = people.into_iter().collect();
    let mut readers = HashMap::with_capacity(people.len());
    for reader in ledger.readers(&people).await? {
        let address = reader.address.map(|address| format!(" ({address})")).unwrap_or_default();
        readers.insert(reader.id, format!("{} of {}{address}", reader.member, reader.account));
    }
    Ok(readers)
}
