//! Sections read key by key. What can't be read, and what nobody reads, is noted, and reading goes on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::problem::{Fault, Problem};
use super::tree::{Node, Origin, Table, Value};
use super::values::quoted;
use crate::domain::spelling::nearest;

/// What is noted on the way.
pub(super) struct Log {
    file: String,
    problems: RefCell<Vec<(Origin, Problem)>>,
    /// the settings that hold secrets
    secrets: RefCell<BTreeSet<String>>,
    /// the keys that each section asked for
    known: RefCell<Known>,
}

/// Which keys each section has, by its path; `[]` stands for the place in a list.
pub(super) type Known = BTreeMap<String, BTreeSet<&'static str>>;

impl Log {
    pub(super) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            problems: RefCell::default(),
            secrets: RefCell::default(),
            known: RefCell::default(),
        }
    }

    pub(super) fn report(&self, origin: &Origin, key: &str, fault: Fault) {
        let Fault { what, todo } = fault;
        let problem = Problem { place: self.place(origin), key: key.to_owned(), what, todo };
        self.problems.borrow_mut().push((origin.clone(), problem));
    }

    /// Notes what is wrong in another file, which has a place of its own.
    pub(super) fn report_at(&self, place: String, key: &str, fault: Fault) {
        let Fault { what, todo } = fault;
        let problem = Problem { place, key: key.to_owned(), what, todo };
        self.problems.borrow_mut().push((Origin::Default, problem));
    }

    pub(super) fn is_secret(&self, key: &str) -> bool {
        self.secrets.borrow().contains(key)
    }

    pub(super) fn place(&self, origin: &Origin) -> String {
        match origin {
            Origin::Default => self.file.clone(),
            Origin::File(line) => format!("{}:{line}", self.file),
            Origin::Env(name) => format!("environment {name}"),
        }
    }

    fn note_known(&self, path: &str, keys: &BTreeSet<&'static str>) {
        let path = path.split_inclusive('[').map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()));
        self.known.borrow_mut().entry(path.collect()).or_default().extend(keys);
    }

    /// The keys that each section asked for.
    pub(super) fn into_known(self) -> Known {
        self.known.into_inner()
    }

    /// The problems as somebody meets them who reads the file from its top.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|(origin, _)| match origin {
            Origin::File(line) => (0, *line),
            Origin::Default => (1, 0),
            Origin::Env(_) => (2, 0),
        });
        problems.into_iter().map(|(_, problem)| problem).collect()
    }
}

