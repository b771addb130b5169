//! How a story is read from the ledger: whole, or as far as one account may be told of it.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{Story, name};
use crate::domain::ids::{CredentialId, FindingId, PersonId};
use crate::ledger::read::{AccountName, CredentialDetail, EventRow, FindingDetail, FindingFilter, MOST_USES, Moment};
use crate::ports::LedgerError;
use crate::report::log::{Names, entries};
use crate::report::own::{Own, Part};
use crate::report::text::second;

/// Entries of the log that a story has at most.
const EVENTS: usize = 1_000;
/// Entries that are read at a time.
const PAGE: usize = 1_000;
/// Entries that are left out are counted up to about so many.
const COUNTED: usize = 5_000;
/// Findings that a story has at most: a key that thousands share is read elsewhere.
const FINDINGS: usize = 200;

/// How people are called in a story.
#[derive(Clone, Copy)]
enum People {
    Named,
    Numbered,
    /// and nothing is said of who was told
    Unnamed,
}

impl Story {
    /// Reads the story, all of it of one moment; `None` where there is no such credential.
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn of(moment: &mut Moment, id: CredentialId) -> Result<Option<Self>, LedgerError> {
        Self::within(moment, id, None).await
    }

    /// The same with the ledger's numbers in place of people.
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn of_numbers(moment: &mut Moment, id: CredentialId) -> Result<Option<Self>, LedgerError> {
        Self::read(moment, id, None, People::Numbered).await
    }

    /// The same for who may see how things stand, but not who was told: no notice is told of.
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn of_nobody(moment: &mut Moment, id: CredentialId) -> Result<Option<Self>, LedgerError> {
        Self::read(moment, id, None, People::Unnamed).await
    }

    /// The same, as far as it is an account's own: a customer is not told that another one has the same key (DESIGN.md 6).
    ///
    /// # Errors
    /// [`LedgerError`], as for every reading.
    pub async fn within(
        moment: &mut Moment,
        id: CredentialId,
        account: Option<&AccountName>,
    ) -> Result<Option<Self>, LedgerError> {
        Self::read(moment, id, account, People::Named).await
    }

    async fn read(
        moment: &mut Moment,
        id: CredentialId,
        account: Option<&AccountName>,
        people: People,
    ) -> Result<Option<Self>, LedgerError> {
        let Some(mut detail) = moment.credential_by_id(id).await? else { return Ok(None) };
        let (source, named) = (account.map(|of| of.source.clone()), account.map(|of| of.id.clone()));
        let filter = FindingFilter { credential: Some(id), account: named, source, ..FindingFilter::default() };
        let listed = moment.findings(&filter, FindingId(0), FINDINGS + 1).await?;
        let mut cut = Vec::new();
        if listed.len() > FINDINGS {
            cut.push(format!("only its first {FINDINGS} findings are told of"));
        }
        let mut findings = moment.explained(listed.into_iter().take(FINDINGS).collect()).await?;
        if let People::Unnamed = people {
            findings.iter_mut().for_each(|finding| finding.notices.clear());
        }
        let uses = match account {
            Some(account) => Some((account, moment.own_uses(id, account).await?)),
            None => None,
        };
        let otherwise = findings.iter().map(|one| one.finding.since).min().unwrap_or(detail.credential.secret_since);
        let own = uses.as_ref().map(|(account, uses)| Own::of(account, Part::of(uses), otherwise));
        if let Some(own) = &own {
            own.row(&mut detail.credential);
            findings.iter_mut().for_each(|finding| own.detail(finding));
        }
        if let Some((_, uses)) = &uses {
            // How many others have the key is none of this account's.
            (detail.uses, detail.uses_left_out) = (uses.uses.clone(), 0);
        }
        match detail.uses_left_out {
            0 if account.is_some() && detail.uses.len() >= MOST_USES => {
                cut.push(format!("at most its first {MOST_USES} uses are told of"));
            }
            0 => {}
            left => cut.push(format!("only its first {MOST_USES} uses are told of, and {left} more are not")),
        }
        let (mut events, left_out) = told(moment, &detail, &findings, own.as_ref()).await?;
        if let People::Unnamed = people {
            events.iter_mut().for_each(|event| _ = event.data.remove("person"));
        }
        cut.extend(left_out);
        let readers = match people {
            People::Named => readers(moment, &findings, &events).await?,
            People::Numbered | People::Unnamed => HashMap::new(),
        };
        let connections = detail.uses.iter().map(|used| (used.connection, name(used))).collect();
        let names = Names { connections, readers };
        let entries = entries(&detail, &findings, &events, &names);
        let audit = moment.log_audit().await?;
        Ok(Some(Self { detail, findings, entries, cut, audit }))
    }
}

