//! `doctor`: what keysweep depends on, line by line.

use std::io::Write;

use serde_json::json;

use super::args::{DoctorArgs, TextFormat};
use super::output::{plain, table};
use super::{CliError, Done, lists};
use crate::app::doctor::{Check, Doctor, State, Verdict, problems};
use crate::app::{AppError, SystemClock, counted};
use crate::config::{self as settings, ConfigChoice, ConfigProblems, Env};
use crate::ports::Clock as _;
use crate::providers::Catalogue;
use crate::telemetry::progress::Bars;

/// Looks at everything and prints what was found.
pub async fn run(args: DoctorArgs, choice: &ConfigChoice, env: &Env) -> Result<Done, CliError> {
    let checks = match load(choice, env)? {
        Err(bad) => problems(&bad),
        Ok((place, settings, warnings)) => {
            let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
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

fn load(choice: &ConfigChoice, env: &Env) -> Result<Result<Loaded, ConfigProblems>, CliError> {
    let shipped = Catalogue::shipped().map_err(AppError::from)?;
    let load = || {
        let path = choice.find(env)?;
        let place = path.map_or_else(|| "the built-in defaults".to_owned(), |path| path.display().to_string());
        let (settings, warnings) = settings::load(choice, env, &shipped.names())?;
        Ok((place, settings, warnings))
    };
    Ok(load())
}

fn show(checks: &[Check]) -> Result<(), CliError> {
    let headers = ["state", "check", "setting", "found, and what to do"];
    writeln!(anstream::stdout(), "{}", table(&headers, checks.iter().map(row).collect()))?;
    let count = |state: State| checks.iter().filter(|check| check.state == state).count() as u64;
    let warnings = counted(count(State::Warning), "warning", "warnings");
    let errors = counted(count(State::Error), "error", "errors");
    writeln!(anstream::stderr(), "Of {} checks: {} ok, {warnings}, {errors}.", checks.len(), count(State::Ok))?;
    Ok(())
}

/// A check's cells. What to do stands below what was found: side by side they would be narrow.
fn row(check: &Check) -> Vec<String> {
    let next = if check.todo.is_empty() { String::new() } else { format!("\n→ {}", plain(&check.todo)) };
    let found = format!("{}{next}", plain(&check.what));
    vec![check.state.as_str().to_owned(), plain(&check.name), plain(&check.setting), found]
}
