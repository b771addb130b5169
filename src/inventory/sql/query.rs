//! One query of the operator's: that it is one statement, and where `:since` stands in it.
//!
//! It is read as far as that takes, and no further: what is between quotation marks or in a comment is left alone, but for the
//! marks around SQLite's names. That it only reads is the server's word, not ours: the transaction that it runs in can't write.

/// Whose rules a query is written by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// PostgreSQL
    Postgres,
    /// MySQL and MariaDB
    MySql,
    /// SQLite
    Sqlite,
}

impl Dialect {
    /// What stands for `:since` when the server is asked: a parameter, of the type of an instant.
    const fn since(self) -> &'static str {
        match self {
            Self::Postgres => "($1::text::timestamptz)",
            Self::MySql => "CAST(? AS DATETIME(3))",
            Self::Sqlite => "?1",
        }
    }
}

/// A query, ready for its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    text: String,
    sinces: usize,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// A sentence: what is wrong with it and what to do.
    pub(super) fn parse(text: &str, dialect: Dialect) -> Result<Self, String> {
        let mut scan = Scan { dialect, rest: text, before: ' ', text: String::with_capacity(text.len()), sinces: 0 };
        let mut ended = false;
        while let Some(next) = scan.rest.chars().next() {
            let (length, is_code) = scan.piece(next);
            if is_code && ended {
                return Err("it has several statements; write one, a SELECT".to_owned());
            }
            match next {
                ';' => {
                    ended = true;
                    scan.drop(length);
                }
                ':' if is_code => scan.parameter()?,
                '"' if scan.dialect == Dialect::Sqlite => scan.name(length),
                _ => scan.keep(length),
            }
        }
        let Scan { text, sinces, .. } = scan;
        // what is left of a last comment must not swallow what is written behind the query
        Ok(Self { text: text.trim().to_owned(), sinces })
    }

    /// What the server is asked.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How often `:since` stands in it.
    pub(super) const fn sinces(&self) -> usize {
        self.sinces
    }
}

struct Scan<'t> {
    dialect: Dialect,
    rest: &'t str,
    /// the character before `rest`
    before: char,
    text: String,
    sinces: usize,
}

impl Scan<'_> {
    /// How long the piece is that begins here, in bytes, and whether it is more than white space and comment.
    fn piece(&self, next: char) -> (usize, bool) {
        if next.is_whitespace() {
            return (next.len_utf8(), false);
        }
        if let Some(length) = self.comment() {
            return (length, false);
        }
        (self.quoted(next).unwrap_or(next.len_utf8()), next != ';')
    }

    fn comment(&self) -> Option<usize> {
        let (rest, mysql) = (self.rest, self.dialect == Dialect::MySql);
        let line = || Some(rest.find('\n').unwrap_or(rest.len()));
        if let Some(after) = rest.strip_prefix("--") {
            // in MySQL two signs in a row are only a comment before white space
            let is_one = !mysql || after.chars().next().is_none_or(|c| c.is_whitespace() || c.is_control());
            return if is_one { line() } else { None };
        }
        if mysql && rest.starts_with('#') {
            return line();
        }
        rest.starts_with("/*").then(|| self.block())
    }

    /// The end of a comment in `/* */`; PostgreSQL's may hold others.
    fn block(&self) -> usize {
        let (mut depth, mut at) = (0_usize, 0);
        while at < self.rest.len() {
            let here = &self.rest[at..];
            if here.starts_with("/*") && (depth == 0 || self.dialect == Dialect::Postgres) {
                (depth, at) = (depth + 1, at + 2);
            } else if here.starts_with("*/") {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            } else {
                at += here.chars().next().map_or(1, char::len_utf8);
            }
        }
        self.rest.len()
    }

    /// The length of what is between quotation marks of any kind.
    fn quoted(&self, next: char) -> Option<usize> {
        use Dialect::{MySql, Postgres, Sqlite};
        match (next, self.dialect) {
            ('\'' | '"', MySql) => Some(self.until(next, true)),
            ('\'', Postgres) => Some(self.until('\'', matches!(self.before, 'e' | 'E'))),
            ('\'' | '"', _) => Some(self.until(next, false)),
            ('`', MySql | Sqlite) => Some(self.until('`', false)),
            ('[', Sqlite) => Some(self.until(']', false)),
            ('$', Postgres) if !is_in_name(self.before) => self.dollars(),
            _ => None,
        }
    }

    /// The length of a text up to its closing mark; a doubled mark goes on, and with `escapes` one behind a backslash.
    fn until(&self, mark: char, escapes: bool) -> usize {
        let mut characters = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = characters.next() {
            if escapes && c == '\\' {
                characters.next();
            } else if c == mark {
                if characters.peek().is_none_or(|(_, next)| *next != mark) {
                    return at + c.len_utf8();
                }
                characters.next();
            }
        }
        self.rest.len()
    }

    /// The length of a text between `$tag$` and `$tag$`.
    fn dollars(&self) -> Option<usize> {
        let tag = self.rest[1..].split_once('$').map(|(tag, _)| tag)?;
        if !tag.chars().all(is_in_name) || tag.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let mark = &self.rest[..tag.len() + 2];
        let length = self.rest[mark.len()..].find(mark).map(|at| at + 2 * mark.len());
        Some(length.unwrap_or(self.rest.len()))
    }

    /// What begins with a colon: a cast, a parameter, or a bound of a slice.
    fn parameter(&mut self) -> Result<(), String> {
        if self.rest.starts_with("::") {
            self.keep(2);
            return Ok(());
        }
        let after = &self.rest[1..];
        let name = &after[..after.find(|c| !is_in_name(c)).unwrap_or(after.len())];
        if name == "since" {
            self.text.push_str(self.dialect.since());
            self.sinces += 1;
            self.drop(1 + name.len());
        } else if name.is_empty() || self.dialect == Dialect::Postgres {
            self.keep(1); // of PostgreSQL's own: it says what it thinks of it
        } else {
            return Err(format!("there is no parameter `:{name}`; the only one is `:since`"));
        }
        Ok(())
    }

    /// What SQLite has between double quotation marks is a name, and where there is none like it, a text: a misspelt column
    /// would be the same text in every row. Between marks of another kind it can only be a name.
    fn name(&mut self, length: usize) {
        let quoted = &self.rest[..length];
        let Some(name) = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return self.keep(length); // it has no end: SQLite says so
        };
        self.text.push_str(&format!("`{}`", name.replace("\"\"", "\"").replace('`', "``")));
        self.drop(length);
    }

    fn keep(&mut self, length: usize) {
        self.text.push_str(&self.rest[..length]);
        self.drop(length);
    }

    fn drop(&mut self, length: usize) {
        self.before = self.rest[..length].chars().next_back().unwrap_or(' ');
        self.rest = &self.rest[length..];
    }
}

