//! `providers list`, `show` and `check`.

mod check;
mod show;

use std::io;

use serde_json::{Value, json};

pub use self::check::check;
use super::args::{Format, ListArgs, ProvidersVerb};
use super::output::List;
use super::shown::MORE_BY_LIMIT;
use super::{CliError, Done, columns};
use crate::app::AppError;
use crate::config::Settings;
use crate::domain::catalogue::{Limits, Provider};
use crate::domain::record::Auth;
use crate::providers::catalogue::{Catalogue, Origin};

const COLUMNS: &[&str] = &["name", "title", "connected by", "protocols", "max age", "pace", "probes", "file"];
const CSV: &[&str] = &["name", "title", "connects_by", "protocols", "max_age_days", "pace", "probes", "file"];
/// Those whose cells may take several lines.
const WRAPPED: &[&str] = &["title", "connected by", "protocols", "pace", "file"];

/// Shows what is known of providers, the operator's own files included.
pub fn run(what: &ProvidersVerb, settings: &Settings) -> Result<Done, CliError> {
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    match what {
        ProvidersVerb::List(args) => list(&catalogue, *args)?,
        ProvidersVerb::Show { name, format } => show::show(&catalogue, name, *format)?,
        // needs no settings, and was handled without them
        ProvidersVerb::Check { files, format } => return check(files, *format),
        // needs the ledger, and has a room of its own
        ProvidersVerb::Trust { .. } => {}
    }
    Ok(Done::Ok)
}

fn list(catalogue: &Catalogue, args: ListArgs) -> Result<(), CliError> {
    let is_sheet = args.format == Format::Csv;
    let headers = if is_sheet { CSV } else { COLUMNS };
    let mut list = List::begin(io::BufWriter::new(anstream::stdout()), args.format, headers)?.wrapping(WRAPPED);
    let all: Vec<&Provider> = catalogue.iter().collect();
    let shown = args.limit.unwrap_or(all.len()).min(all.len());
    for provider in &all[..shown] {
        list.row(&object(catalogue, provider), |object| {
            Ok(if is_sheet { columns::cells(object, CSV) } else { cells(catalogue, provider) })
        })?;
    }
    Ok(list.end((all.len() - shown) as u64, MORE_BY_LIMIT)?)
}

fn object(catalogue: &Catalogue, provider: &Provider) -> Value {
    json!({
        "name": provider.name, "title": provider.title, "connects_by": provider.connects_by,
        "protocols": protocols(provider), "max_age_days": provider.age.max_days, "pace": pace(&provider.limits),
        "probes": probes(provider), "file": file(catalogue, provider),
    })
}

fn cells(catalogue: &Catalogue, provider: &Provider) -> Vec<String> {
    vec![
        provider.name.to_string(),
        provider.title.clone(),
        connected_by(provider.connects_by).to_owned(),
        protocols(provider).join(", "),
        format!("{} d", provider.age.max_days),
        pace(&provider.limits),
        probes(provider).to_string(),
        file(catalogue, provider),
    ]
}

fn protocols(provider: &Provider) -> Vec<&str> {
    provider.protocols.iter().map(|protocol| protocol.name.as_str()).collect()
}

fn probes(provider: &Provider) -> usize {
    provider.protocols.iter().map(|protocol| protocol.probes.len().max(1)).sum()
}

const fn connected_by(auth: Auth) -> &'static str {
    match auth {
        Auth::Key => "key",
        Auth::Oauth => "permission (OAuth)",
    }
}

/// `2 a second; 10 an hour for each account`.
fn pace(limits: &Limits) -> String {
    let all = rate(limits.requests, limits.per_seconds);
    match limits.account {
        Some(account) => format!("{all}; {} for each account", rate(account.requests, account.per_seconds)),
        None => all,
    }
}

fn rate(requests: u32, seconds: u32) -> String {
    match seconds {
        1 => format!("{requests} a second"),
        60 => format!("{requests} a minute"),
        3_600 => format!("{requests} an hour"),
        other => format!("{requests} in {other} s"),
    }
}

/// Whose file it is in.
fn file(catalogue: &Catalogue, provider: &Provider) -> String {
    match catalogue.origin(&provider.name) {
        Some(Origin::Operator { file, replaces: true }) => format!("{file} (instead of the shipped one)"),
        Some(Origin::Operator { file, replaces: false }) => file.clone(),
        Some(Origin::Shipped) | None => "shipped".to_owned(),
    }
}
