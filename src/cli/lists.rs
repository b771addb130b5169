//! `connections`, `credentials`, `findings`, `mails` and `scans`: what the ledger has.

use std::io::{self, Write};

use serde::Serialize;

use super::args::{FindingsVerb, Format, ListArgs, ListOnly, ListShow, TextFormat};
use super::output::{List, TABLE_ROWS, pairs};
use super::words::{FINDING_COLUMNS, connection, day, finding_cells, minute, minute_or_dash};
use super::{CliError, Done};
use crate::domain::ids::{ConnectionId, CredentialId, FindingId, MailId};
use crate::ledger::Ledger;
use crate::ledger::read::{
    ConnectionFilter, ConnectionRow, CredentialFilter, CredentialRow, FindingFilter, FindingState, parse_finding,
};

const PAGE: usize = 1_000;

/// A list in the making: counts what is shown and what is left out.
struct Shown<W: Write> {
    list: List<W>,
    limit: usize,
    shown: usize,
    more: u64,
}

impl Shown<io::BufWriter<anstream::AutoStream<io::Stdout>>> {
    fn begin(args: ListArgs, headers: &'static [&'static str]) -> io::Result<Self> {
        let usual = if args.format == Format::Table { TABLE_ROWS } else { usize::MAX };
        let list = List::begin(io::BufWriter::new(anstream::stdout()), args.format, headers)?;
        Ok(Self { list, limit: args.limit.unwrap_or(usual), shown: 0, more: 0 })
    }
}

impl<W: Write> Shown<W> {
    fn page<T: Serialize>(&mut self, rows: &[T], cells: impl Fn(&T) -> Vec<String>) -> io::Result<()> {
        for row in rows {
            if self.shown < self.limit {
                self.list.row(row, &cells)?;
                self.shown += 1;
            } else {
                self.more += 1;
            }
        }
        Ok(())
    }

    fn end(self) -> Result<Done, CliError> {
        self.list.end(self.more)?;
        Ok(Done::Ok)
    }
}

/// `connections list|show`.
pub async fn connections(ledger: &Ledger, what: ListShow) -> Result<Done, CliError> {
    let args = match what {
        ListShow::Show { id, format } => return show_connection(ledger, &id, format).await,
        ListShow::List(args) => args,
    };
    let headers =
        &["connection", "account", "provider", "status", "credential", "liveness", "secret since", "open findings"];
    let mut list = Shown::begin(args, headers)?;
    let mut after = ConnectionId(0);
    loop {
        let page = ledger.connections(&ConnectionFilter::default(), after, PAGE).await?;
        let Some(last) = page.last() else { return list.end() };
        after = last.id;
        list.page(&page, connection_cells)?;
    }
}

fn connection_cells(row: &ConnectionRow) -> Vec<String> {
    vec![
        connection(&row.connection_id, row.name.as_deref()),
        row.account_id.clone(),
        row.provider.to_string(),
        row.status.as_str().to_owned(),
        row.credential.clone().unwrap_or_else(|| "-".to_owned()),
        row.liveness.map_or_else(|| "-".to_owned(), |liveness| liveness.to_string()),
        row.secret_since.map_or_else(|| "-".to_owned(), day),
        row.open_findings.to_string(),
    ]
}

/// Connections of that name: `SOURCE/ID`, or the id alone, which may name several.
pub async fn find_connections(
    ledger: &Ledger,
    id: &str,
) -> Result<Vec<crate::ledger::read::ConnectionDetail>, CliError> {
    let mut found = ledger.connection(None, id).await?;
    if found.is_empty()
        && let Some((source, id)) = id.split_once('/')
    {
        found = ledger.connection(Some(source), id).await?;
    }
    Ok(found)
}

async fn show_connection(ledger: &Ledger, id: &str, format: TextFormat) -> Result<Done, CliError> {
    let found = find_connections(ledger, id).await?;
    if found.is_empty() {
        return Err(CliError::Other(format!("no connection is called {id:?}; `keysweep connections list` shows them")));
    }
    if format == TextFormat::Json {
        return json(&found);
    }
    let mut out = anstream::stdout();
    for detail in &found {
        let row = &detail.connection;
        write!(
            out,
            "{}",
            pairs(&[
                ("connection", format!("{}/{}", row.source, row.connection_id)),
                ("name", row.name.clone().unwrap_or_default()),
                ("account", row.account_id.clone()),
                ("provider", row.provider.to_string()),
                ("status", row.status.as_str().to_owned()),
                ("made", row.created_at.map(minute).unwrap_or_default()),
                ("next judged", minute_or_dash(row.judge_at)),
            ])
        )?;
        for used in &detail.uses {
            let end = used.until.map_or_else(|| "now".to_owned(), minute);
            let (credential, since) = (&used.credential, minute(used.since));
            writeln!(out, "used {} ({}) from {since} to {end}", credential.credential, credential.liveness)?;
        }
        for finding in &detail.findings {
            writeln!(out, "{} {} {}", finding_cells(finding)[0], finding.state.as_str(), finding.rule)?;
        }
        writeln!(out)?;
    }
    Ok(Done::Ok)
}

