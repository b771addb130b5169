//! How each kind of value is read. A wrong one gives a reason that says what is accepted.

use std::borrow::Cow;
use std::collections::HashSet;

use super::cells::{Cell, Cells};
use crate::domain::diff::CLOCK_TOLERANCE;
use crate::domain::record::FieldProblem;
use crate::domain::secret::could_be_key;
use crate::domain::time::Timestamp;

/// The longest id, in bytes.
const LONGEST_ID: usize = 512;
/// The longest other text, in bytes; no provider's key, region or address comes near.
const LONGEST_TEXT: usize = 8192;
/// The longest name, in characters; the rest is cut.
const LONGEST_NAME: usize = 200;

/// What many a platform writes for no date.
const EPOCH: Timestamp = Timestamp::from_secs(0);
/// The first instant of the year 2000: no platform has connections from before.
pub(super) const EARLIEST: Timestamp = Timestamp::from_secs(946_684_800);

const CONTROL: &str = "holds a control character, such as a tab or a line end";

type Read<T> = Result<T, FieldProblem>;

impl<'a> Cells<'a> {
    /// The row's own id, where it is a good one.
    pub(super) fn row_id(&self) -> Option<String> {
        self.good_id(self.contract.id)
    }

    /// The account of a person's row, where it is a good one.
    pub(super) fn row_account(&self) -> Option<String> {
        self.good_id(self.contract.within?)
    }

    fn good_id(&self, field: usize) -> Option<String> {
        let Cell::Text(text) = self.get(field) else { return None };
        let text = text.trim();
        (!text.is_empty() && id_problem(text).is_none()).then(|| text.to_owned())
    }

    /// An id that must be there.
    pub(super) fn required_id(&mut self, field: usize) -> Read<String> {
        match self.id(field)? {
            Some(id) => Ok(id),
            None => Err(self.problem(field, "is missing; every row needs one")),
        }
    }

    /// An id, or nothing.
    pub(super) fn id(&mut self, field: usize) -> Read<Option<String>> {
        let Some(text) = self.raw(field)? else { return Ok(None) };
        match id_problem(&text) {
            Some(reason) => Err(self.problem(field, reason)),
            None => Ok(Some(text.into_owned())),
        }
    }

    /// One line of text, or nothing.
    pub(super) fn text(&mut self, field: usize) -> Read<Option<String>> {
        let Some(text) = self.raw(field)? else { return Ok(None) };
        if has_control(&text) {
            return Err(self.problem(field, CONTROL));
        }
        self.short_enough(field, &text)?;
        Ok(Some(text.into_owned()))
    }

    /// One line that says where a key is asked: never a key, which a wrong mapping may put here, and which would be kept and shown.
    pub(super) fn place(&mut self, field: usize, dropped: &mut Vec<FieldProblem>) -> Read<Option<String>> {
        let given = self.text(field)?;
        let is_address = |text: &str| url::Url::parse(text).is_ok_and(|url| url.has_host());
        if given.as_deref().is_some_and(|text| could_be_key(text) && !is_address(text)) {
            let reason = "holds what could be a key (not shown) and is ignored; look whether a column was mapped twice";
            dropped.push(self.problem(field, reason));
            return Ok(None);
        }
        Ok(given)
    }

    /// A name for people, cut and on one line; nothing rests on it, so nothing is wrong with it.
    pub(super) fn name(&mut self, field: usize) -> Read<Option<String>> {
        let one_line = |c: char| if c.is_control() { ' ' } else { c };
        Ok(self.raw(field)?.map(|text| text.chars().take(LONGEST_NAME).map(one_line).collect()))
    }

