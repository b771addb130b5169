//! The environment, of which only what is text can say anything.

use std::ffi::{OsStr, OsString};

use super::problem::{ConfigProblems, Problem};

/// How the names begin by which keysweep is told something.
const OURS: &str = "KEYSWEEP";

/// The variables that are text. Of the others those are passed over that have nothing to do with keysweep.
///
/// # Errors
/// Every variable of keysweep's own that is no text, by its name: its value may be a secret.
pub fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, ConfigProblems> {
    let (mut env, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in variables {
        let is_ours = name.as_encoded_bytes().starts_with(OURS.as_bytes());
        match (name.to_str(), value.into_string()) {
            (Some(name), Ok(value)) => env.push((name.to_owned(), value)),
            _ if is_ours => problems.push(problem(&name)),
            _ => {}
        }
    }
    if problems.is_empty() { Ok(env) } else { Err(ConfigProblems::new(problems)) }
}

fn problem(name: &OsStr) -> Problem {
    Problem {
        place: format!("environment {}", name.display()),
        key: String::new(),
        what: "its name or its value is not UTF-8".to_owned(),
        todo: "write it as UTF-8, or unset it".to_owned(),
    }
}
