//! `mail bounce`: mail that came back, handed over by a mail server or by hand.

use std::io::{self, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use super::args::Form;
use super::{CliError, Done, told};
use crate::app::bounces::{CameBack, take_from};
use crate::app::{SystemClock, chain};
use crate::config::{Env, Settings};
use crate::ports::Clock as _;
use crate::ports::meter::BounceOutcome;

/// Takes it in and says what it came to. Whatever may be better later ends with 75, so that a mail server keeps the
/// message and tries again: any other failure would have it send a report about a report.
pub async fn run(settings: &Settings, env: &Env, from: Option<&Path>, form: Form) -> Result<Done, CliError> {
    let taken = match take_from(settings, env, from, io::stdin().lock(), SystemClock.now()).await {
        Ok(taken) => taken,
        Err(error) if error.is_config() || from.is_some() => return Err(error.into()),
        Err(error) => return later(&chain(&error)),
    };
    match taken {
        Ok(came_back) => told(&came_back, form),
        Err(error) if from.is_some() => Err(CliError::Other(chain(&error))),
        Err(error) => later(&chain(&error)),
    }
}

fn told(came_back: &CameBack, form: Form) -> Result<Done, CliError> {
    let lines = match came_back.is_empty() {
        true => "There was no message.\n".to_owned(),
        false => came_back.iter().map(|(outcome, count)| format!("{outcome}: {count}\n")).collect(),
    };
    let counts = came_back.iter().map(|(outcome, count)| (outcome.to_string(), json!(count)));
    told::show(form, &lines, &Value::Object(counts.collect()))?;
    if came_back.contains_key(&BounceOutcome::Waiting) {
        return later("a mail is just being sent that came back already");
    }
    Ok(Done::Ok)
}

fn later(why: &str) -> Result<Done, CliError> {
    writeln!(anstream::stderr(), "keysweep: {why}; try again later")?;
    Ok(Done::Later)
}
