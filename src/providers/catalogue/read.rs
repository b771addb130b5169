//! One file's text to a checked provider.

use super::lines::Lines;
use super::{CatalogueError, CatalogueProblem};
use crate::domain::catalogue::{Fault, Provider, check};
use crate::domain::remedy::SharedSteps;
use crate::domain::spelling::nearest;

/// The steps that all providers share.
const STEPS: &str = include_str!("../../../config/steps.toml");

/// Reads and checks one catalogue file, its own examples included.
///
/// # Errors
/// Everything that is wrong with it, each with line, key and what to do. What can't be read at all is told alone.
pub fn read(file: &str, text: &str) -> Result<Provider, CatalogueError> {
    let problem = |line, key: String, what: String, todo: String| CatalogueProblem {
        file: file.to_owned(),
        line,
        key,
        what,
        todo,
    };
    let lines = Lines::of(text);
    let mut provider: Provider = toml::from_str(text).map_err(|error| {
        let at = error.span().map(|span| span.start);
        let (what, todo) = in_words(error.message());
        let key = at.and_then(|at| lines.key_at(at)).unwrap_or_default();
        CatalogueError(vec![problem(at.map(|at| lines.line(at)), key, what, todo)])
    })?;
    let shared: SharedSteps = toml::from_str(STEPS).map_err(|error| {
        let todo = "this is a defect of keysweep: tell its makers".to_owned();
        CatalogueError(vec![problem(None, "config/steps.toml".to_owned(), error.message().to_owned(), todo)])
    })?;
    let title = provider.title.clone();
    let missing = shared.complete(&mut provider.remedies, &title, provider.rotation.overlap).err().map(|missing| {
        let at = format!("remedies{}.words.{}", if missing.grant { ".oauth" } else { "" }, missing.word);
        let todo = "write it, or write the steps of each situation under steps".to_owned();
        Fault { at, what: format!("it is missing: {missing}"), todo }
    });
    // What is incomplete has no steps for other situations either: once is enough.
    let faults = if let Some(missing) = missing { vec![missing] } else { check(&provider) };
    let problems: Vec<_> =
        faults.into_iter().map(|fault| problem(lines.line_of(&fault.at), fault.at, fault.what, fault.todo)).collect();
    if problems.is_empty() { Ok(provider) } else { Err(CatalogueError(problems)) }
}

/// The parser's words, with what was probably meant.
fn in_words(message: &str) -> (String, String) {
    let what = message.replace('\n', ", ");
    let mut quoted = message.split('`').skip(1).step_by(2);
    let given = quoted.next().unwrap_or_default();
    let known: Vec<&str> = quoted.collect();
    let (kind, todo) = if message.starts_with("unknown field") {
        ("there is no such key", "the keys that there are")
    } else if message.starts_with("unknown variant") {
        ("it is none of the words that it may be", "the words that there are")
    } else if message.starts_with("missing field") {
        return (format!("{given} is missing"), "write it; docs/adding-a-provider.md says what it is".to_owned());
    } else {
        return (what, "correct it; docs/adding-a-provider.md says what it may be".to_owned());
    };
    let todo = match nearest(given, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => format!("{todo}: {}", known.join(", ")),
    };
    (format!("{given:?}: {kind}"), todo)
}
