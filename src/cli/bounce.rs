//! `mail bounce`: mail that came back, handed over by a mail server or by hand.

use std::io::{self, Write as _};
use std::path::Path;

use super::{CliError, Done};
use crate::app::bounces::{CameBack, take_from};
use crate::app::{SystemClock, chain};
use crate::config::{Env, Settings};
use crate::ports::Clock as _;
use crate::ports::meter::BounceOutcome;

/// Takes it in and says what it came to. Whatever may be better later ends with 75, so that a mail server keeps the
/// message and tries again: any other failure would have it send a report about a report.
pub async fn run(settings: &Settings, env: &Env, from: Option<&Path>) -> Result<Done, CliError> {
    let taken = match take_from(settings, env, from, io::stdin().lock(), SystemClock.now()).await {
        Ok(taken) => taken,
        Err(error) if error.is_config() || from.is_some() => return Err(error.into()),
        Err(error) => return later(&chain(&error)),
    };
    match taken {
        Ok(came_back) => told(&came_back),
        Err(error) if from.is_some() => Err(CliError::Other(chain(&error))),
        Err(error) => later(&chain(&error)),
    }
}

fn told(came_back: &CameBack) -> Result<Done, CliError> {
    let mut out = anstream::stdout();
    if came_back.is_empty() {
        writeln!(out, "There was no message.")?;
    }
    for (outcome, count) in came_back {
        writeln!(out, "{outcome}: {count}")?;
    }
    if came_back.contains_key(&BounceOutcome::Waiting) {
        return later("a mail is just being sent that came back already");
    }
    Ok(Done::Ok)
}

fn later(why: &str) -> Result<Done, CliError> {
    writeln!(anstream::stderr(), "keysweep: {why}; try again later")?;
    Ok(Done::Later)
}
