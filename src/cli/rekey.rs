//! `rekey`: another master key for the ledger.

use std::path::Path;

use serde_json::json;

use super::args::Form;
use super::output::pairs;
use super::{CliError, Done, told, who};
use crate::app::counted;
use crate::app::rekey::{Scrubbed, UnderNewKey, rekey};
use crate::config::{Env, SecretRef, Settings};
use crate::telemetry::progress::Bars;

/// Copies that could not be opened and are named.
const NAMED: usize = 20;

/// Puts the ledger under the key that is at `new`.
pub async fn run(new: &str, form: Form, settings: &Settings, env: &Env, bars: &Bars) -> Result<Done, CliError> {
    let wrong = |what: String| CliError::Usage(format!("--new-key: {what}"));
    let new = SecretRef::given("--new-key", new, Path::new("")).map_err(wrong)?;
    let done = rekey(settings, env, &new, who(env).as_ref(), bars).await?;
    let lost: Vec<String> = done.copies.lost.iter().map(ToString::to_string).collect();
    let document = json!({
        "old": done.old, "new": done.new, "sealed": done.copies.sealed, "lost": lost,
        "scrubbed": done.scrubbed == Scrubbed::Done,
    });
    told::show(form, &told(&done), &document)?;
    Ok(if done.copies.lost.is_empty() { Done::Ok } else { Done::Failed })
}

fn told(done: &UnderNewKey) -> String {
    let lost = &done.copies.lost;
    let names = lost.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let lost = match lost.len() {
        0 => String::new(),
        1 => format!(
            "1 copy could not be opened under the old key either: it was damaged, and is destroyed. Credential {names} is \
             sealed anew when the inventory shows its secret again"
        ),
        count => format!(
            "{count} copies could not be opened under the old key either: they were damaged, and are destroyed. \
             Credentials {names}{} are sealed anew when the inventory shows their secrets again",
            if count > NAMED { ", ..." } else { "" }
        ),
    };
    let scrub = match &done.scrubbed {
        Scrubbed::Done => String::new(),
        Scrubbed::Read => {
            "somebody was reading the ledger: copies under the old key are in its files until the next scan".to_owned()
        }
        Scrubbed::Failed(why) => format!(
            "copies under the old key may be in the ledger's files until the next scan, for they could not be cleared ({why})"
        ),
    };
    let facts = pairs(&[
        ("old key", done.old.clone()),
        ("new key", done.new.clone()),
        ("sealed anew", counted(done.copies.sealed, "copy", "copies")),
        ("lost", lost),
        ("to do", scrub),
    ]);
    format!(
        "{facts}\nNow let escrow.master_key name the new key, and start keysweep. Keep the old key as long as backups that were \
         made under it;\nonce it is destroyed, what is sealed in them can't be opened by anybody.\n"
    )
}