    /// Text as it was given, without the white space around it; empty text is nothing.
    pub(super) fn raw(&mut self, field: usize) -> Read<Option<Cow<'a, str>>> {
        match self.take(field) {
            Cell::Absent => Ok(None),
            Cell::Text(text) => Ok(trimmed(text)),
            Cell::Flag(_) => Err(self.problem(field, "must be text, not true or false")),
            Cell::List(_) => Err(self.problem(field, "must be text, not a list")),
            Cell::Other(what) => Err(self.problem(field, format!("must be text, not {what}"))),
        }
    }

    /// Refuses text that is too long to mean anything.
    pub(super) fn short_enough(&self, field: usize, text: &str) -> Read<()> {
        if text.len() > LONGEST_TEXT {
            return Err(self.problem(field, format!("is longer than {LONGEST_TEXT} bytes")));
        }
        Ok(())
    }

    /// An instant, or nothing. One from before there were such platforms is dropped, and told: a day written as a number
    /// (20261101) is one of 1970.
    pub(super) fn time(&mut self, field: usize, dropped: &mut Vec<FieldProblem>) -> Read<Option<Timestamp>> {
        let given = self.instant(field)?;
        Ok(self.not_early(field, given, dropped))
    }

    /// An instant as it is given. The first of the Unix epoch is how platforms write that there is none.
    fn instant(&mut self, field: usize) -> Read<Option<Timestamp>> {
        let Some(text) = self.raw(field)? else { return Ok(None) };
        let Some(at) = Timestamp::parse(&text) else {
            return Err(self.wrong(field, "RFC 3339 (2026-01-31T09:30:00Z) or whole Unix seconds", &text));
        };
        Ok(Some(at).filter(|at| *at != EPOCH))
    }

    fn not_early(&self, field: usize, at: Option<Timestamp>, dropped: &mut Vec<FieldProblem>) -> Option<Timestamp> {
        if at.is_some_and(|at| at < EARLIEST) {
            let reason = "lies before the year 2000 and is ignored; write RFC 3339 or whole Unix seconds";
            dropped.push(self.problem(field, reason));
            return None;
        }
        at
    }

    fn not_ahead(
        &self,
        field: usize,
        at: Option<Timestamp>,
        now: Timestamp,
        dropped: &mut Vec<FieldProblem>,
    ) -> Option<Timestamp> {
        if at.is_some_and(|at| at > now + CLOCK_TOLERANCE) {
            let reason = "lies in the future and is ignored; check the platform's clock and time zone";
            dropped.push(self.problem(field, reason));
            return None;
        }
        at
    }

    /// Whether an instant is given, be it one that is then dropped.
    pub(super) fn has_time(&self, field: usize) -> bool {
        let is_none = matches!(self.get(field), Cell::Text(text) if Timestamp::parse(text.trim()) == Some(EPOCH));
        !self.is_empty(field) && !is_none
    }

    /// An instant that can only lie in the past, of something that is so whatever its date: one from before there were
    /// platforms stands for the first instant that there could be.
    pub(super) fn past_fact(
        &mut self,
        field: usize,
        now: Timestamp,
        dropped: &mut Vec<FieldProblem>,
    ) -> Read<Option<Timestamp>> {
        let given = self.instant(field)?;
        let is_early = given.is_some_and(|at| at < EARLIEST);
        let at = self.not_early(field, given, dropped).or(is_early.then_some(EARLIEST));
        Ok(self.not_ahead(field, at, now, dropped))
    }

    /// An instant that can only lie in the past. One in the future is dropped, and told.
    pub(super) fn past(
        &mut self,
        field: usize,
        now: Timestamp,
        dropped: &mut Vec<FieldProblem>,
    ) -> Read<Option<Timestamp>> {
        let at = self.time(field, dropped)?;
        Ok(self.not_ahead(field, at, now, dropped))
    }

    /// One of a few words, whatever its case, or nothing.
    pub(super) fn word<T: Copy>(&mut self, field: usize, words: &[(&str, T)]) -> Read<Option<T>> {
        let Some(text) = self.raw(field)? else { return Ok(None) };
        self.one_of(field, words, &text).map(Some)
    }

    /// Several of a few words, each once, in order; nothing is none of them.
    pub(super) fn words<T: Copy + Ord>(&mut self, field: usize, words: &[(&str, T)]) -> Read<Vec<T>> {
        let mut found = Vec::new();
        for text in self.list(field)? {
            found.push(self.one_of(field, words, &text)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// A list of texts: a JSON list, or text with `,` `;` `|` or white space between; each once.
    pub(super) fn list(&mut self, field: usize) -> Read<Vec<String>> {
        let mut found: Vec<String> = Vec::new();
        let mut push = |text: &str| {
            let text = text.trim();
            if !text.is_empty() {
                found.push(text.to_owned());
            }
        };
        match self.take(field) {
            Cell::List(texts) => texts.iter().for_each(|text| push(text)),
            other => {
                self.set(field, other);
                let text = self.raw(field)?.unwrap_or_default();
                text.split(|c: char| c.is_whitespace() || ",;|".contains(c)).for_each(push);
            }
        }
        if found.len() > 1 {
            let mut seen = HashSet::new();
            found.retain(|text| seen.insert(text.clone()));
        }
        if found.iter().any(|text| has_control(text)) {
            return Err(self.problem(field, CONTROL));
        }
        Ok(found)
    }

    /// True or false, or nothing.
    pub(super) fn flag(&mut self, field: usize) -> Read<Option<bool>> {
        if let Cell::Flag(flag) = *self.get(field) {
            return Ok(Some(flag));
        }
        let words = [("true", true), ("false", false), ("yes", true), ("no", false), ("1", true), ("0", false)];
        self.word(field, &words)
    }

    /// A whole number from 0, or nothing.
    pub(super) fn count(&mut self, field: usize) -> Read<Option<u32>> {
        let Some(text) = self.raw(field)? else { return Ok(None) };
        match text.parse() {
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(self.wrong(field, "a whole number from 0", &text)),
        }
    }

    fn one_of<T: Copy>(&self, field: usize, words: &[(&str, T)], text: &str) -> Read<T> {
        if let Some((_, found)) = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            return Ok(*found);
        }
        let accepted: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Err(self.wrong(field, &format!("one of {}", accepted.join(", ")), text))
    }

    fn wrong(&self, field: usize, accepted: &str, text: &str) -> FieldProblem {
        self.problem(field, format!("must be {accepted}, not {}", shown(text)))
    }
}

fn id_problem(text: &str) -> Option<String> {
    if text.len() > LONGEST_ID {
        return Some(format!("is longer than {LONGEST_ID} bytes"));
    }
    has_control(text).then(|| CONTROL.to_owned())
}

/// Asked of every text of every row; nearly all are ASCII, where bytes are enough.
fn has_control(text: &str) -> bool {
    if text.is_ascii() { text.bytes().any(|byte| byte.is_ascii_control()) } else { text.chars().any(char::is_control) }
}

fn trimmed(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let cut = text.trim();
    if cut.is_empty() {
        return None;
    }
    if cut.len() == text.len() {
        return Some(text);
    }
    Some(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    })
}

/// A wrong value for people, at most 40 characters of it, and nothing of what could be a key or an address.
fn shown(text: &str) -> String {
    if could_be_key(text) {
        return "a value that could be a key (not shown)".to_owned();
    }
    if text.contains('@') {
        return "a value that could be an address (not shown)".to_owned();
    }
    let mut cut: String = text.chars().take(40).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_shown_escaped_and_cut_and_never_if_it_could_be_a_key_or_an_address() {
        assert_eq!(shown("soon\n"), r#""soon\n""#);
        assert_eq!(shown(&"a ".repeat(50)), format!("{:?}", format!("{}…", "a ".repeat(20))));
        assert!(!shown("0123456789abcdef0123456789abcdef").contains("0123"));
        assert!(!shown("kit_0123456789abcdef0123").contains("0123"));
        assert!(!shown("anna@example.org").contains("anna"));
    }
}
