//! The languages that there are, and which one a reader gets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::Texts;
use super::sentence::blanks;

/// The language that every other falls back to, and that unknown readers get.
pub(in crate::mail) const ENGLISH: &str = "en";

/// The shipped languages.
const SHIPPED: [(&str, &str); 2] = [(ENGLISH, include_str!("en.toml")), ("de", include_str!("de.toml"))];

/// One thing that is wrong with a file of texts or a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextProblem {
    /// the file
    pub file: String,
    /// the line, counted from 1, where it is known
    pub line: Option<usize>,
    /// what is wrong
    pub what: String,
    /// what to do
    pub todo: String,
}

impl TextProblem {
    /// The file, with the line where it is known.
    pub fn place(&self) -> String {
        self.line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}

impl fmt::Display for TextProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place(), self.what, self.todo)
    }
}

impl std::error::Error for TextProblem {}

/// Every language by its tag, in lower case. English is always among them.
#[derive(Clone, Debug)]
pub struct Languages {
    english: Texts,
    others: BTreeMap<String, Texts>,
}

impl Languages {
    /// The shipped languages, with the operator's files over them: tag, file's name for people, contents. What a file
    /// leaves out of a shipped language stays as shipped; a further language has to be whole.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn read(own: &[(String, String, String)]) -> Result<Self, Vec<TextProblem>> {
        let mut tables = BTreeMap::new();
        for (tag, text) in SHIPPED {
            tables.insert(tag.to_owned(), (format!("the shipped {tag}.toml"), parse(&format!("{tag}.toml"), text)?));
        }
        let english = tables.get(ENGLISH).map(|(_, table)| table.clone()).unwrap_or_default();
        let mut problems = Vec::new();
        for (tag, file, text) in own {
            let table = match parse(file, text) {
                Ok(table) => table,
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            };
            let base = tables.remove(tag).map(|(_, table)| table);
            problems.extend(compare(&english, &table, base.is_some(), file, text));
            let mut merged = base.unwrap_or_default();
            lay_over(&mut merged, table);
            tables.insert(tag.clone(), (file.clone(), merged));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut read = BTreeMap::new();
        for (tag, (file, table)) in tables {
            match Texts::deserialize(table) {
                Ok(texts) => _ = read.insert(tag, texts),
                Err(error) => problems.push(unfit(&file, error.message())),
            }
        }
        match read.remove(ENGLISH) {
            Some(english) if problems.is_empty() => Ok(Self { english, others: read }),
            _ => Err(problems),
        }
    }

    /// The language for a reader: their own (`de`, `de-AT`, `de_CH.UTF-8`), else its main one, else English. Its tag
    /// beside it.
    pub(in crate::mail) fn of(&self, locale: Option<&str>) -> (&str, &Texts) {
        let tag = locale.unwrap_or_default().trim().to_ascii_lowercase().replace('_', "-");
        let tag = tag.split(['.', '@']).next().unwrap_or_default();
        let main = tag.split('-').next().unwrap_or_default();
        let own = self.others.get_key_value(tag).or_else(|| self.others.get_key_value(main));
        own.map_or((ENGLISH, &self.english), |(tag, texts)| (tag.as_str(), texts))
    }

    /// Every tag, English first.
    pub fn tags(&self) -> Vec<&str> {
        std::iter::once(ENGLISH).chain(self.others.keys().map(String::as_str)).collect()
    }
}

fn parse(file: &str, text: &str) -> Result<Table, Vec<TextProblem>> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_at(text, span.start));
        let what = error.message().replace('\n', ", ");
        vec![TextProblem { file: file.to_owned(), line, what, todo: "write it as TOML".to_owned() }]
    })
}

fn unfit(file: &str, what: &str) -> TextProblem {
    let todo = "write it as the shipped en.toml does".to_owned();
    TextProblem { file: file.to_owned(), line: None, what: what.replace('\n', ", "), todo }
}

/// What a file has that English has not: keys, kinds of values, and blanks. Where it stands alone, also what it lacks.
fn compare(english: &Table, own: &Table, over_another: bool, file: &str, text: &str) -> Vec<TextProblem> {
    let (known, given) = (leaves(english), leaves(own));
    let problem = |key: &str, what: String, todo: String| {
        let (file, line) = (file.to_owned(), line_of(text, key));
        TextProblem { file, line, what: format!("{key}: {what}"), todo }
    };
    let mut problems = Vec::new();
    for (key, value) in &given {
        let Some(original) = known.get(key) else {
            let todo = "take it out; the shipped en.toml has every key".to_owned();
            problems.push(problem(key, "there is no such text".to_owned(), todo));
            continue;
        };
        if original.same_type(value) {
            let (allowed, used) = (said(original), said(value));
            let allowed = blanks(&allowed);
            for blank in blanks(&used).into_iter().filter(|blank| !allowed.contains(blank)) {
                problems.push(problem(key, format!("nobody fills in {{{blank}}}"), what_may_stand(&allowed)));
            }
        } else {
            let todo = format!("write {}", if original.is_array() { "a list of texts" } else { "a text" });
            problems.push(problem(key, format!("it is a {}", value.type_str()), todo));
        }
    }
    let lacking = known.keys().filter(|key| !over_another && !given.contains_key(*key));
    problems.extend(lacking.map(|key| {
        problem(key, "it is missing".to_owned(), "write it: a further language has to be whole".to_owned())
    }));
    problems
}

