//! One connection to either database, for as long as a method of the ledger needs it.
//!
//! The methods of the ledger are written once, against [`Session`]; which database is behind it is decided here.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgArguments;
use sqlx::query::{Query, QueryScalar};
use sqlx::sqlite::SqliteArguments;
use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction};

use super::Ledger;
use super::failure::{database, heard};
use super::packed::unpack;
use super::sql::Sql;
use super::store::{Pools, postgres};
use super::wanted::Wanted;
use crate::domain::time::Timestamp;
use crate::ports::LedgerError;
use crate::ports::notary::Notary;

/// A connection, and what it is used for.
pub(super) struct Session {
    /// where statements end once nobody waits for them; dropped before the connection goes back
    wanted: Option<Wanted>,
    hold: Hold,
    pub(super) doing: &'static str,
    /// who vouches for what is logged here
    notary: Option<Arc<dyn Notary>>,
}

/// A session that writes: one transaction. Dropped without [`commit`](Writing::commit), it never was.
pub(super) struct Writing(Session);

enum Hold {
    Sqlite(PoolConnection<Sqlite>),
    SqliteMoment(Transaction<'static, Sqlite>),
    /// with how long it may be silent
    Postgres(PoolConnection<Postgres>, Duration),
    PostgresMoment(Transaction<'static, Postgres>, Duration),
}

enum Line<'s> {
    Sqlite(&'s mut SqliteConnection),
    Postgres(&'s mut PgConnection, Duration),
}

impl Ledger {
    /// A connection for statements that only read, each by itself. `doing` is what errors name, as a verb phrase.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] where none can be had in time.
    pub(super) async fn look(&self, doing: &'static str) -> Result<Session, LedgerError> {
        let hold = match self.pools() {
            Pools::Sqlite { pool, .. } => pool.acquire().await.map(Hold::Sqlite),
            Pools::Postgres { reader, silence, .. } => {
                reader.acquire().await.map(|line| Hold::Postgres(line, *silence))
            }
        };
        self.session(hold.map_err(database(doing))?, doing).await
    }

    /// Several reads of one moment.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub(super) async fn moment(&self, doing: &'static str) -> Result<Session, LedgerError> {
        let hold = match self.pools() {
            Pools::Sqlite { pool, .. } => pool.begin().await.map(Hold::SqliteMoment),
            Pools::Postgres { reader, silence, .. } => {
                let begun = reader.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
                heard(*silence, begun).await.map(|tx| Hold::PostgresMoment(tx, *silence))
            }
        };
        self.session(hold.map_err(database(doing))?, doing).await
    }

    /// A session that only reads.
    async fn session(&self, mut hold: Hold, doing: &'static str) -> Result<Session, LedgerError> {
        let wanted = match &mut hold {
            Hold::Sqlite(line) if self.is_shown() => Some(Wanted::watch(line).await),
            Hold::SqliteMoment(line) if self.is_shown() => Some(Wanted::watch(line).await),
            _ => None, // a server has a limit of its own
        };
        Ok(Session { wanted: wanted.transpose().map_err(database(doing))?, hold, doing, notary: None })
    }

    /// A transaction that may write, from its first statement on.
    ///
    /// # Errors
    /// [`LedgerError::Busy`] where the right to write can't be had in time.
    pub(super) async fn write(&self, doing: &'static str) -> Result<Writing, LedgerError> {
        if let Pools::Sqlite { held: Some(held), .. } = self.pools() {
            held.is_there()?;
        }
        let hold = match self.pools() {
            // A transaction that reads first and then writes fails at once where another wrote in between, whatever the
            // busy timeout; one that begins with the write lock doesn't.
            Pools::Sqlite { pool, .. } => pool.begin_with("BEGIN IMMEDIATE").await.map(Hold::SqliteMoment),
            Pools::Postgres { writer, silence, .. } => {
                heard(*silence, postgres::begin_alone(writer)).await.map(|tx| Hold::PostgresMoment(tx, *silence))
            }
        };
        let notary = self.notary().get().cloned();
        Ok(Writing(Session { wanted: None, hold: hold.map_err(database(doing))?, doing, notary }))
    }
}

impl Writing {
    /// Makes all of it true at once.
    ///
    /// # Errors
    /// [`LedgerError`]. Where the connection was lost just then, it may have become true all the same; every write of
    /// this room can be done again.
    pub(super) async fn commit(self) -> Result<(), LedgerError> {
        let Session { hold, doing, wanted: _wanted, .. } = self.0;
        match hold {
            Hold::SqliteMoment(transaction) => transaction.commit().await.map_err(database(doing)),
            Hold::PostgresMoment(transaction, silence) => {
                heard(silence, transaction.commit()).await.map_err(database(doing))
            }
            Hold::Sqlite(_) | Hold::Postgres(..) => Ok(()),
        }
    }
}

impl Deref for Writing {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.0
    }
}

impl Session {
    /// Carries out a statement. Returns how many rows it touched.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub(super) async fn run<'b>(
        &mut self,
        statement: &Sql,
        binds: impl IntoIterator<Item = Bind<'b>>,
    ) -> Result<u64, LedgerError> {
        let doing = self.doing;
        let done = match self.line() {
            Line::Sqlite(line) => {
                let query = binds.into_iter().fold(sqlx::query(statement.sqlite), Bind::to_sqlite);
                query.execute(line).await.map(|done| done.rows_affected())
            }
            Line::Postgres(line, silence) => {
                let query = binds.into_iter().fold(sqlx::query(statement.postgres), Bind::to_postgres);
                heard(silence, query.execute(line)).await.map(|done| done.rows_affected())
            }
        };
        done.map_err(database(doing))
    }

