//! `config check` and `config show`.

use std::io::Write;

use super::{CliError, Done, load};
use crate::config::{self as settings, ConfigChoice, Env};
use crate::providers::Catalogue;

/// Says that the configuration is good, or all that is wrong with it.
pub fn check(choice: &ConfigChoice, env: &Env) -> Result<Done, CliError> {
    let settings = load(choice, env, true)?;
    let place = choice.find(env)?.map_or_else(|| "the built-in defaults".to_owned(), |path| path.display().to_string());
    let sources = match settings.inventories.len() {
        1 => "1 inventory".to_owned(),
        count => format!("{count} inventories"),
    };
    let catalogue = Catalogue::shipped().map_err(|error| CliError::Other(error.to_string()))?;
    writeln!(anstream::stdout(), "{place}: good ({sources})")?;
    writeln!(anstream::stdout(), "providers of the catalogue: {}", catalogue.names().join(", "))?;
    // The file is good; whether its secrets can be had may differ from where keysweep will run.
    for secret in settings.secrets() {
        if let Err(error) = secret.resolve(env) {
            writeln!(anstream::stderr(), "keysweep: warning: not to be had from here: {error}")?;
        }
    }
    Ok(Done::Ok)
}

/// Prints the settings in force and where each comes from.
pub fn show(choice: &ConfigChoice, env: &Env) -> Result<Done, CliError> {
    let settings = load(choice, env, false)?;
    write!(anstream::stdout(), "{}", settings::show(&settings))?;
    Ok(Done::Ok)
}
