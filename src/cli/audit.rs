//! `audit verify`: is the event log as it was written?

use std::io::Write as _;

use serde_json::json;

use super::args::{AuditVerb, TextFormat};
use super::output::pairs;
use super::{CliError, Done, lists, reader};
use crate::app::audit::verify_settings;
use crate::config::{Env, Settings};
use crate::telemetry::progress::Bars;

/// Why a log that is as it was written has no head.
const fn none(unlinked: u64) -> &'static str {
    if unlinked == 0 { "none: the log is empty" } else { "none: nobody has vouched for anything yet" }
}

/// Goes along the log's chain.
pub async fn run(what: AuditVerb, settings: &Settings, env: &Env, bars: &Bars) -> Result<Done, CliError> {
    let AuditVerb::Verify { head, format } = what;
    let ledger = reader(settings).await?;
    let found = verify_settings(settings, env, &ledger, head, bars).await?;
    ledger.close().await;
    let Some(found) = found else { return Ok(Done::Interrupted) };
    let done = if found.is_ok() { Done::Ok } else { Done::Failed };
    match (format, found) {
        (TextFormat::Json, Ok(verified)) => {
            let head = verified.head.map(|head| head.to_string());
            lists::json(&json!({
                "whole": true, "entries": verified.entries, "links": verified.links, "head": head,
                "unlinked": verified.unlinked,
            }))?;
        }
        (TextFormat::Json, Err(broken)) => {
            lists::json(&json!({"whole": false, "problem": broken.to_string()}))?;
        }
        (TextFormat::Table, Ok(verified)) => {
            let unlinked = match verified.unlinked {
                0 => String::new(),
                count => {
                    format!("{count}: written without the master key; the daemon or the next scan vouches for them")
                }
            };
            let head = verified.head.map_or_else(|| none(verified.unlinked).to_owned(), |head| head.to_string());
            let entries = format!("{}, all as they were written", verified.entries);
            let told = [("entries", entries), ("not linked yet", unlinked), ("head", head)];
            write!(anstream::stdout(), "{}", pairs(&told))?;
        }
        (TextFormat::Table, Err(broken)) => writeln!(anstream::stdout(), "{broken}")?,
    }
    Ok(done)
}
