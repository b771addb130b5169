//! `connections`, `credentials`, `findings`, `mails` and `scans`: what the ledger has.

use std::io::{self, Write};

use serde::Serialize;

use super::args::{FindingsVerb, Format, ListArgs, ListShow, MailsVerb, ShowArgs, TextFormat, WhichFindings};
use super::columns::{Listed, STATE};
use super::output::pairs;
use super::shown::{MORE_BY_LIMIT, PAGE, Shown};
use super::words::{minute, minute_or_dash};
use super::{CliError, Done, records};
use crate::app::time_by;
use crate::domain::ids::{ConnectionId, CredentialId, MailId, ScanId};
use crate::ledger::Ledger;
use crate::ledger::read::{
    ConnectionFilter, Counted, CredentialFilter, Cursor, FindingFilter, FindingState, Longer, Meant, Moment, Order,
    Page, finding_name, parse_finding,
};
use crate::ports::LedgerError;
use crate::report::story::finding_facts;

/// Prints a list.
async fn print<T: Listed>(
    ledger: &Ledger,
    args: ListArgs,
    of: Counted,
    from: Cursor,
    page: impl AsyncFn(Cursor, usize) -> Result<Page<T>, LedgerError>,
) -> Result<Done, CliError> {
    let out = io::BufWriter::new(anstream::stdout());
    let list = Shown::begin(ledger, out, (args.format, args.limit), &[]).await?;
    list.read(ledger, of, (from, MORE_BY_LIMIT), page).await?;
    Ok(Done::Ok)
}

/// The number behind which a list that is sorted by numbers goes on.
const fn number(from: Cursor) -> i64 {
    match from {
        Cursor::Number(id) | Cursor::Latest(id) | Cursor::Worst { id, .. } | Cursor::Newest { id, .. } => id,
    }
}

/// `connections list|show`.
pub async fn connections(ledger: &Ledger, what: ListShow) -> Result<Done, CliError> {
    let args = match what {
        ListShow::Show(ShowArgs { id, format }) => return show_connection(ledger, &id, format).await,
        ListShow::List(args) => args,
    };
    let all = ConnectionFilter::default();
    let page = async |from, size| ledger.connections_page(&all, ConnectionId(number(from)), size).await;
    print(ledger, args, Counted::Connections, Cursor::start(Order::Number), page).await
}

/// Connections of that name: `SOURCE/ID`, or the id alone, which may name several.
pub async fn find_connections(
    moment: &mut Moment,
    id: &str,
) -> Result<Vec<crate::ledger::read::ConnectionDetail>, CliError> {
    let mut found = moment.connection(None, id).await?;
    if found.is_empty()
        && let Some((source, id)) = id.split_once('/')
    {
        found = moment.connection(Some(source), id).await?;
    }
    Ok(found)
}

async fn show_connection(ledger: &Ledger, id: &str, format: TextFormat) -> Result<Done, CliError> {
    let found = find_connections(&mut ledger.at_one_moment().await?, id).await?;
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
            writeln!(out, "{} {} {}", finding_name(finding.id), finding.state.as_str(), finding.rule)?;
        }
        if detail.findings_left_out > 0 {
            writeln!(out, "{} more findings are not shown", detail.findings_left_out)?;
        }
        writeln!(out)?;
    }
    Ok(Done::Ok)
}

/// `credentials list|show`.
pub async fn credentials(ledger: &Ledger, what: ListShow) -> Result<Done, CliError> {
    let args = match what {
        ListShow::Show(ShowArgs { id, format }) => return show_credential(ledger, &id, format).await,
        ListShow::List(args) => args,
    };
    let all = CredentialFilter::default();
    let page = async |from, size| ledger.credentials_page(&all, CredentialId(number(from)), size).await;
    print(ledger, args, Counted::Credentials, Cursor::start(Order::Number), page).await
}

