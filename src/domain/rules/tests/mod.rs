//! One promise a test; the subjects are built by changing one healthy connection.

use super::*;
use crate::domain::belief::{Belief, Shredding};
use crate::domain::facts::{
    AccountSummary, Compromise, ConnectionFacts, ConnectionStatus, Creator, CredentialFacts, Provenance, Reach, SaidBy,
    Share,
};
use crate::domain::finding::Severity;
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, ProviderName, SourceId, UseId};
use crate::domain::secret::Fingerprint;
use crate::domain::time::days;

mod ended;
mod open;
mod others;
mod properties;
mod together;

/// Day 0 of every test: the secrets were set then.
const START: Timestamp = Timestamp::from_secs(1_790_000_000);

fn day(count: u64) -> Timestamp {
    START + days(count)
}

fn ms_before(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis() - 1)
}

/// A live key, held, whose age is declared.
fn credential(id: i64) -> CredentialFacts {
    CredentialFacts {
        id: CredentialId(id),
        fingerprint: Fingerprint::try_from(format!("{id:064x}")).expect("64 digits"),
        provider: ProviderName::new("mailjet"),
        key_tail: "cdef".to_owned(),
        kind: None,
        compromise: None,
        placeholder: false,
        held: true,
        belief: live(),
        secret_since: START,
        provenance: Provenance::Declared,
    }
}

fn live() -> Belief {
    Belief { liveness: Liveness::Live, since: Some(START), accepted_at: Some(day(10)), ..Belief::default() }
}

/// Live until `first`, refused since.
fn suspect(first: Timestamp) -> Belief {
    Belief {
        liveness: Liveness::Suspect,
        before: Some(Liveness::Live),
        since: Some(first),
        refused_first: Some(first),
        refused_last: Some(first),
        ..live()
    }
}

fn dead(at: Timestamp) -> Belief {
    Belief { liveness: Liveness::Dead, died_at: Some(at), ..suspect(at) }
}

fn shredded(belief: &Belief, at: Timestamp, shredding: Shredding) -> Belief {
    Belief { liveness: Liveness::Shredded, since: Some(at), shredding: Some(shredding), ..belief.clone() }
}

fn open_use(credential: CredentialFacts) -> UseFacts {
    UseFacts {
        id: UseId(credential.id.0),
        account: AccountId(1),
        credential,
        since: START,
        until: None,
        ended_by: None,
        ended_seen_at: None,
        ended_at_first_sight: false,
        first_run: false,
        share: Share { open: Count::One, left_behind: false, compromised_at: None, mixed: false },
    }
}

/// A use that ended on day 10 and was seen to have ended then.
fn ended_use(credential: CredentialFacts, by: EndedBy) -> UseFacts {
    UseFacts {
        until: Some(day(10)),
        ended_by: Some(by),
        ended_seen_at: Some(day(10)),
        share: Share { open: Count::None, left_behind: false, compromised_at: None, mixed: false },
        ..open_use(credential)
    }
}

fn subject(status: ConnectionStatus, uses: Vec<UseFacts>) -> Subject {
    Subject {
        connection: ConnectionFacts {
            id: ConnectionId(1),
            source: SourceId(1),
            source_name: "main".to_owned(),
            account: AccountId(1),
            account_name: "a-1".to_owned(),
            external_id: "c-1".to_owned(),
            provider: ProviderName::new("mailjet"),
            name: None,
            status,
            auth: Auth::Key,
            created_at: Some(START),
            creator: Creator::Active,
            running_jobs: 0,
            used_for: Vec::new(),
            last_sync_at: None,
            syncs_are_told: false,
            tags: Vec::new(),
        },
        account: AccountSummary { has_owner: Some(true) },
        reach: Some(Reach { somebody: true, again_at: None }),
        uses,
    }
}

/// An active connection with one open use, after `change`.
fn active(change: impl FnOnce(&mut Subject)) -> Subject {
    let mut subject = subject(ConnectionStatus::Active, vec![open_use(credential(1))]);
    change(&mut subject);
    subject
}

/// A connection that was deleted on day 10 and left a live key behind, after `change`.
fn deleted(change: impl FnOnce(&mut Subject)) -> Subject {
    let mut subject = subject(ConnectionStatus::Deleted, vec![ended_use(credential(1), EndedBy::Deleted)]);
    change(&mut subject);
    subject
}

fn policy() -> Policy {
    Policy::default()
}

fn ruled(subject: &Subject, now: Timestamp) -> Vec<RuleName> {
    judge(subject, &policy(), now).into_iter().map(|ruling| ruling.rule).collect()
}

/// The one ruling of the subject.
fn only(subject: &Subject, now: Timestamp) -> Ruling {
    let mut rulings = judge(subject, &policy(), now);
    assert_eq!(rulings.len(), 1, "{rulings:#?}");
    rulings.remove(0)
}

#[test]
fn each_rule_is_found_under_its_own_name() {
    for name in RuleName::ALL {
        assert_eq!(rule(name).name, name);
    }
}

#[test]
fn the_steps_for_people_fit_what_has_happened() {
    use Situation::{
        Broken, Compromised, CompromisedEnded, DeletedAlive, Orphaned, ReplacedAlive, Shared, Stale, Unproven,
        WrongKind,
    };
    for (rule, ended_by, sharers, expected) in [
        (RuleName::RevocationMissing, Some(EndedBy::Deleted), 0, DeletedAlive),
        (RuleName::RevocationMissing, Some(EndedBy::Absent), 0, DeletedAlive),
        (RuleName::RevocationMissing, Some(EndedBy::Replaced), 0, ReplacedAlive),
        (RuleName::RevocationUnproven, Some(EndedBy::Replaced), 0, Unproven),
        (RuleName::SecretReused, None, 1, Stale),
        (RuleName::SecretStale, None, 1, Stale),
        (RuleName::SecretStale, None, 2, Shared),
        (RuleName::SecretDue, None, 1, Stale),
        (RuleName::SecretDue, None, 3, Shared),
        (RuleName::SecretAgeUnknown, None, 1, Stale),
        (RuleName::SecretShared, None, 2, Shared),
        (RuleName::ConnectionOrphaned, None, 2, Orphaned),
        (RuleName::ConnectionBroken, None, 2, Broken),
        (RuleName::SecretCompromised, None, 2, Compromised),
        (RuleName::SecretCompromised, Some(EndedBy::Replaced), 0, CompromisedEnded),
        (RuleName::SecretCompromised, Some(EndedBy::Deleted), 0, CompromisedEnded),
        (RuleName::SecretCompromised, Some(EndedBy::Deleted), 1, Compromised),
        (RuleName::WrongKeyKind, None, 2, WrongKind),
    ] {
        assert_eq!(situation(rule, ended_by, sharers), Some(expected), "{rule} {ended_by:?} {sharers}");
    }
    for rule in [RuleName::MixedUse, RuleName::ConnectionIdle, RuleName::OwnerUnreachable] {
        assert_eq!(situation(rule, None, 2), None, "{rule} is no affair of the provider's");
    }
}
