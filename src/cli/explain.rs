//! `explain`: the whole story of a finding, a connection or a credential, with times.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde_json::json;

use super::args::TextFormat;
use super::find::{Found, find};
use super::lists::json;
use super::{CliError, Done};
use crate::app::time_by;
use crate::config::Settings;
use crate::domain::ids::CredentialId;
use crate::domain::time::{Timestamp, words};
use crate::ledger::Ledger;
use crate::ledger::read::{ConnectionDetail, FindingDetail, FindingRow, FindingState, Moment, finding_name};
use crate::report::story::{FindingStory, Story, finding_facts};
use crate::report::text::{plain, second};
use crate::report::value;

/// Prints the story behind an id.
pub async fn run(ledger: &Ledger, id: &str, format: TextFormat, settings: &Settings) -> Result<Done, CliError> {
    let (retention, now) = (words(settings.escrow.retention), time_by(ledger).await?);
    let moment = &mut ledger.at_one_moment().await?;
    match find(moment, id).await? {
        Found::Finding(detail) => finding(moment, &detail, format, (&retention, now)).await,
        Found::Connections(connections) => explain_connections(moment, &connections, format, (&retention, now)).await,
        Found::Credential(detail) => {
            let Some(story) = Story::of(moment, detail.credential.id).await? else { return Ok(Done::Ok) };
            if format == TextFormat::Json {
                return json(&story.document());
            }
            write!(anstream::stdout(), "{}", story.text(None, &retention, now))?;
            Ok(Done::Ok)
        }
    }
}

async fn finding(
    moment: &mut Moment,
    detail: &FindingDetail,
    format: TextFormat,
    (retention, now): (&str, Timestamp),
) -> Result<Done, CliError> {
    let story = Story::of(moment, detail.course.credential_number).await?;
    if format == TextFormat::Json {
        return json(&FindingStory::of(detail, story.as_ref()));
    }
    let mut out = anstream::stdout();
    write!(out, "{}", finding_facts(detail, now))?;
    if let Some(story) = story {
        write!(out, "\n{}", story.text(Some(detail.finding.id), retention, now))?;
    }
    Ok(Done::Ok)
}

async fn explain_connections(
    moment: &mut Moment,
    connections: &[ConnectionDetail],
    format: TextFormat,
    (retention, now): (&str, Timestamp),
) -> Result<Done, CliError> {
    let mut documents = Vec::new();
    let mut out = anstream::stdout();
    for (place, detail) in connections.iter().enumerate() {
        // In the order in which the connection came to use them; each once.
        let mut used: BTreeMap<CredentialId, usize> = BTreeMap::new();
        for (at, row) in detail.uses.iter().enumerate() {
            used.insert(row.credential.id, at);
        }
        let mut credentials: Vec<(usize, CredentialId)> = used.into_iter().map(|(id, at)| (at, id)).collect();
        credentials.sort_unstable();
        let mut stories = Vec::with_capacity(credentials.len());
        for (_, id) in credentials {
            stories.extend(Story::of(moment, id).await?);
        }
        if format == TextFormat::Json {
            let about: Vec<_> = stories.iter().map(Story::document).collect();
            documents.push(json!({"connection": value(detail), "credentials": about}));
            continue;
        }
        write!(out, "{}{}", if place == 0 { "" } else { "\n" }, head(detail))?;
        for story in &stories {
            write!(out, "\n{}", story.text(None, retention, now))?;
        }
    }
    if format == TextFormat::Json { json(&documents) } else { Ok(Done::Ok) }
}

/// What the connection is, what is open on it, and when it is judged again.
fn head(detail: &ConnectionDetail) -> String {
    let row = &detail.connection;
    let name = row.name.as_deref().map(|name| format!(" {name:?}")).unwrap_or_default();
    let mut text = plain(&format!(
        "{}/{}{name}, account {}, at {}: {}.",
        row.source,
        row.connection_id,
        row.account_id,
        row.provider,
        row.status.as_str()
    ));
    let open = detail.findings.iter().filter(|finding| finding.state != FindingState::Closed);
    let exempt = |state| if state == FindingState::Exempt { " (exempt)" } else { "" };
    let named = |f: &FindingRow| format!("{} {} {}{}", finding_name(f.id), f.severity, f.rule, exempt(f.state));
    let open: Vec<String> = open.map(named).collect();
    text.push_str(&if open.is_empty() {
        "\nNothing is open on it.\n".to_owned()
    } else {
        format!("\nOpen on it: {}.\n", open.join(", "))
    });
    text.push_str(&match row.judge_at {
        Some(at) => format!("The rules look at it again by themselves at {}.\n", second(at)),
        None => "The rules look at it again when its facts change; time alone changes nothing.\n".to_owned(),
    });
    text
}