/// `credentials list|show`.
pub async fn credentials(ledger: &Ledger, what: ListShow) -> Result<Done, CliError> {
    let args = match what {
        ListShow::Show { id, format } => return show_credential(ledger, &id, format).await,
        ListShow::List(args) => args,
    };
    let headers = &[
        "credential",
        "provider",
        "key",
        "liveness",
        "since",
        "last asked",
        "next asked",
        "secret since",
        "held",
        "open uses",
    ];
    let mut list = Shown::begin(args, headers)?;
    let mut after = CredentialId(0);
    loop {
        let page = ledger.credentials(&CredentialFilter::default(), after, PAGE).await?;
        let Some(last) = page.last() else { return list.end() };
        after = last.id;
        list.page(&page, credential_cells)?;
    }
}

fn credential_cells(row: &CredentialRow) -> Vec<String> {
    let tail = if row.key_tail.is_empty() { "-".to_owned() } else { format!("…{}", row.key_tail) };
    vec![
        row.credential.clone(),
        row.provider.to_string(),
        tail,
        row.liveness.to_string(),
        minute_or_dash(row.liveness_since),
        minute_or_dash(row.asked_at),
        minute_or_dash(row.probe_at),
        format!("{} ({})", day(row.secret_since), row.provenance.as_str()),
        if row.held { "yes" } else { "no" }.to_owned(),
        row.open_uses.to_string(),
    ]
}

async fn show_credential(ledger: &Ledger, id: &str, format: TextFormat) -> Result<Done, CliError> {
    let Some(detail) = ledger.credential(id).await? else {
        return Err(CliError::Other(format!("no credential ends in {id:?}; `keysweep credentials list` shows them")));
    };
    if format == TextFormat::Json {
        return json(&detail);
    }
    let mut out = anstream::stdout();
    write!(out, "{}", crate::report::story::credential_facts(&detail.credential))?;
    for used in &detail.uses {
        let end = used.until.map_or_else(|| "now".to_owned(), minute);
        writeln!(out, "used by {}/{} from {} to {end}", used.source, used.connection_id, minute(used.since))?;
    }
    Ok(Done::Ok)
}

/// `findings list|show`.
pub async fn findings(ledger: &Ledger, what: FindingsVerb) -> Result<Done, CliError> {
    let (all, args) = match what {
        FindingsVerb::Show { id, format } => return show_finding(ledger, &id, format).await,
        FindingsVerb::List { all, list } => (all, list),
    };
    let filter = FindingFilter { state: (!all).then_some(FindingState::Open), ..FindingFilter::default() };
    let mut list = Shown::begin(args, FINDING_COLUMNS)?;
    let mut after = FindingId(0);
    loop {
        let page = ledger.findings(&filter, after, PAGE).await?;
        let Some(last) = page.last() else { return list.end() };
        after = last.id;
        list.page(&page, finding_cells)?;
    }
}

async fn show_finding(ledger: &Ledger, id: &str, format: TextFormat) -> Result<Done, CliError> {
    let known = match parse_finding(id) {
        Some(number) => ledger.finding(number).await?,
        None => None,
    };
    let Some(detail) = known else {
        return Err(CliError::Other(format!("no finding is called {id:?}; `keysweep findings list --all` shows them")));
    };
    if format == TextFormat::Json {
        return json(&detail);
    }
    write!(anstream::stdout(), "{}", crate::report::story::finding_facts(&detail))?;
    Ok(Done::Ok)
}

/// `mails list`.
pub async fn mails(ledger: &Ledger, what: ListOnly) -> Result<Done, CliError> {
    let ListOnly::List(args) = what;
    let headers = &["mail", "account", "person", "state", "findings", "formed", "sent", "tries", "next try", "error"];
    let mut list = Shown::begin(args, headers)?;
    let mut after = MailId(0);
    loop {
        let page = ledger.mails(None, after, PAGE).await?;
        let Some(last) = page.last() else { return list.end() };
        after = last.id;
        list.page(&page, |row| {
            vec![
                row.id.to_string(),
                row.account_id.clone(),
                row.person.to_string(),
                row.state.as_str().to_owned(),
                row.notices.to_string(),
                minute(row.formed_at),
                minute_or_dash(row.sent_at),
                row.attempts.to_string(),
                minute_or_dash(row.next_try_at),
                row.error.clone().unwrap_or_default(),
            ]
        })?;
    }
}

/// `scans list`: the latest first.
pub async fn scans(ledger: &Ledger, what: ListOnly) -> Result<Done, CliError> {
    let ListOnly::List(args) = what;
    let mut list = Shown::begin(args, &["scan", "began", "ended", "outcome", "asked", "opened", "closed", "mails"])?;
    let rows = ledger.scans(args.limit.unwrap_or(TABLE_ROWS)).await?;
    list.page(&rows, |row| {
        let count = |name: &str| row.counts.get(name).map(ToString::to_string).unwrap_or_default();
        vec![
            row.id.to_string(),
            minute(row.started_at),
            minute_or_dash(row.finished_at),
            row.outcome.clone().unwrap_or_else(|| "running".to_owned()),
            count("asked"),
            count("opened"),
            count("closed"),
            count("mails_sent"),
        ]
    })?;
    list.end()
}

pub fn json(value: &impl Serialize) -> Result<Done, CliError> {
    let mut out = io::BufWriter::new(anstream::stdout());
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(Done::Ok)
}
