//! What a database refuses, in words that say what to do. A server's own words are shown where they speak of the query;
//! where they speak of data, what they quote is left out: it may be a secret.

use sqlx::Error;
use sqlx::error::DatabaseError;

/// Why the server lets nobody in.
pub(super) fn of_login(error: &Error) -> String {
    let Some(database) = error.as_database_error() else { return of_the_way(error) };
    let words = plain(database.message());
    match Trouble::of(database) {
        Trouble::Login => format!("the server refuses the login ({words}); check user and password in `url`"),
        Trouble::Missing => format!("the server has no such database, or keeps this login out ({words}); check `url`"),
        Trouble::File => {
            format!("the file can't be opened ({words}); check `url`, and that keysweep may read the file")
        }
        _ => format!("the server refuses the connection ({words}); check `url`"),
    }
}

/// Why a query brings no rows, or no more of them. `key` is its setting.
pub(super) fn of_query(error: &Error, key: &str) -> String {
    let Some(database) = error.as_database_error() else { return of_the_way(error) };
    let message = database.message();
    match Trouble::of(database) {
        Trouble::Writes => {
            format!("it writes, and is only ever run where nothing can be written; let `{key}` be a SELECT alone")
        }
        Trouble::Slow => {
            "the server broke it off, for it took too long; let it find its rows faster, or give it a longer \
             `statement_timeout`"
                .to_owned()
        }
        Trouble::Denied => format!(
            "the login of `url` may not ask this ({}); grant it the reading of what `{key}` names",
            plain(message)
        ),
        Trouble::Query | Trouble::Missing => format!("the server refuses it: {}; correct `{key}`", plain(message)),
        Trouble::Broken => {
            format!("the server ended the connection ({}); it will be read again at the next scan", plain(message))
        }
        Trouble::Login | Trouble::File | Trouble::Data => {
            format!("the server can't answer it: {}; correct `{key}` or the data", plain(&unquoted(message)))
        }
    }
}

