//! A platform's own database, of any kind that a source can ask. It goes with this value.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Ran;
use super::schema::{psql, server};

/// The kinds of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Postgres,
    MariaDb,
    Sqlite,
}

impl Engine {
    pub const ALL: [Self; 3] = [Self::Postgres, Self::MariaDb, Self::Sqlite];
}

/// A platform's database.
pub struct Platform {
    pub engine: Engine,
    folder: tempfile::TempDir,
    name: String,
}

/// The address of the tests' MariaDB.
fn mariadb() -> String {
    std::env::var("KEYSWEEP_TEST_MARIADB").expect(
        "KEYSWEEP_TEST_MARIADB names no server: run tests/run, or this test by `tests/mariadb with cargo nextest run NAME`",
    )
}

impl Platform {
    /// An empty one.
    pub fn new(engine: Engine) -> Self {
        let folder = tempfile::Builder::new().prefix("keysweep-platform-").tempdir().expect("a temporary folder");
        let own: String = folder.path().to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("p{}_{}", std::process::id(), own.to_lowercase());
        let platform = Self { engine, folder, name };
        match engine {
            Engine::Postgres => drop(psql(&server(), &[&format!("CREATE SCHEMA {}", platform.name)])),
            Engine::MariaDb => drop(client(None, &format!("CREATE DATABASE {} CHARACTER SET utf8mb4", platform.name))),
            Engine::Sqlite => drop(platform.run("PRAGMA journal_mode = WAL")),
        }
        platform
    }

    /// Its address, with its login.
    pub fn url(&self) -> String {
        match self.engine {
            Engine::Postgres => format!("{}?options=-csearch_path%3D{}%2Cpublic", server(), self.name),
            Engine::MariaDb => mariadb().replace("keysweep_test", &self.name),
            Engine::Sqlite => format!("sqlite:{}", self.path().display()),
        }
    }

    /// Runs statements in it and gives what the database's own client answers.
    pub fn run(&self, statements: &str) -> String {
        match self.engine {
            Engine::Postgres => psql(&server(), &[&format!("SET search_path TO {}, public", self.name), statements]),
            Engine::MariaDb => client(Some(&self.name), statements),
            Engine::Sqlite => {
                let ran = Command::new("sqlite3").arg("-bail").arg(self.path()).arg(statements).output();
                Ran::from(ran.expect("sqlite3, of Debian's sqlite3")).exits(0).out.trim().to_owned()
            }
        }
    }

    fn path(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("platform.db")
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        match self.engine {
            Engine::Postgres => {
                drop(psql(
                    &server(),
                    &[&format!("SET client_min_messages = warning; DROP SCHEMA {} CASCADE", self.name)],
                ));
            }
            Engine::MariaDb => drop(client(None, &format!("DROP DATABASE {}", self.name))),
            Engine::Sqlite => {}
        }
    }
}

/// What MariaDB's own client answers, unaligned.
fn client(database: Option<&str>, statements: &str) -> String {
    let url = mariadb();
    let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port");
    let mut mariadb = Command::new("mariadb");
    mariadb.args(["--no-defaults", "-h", "127.0.0.1", "-u", "root", "-N", "-B", "-P", port]).args(database);
    let ran = mariadb.args(["-e", statements]).stdin(Stdio::null()).output();
    Ran::from(ran.expect("mariadb, of Debian's mariadb-client")).exits(0).out.trim().to_owned()
}