fn is_in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str, dialect: Dialect) -> (String, usize) {
        let query = Query::parse(text, dialect).expect(text);
        (query.text, query.sinces)
    }

    #[test]
    fn since_is_a_parameter_wherever_it_stands_outside_of_quotation_marks_and_comments() {
        use Dialect::{MySql, Postgres, Sqlite};
        for (dialect, text, expected, count) in [
            (Postgres, "SELECT a WHERE t > :since", "SELECT a WHERE t > ($1::text::timestamptz)", 1),
            (
                Postgres,
                "SELECT t::since, ':since', \":since\" -- :since\n",
                "SELECT t::since, ':since', \":since\" -- :since",
                0,
            ),
            (Postgres, "SELECT $q$ :since ' $q$, :since", "SELECT $q$ :since ' $q$, ($1::text::timestamptz)", 1),
            (Postgres, r"SELECT E'\':since', :since", r"SELECT E'\':since', ($1::text::timestamptz)", 1),
            (Postgres, r"SELECT '\', :since", r"SELECT '\', ($1::text::timestamptz)", 1),
            (
                Postgres,
                "SELECT /* a /* :since */ b */ :since",
                "SELECT /* a /* :since */ b */ ($1::text::timestamptz)",
                1,
            ),
            (Postgres, "SELECT a[1:n]", "SELECT a[1:n]", 0),
            (
                MySql,
                r#"SELECT "\":since", `:since`, :since, :since"#,
                r#"SELECT "\":since", `:since`, CAST(? AS DATETIME(3)), CAST(? AS DATETIME(3))"#,
                2,
            ),
            (MySql, "SELECT 1--:since", "SELECT 1--CAST(? AS DATETIME(3))", 1),
            (MySql, "SELECT 1 # :since\n, :since", "SELECT 1 # :since\n, CAST(? AS DATETIME(3))", 1),
            (Sqlite, "SELECT [:since], ''':since', :since", "SELECT [:since], ''':since', ?1", 1),
            (Sqlite, r#"SELECT "a b", "c""d`", ""#, r#"SELECT `a b`, `c"d```, ""#, 0),
            (Sqlite, r#"SELECT ":since", '"x"' -- "y"#, r#"SELECT `:since`, '"x"' -- "y"#, 0),
            (Sqlite, "SELECT 1 WHERE t>:since;\n -- done\n", "SELECT 1 WHERE t>?1\n -- done", 1),
            (Postgres, "SELECT ':since", "SELECT ':since", 0),
        ] {
            assert_eq!(parsed(text, dialect), (expected.to_owned(), count), "{text}");
        }
    }

    #[test]
    fn one_statement_is_one_statement() {
        for text in ["SELECT 1; SELECT 2", "SELECT 1;DELETE FROM x", "SELECT ';'; x", "SELECT 1;;'a'"] {
            for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
                assert!(Query::parse(text, dialect).is_err_and(|what| what.contains("several statements")), "{text}");
            }
        }
        assert_eq!(parsed("SELECT ';' ; ; /* x; */ ", Dialect::MySql).0, "SELECT ';'   /* x; */");
    }

    #[test]
    fn a_misspelt_parameter_is_named_where_the_database_would_take_it_for_nothing() {
        for dialect in [Dialect::MySql, Dialect::Sqlite] {
            let what = Query::parse("SELECT 1 WHERE t > :snice", dialect).expect_err("no such parameter");
            assert_eq!(what, "there is no parameter `:snice`; the only one is `:since`");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in r#"([ -~\n]|[äß€]|'|"|\$|/\*|\*/|--|:since|::|;|\\){0,40}"#) {
            for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
                if let Ok(query) = Query::parse(&text, dialect) {
                    prop_assert!(query.sinces > 0 || query.text.len() <= 2 * text.len());
                }
            }
        }
    }
}
