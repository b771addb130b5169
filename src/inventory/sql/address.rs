//! The address of a platform's database, taken apart. Nothing but its host, port and name is ever told.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::sqlite::SqliteConnectOptions;
use url::Url;

use super::query::Dialect;

const FORMS: &str = "write postgres://USER:PASSWORD@HOST/DATABASE, mysql://USER:PASSWORD@HOST/DATABASE or sqlite:PATH";

/// What an address may say. A word that is not here could be a misspelt one for TLS, and would go unheard.
const POSTGRES: [&str; 10] =
    ["sslmode", "sslrootcert", "sslcert", "sslkey", "host", "port", "dbname", "user", "password", "options"];
const MYSQL: [&str; 7] = ["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket", "charset", "collation"];

/// Those of them that name files.
const FILES: [&str; 6] = ["sslrootcert", "sslcert", "sslkey", "ssl-ca", "ssl-cert", "ssl-key"];

/// How well the way to a server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// nobody can listen or stand in for it: TLS with a certificate checked to be this host's, or it never leaves the machine
    Sure,
    /// TLS, but whoever stands in between is not noticed, or only who has no certificate at all of the same authority
    Unchecked,
    /// perhaps, or surely, without TLS
    Plain,
}

/// The address of a platform's database. Printing it shows no login.
#[derive(Clone)]
pub struct Address {
    pub(super) options: Options,
    shown: String,
    /// the files that it names, each by its parameter
    files: Vec<(&'static str, PathBuf)>,
}

/// How to connect, by the kind of database.
#[derive(Clone)]
pub(super) enum Options {
    /// PostgreSQL
    Postgres(Box<PgConnectOptions>),
    /// MySQL and MariaDB
    MySql(Box<MySqlConnectOptions>),
    /// SQLite
    Sqlite(Box<SqliteConnectOptions>),
}

impl Address {
    /// Takes an address apart. A relative path of SQLite starts at `base`.
    ///
    /// # Errors
    /// A sentence that says what is wrong and how to write it; it shows nothing of the address.
    pub fn parse(url: &str, base: &Path) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains('?') {
                return Err(format!("it is no address of a file; {FORMS}"));
            }
            let path = base.join(path);
            let options = SqliteConnectOptions::new().filename(&path).read_only(true).disable_statement_logging();
            return Ok(Self {
                options: Options::Sqlite(Box::new(options)),
                shown: path.display().to_string(),
                files: Vec::new(),
            });
        }
        let parsed = Url::parse(url).map_err(|error| format!("it is no address ({error}); {FORMS}"))?;
        match parsed.scheme() {
            "postgres" | "postgresql" => Self::postgres(url, &parsed),
            "mysql" | "mariadb" => Self::mysql(url, &parsed),
            _ => Err(format!("it is the address of no database that can be read; {FORMS}")),
        }
    }

    fn postgres(url: &str, parsed: &Url) -> Result<Self, String> {
        known(parsed, &POSTGRES)?;
        let options = PgConnectOptions::from_str(url).map_err(|_| no_such_value())?;
        let options = options.application_name("keysweep").disable_statement_logging();
        let host =
            options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
        let shown = format!("{} at {host}:{}", options.get_database().unwrap_or("postgres"), options.get_port());
        Ok(Self { options: Options::Postgres(Box::new(options)), shown, files: files(parsed) })
    }

    fn mysql(url: &str, parsed: &Url) -> Result<Self, String> {
        known(parsed, &MYSQL)?;
        let options = MySqlConnectOptions::from_str(url).map_err(|_| no_such_value())?;
        let Some(database) = options.get_database().map(str::to_owned) else {
            return Err(format!("it names no database; {FORMS}"));
        };
        // the operator's queries mean what they mean in the operator's own client
        let options = options.pipes_as_concat(false).no_engine_substitution(false).disable_statement_logging();
        let host = match options.get_socket() {
            Some(path) => path.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let shown = format!("{database} at {host}");
        Ok(Self { options: Options::MySql(Box::new(options)), shown, files: files(parsed) })
    }

    /// The first file that it names and that is not there or may not be read, by its parameter, and why.
    pub(super) fn unreadable_file(&self) -> Option<(&'static str, &Path, std::io::Error)> {
        let unreadable = |(key, path): &'_ (&'static str, PathBuf)| File::open(path).err().map(|error| (*key, error));
        self.files.iter().find_map(|file| unreadable(file).map(|(key, error)| (key, file.1.as_path(), error)))
    }

    /// Whose rules queries are written by.
    pub(super) const fn dialect(&self) -> Dialect {
        match self.options {
            Options::Postgres(_) => Dialect::Postgres,
            Options::MySql(_) => Dialect::MySql,
            Options::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// True where there is no server.
    pub const fn is_file(&self) -> bool {
        matches!(self.options, Options::Sqlite(_))
    }

    /// How well the way to the server is protected.
    pub fn protection(&self) -> Protection {
        match &self.options {
            Options::Sqlite(_) => Protection::Sure,
            Options::Postgres(options) => match options.get_ssl_mode() {
                _ if options.get_socket().is_some() || is_here(options.get_host()) => Protection::Sure,
                PgSslMode::VerifyFull => Protection::Sure,
                PgSslMode::Require | PgSslMode::VerifyCa => Protection::Unchecked,
                PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => Protection::Plain,
            },
            Options::MySql(options) => match options.get_ssl_mode() {
                _ if options.get_socket().is_some() || is_here(options.get_host()) => Protection::Sure,
                MySqlSslMode::VerifyIdentity => Protection::Sure,
                MySqlSslMode::Required | MySqlSslMode::VerifyCa => Protection::Unchecked,
                MySqlSslMode::Disabled | MySqlSslMode::Preferred => Protection::Plain,
            },
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Where such a parameter is itself the text of a file, there is no file.
fn files(url: &Url) -> Vec<(&'static str, PathBuf)> {
    let file = |(key, value): (Cow<'_, str>, Cow<'_, str>)| {
        let key = FILES.into_iter().find(|known| *known == key)?;
        (!value.contains("-----BEGIN")).then(|| (key, PathBuf::from(value.as_ref())))
    };
    url.query_pairs().filter_map(file).collect()
}

fn known(url: &Url, parameters: &[&str]) -> Result<(), String> {
    let plain = |key: &str| key.strip_prefix("options[").map_or(key.to_owned(), |_| "options".to_owned());
    if url.query_pairs().all(|(key, _)| parameters.contains(&plain(&key).as_str())) {
        return Ok(());
    }
    Err(format!("a parameter in it is unknown; these are known: {}", parameters.join(", ")))
}

fn no_such_value() -> String {
    "a parameter in it has no such value; see what the database's own manual says of it".to_owned()
}

/// True for a host that is this machine: by its name, or by an address of the loopback.
fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, String> {
        Address::parse(url, Path::new("/base"))
    }

    #[test]
    fn what_is_told_of_an_address_has_no_login() {
        for (url, shown, dialect) in [
            ("postgres://reader:hunter2@db.example.org/shop", "shop at db.example.org:5432", Dialect::Postgres),
            ("mysql://reader:hunter2@db.example.org:3307/shop", "shop at db.example.org:3307", Dialect::MySql),
            ("mariadb://reader:hunter2@db.example.org/shop", "shop at db.example.org:3306", Dialect::MySql),
            ("sqlite:shop.db", "/base/shop.db", Dialect::Sqlite),
            ("sqlite:///srv/shop.db", "/srv/shop.db", Dialect::Sqlite),
        ] {
            let address = parse(url).expect(url);
            assert_eq!((address.to_string().as_str(), address.dialect()), (shown, dialect));
            assert_eq!(format!("{address:?}"), shown);
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_told_without_it() {
        for url in [
            "postgres://reader:hunter2@db.example.org/shop?ssl_mode=verify-full",
            "postgres://reader:hunter2@db.example.org/shop?sslmode=hunter2",
            "mysql://reader:hunter2@db.example.org/shop?sslmode=required",
            "mysql://reader:hunter2@db.example.org/",
            "oracle://reader:hunter2@db.example.org/",
            "hunter2",
            "sqlite:",
            "sqlite:hunter2?mode=rw",
        ] {
            let what = parse(url).expect_err(url);
            assert!(!what.contains("hunter2") && what.contains("; "), "{what}");
        }
    }

    #[test]
    fn only_a_certificate_checked_to_be_the_hosts_or_the_own_machine_is_sure() {
        for (url, protection) in [
            ("postgres://u@db.example.org/x", Protection::Plain),
            ("postgres://u@db.example.org/x?sslmode=require", Protection::Unchecked),
            ("postgres://u@db.example.org/x?sslmode=verify-ca", Protection::Unchecked),
            ("postgres://u@db.example.org/x?sslmode=verify-full", Protection::Sure),
            ("postgres://u@127.0.0.1/x", Protection::Sure),
            ("postgres://u@[::1]/x", Protection::Sure),
            ("postgres://u@localhost/x", Protection::Sure),
            ("postgres://u@localhost.example.org/x", Protection::Plain),
            ("mysql://u@db.example.org/x", Protection::Plain),
            ("mysql://u@db.example.org/x?ssl-mode=required", Protection::Unchecked),
            ("mysql://u@db.example.org/x?ssl-mode=verify_ca", Protection::Unchecked),
            ("mysql://u@db.example.org/x?ssl-mode=verify_identity", Protection::Sure),
            ("mysql://u@db.example.org/x?socket=/run/mysqld/mysqld.sock", Protection::Sure),
            ("sqlite:x", Protection::Sure),
        ] {
            assert_eq!(parse(url).expect(url).protection(), protection, "{url}");
        }
    }
}