/// One table of the configuration.
pub(super) struct Section<'a> {
    path: String,
    origin: Origin,
    table: Option<&'a Table>,
    defaults: Option<&'a Table>,
    log: &'a Log,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Section<'a> {
    /// The whole configuration; `defaults` alone beside it, to go on with where the operator's value is wrong.
    pub(super) fn root(tree: &'a Table, defaults: &'a Table, log: &'a Log) -> Self {
        Self::new(String::new(), Origin::Default, Some(tree), Some(defaults), log)
    }

    /// The table under `key`; empty where there is none.
    pub(super) fn section(&self, key: &'static str) -> Self {
        let defaults = match self.default(key).map(|node| &node.value) {
            Some(Value::Table(table)) => Some(table),
            _ => None,
        };
        match self.node(key) {
            Some(node) => self.below(self.path_of(key), node, defaults),
            None => Self::new(self.path_of(key), self.origin.clone(), None, defaults, self.log),
        }
    }

    /// The table under `key`, where there is one.
    pub(super) fn find_section(&self, key: &'static str) -> Option<Self> {
        self.node(key).map(|node| self.below(self.path_of(key), node, None))
    }

    /// The list of tables under `key`.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Self> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let path = self.path_of(key);
        let Value::List(items) = &node.value else {
            let fault =
                Fault::new(format!("this is {}, not a list of tables", node.kind()), format!("write [[{path}]]"));
            self.log.report(&node.origin, &path, fault);
            return Vec::new();
        };
        items.iter().enumerate().map(|(index, item)| self.below(format!("{path}[{index}]"), item, None)).collect()
    }

    /// What `read` makes of each of the list of tables under `key`, which has names of the operator's choice: each its own.
    pub(super) fn each_named<T>(
        &self,
        key: &'static str,
        read: impl Fn(&Self) -> T,
        name: impl Fn(&T) -> &str,
    ) -> Vec<T> {
        let (mut names, mut all) = (BTreeSet::new(), Vec::new());
        for section in self.sections(key) {
            let one = read(&section);
            if !name(&one).is_empty() && !names.insert(name(&one).to_owned()) {
                let what = format!("there is another {key} of the name {}", quoted(name(&one)));
                section.report("name", Fault::new(what, "give each a name of its own"));
            }
            section.close();
            all.push(one);
        }
        all
    }

    /// The tables that stand in this one under names of the operator's choice.
    pub(super) fn named(&self) -> Vec<(&'a str, Self)> {
        let each = self.table.into_iter().flatten();
        each.map(|(name, node)| (name.as_str(), self.below(self.path_of(name), node, None))).collect()
    }

    /// What stands in this table under names of the operator's choice, as `read` makes it of name and value.
    pub(super) fn each<T>(&self, read: impl Fn(&str, &Node) -> Result<T, Fault>) -> Vec<(&'a str, T)> {
        let mut all = Vec::new();
        for (name, node) in self.table.into_iter().flatten() {
            match read(name, node) {
                Ok(value) => all.push((name.as_str(), value)),
                Err(fault) => self.log.report(&node.origin, &self.path_of(name), fault),
            }
        }
        all
    }

    /// The same, of values that must never be shown; `read` gets the whole path instead of the name.
    pub(super) fn each_secret<T>(&self, read: impl Fn(&str, &Node) -> Result<T, Fault>) -> Vec<(&'a str, T)> {
        let paths = self.table.into_iter().flatten().map(|(name, _)| self.path_of(name));
        self.log.secrets.borrow_mut().extend(paths);
        self.each(|name, node| read(&self.path_of(name), node))
    }

    /// True where `key` is set.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.node(key).is_some()
    }

    /// A value that must be there, by the manual or by the operator.
    pub(super) fn get<T: Default>(&self, key: &'static str, read: impl Fn(&Node) -> Result<T, Fault>) -> T {
        let Some(value) = self.find(key, &read) else {
            self.report_missing(key, Fault::new("it is missing", "set it"));
            return self.default(key).and_then(|node| read(node).ok()).unwrap_or_default();
        };
        value
    }

    /// A value that may be there.
    pub(super) fn find<T>(&self, key: &'static str, read: impl Fn(&Node) -> Result<T, Fault>) -> Option<T> {
        let node = self.node(key)?;
        match read(node) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.log.report(&node.origin, &self.path_of(key), fault);
                None
            }
        }
    }

    /// From here on the value of `key` must never be shown.
    pub(super) fn hide(&self, key: &'static str) {
        self.log.secrets.borrow_mut().insert(self.path_of(key));
    }

    /// A value that may be there and must never be shown.
    pub(super) fn find_secret<T>(
        &self,
        key: &'static str,
        read: impl Fn(&str, &Node) -> Result<T, Fault>,
    ) -> Option<T> {
        self.hide(key);
        self.find(key, |node| read(&self.path_of(key), node))
    }

    /// Notes that `key` is missing, if it is. Where the section itself is no table, that was noted and is enough.
    pub(super) fn report_missing(&self, key: &'static str, fault: Fault) {
        if self.table.is_some() && self.node(key).is_none() {
            self.report(key, fault);
        }
    }

    /// Notes what is wrong with the value of `key`.
    pub(super) fn report(&self, key: &'static str, fault: Fault) {
        let origin = self.node(key).map_or(&self.origin, |node| &node.origin);
        self.log.report(origin, &self.path_of(key), fault);
    }

    /// Notes what is wrong with the section itself.
    pub(super) fn report_here(&self, fault: Fault) {
        self.log.report(&self.origin, &self.path, fault);
    }

    /// Notes every key that was never asked for.
    pub(super) fn close(self) {
        let known = self.known.take();
        self.log.note_known(&self.path, &known);
        for (key, node) in self.table.into_iter().flatten().filter(|(key, _)| !known.contains(key.as_str())) {
            let todo = match nearest(key, known.iter().copied()) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => format!("known here: {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
            };
            self.log.report(&node.origin, &self.path_of(key), Fault::new("there is no such setting", todo));
        }
    }

    fn new(path: String, origin: Origin, table: Option<&'a Table>, defaults: Option<&'a Table>, log: &'a Log) -> Self {
        Self { path, origin, table, defaults, log, known: RefCell::default() }
    }

    fn below(&self, path: String, node: &'a Node, defaults: Option<&'a Table>) -> Self {
        let table = match &node.value {
            Value::Table(table) => Some(table),
            _ => {
                let what = format!("this is {}, not a section", node.kind());
                self.log.report(&node.origin, &path, Fault::new(what, format!("write [{path}] and keys below it")));
                None
            }
        };
        Self::new(path, node.origin.clone(), table, defaults, self.log)
    }

    fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.known.borrow_mut().insert(key);
        self.table?.get(key)
    }

    fn default(&self, key: &str) -> Option<&'a Node> {
        self.defaults?.get(key)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
