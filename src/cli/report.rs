//! `report`: the evidence, per account or for all, for people, spreadsheets, programs and other systems.

use std::io::{self, Write};

use super::args::{ReportArgs, ReportFormat};
use super::output::{pairs, table};
use super::{CliError, Done, reader};
use crate::config::Settings;
use crate::domain::chain::Link;
use crate::ledger::Ledger;
use crate::ports::{Clock, Progress};
use crate::report::cases::{Cases, Scope, Tally};
use crate::report::exemptions::{of_scope, sentences};
use crate::report::form::{self, Form};
use crate::report::nhi::Nhi;
use crate::report::pack::{Head, ReportError};
use crate::report::paper::{Paper, Written};
use crate::report::text::{day, plain};
use crate::report::whom::{WhomError, about_whom};
use crate::telemetry::progress::Bars;

/// Writes a report to standard output.
pub async fn run(args: ReportArgs, settings: &Settings, clock: &impl Clock, bars: &Bars) -> Result<Done, CliError> {
    let ledger = reader(settings).await?;
    let ledger_id = ledger.get("ledger_id").await?.unwrap_or_default();
    let is_set = |source: &str| settings.inventories.iter().any(|one| one.name == source);
    let about = about_whom(&ledger, is_set, args.account, args.source).await.map_err(|error| match error {
        WhomError::Ledger(error) => CliError::from(error),
        unclear => CliError::Usage(unclear.to_string()),
    })?;
    let scope = Scope { about, since: args.since, open_only: args.open };
    let (log, audit) = (ledger.log_head().await?, ledger.log_audit().await?);
    if let Some(warning) = audit.warning() {
        writeln!(anstream::stderr(), "warning: {warning}")?;
    }
    let version = env!("CARGO_PKG_VERSION");
    let exemptions = &settings.policy.exemptions;
    let head = Head { now: clock.now(), version, ledger_id: &ledger_id, log, audit, scope: &scope, exemptions };
    let form = match args.format {
        ReportFormat::Json => Some(Form::Json),
        ReportFormat::Csv => Some(Form::Csv),
        ReportFormat::Ocsf => Some(Form::Ocsf),
        ReportFormat::Table => None,
    };
    if form == Some(Form::Csv) {
        // Its rows have no place for it, and who keeps the sheet as evidence needs it beside it.
        writeln!(anstream::stderr(), "event log: {}", logged(log))?;
    }
    match form {
        Some(form) => form::write(form, &ledger, &head, Paper::new(Written(io::stdout())), bars).await?,
        None => write!(anstream::stdout(), "{}", overview(&ledger, &head, bars).await?)?,
    }
    ledger.close().await;
    Ok(Done::Ok)
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
    let log = logged(head.log);
    let facts = [("account", account), ("source", about_source), ("as of", head.now.to_string()), ("event log", log)];
    let counts = table(&["risk", "title", "open", "exempt", "closed", "oldest open since"], rows);
    let accepted = of_scope(head.exemptions, &head.scope.about, tally.exempt());
    let accepted = sentences(&accepted, tally.exempt(), head.now);
    let accepted: String = accepted.iter().map(|exempt| format!("exempt: {}\n", plain(exempt))).collect();
    Ok(format!(
        "{}\n{counts}\n{accepted}\nThe evidence itself: --format json (a pack for auditors), csv, or ocsf (Detection Findings).\n",
        pairs(&facts)
    ))
}

/// The head of the event log, as `audit verify --head` takes it.
fn logged(log: Option<Link>) -> String {
    log.map_or_else(|| "nothing is logged yet".to_owned(), |link| link.to_string())
}
