//! What settings get wrong that only their parts can tell: a protocol that a provider doesn't have, a key that is none. Each part
//! is made and let go, so that all of it is told at once, before anything begins.

use super::announce::Endpoints;
use super::build::{self, asking};
use super::events::Taker;
use super::{AppError, ops};
use crate::config::{ConfigProblems, Env, Problem, Settings, parted};
use crate::escrow::MasterKey;
use crate::providers::Catalogue;

/// All that the parts of a keysweep would refuse. A secret that can't be had is no part of it: another machine may have it.
pub fn faults(settings: &Settings, catalogue: &Catalogue, env: &Env) -> Vec<Problem> {
    let mut found: Vec<AppError> = Vec::new();
    let mut look = |made: Result<(), AppError>| found.extend(made.err());
    let master = build::resolve(&settings.escrow.master_key, env);
    look(master.and_then(|text| Ok(MasterKey::parse(&text).map(drop)?)));
    for provider in catalogue.iter() {
        look(asking(settings, provider).check(provider).map_err(build::unmade));
    }
    if let Some(sending) = &settings.mail.sending {
        look(build::mailer(sending, settings.mail.timeout, env).map(drop));
    }
    if let Some(token) = &settings.http.token {
        look(ops::token(token, env).map(drop));
    }
    look(Endpoints::of(settings, env, 0).map(drop));
    for inventory in &settings.inventories {
        look(build::source(inventory, env).map(drop));
        look(build::refs(inventory, env).map(drop));
    }
    look(Taker::all(settings, env).map(drop));
    found.retain(|error| !matches!(error, AppError::Secret(_)));
    found.iter().map(|error| problem(settings, error)).collect()
}

/// Settings whose parts can be made.
///
/// # Errors
/// All of [`faults`].
pub fn sound(settings: &Settings, catalogue: &Catalogue, env: &Env) -> Result<(), ConfigProblems> {
    ConfigProblems::of(faults(settings, catalogue, env)).map_or(Ok(()), Err)
}

fn problem(settings: &Settings, error: &AppError) -> Problem {
    let (key, words) = match error {
        AppError::Setting { key, what } => (key.as_str(), what.clone()),
        AppError::MasterKey(error) => ("escrow.master_key", error.to_string()),
        other => ("", other.to_string()),
    };
    let (what, todo) = parted(&words, "correct it");
    Problem { place: settings.place_of(key), key: key.to_owned(), what: what.to_owned(), todo: todo.to_owned() }
}
