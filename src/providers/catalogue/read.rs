//! One file's text to a checked provider.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::lines::Lines;
use super::{CatalogueError, CatalogueProblem};
use crate::domain::catalogue::{Fault, Provider, check};
use crate::domain::remedy::{MissingWord, SharedSteps};
use crate::domain::spelling::nearest;

/// The steps that all providers share, by language.
const STEPS: [(&str, &str); 2] =
    [(ENGLISH, include_str!("../../../config/steps.toml")), ("de", include_str!("../../../config/steps.de.toml"))];

/// The language of `[remedies]`.
const ENGLISH: &str = "en";

/// What a look at one file showed.
#[derive(Clone, Debug)]
pub struct Examined {
    /// the provider, where the text could be read as one
    pub provider: Option<Provider>,
    /// everything that is wrong
    pub problems: Vec<CatalogueProblem>,
}

/// Reads and checks one catalogue file, its own examples included.
///
/// # Errors
/// Everything that is wrong with it, each with line, key and what to do. What can't be read at all is told alone.
pub fn read(file: &str, text: &str) -> Result<Provider, CatalogueError> {
    let Examined { provider, problems } = examine(file, text);
    match provider {
        Some(provider) if problems.is_empty() => Ok(provider),
        _ => Err(CatalogueError(problems)),
    }
}

/// Like [`read`], with the provider even where something is wrong with it.
pub fn examine(file: &str, text: &str) -> Examined {
    let mut provider: Provider = match toml::from_str(text) {
        Ok(provider) => provider,
        Err(error) => return Examined { provider: None, problems: vec![unreadable(file, text, &error)] },
    };
    let faults = complete(&mut provider).map_or_else(|fault| vec![fault], |()| check(&provider));
    let lines = (!faults.is_empty()).then(|| Lines::of(text));
    let problem = |fault: Fault| CatalogueProblem {
        file: file.to_owned(),
        line: lines.as_ref().and_then(|lines| lines.line_of(&fault.at)),
        key: fault.at,
        what: fault.what,
        todo: fault.todo,
    };
    let problems = faults.into_iter().map(problem).collect();
    Examined { provider: Some(provider), problems }
}

fn unreadable(file: &str, text: &str, error: &toml::de::Error) -> CatalogueProblem {
    let lines = Lines::of(text);
    let at = error.span().map(|span| span.start);
    let (what, todo) = in_words(error.message());
    let key = at.and_then(|at| lines.key_at(at)).unwrap_or_default();
    CatalogueProblem { file: file.to_owned(), line: at.map(|at| lines.line(at)), key, what, todo }
}

/// Fills in the steps that the file leaves to those that all providers share. What is incomplete has no steps for other
/// situations either: the first fault is enough.
fn complete(provider: &mut Provider) -> Result<(), Fault> {
    static SHARED: LazyLock<Result<BTreeMap<&str, SharedSteps>, String>> = LazyLock::new(|| {
        let read = |(tag, text)| match toml::from_str(text) {
            Ok(steps) => Ok((tag, steps)),
            Err(error) => Err(error.message().to_owned()),
        };
        STEPS.into_iter().map(read).collect()
    });
    let shared = SHARED.as_ref().map_err(|what| Fault {
        at: String::new(),
        what: format!("the shared steps can't be read: {what}"),
        todo: "this is a defect of keysweep: tell its makers".to_owned(),
    })?;
    if provider.remedies.oauth.is_none() {
        untranslated(provider)?;
    }
    let (title, renewal) = (&provider.title, provider.rotation.renewal());
    if let Some(english) = shared.get(ENGLISH) {
        english.complete(&mut provider.remedies, title, renewal).map_err(|missing| lacking("remedies", &missing))?;
    }
    for (tag, texts) in &mut provider.texts {
        // A language without shared steps has steps of its own for everything, or the check says so.
        if let Some(shared) = shared.get(tag.as_str()) {
            let mut remedies = texts.of(&provider.remedies);
            let completed = shared.complete(&mut remedies, title, renewal);
            completed.map_err(|missing| lacking(&format!("texts.{tag}"), &missing))?;
            texts.complete_from(remedies);
        }
    }
    Ok(())
}

/// The file says nothing of permissions, so that no translation of it can.
fn untranslated(provider: &Provider) -> Result<(), Fault> {
    let Some((tag, _)) = provider.texts.iter().find(|(_, texts)| texts.oauth.is_some()) else { return Ok(()) };
    Err(Fault {
        at: format!("texts.{tag}.oauth"),
        what: "there is no [remedies.oauth] to translate".to_owned(),
        todo: "take it out, or add [remedies.oauth]".to_owned(),
    })
}

fn lacking(at: &str, missing: &MissingWord) -> Fault {
    Fault {
        at: format!("{at}{}.words.{}", if missing.grant { ".oauth" } else { "" }, missing.word),
        what: format!("it is missing: {missing}"),
        todo: "write it, or write the steps of each situation under steps".to_owned(),
    }
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
