//! `config check`, `config show` and `config schema`.

use std::fmt::Write as _;
use std::io::Write;

use serde_json::{Value, json};

use super::args::{Form, TextFormat};
use super::{CliError, Done, checked, lists, load, told};
use crate::app::{AppError, SystemClock};
use crate::config::{self as settings, ConfigChoice, Env, Settings};
use crate::domain::catalogue::Provider;
use crate::domain::time::Timestamp;
use crate::ports::Clock;
use crate::ports::activation::Job;
use crate::providers::Catalogue;
use crate::schedule::Cron;

/// How many of the next fire times are shown.
const SHOWN_FIRE_TIMES: usize = 3;

/// Says that the configuration is good, or all that is wrong with it.
pub fn check(form: Form, choice: &ConfigChoice, env: &Env) -> Result<Done, CliError> {
    let settings = match load(choice, env, true).and_then(|settings| checked(settings, env)) {
        Err(CliError::Config(bad)) if form.format == TextFormat::Json => {
            lists::json(&json!({"good": false, "problems": bad.problems().iter().map(problem).collect::<Vec<_>>()}))?;
            return Ok(Done::BadConfig);
        }
        read => read?,
    };
    let place = choice.find(env)?.map_or_else(|| "the built-in defaults".to_owned(), |path| path.display().to_string());
    let sources = match settings.inventories.len() {
        1 => "1 inventory".to_owned(),
        count => format!("{count} inventories"),
    };
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    let now = SystemClock.now();
    let mut text = format!("{place}: good ({sources})\nproviders of the catalogue: {}\n", catalogue.names().join(", "));
    catalogue.remarks().iter().for_each(|remark| _ = writeln!(text, "  {remark}"));
    text.push_str(&fire_times(&settings, now));
    let document = json!({
        "good": true, "place": place, "inventories": settings.inventories.len(), "providers": catalogue.names(),
        "remarks": catalogue.remarks(), "schedules": schedules(&settings).iter().map(|one| fires(one, now)).collect::<Vec<_>>(),
    });
    told::show(form, &text, &document)?;
    for sentence in catalogue.iter().filter_map(|provider| unasked(&settings, provider)) {
        writeln!(anstream::stderr(), "keysweep: warning: {sentence}")?;
    }
    // The file is good; whether its secrets can be had may differ from where keysweep will run.
    for secret in settings.secrets() {
        if let Err(error) = secret.resolve(env) {
            writeln!(anstream::stderr(), "keysweep: warning: not to be had from here: {error}")?;
        }
    }
    Ok(Done::Ok)
}

fn problem(problem: &settings::Problem) -> Value {
    json!({"place": problem.place, "key": problem.key, "what": problem.what, "todo": problem.todo})
}

/// What a test's addresses leave without one: beside them a provider's own are never dialled.
fn unasked(settings: &Settings, provider: &Provider) -> Option<String> {
    let own = settings.providers.get(&provider.name)?;
    let wanted = |name: &String| own.protocols.as_ref().is_none_or(|only| only.contains(name));
    let names = provider.protocols.iter().map(|protocol| &protocol.name);
    let unasked = names.filter(|name| wanted(name) && !own.dangerous_test_endpoints.contains_key(*name));
    let unasked = unasked.map(String::as_str).collect::<Vec<_>>().join(", ");
    (!own.dangerous_test_endpoints.is_empty() && !unasked.is_empty()).then(|| {
        let key = format!("providers.{}.dangerous_test_endpoints", provider.name);
        format!("{key}: {unasked} is not asked, and no refusal is whole: give it an address too, or leave it out of protocols")
    })
}

/// A schedule, by its setting; without an expression it is off.
type Schedule<'a> = (String, Option<&'a Cron>);

fn schedules(settings: &Settings) -> Vec<Schedule<'_>> {
    let jobs = Job::ALL.map(|job| (format!("schedule.{job}"), settings.schedule.cron(job)));
    let sources = settings.inventories.iter().enumerate().filter_map(|(index, source)| {
        let cron = source.schedule.as_ref()?;
        Some((format!("inventory[{index}].schedule"), Some(cron)))
    });
    jobs.into_iter().chain(sources).collect()
}

/// When it fires next.
fn next(cron: &Cron, now: Timestamp) -> impl Iterator<Item = Timestamp> {
    std::iter::successors(cron.next_after(now), |last| cron.next_after(*last)).take(SHOWN_FIRE_TIMES)
}

fn fires((key, cron): &Schedule<'_>, now: Timestamp) -> Value {
    let next = cron.map(|cron| next(cron, now).map(|at| at.to_string()).collect::<Vec<_>>());
    let (expression, zone) = (cron.map(ToString::to_string), cron.map(|cron| cron.zone().to_string()));
    json!({"setting": key, "expression": expression, "zone": zone, "next": next.unwrap_or_default()})
}

/// The next fire times of each schedule, by its zone's clocks and as an instant.
fn fire_times(settings: &Settings, now: Timestamp) -> String {
    let mut told = String::new();
    for (key, cron) in schedules(settings) {
        // writing to a String can't fail
        let Some(cron) = cron else {
            _ = writeln!(told, "{key}: off");
            continue;
        };
        _ = writeln!(told, "{key}: {cron} in {}, next at", cron.zone());
        for at in next(cron, now) {
            let wall = at.to_datetime().with_timezone(&cron.zone());
            _ = writeln!(told, "  {}  {at}", wall.format("%a %Y-%m-%d %H:%M %:z"));
        }
    }
    told
}

/// Prints what a configuration may hold, as a JSON Schema.
pub fn schema() -> Result<Done, CliError> {
    let catalogue = Catalogue::shipped().map_err(AppError::from)?;
    lists::json(&settings::schema(&catalogue.names()))
}

/// Prints the settings in force and where each comes from.
pub fn show(form: Form, choice: &ConfigChoice, env: &Env) -> Result<Done, CliError> {
    let settings = load(choice, env, false)?;
    let one = |shown: &settings::Shown| json!({"key": shown.key, "value": shown.value, "origin": shown.origin});
    told::show(form, &settings::show(&settings), &settings.shown().iter().map(one).collect())?;
    Ok(Done::Ok)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_next_fire_times_are_shown_by_the_zones_clocks_and_as_instants() {
        let text = "[schedule]\nzone = \"Europe/Berlin\"\nscan = \"*/30 * * * *\"\nupkeep = \"off\"";
        let source = settings::Source { name: "a.toml", text };
        let (settings, _) = settings::read(Some(source), Path::new("."), &[], &[]).unwrap();
        let now = Timestamp::parse("2026-10-25T00:15:00Z").unwrap();
        let told = "\
schedule.scan: */30 * * * * in Europe/Berlin, next at
  Sun 2026-10-25 02:30 +02:00  2026-10-25T00:30:00Z
  Sun 2026-10-25 02:00 +01:00  2026-10-25T01:00:00Z
  Sun 2026-10-25 02:30 +01:00  2026-10-25T01:30:00Z
schedule.mail: 0 9 * * * in Europe/Berlin, next at
  Sun 2026-10-25 09:00 +01:00  2026-10-25T08:00:00Z
  Mon 2026-10-26 09:00 +01:00  2026-10-26T08:00:00Z
  Tue 2026-10-27 09:00 +01:00  2026-10-27T08:00:00Z
schedule.upkeep: off
";
        assert_eq!(fire_times(&settings, now), told);
    }
}
