//! The meaning of the replies to a login over SMTP (RFC 4954).

use serde::{Deserialize, Serialize};

use super::exchange::{Word, verdict};
use super::source::Source;
use crate::domain::bounce::Status;
use crate::domain::outcome::{Reason, Verdict};

/// What a reply to a login means.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyRow {
    /// the reply's code
    pub code: u16,
    /// the reply's text contains this, whatever its case
    #[serde(default)]
    pub contains: Option<String>,
    /// the verdict
    pub verdict: Word,
    /// for `unknown`: why
    #[serde(default)]
    pub reason: Option<Reason>,
    /// who says what, where sources disagree: such a row refuses nobody
    #[serde(default)]
    pub disputed: Option<String>,
    /// who says so
    pub source: Source,
}

/// One reply as a server makes it, and what it means.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyExample {
    /// what it shows
    pub name: String,
    /// its code
    pub code: u16,
    /// its text, the lines of a long one after another
    #[serde(default)]
    pub text: String,
    /// the verdict
    pub verdict: Word,
    /// for `unknown`: why
    #[serde(default)]
    pub reason: Option<Reason>,
}

/// What a reply to a login means, and the row that says so (`None` where no row of the file fits: nothing is learnt). One that
/// calls itself a trouble that passes (4.x.x, RFC 3463) says nothing of the login, whatever its code.
pub fn classify_reply(rows: &[ReplyRow], code: u16, text: &str) -> (Verdict, Option<usize>) {
    if code >= 500 && Status::parse(text).is_some_and(|Status(class, ..)| class == 4) {
        return (Verdict::Unknown(Reason::ServerError), None);
    }
    let text = text.to_lowercase();
    let fits = |row: &ReplyRow| {
        row.code == code && row.contains.as_deref().is_none_or(|wanted| text.contains(&wanted.to_lowercase()))
    };
    match rows.iter().position(fits) {
        Some(index) => (verdict(rows[index].verdict, rows[index].reason), Some(index)),
        None => (Verdict::Unknown(unnamed(code)), None),
    }
}

/// A reply that no row names. Never a refusal: "not now", "too many", "not you" have codes of their own.
const fn unnamed(code: u16) -> Reason {
    match code {
        400..=499 => Reason::ServerError,
        _ => Reason::Unexpected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(code: u16, contains: Option<&str>, verdict: Word) -> ReplyRow {
        let source = Source::try_from("[I] a test".to_owned()).unwrap();
        ReplyRow { code, contains: contains.map(str::to_owned), verdict, reason: None, disputed: None, source }
    }

    #[test]
    fn the_first_row_that_fits_decides_and_what_no_row_names_says_nothing() {
        let rows =
            [row(535, Some("Suspended"), Word::Limited), row(535, None, Word::Refused), row(235, None, Word::Accepted)];
        for (code, text, verdict, index) in [
            (235, "2.7.0 Authentication successful", Verdict::Accepted, Some(2)),
            (535, "5.7.8 bad", Verdict::Refused, Some(1)),
            (535, "5.7.8 account SUSPENDED", Verdict::Limited, Some(0)),
            (454, "4.7.0 later", Verdict::Unknown(Reason::ServerError), None),
            (421, "", Verdict::Unknown(Reason::ServerError), None),
            (530, "5.7.0 STARTTLS first", Verdict::Unknown(Reason::Unexpected), None),
            (250, "ok", Verdict::Unknown(Reason::Unexpected), None),
            (535, "4.7.0 Temporary authentication failure", Verdict::Unknown(Reason::ServerError), None),
            (535, "10.4.7.12 may not", Verdict::Refused, Some(1)),
        ] {
            assert_eq!(classify_reply(&rows, code, text), (verdict, index), "{code} {text}");
        }
    }
}