    /// The rows of a statement whose one result is a packed page, in its order. `table` is what an unreadable row is
    /// reported under.
    ///
    /// # Errors
    /// [`LedgerError::Inconsistent`] where a row is not what our own code writes.
    pub(super) async fn rows<'b, T: DeserializeOwned>(
        &mut self,
        table: &'static str,
        statement: &Sql,
        binds: impl IntoIterator<Item = Bind<'b>>,
    ) -> Result<Vec<T>, LedgerError> {
        let page = self.text(statement, binds).await?;
        unpack(table, page.as_deref())
    }

    /// The one text of a statement; `None` where there is no row.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub(super) async fn text<'b>(
        &mut self,
        statement: &Sql,
        binds: impl IntoIterator<Item = Bind<'b>>,
    ) -> Result<Option<String>, LedgerError> {
        let doing = self.doing;
        let text = match self.line() {
            Line::Sqlite(line) => {
                let query = binds.into_iter().fold(sqlx::query_scalar(statement.sqlite), Bind::to_sqlite_scalar);
                query.fetch_optional(line).await
            }
            Line::Postgres(line, silence) => {
                let query = binds.into_iter().fold(sqlx::query_scalar(statement.postgres), Bind::to_postgres_scalar);
                heard(silence, query.fetch_optional(line)).await
            }
        };
        text.map_err(database(doing))
    }

    /// The one number of a statement that always has one.
    ///
    /// # Errors
    /// [`LedgerError`], as for every statement.
    pub(super) async fn number<'b>(
        &mut self,
        statement: &Sql,
        binds: impl IntoIterator<Item = Bind<'b>>,
    ) -> Result<i64, LedgerError> {
        let doing = self.doing;
        let number = match self.line() {
            Line::Sqlite(line) => {
                let query = binds.into_iter().fold(sqlx::query_scalar(statement.sqlite), Bind::to_sqlite_scalar);
                query.fetch_one(line).await
            }
            Line::Postgres(line, silence) => {
                let query = binds.into_iter().fold(sqlx::query_scalar(statement.postgres), Bind::to_postgres_scalar);
                heard(silence, query.fetch_one(line)).await
            }
        };
        number.map_err(database(doing))
    }

    pub(super) fn notary(&self) -> Option<Arc<dyn Notary>> {
        self.notary.clone()
    }

    /// Ends a session that only read. Dropped, it ends as well, a moment later.
    #[cfg(test)]
    pub(super) async fn end(self) -> Result<(), LedgerError> {
        Writing(self).commit().await
    }

    fn line(&mut self) -> Line<'_> {
        match &mut self.hold {
            Hold::Sqlite(connection) => Line::Sqlite(connection),
            Hold::SqliteMoment(transaction) => Line::Sqlite(transaction),
            Hold::Postgres(connection, silence) => Line::Postgres(connection, *silence),
            Hold::PostgresMoment(transaction, silence) => Line::Postgres(transaction, *silence),
        }
    }
}