async fn show_credential(ledger: &Ledger, id: &str, format: TextFormat) -> Result<Done, CliError> {
    let detail = match ledger.credential(id).await? {
        Meant::One(detail) => detail,
        Meant::Several(several) => return Err(CliError::Other(Longer::ask(id, &several))),
        Meant::Nothing => {
            let todo = "`keysweep credentials list` shows them";
            return Err(CliError::Other(format!("no credential ends in {id:?}; {todo}")));
        }
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
    if detail.uses_left_out > 0 {
        writeln!(out, "used by {} more that are not shown", detail.uses_left_out)?;
    }
    Ok(Done::Ok)
}

/// `findings list|show`.
pub async fn findings(ledger: &Ledger, what: FindingsVerb) -> Result<Done, CliError> {
    let (all, which, args) = match what {
        FindingsVerb::Show(ShowArgs { id, format }) => return show_finding(ledger, &id, format).await,
        FindingsVerb::List { all, which, list } => (all, which, list),
    };
    let is_table = args.format == Format::Table;
    let of = if all { Counted::Findings } else { Counted::CurrentFindings };
    let which = filter(ledger, which).await?;
    let is_narrowed = which != FindingFilter::default();
    let current = FindingFilter { current: true, ..which.clone() };
    let closed = FindingFilter { state: Some(FindingState::Closed), ..which.clone() };
    // What people read ends where the table does, so the worst comes first, and what is over stands behind it.
    let (order, parts) = match (is_table, all) {
        (true, true) => (Order::Worst, vec![current, closed]),
        (true, false) => (Order::Worst, vec![current]),
        (false, true) => (Order::Number, vec![which]),
        (false, false) => (Order::Number, vec![current]),
    };
    let hidden: &[&str] = if all { &[] } else { &[STATE] };
    let out = io::BufWriter::new(anstream::stdout());
    let mut list = Shown::begin(ledger, out, (args.format, args.limit), hidden).await?;
    for part in &parts {
        list.add(Cursor::start(order), async |from, size| ledger.findings_page(part, from, size).await).await?;
    }
    match is_narrowed {
        true => list.rest_of(counted(ledger, &parts), MORE_BY_LIMIT).await?,
        false => list.rest(ledger, of, MORE_BY_LIMIT).await?,
    }
    Ok(Done::Ok)
}

/// How many findings these are.
async fn counted(ledger: &Ledger, which: &[FindingFilter]) -> Result<u64, LedgerError> {
    let mut count = 0;
    for part in which {
        let mut from = Some(Cursor::start(Order::Number));
        while let Some(cursor) = from {
            let page = ledger.findings_page(part, cursor, PAGE).await?;
            count += page.rows.len() as u64;
            from = page.next;
        }
    }
    Ok(count)
}

/// What is asked for. A name that there isn't is a mistake: an empty list would look like a clean estate.
async fn filter(ledger: &Ledger, which: WhichFindings) -> Result<FindingFilter, CliError> {
    let WhichFindings { rule, severity, account, source } = which;
    if let Some(account) = &account
        && ledger.sources_of_account(account).await?.is_empty()
    {
        return Err(CliError::Usage(format!("no account is called {account:?}")));
    }
    if let Some(source) = &source
        && !ledger.sources().await?.iter().any(|known| known.name == *source)
    {
        return Err(CliError::Usage(format!("no source is called {source:?}")));
    }
    Ok(FindingFilter { rule, severity, account, source, ..FindingFilter::default() })
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
    write!(anstream::stdout(), "{}", finding_facts(&detail, time_by(ledger).await?))?;
    Ok(Done::Ok)
}

/// `mails list|show`: the latest first.
pub async fn mails(ledger: &Ledger, what: MailsVerb) -> Result<Done, CliError> {
    let (state, args) = match what {
        MailsVerb::Show(ShowArgs { id, format }) => return records::show_mail(ledger, &id, format).await,
        MailsVerb::List { state, list } => (state, list),
    };
    let of = state.map_or(Counted::Mails, Counted::MailsIn);
    let page = async |from, size| ledger.mails_page(state, MailId(number(from)), size).await;
    print(ledger, args, of, Cursor::start(Order::Latest), page).await
}

/// `scans list|show`: the latest first.
pub async fn scans(ledger: &Ledger, what: ListShow) -> Result<Done, CliError> {
    let args = match what {
        ListShow::Show(ShowArgs { id, format }) => return records::show_scan(ledger, &id, format).await,
        ListShow::List(args) => args,
    };
    let page = async |from, size| ledger.scans_page(ScanId(number(from)), size).await;
    print(ledger, args, Counted::Scans, Cursor::start(Order::Latest), page).await
}

pub fn json(value: &impl Serialize) -> Result<Done, CliError> {
    let mut out = io::BufWriter::new(anstream::stdout());
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(Done::Ok)
}
