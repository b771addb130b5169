//! What goes wrong with either database: what passes is told from what stays.

use std::time::Duration;

use crate::ports::LedgerError;

/// An answer that a server gives in time. One that vanished without a word never answers: an overdue answer is a broken
/// line, and the connection is not used again.
pub(super) async fn heard<T>(within: Duration, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let silent = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
    tokio::time::timeout(within, answer).await.unwrap_or_else(silent)
}

/// Tells a failure that passes from one that stays.
pub(super) fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> LedgerError {
    move |error| {
        if passes(&error) {
            LedgerError::Busy(format!("it was to {doing}: {error}"))
        } else {
            LedgerError::Database { doing, source: Box::new(error) }
        }
    }
}

/// A lost connection passes as well: what was not committed never was, and the next call has another connection.
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
                postgres_passes(&code)
            } else {
                sqlite_passes(&code)
            }
        }),
        _ => false,
    }
}

fn sqlite_passes(code: &str) -> bool {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const FULL: i32 = 13;
    code.parse::<i32>().is_ok_and(|code| matches!(code & 0xff, BUSY | LOCKED | FULL)) // the low byte of an extended code
}

/// By class: 08 the connection, 40 a lost race, 53 too little room or memory. The rest one by one: a lock that was not to
/// be had, a statement that took too long, and a server that is stopping, starting or recovering.
fn postgres_passes(code: &str) -> bool {
    const CLASSES: [&str; 3] = ["08", "40", "53"];
    const CODES: [&str; 7] = ["55P03", "57014", "57P01", "57P02", "57P03", "57P05", "25P03"];
    CLASSES.iter().any(|class| code.starts_with(class)) || CODES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_stays() {
        for passing in ["5", "6", "13", "261", "517"] {
            assert!(sqlite_passes(passing), "{passing}");
        }
        for passing in ["08006", "40001", "53100", "55P03", "57P01"] {
            assert!(postgres_passes(passing), "{passing}");
        }
        for staying in ["1", "19", "2067"] {
            assert!(!sqlite_passes(staying), "{staying}");
        }
        for staying in ["23505", "42P01", "25006", "57P04"] {
            assert!(!postgres_passes(staying), "{staying}");
        }
    }
}
