//! What most pages are made of: a heading, sentences, forms, tables, facts, and what happened. One template lays them out.

use serde::Serialize;

use super::query::{Query, address, path};
use super::words::{When, count, harmless, harmless_line};
use crate::domain::facts::Provenance;
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::ledger::read::Page;

/// Other people's ids are led to by a link only as long as an address may well be.
const LINKED: usize = 300;

/// A page below its head.
#[derive(Debug, Default, Serialize)]
pub(super) struct Sheet {
    /// what the page is of
    pub(super) heading: String,
    /// what has just been done here, as things stand now
    pub(super) noted: Option<String>,
    /// sentences below it; commands stand between backticks
    pub(super) lead: Vec<String>,
    pub(super) parts: Vec<Part>,
}

/// A part of a page.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Part {
    /// what narrows a list
    Form(Form),
    /// rows
    Table(Table),
    /// names and values
    Facts(Facts),
    /// what happened, oldest first
    Course(Course),
    /// sentences under a title
    Words(Words),
    /// what operators may do here
    Acts(Acts),
}

/// Forms that act, each sent to the page's own address.
#[derive(Debug, Serialize)]
pub(super) struct Acts {
    pub(super) title: &'static str,
    /// the page's own address
    pub(super) action: String,
    pub(super) forms: Vec<ActForm>,
}

/// One of them.
#[derive(Debug, Default, Serialize)]
pub(super) struct ActForm {
    /// what follows from it, as a sentence
    pub(super) follows: String,
    /// what is sent along: name and value
    pub(super) along: Vec<(&'static str, String)>,
    pub(super) fields: Vec<ActField>,
    /// act and label
    pub(super) buttons: Vec<(&'static str, String)>,
}

/// A field of such a form.
#[derive(Debug, Serialize)]
pub(super) struct ActField {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// as in HTML: `date`, `text`
    pub(super) kind: &'static str,
    pub(super) value: String,
    /// the first and the last date; empty for none
    pub(super) bounds: [String; 2],
    pub(super) required: bool,
}

impl ActField {
    /// A day, of a time: between two, which may each be left open.
    pub(super) fn day(
        (name, label): (&'static str, &'static str),
        value: Option<Timestamp>,
        bounds: [Option<Timestamp>; 2],
    ) -> Self {
        let day = |at: Option<Timestamp>| at.map(|at| at.to_datetime().format("%Y-%m-%d").to_string());
        let day = |at| day(at).unwrap_or_default();
        Self { name, label, kind: "date", value: day(value), bounds: bounds.map(day), required: value.is_some() }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Form {
    pub(super) action: &'static str,
    pub(super) texts: Vec<TextField>,
    pub(super) choices: Vec<Choice>,
    /// true where something was filled in
    pub(super) filled: bool,
}

/// A field that takes any text.
#[derive(Debug, Serialize)]
pub(super) struct TextField {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) hint: &'static str,
}

/// A field that takes one of some words.
#[derive(Debug, Serialize)]
pub(super) struct Choice {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) options: Vec<Word>,
}

#[derive(Debug, Serialize)]
pub(super) struct Word {
    value: String,
    label: String,
    chosen: bool,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    /// unique on the page: it is the title's id
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// what to say where there is no row
    pub(super) empty: String,
    /// what to say below it
    pub(super) note: String,
    /// the first page, where this is another
    pub(super) first: Option<String>,
    /// the next page
    pub(super) next: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Column {
    label: &'static str,
    number: bool,
}

/// What stands in a table, or beside a name.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Cell {
    text: String,
    href: Option<String>,
    when: Option<When>,
    severity: bool,
    number: bool,
    /// in small letters behind it
    small: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Facts {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) facts: Vec<Fact>,
}

#[derive(Debug, Serialize)]
pub(super) struct Fact {
    name: String,
    /// belongs to the fact above
    inner: bool,
    value: Cell,
}

#[derive(Debug, Serialize)]
pub(super) struct Course {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) entries: Vec<Happened>,
    pub(super) left_out: Vec<String>,
}

/// Something that happened.
#[derive(Debug, Serialize)]
pub(super) struct Happened {
    pub(super) at: String,
    pub(super) what: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Words {
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) sentences: Vec<String>,
}

impl Column {
    pub(super) const fn text(label: &'static str) -> Self {
        Self { label, number: false }
    }