fn what_may_stand(blanks: &BTreeSet<&str>) -> String {
    if blanks.is_empty() {
        return "nothing is filled in here".to_owned();
    }
    let names = blanks.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>();
    format!("what can stand here: {}", names.join(", "))
}

/// A text, or the texts of a list.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}

/// Every value that is no table, by its dotted path.
fn leaves(table: &Table) -> BTreeMap<String, &Value> {
    let mut found = BTreeMap::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                found.extend(leaves(inner).into_iter().map(|(path, leaf)| (format!("{key}.{path}"), leaf)));
            }
            leaf => _ = found.insert(key.clone(), leaf),
        }
    }
    found
}

fn lay_over(base: &mut Table, own: Table) {
    for (key, value) in own {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(own)) => lay_over(inner, own),
            (_, value) => _ = base.insert(key, value),
        }
    }
}

/// The line of a key; where it is not there, of the nearest table above it.
fn line_of(text: &str, path: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut line = None;
    for part in path.split('.') {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref().as_ref() == part) else { break };
        line = Some(line_at(text, name.span().start));
        let DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    line
}

fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(tag: &str, text: &str) -> Result<Languages, Vec<TextProblem>> {
        Languages::read(&[(tag.to_owned(), format!("{tag}.toml"), text.to_owned())])
    }

    #[test]
    fn every_language_says_the_same_things_with_the_same_blanks() {
        let (english, tables) = (SHIPPED[0].1, &SHIPPED[1..]);
        let english: Table = toml::from_str(english).expect("the shipped English");
        for (tag, text) in tables {
            let table: Table = toml::from_str(text).expect("a shipped language");
            let (known, given) = (leaves(&english), leaves(&table));
            assert_eq!(known.keys().collect::<Vec<_>>(), given.keys().collect::<Vec<_>>(), "{tag}");
            for (key, value) in &known {
                let (one, other) = (said(value), said(given[key]));
                assert_eq!(blanks(&one), blanks(&other), "{tag}: {key}");
                assert!(
                    value.same_type(given[key]) && (!other.trim().is_empty() || key == "list.comma"),
                    "{tag}: {key}"
                );
            }
        }
    }

    #[test]
    fn a_readers_language_is_their_own_or_its_main_one_or_english() {
        let languages = Languages::read(&[]).expect("the shipped languages");
        for (locale, tag) in [
            (None, "en"),
            (Some("de"), "de"),
            (Some("de-AT"), "de"),
            (Some("de_CH.UTF-8"), "de"),
            (Some(" DE@euro "), "de"),
            (Some("en-GB"), "en"),
            (Some("fr"), "en"),
            (Some("deu"), "en"),
            (Some("-"), "en"),
            (Some("\u{202e}"), "en"),
        ] {
            assert_eq!(languages.of(locale).0, tag, "{locale:?}");
        }
        assert_eq!(languages.tags(), ["en", "de"]);
    }

    #[test]
    fn a_file_changes_what_it_says_and_nothing_else() {
        let languages = own("de", "[labels]\nsteps = \"So geht es\"").expect("a good file");
        let (_, german) = languages.of(Some("de"));
        assert_eq!((german.labels.steps.as_str(), german.labels.r#where.as_str()), ("So geht es", "Wo"));
        assert_eq!(languages.of(None).1.labels.steps, "Steps");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_line_and_what_to_do() {
        let told = |tag: &str, text: &str| -> Vec<String> {
            own(tag, text).expect_err("a bad file").iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            told("de", "[labels]\nsteps = \"x\"\nstep = \"y\"\n[lead]\nmany = \"{count} {platform}\"\ncontact = 3\n"),
            [
                "de.toml:3: labels.step: there is no such text; take it out; the shipped en.toml has every key",
                "de.toml:6: lead.contact: it is a integer; write a text",
                "de.toml:5: lead.many: nobody fills in {count}; what can stand here: {platform}",
            ]
        );
        assert_eq!(
            told("en", "[list]\nand = \"{x}\""),
            ["en.toml:2: list.and: nobody fills in {x}; nothing is filled in here"]
        );
        assert!(told("en", "a = \n")[0].starts_with("en.toml:1: "));
        assert_eq!(
            told("de", "[date]\nmonths = [\"a\"]"),
            ["de.toml: invalid length 1, expected an array of length 12; write it as the shipped en.toml does"]
        );
        let lacking = told("nl", "[list]\ncomma = \", \"\nand = \" en \"");
        assert!(lacking.len() > 100 && !lacking.iter().any(|problem| problem.contains("list.")), "{lacking:#?}");
        assert!(lacking[0].ends_with("it is missing; write it: a further language has to be whole"), "{}", lacking[0]);
    }

    #[test]
    fn a_further_language_is_taken_where_it_is_whole() {
        let languages = own("nl", SHIPPED[0].1).expect("a whole language");
        assert_eq!(languages.tags(), ["en", "de", "nl"]);
        assert_eq!(languages.of(Some("nl-BE")).0, "nl");
    }
}
