//! What is wrong with a configuration, in words.

use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// file and line, or the variable
    pub place: String,
    /// the setting as a dotted path; empty where it is about the file as a whole
    pub key: String,
    /// what is wrong
    pub what: String,
    /// what to do
    pub todo: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{}: {}{colon}{}; {}", self.place, self.key, self.what, self.todo)
    }
}

/// All that is wrong, one paragraph each. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblems(Vec<Problem>);

/// What is wrong, and what to do: in all of this program's errors that stands behind a semicolon; else `todo` is said.
pub fn parted<'a>(words: &'a str, todo: &'a str) -> (&'a str, &'a str) {
    words.split_once("; ").unwrap_or((words, todo))
}

impl ConfigProblems {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    /// These problems; `None` where there are none.
    pub fn of(problems: Vec<Problem>) -> Option<Self> {
        (!problems.is_empty()).then(|| Self::new(problems))
    }

    /// The problems, from the top of the file down; then those of the environment.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { "\n" };
            write!(f, "{between}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigProblems {}

/// Settings that are allowed and probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// file and line, or the variable
    pub place: String,
    /// the setting as a dotted path
    pub key: String,
    /// what a senior colleague would say
    pub sentence: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.key, self.sentence)
    }
}

/// What is wrong with one value, before its place is known.
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) todo: String,
}

impl Fault {
    pub(super) fn new(what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { what: what.into(), todo: todo.into() }
    }
}

/// Text that is not TOML at all.
pub(super) struct SyntaxFault {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) what: String,
}

impl SyntaxFault {
    pub(super) fn into_problem(self, name: &str) -> ConfigProblems {
        ConfigProblems::new(vec![Problem {
            place: format!("{name}:{}:{}", self.line, self.column),
            key: String::new(),
            what: format!("this is not TOML: {}", self.what),
            todo: "correct it; what follows was not looked at".to_owned(),
        }])
    }
}