/// Trouble on the way to the server and back.
fn of_the_way(error: &Error) -> String {
    match error {
        // PostgreSQL's side tells of what a handshake lacks as of any other break
        Error::Io(source) if source.to_string().contains("certificate") => {
            format!("no TLS with the server ({source}); check what `url` says of certificates")
        }
        Error::Io(source) => {
            format!("the server can't be reached, or broke off ({source}); see that it runs, and that `url` names it")
        }
        Error::Tls(source) => {
            format!("no TLS with the server ({source}); check what `url` says of certificates")
        }
        Error::Configuration(source) if source.to_string().contains("RSA") => {
            "the server wants the password over TLS alone; add ssl-mode=verify_identity to `url`".to_owned()
        }
        // in such errors words can come from anywhere
        other => format!(
            "what the server says can't be understood ({}); it will be read again at the next scan",
            plain(&unquoted(&other.to_string()))
        ),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Login,
    /// what the address names is not there
    Missing,
    File,
    Writes,
    Slow,
    Denied,
    Query,
    Broken,
    Data,
}

impl Trouble {
    fn of(error: &dyn DatabaseError) -> Self {
        Self::of_code(error.code().as_deref().unwrap_or_default(), error.message())
    }

    /// By the code: five characters of the SQL standard, or SQLite's own number.
    fn of_code(code: &str, message: &str) -> Self {
        if code.len() < 5
            && let Ok(number) = code.parse::<u32>()
        {
            return match number & 0xff {
                8 => Self::Writes,
                9 => Self::Slow,
                14 | 23 | 26 => Self::File,
                1 => Self::Query,
                _ => Self::Data,
            };
        }
        match code {
            "28P01" | "28000" => Self::Login,
            "3D000" => Self::Missing,
            "25006" => Self::Writes,
            "57014" => Self::Slow,
            "70100" if message.contains("exceeded") => Self::Slow,
            "70100" => Self::Broken, // somebody ended the query or the connection
            "HY000" if message.contains("execution time") => Self::Slow,
            "42501" => Self::Denied,
            "42000" if message.starts_with("Unknown database") || message.starts_with("Access denied") => Self::Missing,
            "42000" if message.contains(" command denied ") => Self::Denied,
            code if code.starts_with("57") || code.starts_with("08") => Self::Broken,
            code if code.starts_with("42") || code.starts_with("0A") => Self::Query,
            _ => Self::Data,
        }
    }
}

/// On one line and no longer than a line or two.
fn plain(message: &str) -> String {
    let one_line = |c: char| if c.is_control() { ' ' } else { c };
    message.chars().take(300).map(one_line).collect::<String>().replace("; ", ", ")
}

/// What a server begins or ends a quotation with, in whatever language it speaks.
const MARKS: [char; 15] = ['"', '\'', '`', '«', '»', '‹', '›', '„', '“', '”', '‟', '‚', '‘', '’', '‛'];
/// From this length on the server may have cut its words off in the middle of a quotation (MySQL does at 511 bytes).
const PERHAPS_CUT: usize = 480;

/// Without what it quotes. Data may hold marks of its own, so all from the first mark to the last is left out; and to the
/// end, where what was quoted may not have ended.
fn unquoted(message: &str) -> String {
    let mut marks = message.match_indices(MARKS);
    let Some((start, _)) = marks.next() else { return message.to_owned() };
    let rest = match marks.next_back() {
        Some((last, mark)) if message.len() < PERHAPS_CUT => &message[last + mark.len()..],
        _ => "",
    };
    format!("{}(not shown){rest}", &message[..start])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn every_refusal_is_told_by_what_has_to_be_changed() {
        for (code, message, expected) in [
            ("28P01", "password authentication failed for user \"x\"", Trouble::Login),
            ("28000", "Access denied for user 'x'@'localhost'", Trouble::Login),
            ("3D000", "database \"x\" does not exist", Trouble::Missing),
            ("42000", "Unknown database 'x'", Trouble::Missing),
            ("42000", "Access denied for user 'x'@'%' to database 'y'", Trouble::Missing),
            ("42000", "SELECT command denied to user 'x'@'%' for table 'y'", Trouble::Denied),
            ("42000", "You have an error in your SQL syntax", Trouble::Query),
            ("42S02", "Table 'x' doesn't exist", Trouble::Query),
            ("42P01", "relation \"x\" does not exist", Trouble::Query),
            ("42501", "permission denied for table x", Trouble::Denied),
            ("25006", "cannot execute INSERT in a read-only transaction", Trouble::Writes),
            ("8", "attempt to write a readonly database", Trouble::Writes),
            ("57014", "canceling statement due to statement timeout", Trouble::Slow),
            ("70100", "Query execution was interrupted (max_statement_time exceeded)", Trouble::Slow),
            ("HY000", "Query execution was interrupted, maximum statement execution time exceeded", Trouble::Slow),
            ("70100", "Connection was killed", Trouble::Broken),
            ("57P01", "terminating connection due to administrator command", Trouble::Broken),
            ("14", "unable to open database file", Trouble::File),
            ("1", "no such table: x", Trouble::Query),
            ("22P02", "invalid input syntax for type integer: \"x\"", Trouble::Data),
            ("", "", Trouble::Data),
        ] {
            assert_eq!(Trouble::of_code(code, message), expected, "{code} {message}");
        }
    }

    #[test]
    fn what_a_server_quotes_of_the_data_is_not_shown() {
        for (message, expected) in [
            (
                "invalid input syntax for type integer: \"hunter2\"",
                "invalid input syntax for type integer: (not shown)",
            ),
            (
                "invalid input syntax for type integer: \"{\"a\": \"hunter2\"}\"",
                "invalid input syntax for type integer: (not shown)",
            ),
            (
                "value \"hunter2\" is out of range for type integer",
                "value (not shown) is out of range for type integer",
            ),
            (
                "Incorrect integer value: 'hunter2' for column `db`.`t`.`c` at row 1",
                "Incorrect integer value: (not shown) at row 1",
            ),
            ("Truncated incorrect value: 'hunter2", "Truncated incorrect value: (not shown)"),
            (
                "ungültige Eingabesyntax für Typ integer: »hunter2«",
                "ungültige Eingabesyntax für Typ integer: (not shown)",
            ),
            ("division by zero", "division by zero"),
        ] {
            assert_eq!(unquoted(message), expected);
        }
        let cut = format!("Incorrect value: '{{\"a\": \"{}", "hunter2".repeat(70));
        assert_eq!(unquoted(&cut), "Incorrect value: (not shown)");
    }

    proptest! {
        /// The end of a quotation is not known by its marks: data may hold any.
        #[test]
        fn nothing_of_what_is_quoted_is_shown_whatever_marks_it_holds(
            before in "[a-z :]{0,40}", value in any::<String>(), after in "[a-z 0-9]{0,40}", mark in select(&MARKS[..]),
        ) {
            let found = unquoted(&format!("{before}{mark}{value}{mark}{after}"));
            let hidden = format!("{before}(not shown)");
            prop_assert!(found == format!("{hidden}{after}") || found == hidden, "{}", found);
            let cut = unquoted(&format!("{before}{mark}{}", value.replace(MARKS, "")));
            prop_assert_eq!(cut, hidden);
        }
    }
}
