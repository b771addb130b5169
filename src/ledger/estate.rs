//! A small estate for the tests of this room, written row by row.

use serde_json::{Map, Value, json};

use super::Ledger;
use super::place::{Kind, Place};
use super::session::Bind;
use super::sql::Sql;
use crate::domain::finding::{FindingChange, Opened, RuleName, Severity};
use crate::domain::ids::{ConnectionId, CredentialId};
use crate::domain::time::Timestamp;
use crate::ports::judge::{JudgeBatch, JudgeLedger};

/// The instant at which everything happens that has no better one.
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A ledger in a place of its own.
pub(super) struct Estate {
    pub(super) ledger: Ledger,
    pub(super) url: String,
    _place: Place,
}

/// A use, as a test writes it.
#[derive(Clone, Copy)]
pub(super) struct Use {
    pub(super) connection: i64,
    pub(super) credential: i64,
    pub(super) since: i64,
    pub(super) ended: Option<(i64, &'static str)>,
}

impl Estate {
    /// One source (1) whose people were read, two accounts (1, 2), and nothing else.
    pub(super) async fn new(kind: Kind) -> Self {
        let place = Place::new(kind).await;
        let url = place.url();
        let ledger = Ledger::open(&url).await.unwrap();
        let estate = Self { ledger, url, _place: place };
        estate
            .run("INSERT INTO source (id, name, last_people) VALUES (1, 'platform', 1)")
            .await
            .run("INSERT INTO account (id, source_id, external_id) VALUES (1, 1, 'acc-1'), (2, 1, 'acc-2')")
            .await
            .run("INSERT INTO meta (key, value) VALUES ('ledger_id', 'name') ON CONFLICT (key) DO UPDATE SET value = 'name'")
            .await;
        estate
    }

    /// Any other statement.
    pub(super) async fn run(&self, statement: &'static str) -> &Self {
        self.ledger.act(statement).await;
        self
    }

    /// One number.
    pub(super) async fn number(&self, statement: &'static str) -> i64 {
        self.ledger.numbers(statement).await[0]
    }

    pub(super) async fn write<'b>(&self, statement: &Sql, binds: impl IntoIterator<Item = Bind<'b>>) {
        let mut tx = self.ledger.write("write a test's row").await.unwrap();
        tx.run(statement, binds).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// An active, verified person.
    pub(super) async fn person(&self, id: i64, account: i64, member: &str, role: &str) -> &Self {
        let statement = sql!(
            "INSERT INTO person (id, source_id, account_id, member_id, email, role, status, verified, digest)
             VALUES ($1, 1, $2, $3, $3 || '@example.org', $4, 'active', 1, '')"
        );
        self.write(&statement, [id.into(), account.into(), member.into(), role.into()]).await;
        self
    }

    /// An active Mailjet connection, made by `creator`.
    pub(super) async fn connection(&self, id: i64, account: i64, creator: Option<&str>) -> &Self {
        let statement = sql!(
            "INSERT INTO connection (id, source_id, external_id, account_id, provider, name, status, auth, facts_at,
                                     created_by, used_for, digest)
             VALUES ($1, 1, 'conn-' || CAST($1 AS text), $2, 'mailjet', 'Shop', 'active', 'key', 0, $3, '[\"smtp\"]', '')"
        );
        self.write(&statement, [id.into(), account.into(), creator.into()]).await;
        self
    }

    /// A live Mailjet credential with a held copy.
    pub(super) async fn credential(&self, id: i64) -> &Self {
        let statement = sql!(
            "INSERT INTO credential (id, fingerprint, source_id, provider, key_id, liveness, belief, secret_since, provenance)
             VALUES ($1, " ["printf('%064x', $1)" | "lpad(to_hex($1), 64, '0')"] ", 1, 'mailjet', '0123456789abcdef', 'live', $2, 1000, 'connected')"
        );
        self.write(&statement, [id.into(), json!({"liveness": "live", "accepted_at": 5000}).to_string().into()]).await;
        self.write(&sql!("INSERT INTO escrow (credential_id, held, sealed) VALUES ($1, 1, 'c2VhbGVk')"), [id.into()])
            .await;
        self
    }

    /// A use by a connection of any account.
    pub(super) async fn usage(&self, usage: Use) -> &Self {
        let statement = sql!(
            "INSERT INTO use (connection_id, credential_id, account_id, since, until, ended_by)
             SELECT $1, $2, account_id, $3, $4, $5 FROM connection WHERE id = $1"
        );
        let Use { connection, credential, since, ended } = usage;
        let (until, by) = (ended.map(|(until, _)| until), ended.map(|(_, by)| by));
        self.write(&statement, [connection.into(), credential.into(), since.into(), until.into(), by.into()]).await;
        self
    }

    /// Commits these changes at an instant.
    pub(super) async fn judge(&self, now: Timestamp, changes: Vec<FindingChange>) -> &Self {
        let batch = JudgeBatch { now: Some(now), changes, ..JudgeBatch::default() };
        self.ledger.commit_judgements(&batch).await.unwrap();
        self
    }
}

/// An opening of a mailed finding.
pub(super) fn opened(rule: RuleName, connection: i64, credential: i64) -> Opened {
    Opened {
        rule,
        connection: ConnectionId(connection),
        credential: CredentialId(credential),
        opening: 1,
        severity: Severity::High,
        since: Timestamp::from_secs(1_780_000_000),
        evidence: Map::from_iter([("days".to_owned(), Value::from(97))]),
        mailed: true,
        exempt: None,
    }
}

/// An open use since the millisecond `since`.
pub(super) const fn open_use(connection: i64, credential: i64, since: i64) -> Use {
    Use { connection, credential, since, ended: None }
}

/// A use that has ended.
pub(super) const fn ended_use(connection: i64, credential: i64, since: i64, until: i64, by: &'static str) -> Use {
    Use { connection, credential, since, ended: Some((until, by)) }
}
