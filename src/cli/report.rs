//! `report`: the evidence, per account or for all, for people, spreadsheets, programs and other systems.

use std::io::{self, Write};

use super::args::{ReportArgs, ReportFormat};
use super::output::{pairs, table};
use super::{CliError, Done, reader};
use crate::config::Settings;
use crate::domain::ids::ConnectionId;
use crate::ledger::Ledger;
use crate::ledger::read::{AccountName, ConnectionFilter};
use crate::ports::{Clock, Progress};
use crate::report::cases::{About, Cases, Scope, Tally};
use crate::report::cells::write_csv;
use crate::report::exemptions::{about, sentences};
use crate::report::nhi::Nhi;
use crate::report::ocsf::{Producer, detection};
use crate::report::pack::{self, Array, Head, ReportError};
use crate::report::table::{COLUMNS, cells};
use crate::report::text::{day, plain};
use crate::telemetry::progress::Bars;

/// Writes a report to standard output.
pub async fn run(args: ReportArgs, settings: &Settings, clock: &impl Clock) -> Result<Done, CliError> {
    let ledger = reader(settings).await?;
    let ledger_id = ledger.get("ledger_id").await?.unwrap_or_default();
    let about = about_whom(&ledger, settings, args.account, args.source).await?;
    let scope = Scope { about, since: args.since, open_only: args.open };
    let log = ledger.log_head().await?;
    let version = env!("CARGO_PKG_VERSION");
    let exemptions = &settings.policy.exemptions;
    let head = Head { now: clock.now(), version, ledger_id: &ledger_id, log, scope: &scope, exemptions };
    let (mut out, bars) = (io::BufWriter::new(io::stdout().lock()), Bars::on_stderr());
    match args.format {
        ReportFormat::Json => pack::write(&ledger, &head, &mut out, &bars).await?,
        ReportFormat::Csv => csv(&ledger, &scope, &mut out, &bars).await?,
        ReportFormat::Ocsf => {
            let producer = Producer { ledger_id: &ledger_id, version };
            ocsf(&ledger, &scope, &producer, &mut out, &bars).await?;
        }
        ReportFormat::Table => {
            drop(out);
            write!(anstream::stdout(), "{}", overview(&ledger, &head, &bars).await?)?;
        }
    }
    ledger.close().await;
    Ok(Done::Ok)
}

/// A report of nothing looks clean, so there is none of an account or a source that nobody knows.
async fn about_whom(
    ledger: &Ledger,
    settings: &Settings,
    account: Option<String>,
    source: Option<String>,
) -> Result<About, CliError> {
    let Some(id) = account else {
        let Some(source) = source else { return Ok(About::All) };
        let is_set = settings.inventories.iter().any(|one| one.name == source);
        let filter = ConnectionFilter { source: Some(source.clone()), ..ConnectionFilter::default() };
        if is_set || !ledger.connections(&filter, ConnectionId(0), 1).await?.is_empty() {
            return Ok(About::Source(source));
        }
        return Err(CliError::Usage(format!(
            "there is no source {source:?} in the ledger; sources are the names of [[inventory]]"
        )));
    };
    let mut sources = ledger.sources_of_account(&id).await?;
    let known = sources.join(", ");
    sources.retain(|known| source.as_ref().is_none_or(|wanted| wanted == known));
    match (sources.pop(), sources.is_empty()) {
        (Some(source), true) => Ok(About::Account(AccountName { source, id })),
        (Some(_), false) => Err(CliError::Usage(format!(
            "several sources have an account {id:?}, and a report is about one alone; name its source with --source: {known}"
        ))),
        (None, _) if known.is_empty() => {
            Err(CliError::Usage(format!("there is no account {id:?} in the ledger; ids are the platform's own")))
        }
        (None, _) => Err(CliError::Usage(format!(
            "the source {:?} has no account {id:?}; these have: {known}",
            source.unwrap_or_default()
        ))),
    }
}

async fn csv(
    ledger: &Ledger,
    scope: &Scope,
    out: &mut impl Write,
    progress: &impl Progress,
) -> Result<(), ReportError> {
    write_csv(out, COLUMNS.into_iter())?;
    let mut cases = Cases::of(ledger, scope);
    progress.stage("findings", None);
    while let Some(detail) = cases.next().await? {
        write_csv(out, cells(&detail).iter().map(String::as_str))?;
        progress.advance(1);
    }
    progress.done();
    Ok(out.flush()?)
}

async fn ocsf(
    ledger: &Ledger,
    scope: &Scope,
    producer: &Producer<'_>,
    out: &mut impl Write,
    progress: &impl Progress,
) -> Result<(), ReportError> {
    let mut cases = Cases::of(ledger, scope);
    let mut list = Array::alone(out)?;
    progress.stage("findings", None);
    while let Some(detail) = cases.next().await? {
        list.item(&detection(&detail, producer))?;
        progress.advance(1);
    }
    progress.done();
    list.end()?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// For people: how many findings speak of which risk, and where the rest is.
async fn overview(ledger: &Ledger, head: &Head<'_>, progress: &impl Progress) -> Result<String, ReportError> {
    let mut cases = Cases::of(ledger, head.scope);
    let mut tally = Tally::default();
    progress.stage("findings", None);
    while let Some(row) = cases.row().await? {
        tally.add(&row);
        progress.advance(1);
    }
    progress.done();
    let rows: Vec<Vec<String>> = tally
        .lines()
        .map(|(risk, line)| {
            let oldest = line.oldest_open.map_or_else(|| "-".to_owned(), day);
            let title = risk.map_or("none of the OWASP NHI ten", Nhi::title).to_owned();
            let counts = [line.open, line.exempt, line.closed].map(|count| count.to_string());
            [risk.map_or("-", Nhi::id).to_owned(), title].into_iter().chain(counts).chain([oldest]).collect()
        })
        .collect();
    let about_source = head.scope.about.source().unwrap_or("all").to_owned();
    let account = head.scope.about.account().map_or_else(|| "all".to_owned(), |account| account.id.clone());
    let log = head.log.map_or_else(|| "nothing is logged yet".to_owned(), |link| link.to_string());
    let facts = [("account", account), ("source", about_source), ("as of", head.now.to_string()), ("event log", log)];
    let counts = table(&["risk", "title", "open", "exempt", "closed", "oldest open since"], rows);
    let accepted = about(head.exemptions, head.scope.about.account());
    let accepted = sentences(&accepted, tally.exempt(), head.now);
    let accepted: String = accepted.iter().map(|exempt| format!("exempt: {}\n", plain(exempt))).collect();
    Ok(format!(
        "{}\n{counts}\n{accepted}\nThe evidence itself: --format json (a pack for auditors), csv, or ocsf (Detection Findings).\n",
        pairs(&facts)
    ))
}
