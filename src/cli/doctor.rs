//! `doctor`: what keysweep depends on, line by line.

use std::io::Write;

use serde_json::json;

use super::args::{DoctorArgs, TextFormat};
use super::output::{plain, table};
use super::{CliError, Done, lists};
use crate::app::SystemClock;
use crate::app::doctor::{Check, Doctor, State, Verdict, problems};
use crate::config::{self as settings, ConfigChoice, ConfigProblems, Env};
use crate::ports::Clock as _;
use crate::providers::Catalogue;
use crate::telemetry::progress::Bars;

/// Looks at everything and prints what was found.
pub async fn run(args: DoctorArgs, choice: &ConfigChoice, env: &Env) -> Result<Done, CliError> {
    let catalogue = Catalogue::shipped().map_err(|error| CliError::Other(error.to_string()))?;
    let checks = match load(choice, env, &catalogue) {
        Err(bad) => problems(&bad),
        Ok((place, settings, warnings)) => {
            let doctor = Doctor {
                settings: &settings,
                warnings: &warnings,
                place: &place,
                catalogue: &catalogue,
                env,
                now: SystemClock.now(),
                limit: args.timeout,
            };
            doctor.examine(&Bars::on_stderr()).await
        }
    };
    let verdict = Verdict::of(&checks);
    match args.format {
        TextFormat::Json => {
            lists::json(&json!({"verdict": verdict, "checks": checks}))?;
        }
        TextFormat::Table => show(&checks)?,
    }
    Ok(match verdict {
        Verdict::Ok | Verdict::Warning => Done::Ok,
        Verdict::Error => Done::Failed,
        Verdict::Config => Done::BadConfig,
    })
}

type Loaded = (String, settings::Settings, Vec<settings::Warning>);

fn load(choice: &ConfigChoice, env: &Env, catalogue: &Catalogue) -> Result<Loaded, ConfigProblems> {
    let path = choice.find(env)?;
    let place = path.map_or_else(|| "the built-in defaults".to_owned(), |path| path.display().to_string());
    let (settings, warnings) = settings::load(choice, env, &catalogue.names())?;
    Ok((place, settings, warnings))
}

fn show(checks: &[Check]) -> Result<(), CliError> {
    let row = |check: &Check| {
        let cells = [check.state.as_str(), &check.name, &check.setting, &check.what, &check.todo];
        cells.map(plain).to_vec()
    };
    let headers = ["state", "check", "setting", "found", "to do"];
    writeln!(anstream::stdout(), "{}", table(&headers, checks.iter().map(row).collect()))?;
    let count = |state: State| checks.iter().filter(|check| check.state == state).count();
    let (ok, warnings, errors) = (count(State::Ok), count(State::Warning), count(State::Error));
    writeln!(anstream::stderr(), "Checked: {ok} ok, {warnings} to be warned of, {errors} that do not work.")?;
    Ok(())
}