/// What a placeholder stands for.
#[derive(Clone, Debug)]
pub(super) enum Bind<'a> {
    /// a whole number, or null
    Number(Option<i64>),
    /// a text, or null
    Text(Option<Cow<'a, str>>),
}

impl<'a> Bind<'a> {
    fn to_sqlite<'q>(query: Query<'q, Sqlite, SqliteArguments>, bind: Self) -> Query<'q, Sqlite, SqliteArguments>
    where
        'a: 'q,
    {
        match bind {
            Self::Number(number) => query.bind(number),
            Self::Text(text) => query.bind(text),
        }
    }

    fn to_sqlite_scalar<'q, O>(
        query: QueryScalar<'q, Sqlite, O, SqliteArguments>,
        bind: Self,
    ) -> QueryScalar<'q, Sqlite, O, SqliteArguments>
    where
        'a: 'q,
    {
        match bind {
            Self::Number(number) => query.bind(number),
            Self::Text(text) => query.bind(text),
        }
    }

    fn to_postgres<'q>(query: Query<'q, Postgres, PgArguments>, bind: Self) -> Query<'q, Postgres, PgArguments>
    where
        'a: 'q,
    {
        match bind {
            Self::Number(number) => query.bind(number),
            Self::Text(text) => query.bind(text.map(storable)),
        }
    }

    fn to_postgres_scalar<'q, O>(
        query: QueryScalar<'q, Postgres, O, PgArguments>,
        bind: Self,
    ) -> QueryScalar<'q, Postgres, O, PgArguments>
    where
        'a: 'q,
    {
        match bind {
            Self::Number(number) => query.bind(number),
            Self::Text(text) => query.bind(text.map(storable)),
        }
    }
}

/// PostgreSQL keeps no text with a NUL. Rows never have one (inventories are refused it); a server's words might, and a
/// batch is not to fail for them: the sign for "no such character" takes its place.
fn storable(text: Cow<'_, str>) -> Cow<'_, str> {
    const ESCAPED: &str = "\\u0000";
    if !text.contains('\0') && !text.contains(ESCAPED) {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(place) = rest.find(['\0', '\\']) {
        clean.push_str(&rest[..place]);
        rest = &rest[place..];
        let (kept, taken) = match rest {
            _ if rest.starts_with('\0') => ("\u{FFFD}", 1),
            _ if rest.starts_with(ESCAPED) => ("\\ufffd", ESCAPED.len()),
            _ if rest.starts_with("\\\\") => ("\\\\", 2), // an escaped backslash: what follows is plain text
            _ => ("\\", 1),
        };
        clean.push_str(kept);
        rest = &rest[taken..];
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

impl From<i64> for Bind<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Bind<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Bind<'_> {
    fn from(at: Timestamp) -> Self {
        Self::Number(Some(at.as_millis()))
    }
}

impl From<Option<Timestamp>> for Bind<'_> {
    fn from(at: Option<Timestamp>) -> Self {
        Self::Number(at.map(Timestamp::as_millis))
    }
}

impl<'a> From<&'a str> for Bind<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl<'a> From<&'a String> for Bind<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl From<String> for Bind<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

impl<'a> From<Option<&'a str>> for Bind<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_becomes_the_sign_for_no_such_character_and_everything_else_stays() {
        for (text, kept) in [
            ("plain", "plain"),
            ("a\0b", "a\u{FFFD}b"),
            (r#"["a\u0000b"]"#, r#"["a\ufffdb"]"#),
            (r#"["a\\u0000b\n"]"#, r#"["a\\u0000b\n"]"#),
            (r#"["\\\u0000"]"#, r#"["\\\ufffd"]"#),
        ] {
            assert_eq!(storable(Cow::Borrowed(text)), kept, "{text:?}");
        }
    }
}
