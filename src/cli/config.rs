//! `config check` and `config show`.

use std::fmt::Write as _;
use std::io::Write;

use super::{CliError, Done, load};
use crate::app::{AppError, SystemClock};
use crate::config::{self as settings, ConfigChoice, Env, Settings};
use crate::domain::catalogue::Provider;
use crate::domain::time::Timestamp;
use crate::ports::Clock;
use crate::ports::activation::Job;
use crate::providers::Catalogue;

/// How many of the next fire times are shown.
const SHOWN_FIRE_TIMES: usize = 3;

/// Says that the configuration is good, or all that is wrong with it.
pub fn check(choice: &ConfigChoice, env: &Env) -> Result<Done, CliError> {
    let settings = load(choice, env, true)?;
    let place = choice.find(env)?.map_or_else(|| "the built-in defaults".to_owned(), |path| path.display().to_string());
    let sources = match settings.inventories.len() {
        1 => "1 inventory".to_owned(),
        count => format!("{count} inventories"),
    };
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    writeln!(anstream::stdout(), "{place}: good ({sources})")?;
    writeln!(anstream::stdout(), "providers of the catalogue: {}", catalogue.names().join(", "))?;
    for remark in catalogue.remarks() {
        writeln!(anstream::stdout(), "  {remark}")?;
    }
    write!(anstream::stdout(), "{}", fire_times(&settings, SystemClock.now()))?;
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

/// The next fire times of each schedule, by its zone's clocks and as an instant.
fn fire_times(settings: &Settings, now: Timestamp) -> String {
    let jobs = Job::ALL.map(|job| (format!("schedule.{job}"), settings.schedule.cron(job)));
    let sources = settings.inventories.iter().enumerate().filter_map(|(index, source)| {
        let cron = source.schedule.as_ref()?;
        Some((format!("inventory[{index}].schedule"), Some(cron)))
    });
    let mut told = String::new();
    for (key, cron) in jobs.into_iter().chain(sources) {
        // writing to a String can't fail
        let Some(cron) = cron else {
            _ = writeln!(told, "{key}: off");
            continue;
        };
        _ = writeln!(told, "{key}: {cron} in {}, next at", cron.zone());
        let instants = std::iter::successors(cron.next_after(now), |last| cron.next_after(*last));
        for at in instants.take(SHOWN_FIRE_TIMES) {
            let wall = at.to_datetime().with_timezone(&cron.zone());
            _ = writeln!(told, "  {}  {at}", wall.format("%a %Y-%m-%d %H:%M %:z"));
        }
    }
    told
}

/// Prints the settings in force and where each comes from.
pub fn show(choice: &ConfigChoice, env: &Env) -> Result<Done, CliError> {
    let settings = load(choice, env, false)?;
    write!(anstream::stdout(), "{}", settings::show(&settings))?;
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
