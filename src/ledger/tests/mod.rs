//! What the ledger promises to the stages, each promise kept by both databases.

mod chain;
mod collect;
mod idle;
mod keymates;
mod neighbours;
mod open;
mod plans;
mod postgres;
mod probe;
mod rekey;
mod shred;
mod shred_postgres;
mod sight;
mod small;
mod statements;
mod stories;

use std::path::PathBuf;

use super::Ledger;
use super::place::{Kind, Place};
use crate::domain::facts::{ConnectionStatus, EndedBy, Provenance};
use crate::domain::ids::{AccountId, ConnectionId, CredentialId, PersonId, ProviderName, SourceId, UseId};
use crate::domain::record::{Auth, PersonStatus, Role, UsedFor};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;
use crate::ports::collect::{
    CollectChunk, CollectLedger, ConnectionWrite, NewAccount, NewCredential, NewUse, PersonWrite, Said, UseEnd,
};

/// A ledger in a place of its own, which goes with it.
struct Fixture {
    ledger: Ledger,
    source: SourceId,
    place: Place,
}

impl Fixture {
    /// An empty ledger that knows one source, called `platform`, and one account.
    async fn new(kind: Kind) -> Self {
        let place = Place::new(kind).await;
        let ledger = Ledger::open(&place.url()).await.expect("a new ledger opens");
        let source = ledger.source("platform", at(0)).await.expect("a source").id;
        let fixture = Self { ledger, source, place };
        fixture.commit(CollectChunk { accounts: vec![fixture.account(1)], ..chunk(0) }).await;
        fixture
    }

    /// SQLite's file.
    fn database(&self) -> PathBuf {
        self.place.folder.path().join("ledger.db")
    }

    async fn commit(&self, chunk: CollectChunk) {
        self.ledger.commit_collect(&chunk).await.expect("the chunk is written");
    }

    /// Credentials with a sealed copy, each used by one open connection of the same number, in account 1.
    async fn load(&self, numbers: impl IntoIterator<Item = i64>, time: i64) {
        let mut load = chunk(time);
        for number in numbers {
            load.connections.push(self.connection(number));
            load.credentials.push(self.credential(number, Some(&sealed(number))));
            load.begun.push(usage(number, number, number));
        }
        self.commit(load).await;
    }

    /// Sets every `judge_at` and `probe_at` to never, so that what becomes due next can be told.
    async fn settle(&self) {
        for statement in
            ["UPDATE connection SET judge_at = NULL", "UPDATE credential SET probe_at = NULL", "DELETE FROM dirty"]
        {
            self.ledger.act(statement).await;
        }
    }

    /// The connections that are due, ascending.
    async fn due(&self) -> Vec<i64> {
        self.numbers("SELECT id FROM connection WHERE judge_at IS NOT NULL ORDER BY id").await
    }

    async fn numbers(&self, statement: &'static str) -> Vec<i64> {
        self.ledger.numbers(statement).await
    }

    async fn one(&self, statement: &'static str) -> Option<String> {
        self.ledger.one(statement).await
    }

    fn account(&self, id: i64) -> NewAccount {
        NewAccount { id: AccountId(id), source: self.source, external_id: format!("account-{id}") }
    }

    fn person(&self, id: i64) -> PersonWrite {
        PersonWrite {
            id: PersonId(id),
            source: self.source,
            account: AccountId(1),
            member_id: format!("member-{id}"),
            email: format!("member-{id}@example.org"),
            role: Role::Owner,
            status: PersonStatus::Active,
            verified: true,
            locale: None,
            timezone: None,
            digest: "p1".to_owned(),
            facts_at: at(2),
            told_at: None,
        }
    }

    fn connection(&self, id: i64) -> ConnectionWrite {
        ConnectionWrite {
            id: ConnectionId(id),
            source: self.source,
            external_id: format!("connection-{id}"),
            account: AccountId(1),
            provider: ProviderName::new("mailjet"),
            name: Some("Newsletter".to_owned()),
            status: ConnectionStatus::Active,
            auth: Auth::Key,
            created_at: Some(at(1)),
            deleted_at: None,
            facts_at: at(2),
            own_date: true,
            row_at: at(2),
            secret_at: None,
            told_at: None,
            last_sync_at: None,
            created_by: None,
            running_jobs: 0,
            used_for: vec![UsedFor::Sync],
            tags: Vec::new(),
            digest: format!("digest-{id}"),
        }
    }

    fn credential(&self, id: i64, sealed: Option<&str>) -> NewCredential {
        NewCredential {
            id: CredentialId(id),
            fingerprint: fingerprint(id),
            source: self.source,
            provider: ProviderName::new("mailjet"),
            key_id: Some(format!("public-half-{id}")),
            region: None,
            base_url: None,
            placeholder: false,
            sealed: sealed.map(str::to_owned),
            secret_since: at(1),
            provenance: Provenance::Connected,
        }
    }
}

fn sqlite(path: &std::path::Path) -> String {
    format!("sqlite:{}", path.display())
}

fn at(time: i64) -> Timestamp {
    Timestamp::from_millis(time)
}

fn chunk(time: i64) -> CollectChunk {
    CollectChunk { now: Some(at(time)), ..CollectChunk::default() }
}

fn fingerprint(id: i64) -> Fingerprint {
    Fingerprint::try_from(format!("{id:064x}")).expect("64 digits")
}

/// Stands in for a sealed copy: all of one length, each of its own text.
fn sealed(id: i64) -> String {
    format!(
        "sealed-{id:08}-{:080x}",
        u128::from(id.unsigned_abs()).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C9A_ADCF_D52B)
    )
}

fn usage(id: i64, connection: i64, credential: i64) -> NewUse {
    NewUse {
        id: UseId(id),
        connection: ConnectionId(connection),
        credential: CredentialId(credential),
        account: AccountId(1),
        since: at(1),
        ended: None,
        begun_in: at(1),
        first_run: false,
        own_from: None,
        said: Said::default(),
    }
}

fn end(id: i64, credential: i64, until: i64) -> UseEnd {
    UseEnd {
        id: UseId(id),
        credential: CredentialId(credential),
        until: at(until),
        by: EndedBy::Deleted,
        ended_in: None,
    }
}
