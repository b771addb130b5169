//! Ledgers side by side, in either database: made, copied and thrown away.

use std::cell::RefCell;
use std::path::PathBuf;

use keysweep::ledger::Ledger;
use tempfile::TempDir;

use crate::support::schema::{Kind, psql, server};

/// Where a test keeps its ledgers. All of them go with it.
pub struct Shelf {
    kind: Kind,
    folder: TempDir,
    databases: RefCell<Vec<String>>,
}

impl Shelf {
    /// An empty one.
    pub fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { kind, folder, databases: RefCell::default() }
    }

    /// A folder for whatever else is needed.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The address of a new ledger; in PostgreSQL its database is there, and empty.
    pub fn place(&self, name: &str) -> String {
        match self.kind {
            Kind::Sqlite => self.file(name),
            Kind::Postgres => self.database(name, ""),
        }
    }

    /// A copy of a ledger that nobody has open.
    pub async fn copy(&self, from: &str, name: &str) -> String {
        match self.kind {
            Kind::Sqlite => {
                let to = self.file(name);
                let path = to.strip_prefix("sqlite:").expect("our own address");
                Ledger::copy_to(from, path.as_ref()).await.expect("a copy");
                to
            }
            Kind::Postgres => {
                let template = from.rsplit('/').next().expect("our own address");
                self.database(name, &format!("TEMPLATE {template} STRATEGY file_copy"))
            }
        }
    }

    /// Throws a ledger away.
    pub fn discard(&self, ledger: &str) {
        match ledger.strip_prefix("sqlite:") {
            Some(path) => std::fs::remove_file(path).expect("a file"),
            None => drop_database(ledger.rsplit('/').next().expect("our own address")),
        }
    }

    fn file(&self, name: &str) -> String {
        format!("sqlite:{}", self.folder.path().join(format!("{name}.db")).display())
    }

    fn database(&self, name: &str, with: &str) -> String {
        let of = self.folder.path().file_name().expect("a name").to_string_lossy().to_lowercase();
        let of: String = of.chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("kill_{}_{of}_{}", std::process::id(), name.replace('-', "_"));
        psql(&server(), &[&format!("CREATE DATABASE {name} {with}")]);
        self.databases.borrow_mut().push(name.clone());
        let (root, _) =
            server().rsplit_once('/').map(|(root, last)| (root.to_owned(), last.to_owned())).expect("a database");
        format!("{root}/{name}")
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        for name in self.databases.borrow().iter() {
            drop_database(name);
        }
    }
}

fn drop_database(name: &str) {
    psql(&server(), &[&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")]);
}