    pub(super) const fn number(label: &'static str) -> Self {
        Self { label, number: true }
    }
}

impl Cell {
    /// Other people's text.
    pub(super) fn text(text: &str) -> Self {
        Self { text: harmless(text), ..Self::default() }
    }

    /// Other people's sentence.
    pub(super) fn line(text: &str) -> Self {
        Self { text: harmless_line(text), ..Self::default() }
    }

    pub(super) fn number(number: u64) -> Self {
        Self { text: count(number), number: true, ..Self::default() }
    }

    /// Stands where numbers do.
    pub(super) fn right(self) -> Self {
        Self { number: true, ..self }
    }

    pub(super) fn when(at: Timestamp, now: Timestamp) -> Self {
        Self { when: Some(When::of(at, now)), ..Self::default() }
    }

    /// An instant, or a word for none.
    pub(super) fn maybe(at: Option<Timestamp>, now: Timestamp, none: &str) -> Self {
        at.map_or_else(|| Self::text(none), |at| Self::when(at, now))
    }

    /// From when a value is known to have existed. Where that is only when it was first seen, its age is a lower bound.
    pub(super) fn known_since(since: Option<Timestamp>, provenance: Option<Provenance>, now: Timestamp) -> Self {
        let cell = Self::maybe(since, now, "not known");
        if provenance == Some(Provenance::FirstSeen) { cell.small("at least") } else { cell }
    }

    pub(super) fn severity(name: &str) -> Self {
        Self { severity: true, ..Self::text(name) }
    }

    pub(super) fn small(self, small: impl Into<String>) -> Self {
        Self { small: small.into(), ..self }
    }

    pub(super) fn to(self, href: impl Into<String>) -> Self {
        Self { href: Some(href.into()), ..self }
    }

    /// Leads to the list that is narrowed to other people's ids; not where one is too long for an address.
    pub(super) fn in_list(self, list: &str, fields: &[(&str, &str)]) -> Self {
        if fields.iter().any(|(_, value)| value.len() > LINKED) {
            return self;
        }
        self.to(address(list, fields.iter().copied()))
    }

    pub(super) fn provider(title: &str, name: &ProviderName) -> Self {
        if name.as_str().len() > LINKED {
            Self::text(title)
        } else {
            Self::text(title).to(path("/providers", name.as_str()))
        }
    }
}

impl Fact {
    /// A fact that is told; `None` where there is nothing to tell.
    pub(super) fn told(name: &str, value: &str) -> Option<Self> {
        (!value.is_empty()).then(|| Self::of(name, Cell::line(value)))
    }

    pub(super) fn of(name: &str, value: Cell) -> Self {
        Self { name: harmless(name.trim_start()), inner: name.starts_with(' '), value }
    }
}

impl Table {
    /// With the links to the first and to the next page of a list. Behind its end, where rows may have been that are gone
    /// meanwhile, it is not said that there are none at all.
    pub(super) fn paged<T>(self, query: &Query, list: &str, page: &Page<T>) -> Self {
        let first = query.text(super::query::FROM).map(|_| query.again(list, None));
        let ended = "The list ends here. Go back to the first page.";
        let empty = if first.is_some() { ended.to_owned() } else { self.empty };
        Self { empty, first, next: page.next.map(|next| query.again(list, Some(next))), ..self }
    }
}

impl TextField {
    pub(super) fn of(query: &Query, name: &'static str, label: &'static str, hint: &'static str) -> Self {
        Self { name, label, value: query.text(name).unwrap_or_default().to_owned(), hint }
    }
}

impl Choice {
    /// A choice of words, the first being what holds where none is chosen: its value is empty.
    pub(super) fn of(
        query: &Query,
        (name, label): (&'static str, &'static str),
        usual: &str,
        words: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let chosen = query.text(name);
        let mut options = vec![Word { value: String::new(), label: usual.to_owned(), chosen: chosen.is_none() }];
        for (value, label) in words {
            options.push(Word { chosen: chosen == Some(value.as_str()), label: harmless(&label), value });
        }
        // Nothing that holds is left out, even if it is no longer known.
        if let Some(other) = chosen.filter(|_| !options.iter().any(|word| word.chosen)) {
            options.push(Word { value: other.to_owned(), label: harmless(other), chosen: true });
        }
        Self { name, label, options }
    }
}
