//! `ack` and `snooze`: the operator has reminders wait, or come again.

use std::io::Write as _;
use std::time::Duration;

use super::args::{AckArgs, SnoozeArgs};
use super::words::minute;
use super::{CliError, Done};
use crate::app::SystemClock;
use crate::config::Settings;
use crate::domain::action::{Act, Change, Refusal};
use crate::domain::time::{Timestamp, days, words};
use crate::ledger::read::parse_finding;
use crate::ledger::{Ledger, OpenError};
use crate::ports::Clock as _;
use crate::ports::act::{ActLedger as _, By};

/// An acknowledgement without a date.
const USUAL: Duration = days(30);

/// Notes that the operator knows of a finding: nobody is reminded of it before the date.
pub async fn acknowledge(args: &AckArgs, settings: &Settings) -> Result<Done, CliError> {
    let until = args.until.unwrap_or_else(|| SystemClock.now() + USUAL);
    let act = if args.undo { Act::Resume } else { Act::Acknowledge { until } };
    act_on(&args.id, act, settings).await
}

/// Has a finding's reminders wait.
pub async fn snooze(args: &SnoozeArgs, settings: &Settings) -> Result<Done, CliError> {
    let until = args.until.or_else(|| args.span.map(|span| SystemClock.now() + span));
    let act = match (args.undo, until) {
        (true, _) => Act::Resume,
        (false, Some(until)) => Act::Snooze { until },
        (false, None) => return Err(CliError::Other("say --for how long, or --until when".to_owned())),
    };
    act_on(&args.id, act, settings).await
}

async fn act_on(id: &str, act: Act, settings: &Settings) -> Result<Done, CliError> {
    let unknown =
        || CliError::Other(format!("no finding is called {id:?}; `keysweep findings list` shows them, as in F12"));
    let finding = parse_finding(id).ok_or_else(unknown)?;
    let ledger = match Ledger::open(&settings.ledger.url).await {
        // A daemon looks at each run who is to be reminded.
        Err(OpenError::Held { .. }) => Ledger::open_beside(&settings.ledger.url).await?,
        opened => opened?,
    };
    if ledger.finding(finding).await?.is_none() {
        return Err(unknown());
    }
    let policy = settings.links.acts(Duration::ZERO);
    let done = ledger.perform(finding, None, By::Operator, act, SystemClock.now(), &policy).await?;
    ledger.close().await;
    match done {
        Ok(change) => {
            writeln!(anstream::stderr(), "{id}: {}", told(act, change))?;
            Ok(Done::Ok)
        }
        Err(Refusal::BadDate) => Err(CliError::Other(format!(
            "{id}: the date must lie ahead, and no further than links.longest_pause ({})",
            words(policy.longest_pause)
        ))),
        Err(Refusal::Over) => Err(CliError::Other(format!("{id} is not open, so nobody is reminded of it"))),
        Err(refusal) => Err(CliError::Other(format!("{id}: {refusal}"))),
    }
}

fn told(act: Act, change: Change) -> String {
    let ends = "It ends before that if the finding grows worse or reopens";
    let until = |at: Timestamp| minute(at);
    match (act, change) {
        (_, Change::Nothing) => "that is how it is already; nothing is changed.".to_owned(),
        (Act::Acknowledge { until: at }, _) => {
            format!("acknowledged; nobody is reminded before {}. {ends}.", until(at))
        }
        (Act::Snooze { until: at }, _) => format!("snoozed; nobody is reminded before {}. {ends}.", until(at)),
        _ => "reminders come again as its ladder says.".to_owned(),
    }
}
