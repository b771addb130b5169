//! `scan`: the stages, then what they found.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::args::{Format, ScanArgs};
use super::columns::STATE;
use super::output::plain;
use super::shown::Shown;
use super::troubles::Troubles;
use super::words::severities;
use super::{CliError, Done, on_a_copy, open, read_or_not};
use crate::app::scan::{ScanOptions, ScanSummary};
use crate::app::{App, SystemClock, counted};
use crate::config::{Env, Settings};
use crate::domain::finding::Severity;
use crate::ledger::Ledger;
use crate::ledger::read::{Counted, Counts, Cursor, FindingFilter, Order, ProblemRow};
use crate::ports::Quiet;
use crate::report::exemptions::{listed, sentences};
use crate::telemetry::progress::Bars;

/// Where those are that a table has no room for.
const MORE_IN_THE_LIST: &str = "`keysweep findings list` shows them";
/// Quarantined rows shown by name; the count is always whole.
const QUARANTINED_SHOWN: usize = 1_000;

/// Runs one scan and prints what is open after it, and what is accepted for a while.
pub async fn run(args: ScanArgs, settings: Settings, env: &Env, bars: &Bars) -> Result<Done, CliError> {
    if args.daemon {
        return super::ring::scan(&settings.http, args.format, env).await;
    }
    if let Some(at) = args.as_of {
        return super::as_of::run(&args, &settings, at).await;
    }
    if settings.inventories.is_empty() {
        return Err(crate::app::AppError::NoInventory.into());
    }
    let notify = args.notify;
    if args.dry_run {
        let (_folder, app) = on_a_copy(settings, env).await?;
        let (done, printed) = scan(&app, &args, false, bars).await?;
        return printed.map(|()| done);
    }
    let app = open(settings, env).await?;
    app.know_endpoints().await?;
    let (done, printed) = scan(&app, &args, notify, bars).await?;
    // Those who wait for it elsewhere are told, whatever became of what was printed here.
    app.announce(&Quiet).await?;
    printed.map(|()| done)
}

/// Scans, and says what it ends with beside what printing came to: nobody has to read it to its end.
async fn scan(
    app: &App<SystemClock>,
    args: &ScanArgs,
    notify: bool,
    bars: &Bars,
) -> Result<(Done, Result<(), CliError>), CliError> {
    let options = ScanOptions { probe: !args.no_probe, notify };
    let summary = app.scan(options, bars).await?;
    let counts = Troubles::of(&app.ledger, &app.settings).counts().await?;
    let failing = args.fail_on.is_some_and(|limit| counts.at_least(limit) > 0);
    let done = match summary.complete {
        _ if failing => Done::Findings,
        true => Done::Ok,
        false => Done::Incomplete,
    };
    Ok((done, print(app, args.format, &summary, &counts).await))
}

async fn print(app: &App<SystemClock>, format: Format, summary: &ScanSummary, counts: &Counts) -> Result<(), CliError> {
    let problems = all_problems(&summary.problems, &Troubles::of(&app.ledger, &app.settings).problems().await?);
    let out = io::BufWriter::new(anstream::stdout());
    if format == Format::Json {
        return read_or_not(document(app, summary, counts, &problems, out).await);
    }
    read_or_not(findings(&app.ledger, format, out).await)?;
    read_or_not(tell(summary, counts, &problems, app).await)
}

/// What this scan met and what the ledger has, each once: of a reading that failed, the ledger's sentence says more.
fn all_problems(met: &[String], remembered: &[ProblemRow]) -> Vec<String> {
    let says_it = |row: &ProblemRow, problem: &str| {
        let of_source = problem.strip_prefix("source ").and_then(|rest| rest.strip_prefix(row.source.as_str()));
        of_source.and_then(|rest| rest.strip_prefix(": ")).is_some_and(|said| row.problem.ends_with(said))
    };
    let mut seen = std::collections::HashSet::new();
    let new = met.iter().filter(|problem| !remembered.iter().any(|row| says_it(row, problem))).cloned();
    let known = remembered.iter().map(|row| format!("source {}: {}", row.source, row.problem));
    new.chain(known).filter(|problem| seen.insert(problem.clone())).collect()
}

/// The findings that are not closed as a list: those that are open, and those that are accepted for a while. A table
/// begins with the worst, since it shows only so many.
pub async fn findings(ledger: &Ledger, format: Format, out: impl Write) -> Result<(), CliError> {
    let current = FindingFilter { current: true, ..FindingFilter::default() };
    let order = if format == Format::Table { Order::Worst } else { Order::Number };
    let list = Shown::begin(ledger, out, (format, None), &[STATE]).await?;
    let page = async |from, size| ledger.findings_page(&current, from, size).await;
    list.read(ledger, Counted::CurrentFindings, (Cursor::start(order), MORE_IN_THE_LIST), page).await
}

