//! What a database refuses, in words that say what to do. A server's own words are shown where they speak of the query;
//! where they speak of data, what they quote is left out: it may be a secret.

use sqlx::Error;
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

use crate::net::client::tls;

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
    // what a handshake lacks comes as any other break does
    let no_tls = match error {
        Error::Io(source) => tls(source),
        Error::Tls(source) => tls(source.as_ref()),
        _ => None,
    };
    if let Some(source) = no_tls {
        return format!("no TLS with the server ({source}); check what `url` says of certificates");
    }
    match error {
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
        let number = error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number);
        let code = error.code();
        number.and_then(Self::of_number).unwrap_or_else(|| Self::of_code(code.as_deref().unwrap_or_default()))
    }

    /// By MySQL's and MariaDB's own number, where their code says too little
    /// (<https://mariadb.com/kb/en/mariadb-error-code-reference/>).
    const fn of_number(number: u16) -> Option<Self> {
        Some(match number {
            1044 | 1049 => Self::Missing,       // no such database, or not for this login
            1142 | 1143 | 1370 => Self::Denied, // of a table, a column, a function
            1969 | 3024 => Self::Slow,          // the limit of a statement: MariaDB's, MySQL's
            1317 | 1927 => Self::Broken,        // somebody ended the query, or the connection
            _ => return None,
        })
    }

    /// By the code: five characters of the SQL standard, or SQLite's own number.
    fn of_code(code: &str) -> Self {
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
            "42501" => Self::Denied,
            code if code.starts_with("57") || code.starts_with("70") || code.starts_with("08") => Self::Broken,
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
        for (code, expected) in [
            ("28P01", Trouble::Login),
            ("28000", Trouble::Login),
            ("3D000", Trouble::Missing),
            ("42000", Trouble::Query),
            ("42S02", Trouble::Query),
            ("42P01", Trouble::Query),
            ("42501", Trouble::Denied),
            ("25006", Trouble::Writes),
            ("8", Trouble::Writes),
            ("57014", Trouble::Slow),
            ("70100", Trouble::Broken),
            ("57P01", Trouble::Broken),
            ("14", Trouble::File),
            ("1", Trouble::Query),
            ("22P02", Trouble::Data),
            ("", Trouble::Data),
        ] {
            assert_eq!(Trouble::of_code(code), expected, "{code}");
        }
        for (number, expected) in [
            (1049, Some(Trouble::Missing)),
            (1044, Some(Trouble::Missing)),
            (1142, Some(Trouble::Denied)),
            (1969, Some(Trouble::Slow)),
            (3024, Some(Trouble::Slow)),
            (1317, Some(Trouble::Broken)),
            (1927, Some(Trouble::Broken)),
            (1064, None),
        ] {
            assert_eq!(Trouble::of_number(number), expected, "{number}");
        }
    }

    #[test]
    fn what_a_handshake_lacks_is_told_as_such_whatever_its_words_and_however_it_is_wrapped() {
        use std::io;

        use rustls::AlertDescription;
        for alert in
            [AlertDescription::CertificateRequired, AlertDescription::UnknownCA, AlertDescription::HandshakeFailure]
        {
            let inner = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::AlertReceived(alert));
            let told = of_login(&Error::Io(io::Error::other(inner)));
            assert!(told.contains("no TLS") && told.contains("certificates"), "{alert:?}: {told}");
        }
        let told = of_login(&Error::Io(io::Error::other("certificate of merit")));
        assert!(told.contains("can't be reached"), "{told}");
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
