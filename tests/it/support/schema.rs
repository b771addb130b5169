//! Where a test's ledger is: in SQLite, or in a schema of its own of the tests' PostgreSQL.

use std::path::Path;
use std::process::Command;

use super::Ran;

/// Which database the ledger is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// The address of the tests' PostgreSQL.
pub fn server() -> String {
    std::env::var("KEYSWEEP_TEST_POSTGRES").expect(
        "KEYSWEEP_TEST_POSTGRES names no server: run tests/run, or this test by `tests/postgres with cargo nextest run NAME`",
    )
}

/// What psql answers to these statements, unaligned.
pub fn psql(server: &str, statements: &[&str]) -> String {
    let mut psql = Command::new("psql");
    psql.args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-d", server]);
    for statement in statements {
        psql.args(["-c", statement]);
    }
    let ran = Ran::from(psql.output().expect("psql, of Debian's postgresql-client"));
    ran.exits(0).out.trim().to_owned()
}

/// A schema of the tests' PostgreSQL, for one ledger. It goes with this value.
pub struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// For a ledger in PostgreSQL one that is named after `folder`; else none.
    pub fn of(kind: Kind, folder: &Path) -> Option<Self> {
        let name: String = folder.to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
        (kind == Kind::Postgres).then(|| {
            let schema = Self { server: server(), name: format!("it{}_{}", std::process::id(), name.to_lowercase()) };
            schema.query(&format!("CREATE SCHEMA {}", schema.name));
            schema
        })
    }

    /// The ledger's address.
    pub fn url(&self) -> String {
        format!("{}?options=-csearch_path%3D{}", self.server, self.name)
    }

    /// What psql answers, unaligned.
    pub fn query(&self, statement: &str) -> String {
        psql(&self.server, &[&format!("SET search_path TO {}", self.name), statement])
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // A read that the test dropped is undone by a task of the test's runtime, which stands still here: its connection is
        // ended instead.
        self.query(&format!(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
             WHERE c.relnamespace = '{0}'::regnamespace AND l.pid <> pg_backend_pid();
             SET client_min_messages = warning; DROP SCHEMA {0} CASCADE",
            self.name
        ));
    }
}
