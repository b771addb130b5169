//! A chunk of people into the ledger.

use std::collections::{HashMap, HashSet};

use super::Reading;
use crate::domain::diff::person_facts;
use crate::domain::ids::{AccountId, PersonId};
use crate::domain::record::{FieldProblem, PersonRecord, Row};
use crate::domain::time::Timestamp;
use crate::ports::collect::{CollectChunk, CollectLedger, KnownPerson, NewAccount, PersonWrite, Reservation, Reserved};
use crate::ports::{LedgerError, Vault};

/// Accounts in doubt that are kept by name. With more, the list is not one to conclude anything from.
const UNSURE_AT_MOST: usize = 10_000;

/// Compares a chunk with what is known and commits what changed.
pub(super) async fn absorb<L: CollectLedger, V: Vault>(
    reading: &mut Reading<'_, L, V>,
    rows: Vec<Row<PersonRecord>>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let turn = reading.ledger.turn().await?;
    let (records, bad) = sorted(reading, rows);
    let named = records.iter().map(|(_, record)| (record.account_id.as_str(), record.member_id.as_str()));
    let ids: Vec<_> = named.chain(bad.iter().map(|(account, member)| (account.as_str(), member.as_str()))).collect();
    let source = reading.state.id;
    let known: HashMap<(String, String), KnownPerson> = reading
        .ledger
        .known_people(source, &ids)
        .await?
        .into_iter()
        .map(|person| ((person.account.clone(), person.member.clone()), person))
        .collect();

    let mut chunk = CollectChunk { now: Some(now), turn: Some(turn.number), ..CollectChunk::default() };
    let mut fresh = Vec::new();
    for (row, record) in records {
        let digest = digest(reading, &record);
        match known.get(&(record.account_id.clone(), record.member_id.clone())) {
            Some(person) if !reading.seen_people.insert(person.id.0) => twice(reading, row),
            // an event has told of them since
            Some(person) if person.told_at.is_some_and(|told| told >= reading.taken) => {}
            Some(person) => {
                if person.absent_since.is_some() {
                    chunk.people_present.push(person.id);
                }
                if person.digest != digest {
                    fresh.push((Some(person.id), record, digest));
                }
            }
            None => fresh.push((None, record, digest)),
        }
    }
    for who in bad {
        if let Some(person) = known.get(&who) {
            reading.seen_people.insert(person.id.0);
            chunk.people_present.extend(person.absent_since.map(|_| person.id));
        }
        note_unsure(reading, who.0);
    }
    let accounts: HashSet<&str> = fresh.iter().map(|(_, record, _)| record.account_id.as_str()).collect();
    let accounts: Vec<&str> = accounts.into_iter().collect();
    let mut accounts: HashMap<String, AccountId> =
        reading.ledger.known_accounts(source, &accounts).await?.into_iter().collect();
    let reserved = reserve(reading, &fresh, &accounts).await?;
    write(reading, &mut chunk, fresh, &mut accounts, reserved);
    if chunk.people.is_empty() && chunk.people_present.is_empty() {
        return Ok(());
    }
    reading.ledger.commit_collect(&chunk).await
}

/// An account and a member of it, as the platform names them.
type Who = (String, String);

/// The good rows, and whom the others are about: those are set aside, and count as present.
fn sorted<L, V>(reading: &mut Reading<'_, L, V>, rows: Vec<Row<PersonRecord>>) -> (Vec<(u64, PersonRecord)>, Vec<Who>) {
    let mut records: Vec<(u64, PersonRecord)> = Vec::with_capacity(rows.len());
    let mut bad = Vec::new();
    let mut here = HashSet::new();
    for row in rows {
        reading.dropped(row.row, row.dropped);
        match row.record {
            Err(problem) => {
                reading.quarantine(row.row, problem);
                match (row.account, row.id) {
                    (Some(account), Some(member)) => bad.push((account, member)),
                    // It may be about anybody: all count as present.
                    _ => reading.unreadable_person = true,
                }
            }
            Ok(record) if !here.insert((record.account_id.clone(), record.member_id.clone())) => {
                twice(reading, row.row);
            }
            Ok(record) => records.push((row.row, record)),
        }
    }
    (records, bad)
}

/// Somebody of whom nothing new can be taken down: where their account has no other owner, it may have one in them.
fn note_unsure<L, V>(reading: &mut Reading<'_, L, V>, account: String) {
    reading.unsure_accounts.insert(account);
    if reading.unsure_accounts.len() > UNSURE_AT_MOST {
        reading.unsure_accounts.clear();
        reading.unreadable_person = true;
    }
}

fn twice<L, V>(reading: &mut Reading<'_, L, V>, row: u64) {
    let reason = "this member was listed before in the same account; the first row counts".to_owned();
    reading.quarantine(row, FieldProblem { field: "member_id".to_owned(), reason });
}

pub(super) fn digest<L, V: Vault>(reading: &Reading<'_, L, V>, record: &PersonRecord) -> String {
    let mut facts = Vec::with_capacity(128);
    person_facts(record, &mut facts);
    reading.vault.digest(&facts)
}

pub(super) type Fresh = (Option<PersonId>, PersonRecord, String);

pub(super) async fn reserve<L: CollectLedger, V>(
    reading: &Reading<'_, L, V>,
    fresh: &[Fresh],
    accounts: &HashMap<String, AccountId>,
) -> Result<Reserved, LedgerError> {
    let unknown: HashSet<&str> =
        fresh.iter().map(|f| f.1.account_id.as_str()).filter(|id| !accounts.contains_key(*id)).collect();
    let people = fresh.iter().filter(|f| f.0.is_none()).count();
    reading
        .ledger
        .reserve(Reservation {
            accounts: u32::try_from(unknown.len()).unwrap_or(u32::MAX),
            people: u32::try_from(people).unwrap_or(u32::MAX),
            ..Reservation::default()
        })
        .await
}

pub(super) fn write<L, V>(
    reading: &mut Reading<'_, L, V>,
    chunk: &mut CollectChunk,
    fresh: Vec<Fresh>,
    accounts: &mut HashMap<String, AccountId>,
    mut reserved: Reserved,
) {
    let source = reading.state.id;
    for (known, record, digest) in fresh {
        let account = *accounts.entry(record.account_id).or_insert_with_key(|external| {
            let id = AccountId(reserved.account);
            reserved.account += 1;
            chunk.accounts.push(NewAccount { id, source, external_id: external.clone() });
            id
        });
        let id = known.unwrap_or_else(|| {
            let id = PersonId(reserved.person);
            reserved.person += 1;
            reading.seen_people.insert(id.0);
            id
        });
        chunk.people.push(PersonWrite {
            id,
            source,
            account,
            member_id: record.member_id,
            email: record.email.expose().to_owned(),
            role: record.role,
            status: record.status,
            verified: record.verified,
            locale: record.locale,
            timezone: record.timezone,
            digest,
            facts_at: reading.taken,
            told_at: reading.told_at,
        });
    }
}