/// What the log tells of it, in its order, and what of that is left out, in words. The key's own entries come first: a story
/// without its end is none, however much befell those who share the key. Of what is around it the latest are told.
async fn told(
    moment: &mut Moment,
    detail: &CredentialDetail,
    findings: &[FindingDetail],
    own: Option<&Own<'_>>,
) -> Result<(Vec<EventRow>, Vec<String>), LedgerError> {
    let is_told = |event: EventRow| {
        let is_its_own = is_about(&event, detail) && !is_older_news(&event, detail);
        match own {
            _ if !is_its_own => None,
            Some(own) => own.event(event),
            None => Some(event),
        }
    };
    let key = Latest::read(moment, &[format!("credential:{}", detail.credential.id)], EVENTS, is_told).await?;
    let room = EVENTS - key.events.len();
    let around = Latest::read(moment, &subjects(detail, findings), room, is_told).await?;
    let cut = [key.cut("the key itself"), around.cut("its connections, findings and provider")];
    let mut events: Vec<EventRow> = key.events.into_iter().chain(around.events).collect();
    events.sort_unstable_by_key(|event| event.id);
    Ok((events, cut.into_iter().flatten().collect()))
}

/// The latest entries on some subjects.
struct Latest {
    /// the latest first
    events: Vec<EventRow>,
    /// older ones that there was no room for, as far as they were counted
    left: usize,
    /// whether there may be more of those
    more: bool,
}

impl Latest {
    /// Reads up to `room` entries. What is none of the story is passed over page by page, so that it takes no room.
    async fn read(
        moment: &mut Moment,
        subjects: &[String],
        room: usize,
        is_told: impl Fn(EventRow) -> Option<EventRow>,
    ) -> Result<Self, LedgerError> {
        let mut latest = Self { events: Vec::new(), left: 0, more: false };
        let mut before = i64::MAX;
        loop {
            let page = moment.timeline_back(subjects, before, PAGE).await?;
            let next = page.last().map(|event| event.id).filter(|_| page.len() == PAGE);
            for event in page.into_iter().filter_map(&is_told) {
                if latest.events.len() < room {
                    latest.events.push(event);
                } else {
                    latest.left += 1;
                }
            }
            let Some(next) = next else { return Ok(latest) };
            if latest.left >= COUNTED {
                return Ok(Self { more: true, ..latest });
            }
            before = next;
        }
    }

    /// What is left out, in words, and where in the story; `None` for nothing.
    fn cut(&self, about: &str) -> Option<String> {
        let entries = match (self.left, self.more) {
            (0, _) => return None,
            (1, _) => "the oldest entry".to_owned(),
            (left, false) => format!("the {left} oldest entries"),
            (left, true) => format!("at least the {left} oldest entries"),
        };
        let until = self.events.last().map(|event| format!(", before {},", second(event.at))).unwrap_or_default();
        Some(format!("{entries} of the log on {about}{until} are not told here"))
    }
}

/// False for what happened to its connections with another credential.
fn is_about(event: &EventRow, detail: &CredentialDetail) -> bool {
    event.data.get("credential").and_then(Value::as_i64).is_none_or(|other| other == detail.credential.id.0)
}

/// What became of the provider before the credential was seen is none of its story.
fn is_older_news(event: &EventRow, detail: &CredentialDetail) -> bool {
    event.subject.starts_with("provider:") && detail.credential.first_seen_at.is_some_and(|first| event.at < first)
}

/// What the log calls everything around a credential that its story is about.
fn subjects(detail: &CredentialDetail, findings: &[FindingDetail]) -> Vec<String> {
    let connections: BTreeSet<_> = detail.uses.iter().map(|used| used.connection).collect();
    let connections = connections.into_iter().map(|id| format!("connection:{id}"));
    connections
        .chain(findings.iter().map(|finding| format!("finding:{}", finding.finding.id)))
        .chain([format!("provider:{}", detail.credential.provider)])
        .collect()
}

/// What the log's numbers of people are called, of those who were told and of those who acted. Addresses are masked.
async fn readers(
    moment: &mut Moment,
    findings: &[FindingDetail],
    events: &[EventRow],
) -> Result<HashMap<PersonId, String>, LedgerError> {
    let told = findings.iter().flat_map(|finding| &finding.notices).map(|notice| notice.person);
    let acted = events.iter().filter_map(|event| event.data.get("person").and_then(Value::as_i64)).map(PersonId);
    let people: BTreeSet<PersonId> = told.chain(acted).collect();
    let people: Vec<PersonId> = people.into_iter().collect();
    let mut readers = HashMap::with_capacity(people.len());
    for reader in moment.readers(&people).await? {
        let address = reader.address.map(|address| format!(" ({address})")).unwrap_or_default();
        let account = if reader.account.is_empty() { String::new() } else { format!(" of {}", reader.account) };
        readers.insert(reader.id, format!("{}{account}{address}", reader.member));
    }
    Ok(readers)
}
