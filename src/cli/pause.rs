//! `ack` and `snooze`: the operator has reminders wait, or come again.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;

use super::args::{AckArgs, Form, SnoozeArgs};
use super::find::{Found, find, the_one};
use super::words::{exempt, minute};
use super::{CliError, Done, told, who};
use crate::app::time_by;
use crate::config::{Env, Settings};
use crate::domain::action::{ACKNOWLEDGED, Act, Change, Refusal};
use crate::domain::ids::FindingId;
use crate::domain::time::{Timestamp, words};
use crate::ledger::read::{FindingFilter, FindingRow, FindingState, finding_name, parse_finding};
use crate::ledger::{Ledger, OpenError};
use crate::ports::act::{ActLedger as _, By};

/// Whoever means more at once had better say so.
const AT_MOST: usize = 1000;

/// Notes that the operator knows of a finding: nobody is reminded of it before the date.
pub async fn acknowledge(args: &AckArgs, settings: &Settings, env: &Env) -> Result<Done, CliError> {
    let act = |now| match args.undo {
        true => Act::Resume,
        false => Act::Acknowledge { until: args.until.unwrap_or(now + ACKNOWLEDGED) },
    };
    act_on(&args.id, act, args.form, (settings, env)).await
}

/// Has a finding's reminders wait.
pub async fn snooze(args: &SnoozeArgs, settings: &Settings, env: &Env) -> Result<Done, CliError> {
    let act: &dyn Fn(Timestamp) -> Act = match (args.undo, args.until, args.span) {
        (true, ..) => &|_| Act::Resume,
        (false, Some(until), _) => &move |_| Act::Snooze { until },
        (false, None, Some(span)) => &move |now| Act::Snooze { until: now + span },
        (false, None, None) => return Err(CliError::Usage("say --for how long, or --until when".to_owned())),
    };
    act_on(&args.id, act, args.form, (settings, env)).await
}

async fn act_on(
    id: &str,
    act: impl Fn(Timestamp) -> Act,
    form: Form,
    (settings, env): (&Settings, &Env),
) -> Result<Done, CliError> {
    let ledger = match Ledger::open(&settings.ledger.url).await {
        // A daemon looks at each run who is to be reminded.
        Err(OpenError::Held { .. }) => Ledger::open_beside(&settings.ledger.url).await?,
        opened => opened?,
    };
    let meant = meant(&ledger, id).await?;
    let policy = settings.links.acts(Duration::ZERO);
    let (now, by) = (time_by(&ledger).await?, who(env));
    let act = act(now);
    let (mut sentences, mut documents) = (String::new(), Vec::new());
    for finding in &meant {
        let name = finding_name(finding.id);
        match ledger.perform(finding.id, None, By::Operator(by.as_ref()), act, now, &policy).await? {
            Ok(change) => {
                _ = writeln!(sentences, "{name}{}: {}", about(finding, id), told(act, change));
                documents.push(json!({
                    "id": name, "rule": finding.rule.to_string(), "source": finding.source,
                    "connection_id": finding.connection_id, "changed": change != Change::Nothing,
                    "until": until(finding, act, change).map(|at| at.to_string()),
                }));
            }
            Err(Refusal::BadDate) => {
                let longest = words(policy.longest_pause);
                return Err(CliError::Other(format!("{name}: {} ({longest})", Refusal::BadDate)));
            }
            Err(Refusal::Over) => {
                return Err(CliError::Other(format!("{name} is not open, so nobody is reminded of it")));
            }
            Err(refusal) => {
                let word = finding.exempt.as_ref().filter(|_| refusal == Refusal::Exempt);
                let by = word.map(|word| format!(": {}; so says [[policy.exempt]]", exempt(word))).unwrap_or_default();
                return Err(CliError::Other(format!("{name}: {refusal}{by}")));
            }
        }
    }
    ledger.close().await;
    told::tell(form, &sentences, &documents.into())?;
    Ok(Done::Ok)
}

/// Until when nobody is reminded: where nothing is changed, that is what was said before.
fn until(finding: &FindingRow, act: Act, change: Change) -> Option<Timestamp> {
    match change {
        Change::Pause(pause) => Some(pause.until),
        _ if act == Act::Resume => None,
        _ => finding.pause_until,
    }
}

/// The findings that an id means: the one of that name, or all that are open about a connection or credential.
async fn meant(ledger: &Ledger, id: &str) -> Result<Vec<FindingRow>, CliError> {
    let open = FindingFilter { state: Some(FindingState::Open), ..FindingFilter::default() };
    let filter = match find(&mut ledger.at_one_moment().await?, id).await? {
        Found::Finding(detail) => return Ok(vec![detail.finding]),
        Found::Connections(connections) => {
            FindingFilter { connection: Some(the_one(id, &connections)?.connection.id), ..open }
        }
        Found::Credential(detail) => FindingFilter { credential: Some(detail.credential.id), ..open },
    };
    let found = ledger.findings(&filter, FindingId(0), AT_MOST + 1).await?;
    if found.is_empty() {
        return Err(CliError::Other(format!("nothing is open about {id}, so nobody is reminded of it")));
    }
    if found.len() > AT_MOST {
        return Err(CliError::Other(format!(
            "more than {AT_MOST} findings are open about {id}: name them one by one; `keysweep findings list` shows them"
        )));
    }
    Ok(found)
}

/// What a finding is about, where it was not named itself.
fn about(finding: &FindingRow, id: &str) -> String {
    match parse_finding(id) {
        Some(named) if named == finding.id => String::new(),
        _ => format!(" ({}, {}/{})", finding.rule, finding.source, finding.connection_id),
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