/// The one object of the contract, its findings streamed.
async fn document(
    app: &App<SystemClock>,
    summary: &ScanSummary,
    counts: &Counts,
    problems: &[String],
    mut out: impl Write,
) -> Result<(), CliError> {
    let mut scan = summary.describe();
    scan["counts"] = summary.counts();
    write!(out, "{{\"scan\": {scan},\n\"counts\": {},\n\"findings\": ", text(counts)?)?;
    findings(&app.ledger, Format::Json, &mut out).await?;
    let exempt = listed(&app.policy().exemptions, &app.ledger.exempt_findings().await?, app.now());
    let quarantined = Troubles::of(&app.ledger, &app.settings).quarantined(QUARANTINED_SHOWN).await?;
    let problems: Vec<Value> = problems.iter().map(|problem| json!(problem)).collect();
    write!(out, ",\"exemptions\": {},\n\"quarantined\": {}", text(&exempt)?, text(&quarantined)?)?;
    writeln!(out, ",\n\"problems\": {}}}", text(&problems)?)?;
    Ok(out.flush()?)
}

fn text(value: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string(value).map_err(|error| CliError::Output(error.into()))
}

/// How many of the quarantined rows the one object has by name.
fn listed_in_json(quarantined: u64) -> String {
    match quarantined > QUARANTINED_SHOWN as u64 {
        true => format!("--format json lists the first {QUARANTINED_SHOWN}"),
        false => "--format json lists them".to_owned(),
    }
}

/// The rest for people, on standard error.
async fn tell(
    summary: &ScanSummary,
    counts: &Counts,
    problems: &[String],
    app: &App<SystemClock>,
) -> Result<(), CliError> {
    let mut err = anstream::stderr();
    for row in Troubles::of(&app.ledger, &app.settings).quarantined(20).await? {
        let field = if row.field.is_empty() { String::new() } else { format!("{}: ", row.field) };
        writeln!(err, "quarantined: {} row {}: {field}{}", row.source, row.row, row.reason)?;
    }
    if counts.quarantined > 20 {
        writeln!(
            err,
            "quarantined: and {} more ({})",
            counted(counts.quarantined - 20, "row", "rows"),
            listed_in_json(counts.quarantined)
        )?;
    }
    for exempt in sentences(&app.policy().exemptions, &app.ledger.exempt_findings().await?, app.now()) {
        writeln!(err, "exempt: {}", plain(&exempt))?;
    }
    for problem in problems {
        writeln!(err, "problem: {problem}")?;
    }
    let count = |severity: Severity| counts.severities.get(severity.as_str()).copied().unwrap_or(0);
    let probed = summary.probed.clone().unwrap_or_default();
    writeln!(
        err,
        "Scan {}: {}; {} asked ({} accepted, {} limited, {} refused, {} partly, {} unknown); open findings: {}.",
        summary.id,
        summary.outcome(),
        counted(probed.asked, "credential", "credentials"),
        probed.accepted,
        probed.limited,
        probed.refused,
        probed.partly_refused,
        probed.unknown,
        severities(count)
    )?;
    if let Some(notified) = summary.notified.as_ref().filter(|notified| notified.released) {
        writeln!(err, "Mail: {} sent, {} wait for another try.", notified.sent, notified.failed + notified.maybe_sent)?;
    }
    if summary.notified.is_none() && io::stderr().is_terminal() {
        writeln!(err, "Nothing was mailed: that takes --notify, after `keysweep mail release`.")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_rows_are_promised_than_the_document_lists() {
        assert_eq!(listed_in_json(1_000), "--format json lists them");
        assert_eq!(listed_in_json(1_001), "--format json lists the first 1000");
    }

    #[test]
    fn a_problem_is_told_once_and_by_who_says_more() {
        let row = |source: &str, problem: &str| ProblemRow { source: source.to_owned(), problem: problem.to_owned() };
        let met = ["source main: no such file", "kit: 10 failures", "source other: cut short"].map(str::to_owned);
        let remembered = [row("main", "not complete: no such file"), row("main", "a remark"), row("main", "a remark")];
        let told = all_problems(&met, &remembered);
        let expected = [
            "kit: 10 failures",
            "source other: cut short",
            "source main: not complete: no such file",
            "source main: a remark",
        ];
        assert_eq!(told, expected);
    }
}
