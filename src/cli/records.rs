//! `mails show` and `scans show`: one of them, whole.

use std::io::Write as _;

use serde_json::Value;

use super::args::TextFormat;
use super::lists::json;
use super::output::{pairs, plain};
use super::words::minute_or_dash;
use super::{CliError, Done};
use crate::app::counted;
use crate::domain::ids::{MailId, ScanId};
use crate::ledger::Ledger;
use crate::ledger::read::{MailDetail, MailRow, ScanDetail, finding_name};

/// `mails show`. Of its reader it has the masked address and no other.
pub async fn show_mail(ledger: &Ledger, id: &str, format: TextFormat) -> Result<Done, CliError> {
    let found = match id.parse() {
        Ok(number) => ledger.mail(MailId(number)).await?,
        Err(_) => None,
    };
    let Some(detail) = found else {
        return Err(CliError::Other(format!("no mail is called {id:?}; `keysweep mails list` shows them")));
    };
    if format == TextFormat::Json {
        return json(&detail);
    }
    write!(anstream::stdout(), "{}", mail(&detail))?;
    Ok(Done::Ok)
}

fn mail(detail: &MailDetail) -> String {
    let row = &detail.mail;
    let mut told = pairs(&[
        ("mail", row.id.to_string()),
        ("source", row.source.clone()),
        ("account", row.account_id.clone()),
        ("person", row.person.to_string()),
        ("address", detail.address.clone().unwrap_or_default()),
        ("state", row.state.as_str().to_owned()),
        ("Message-ID", row.message_id.clone()),
        ("formed", format!("{} by scan {}", row.formed_at, row.scan)),
        ("attempts", row.attempts.to_string()),
        ("sent", sent(row)),
        ("came back", minute_or_dash(row.returned_at)),
        ("next try", minute_or_dash(row.next_try_at)),
        ("error", row.error.clone().unwrap_or_default()),
    ]);
    for notice in &detail.notices {
        let (name, step) = (finding_name(notice.finding), notice.step);
        let which = if notice.closing { "closing note".to_owned() } else { format!("step {step}") };
        let (rule, now) = (notice.rule, notice.finding_state.as_str());
        told.push_str(&format!("{name} {rule}, {which} of opening {}: {} (now {now})\n", notice.opening, notice.state));
    }
    told
}

fn sent(mail: &MailRow) -> String {
    match mail.sent_at {
        None if mail.maybe_sent => "perhaps: a server took it without a word".to_owned(),
        at => minute_or_dash(at),
    }
}

/// `scans show`.
pub async fn show_scan(ledger: &Ledger, id: &str, format: TextFormat) -> Result<Done, CliError> {
    let found = match id.parse() {
        Ok(number) => ledger.scan(ScanId(number)).await?,
        Err(_) => None,
    };
    let Some(detail) = found else {
        return Err(CliError::Other(format!("no scan is called {id:?}; `keysweep scans list` shows them")));
    };
    if format == TextFormat::Json {
        return json(&detail);
    }
    write!(anstream::stdout(), "{}", scan(&detail))?;
    Ok(Done::Ok)
}

fn scan(detail: &ScanDetail) -> String {
    let row = &detail.scan;
    let mut rows = vec![
        ("scan", row.id.to_string()),
        ("began", row.started_at.to_string()),
        ("ended", row.finished_at.map_or_else(|| "-".to_owned(), |at| at.to_string())),
        ("outcome", row.outcome.clone().unwrap_or_else(|| "not ended".to_owned())),
    ];
    let counts = row.counts.as_object().into_iter().flatten();
    rows.extend(counts.map(|(name, count)| (name.as_str(), word(count))));
    let mut told = pairs(&rows);
    for source in &detail.sources {
        let outcome = match source["error"].as_str() {
            Some(error) => format!("not complete: {error}"),
            None => "complete".to_owned(),
        };
        let name = source["name"].as_str().unwrap_or_default();
        told.push_str(&plain(&format!(
            "source {name}: {}, {outcome}",
            counted(source["rows"].as_u64().unwrap_or_default(), "row", "rows")
        )));
        told.push('\n');
    }
    for problem in &detail.problems {
        told.push_str(&plain(&format!("problem: {}", word(problem))));
        told.push('\n');
    }
    told
}

/// A text as it is, anything else as JSON has it.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
