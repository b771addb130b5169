//! A small estate for the tests of this room, written row by row.

use serde_json::{Map, Value, json};
use sqlx::query;
use tempfile::TempDir;

use super::Ledger;
use crate::domain::finding::{FindingChange, Opened, RuleName, Severity};
use crate::domain::ids::{ConnectionId, CredentialId};
use crate::domain::time::Timestamp;
use crate::ports::judge::{JudgeBatch, JudgeLedger};

/// The instant at which everything happens that has no better one.
pub(super) const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A ledger in a folder of its own.
pub(super) struct Estate {
    pub(super) ledger: Ledger,
    pub(super) url: String,
    _folder: TempDir,
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
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/ledger.db", folder.path().display());
        let ledger = Ledger::open(&url).await.unwrap();
        let estate = Self { ledger, url, _folder: folder };
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
        query(statement).execute(self.ledger.pool()).await.unwrap();
        self
    }

    /// One number.
    pub(super) async fn number(&self, statement: &'static str) -> i64 {
        sqlx::query_scalar(statement).fetch_one(self.ledger.pool()).await.unwrap()
    }

    /// The steps of the database's plan for a statement.
    #[expect(clippy::disallowed_methods, reason = "a constant with two words before it")]
    pub(super) async fn plan(&self, statement: &'static str) -> Vec<String> {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(self.ledger.pool()).await.unwrap();
        steps.into_iter().map(|(.., step)| step).collect()
    }

    /// An active, verified person.
    pub(super) async fn person(&self, id: i64, account: i64, member: &str, role: &str) -> &Self {
        query(
            "INSERT INTO person (id, source_id, account_id, member_id, email, role, status, verified, digest)
             VALUES (?1, 1, ?2, ?3, ?3 || '@example.org', ?4, 'active', 1, '')",
        )
        .bind(id)
        .bind(account)
        .bind(member)
        .bind(role)
        .execute(self.ledger.pool())
        .await
        .unwrap();
        self
    }

    /// An active Mailjet connection, made by `creator`.
    pub(super) async fn connection(&self, id: i64, account: i64, creator: Option<&str>) -> &Self {
        query(
            "INSERT INTO connection (id, source_id, external_id, account_id, provider, name, status, auth, facts_at,
                                     created_by, used_for, digest)
             VALUES (?1, 1, 'conn-' || ?1, ?2, 'mailjet', 'Shop', 'active', 'key', 0, ?3, '[\"smtp\"]', '')",
        )
        .bind(id)
        .bind(account)
        .bind(creator)
        .execute(self.ledger.pool())
        .await
        .unwrap();
        self
    }

    /// A live Mailjet credential with a held copy.
    pub(super) async fn credential(&self, id: i64) -> &Self {
        query(
            "INSERT INTO credential (id, fingerprint, source_id, provider, key_id, liveness, belief, secret_since, provenance)
             VALUES (?1, printf('%064x', ?1), 1, 'mailjet', '0123456789abcdef', 'live', ?2, 1000, 'connected')",
        )
        .bind(id)
        .bind(json!({"liveness": "live", "accepted_at": 5000}).to_string())
        .execute(self.ledger.pool())
        .await
        .unwrap();
        query("INSERT INTO escrow (credential_id, held, sealed) VALUES (?1, 1, 'c2VhbGVk')")
            .bind(id)
            .execute(self.ledger.pool())
            .await
            .unwrap();
        self
    }

    /// A use by a connection of any account.
    pub(super) async fn usage(&self, usage: Use) -> &Self {
        query(
            "INSERT INTO use (connection_id, credential_id, account_id, since, until, ended_by)
             SELECT ?1, ?2, account_id, ?3, ?4, ?5 FROM connection WHERE id = ?1",
        )
        .bind(usage.connection)
        .bind(usage.credential)
        .bind(usage.since)
        .bind(usage.ended.map(|(until, _)| until))
        .bind(usage.ended.map(|(_, by)| by))
        .execute(self.ledger.pool())
        .await
        .unwrap();
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
