//! `mail …`: who would get what, and letting mail leave.

use std::collections::HashMap;
use std::io::Write;

use serde_json::json;

use super::args::{MailVerb, TextFormat};
use super::output::table;
use super::{CliError, Done, lists, reader, suppressed, trial};
use crate::app::SystemClock;
use crate::config::{Env, Settings};
use crate::domain::ids::PersonId;
use crate::ledger::read::Reader;
use crate::ledger::{Ledger, OpenError};
use crate::notify::{Preview, preview};
use crate::ports::Clock;
use crate::ports::notify::{MailMode, NotifyLedger};

/// Shows who would get what, or lets mail leave.
pub async fn run(what: MailVerb, settings: Settings, env: &Env) -> Result<Done, CliError> {
    match what {
        MailVerb::Preview { format } => {
            let ledger = reader(&settings).await?;
            let preview = preview(&ledger, SystemClock.now()).await?;
            let released = ledger.mail_mode().await? == MailMode::Released;
            let people: Vec<PersonId> = preview.worst.iter().map(|(person, ..)| *person).collect();
            let readers = ledger.readers(&people).await?.into_iter().map(|reader| (reader.id, reader)).collect();
            show(&preview, &readers, released, format)
        }
        MailVerb::Test { address } => trial::run(&settings, env, &address).await,
        MailVerb::Suppressed { addresses, format } => suppressed::list(&settings, addresses, format).await,
        MailVerb::Unsuppress { who } => suppressed::lift(&settings, &who).await,
        MailVerb::Release => {
            let ledger = match Ledger::open(&settings.ledger.url).await {
                // A daemon looks at each run whether mail may leave, so it need not stop for this.
                Err(OpenError::Held { .. }) => Ledger::open_beside(&settings.ledger.url).await?,
                opened => opened?,
            };
            let preview = preview(&ledger, SystemClock.now()).await?;
            ledger.release_mail(SystemClock.now()).await?;
            writeln!(
                anstream::stderr(),
                "Mail is released. The daemon's next run of mail, or the next `keysweep scan --notify`, sends {}.",
                amount(&preview)
            )?;
            if settings.mail.sending.is_none() {
                writeln!(anstream::stderr(), "mail.smtp_url and mail.from are not set yet: set both first.")?;
            }
            Ok(Done::Ok)
        }
    }
}

fn show(
    preview: &Preview,
    readers: &HashMap<PersonId, Reader>,
    released: bool,
    format: TextFormat,
) -> Result<Done, CliError> {
    // Addresses print masked: the operator need not see them to know who is meant.
    let who = |person: &PersonId| {
        let reader = readers.get(person)?;
        let address = reader.address.as_ref().map(ToString::to_string).unwrap_or_default();
        Some((reader.account.clone(), reader.member.clone(), address))
    };
    if format == TextFormat::Json {
        let worst = preview.worst.iter().map(|(person, _, severity, findings)| {
            let (account, member, address) = who(person).unwrap_or_default();
            json!({
                "account_id": account, "member_id": member, "address": address, "severity": severity.as_str(),
                "findings": findings,
            })
        });
        return lists::json(&json!({
            "released": released, "people": preview.people, "findings": preview.findings, "held": preview.held,
            "nobody": preview.nobody, "worst": worst.collect::<Vec<_>>(),
        }));
    }
    let mut out = anstream::stdout();
    let mode = if released { "Mail is released" } else { "Mail is in preview: nothing leaves" };
    writeln!(out, "{mode}. Now due: {}.", amount(preview))?;
    if preview.held > 0 {
        let held = count(preview.held, "finding");
        writeln!(out, "Waiting, because the key is being refused and that is not confirmed yet: {held}.")?;
    }
    if preview.nobody > 0 {
        writeln!(out, "With nobody who may be told: {}.", count(preview.nobody, "finding"))?;
    }
    if !preview.worst.is_empty() {
        let rows = preview.worst.iter().map(|(person, _, severity, findings)| {
            let (account, member, address) = who(person).unwrap_or_default();
            vec![account, member, address, severity.to_string(), findings.to_string()]
        });
        writeln!(out, "{}", table(&["account", "member", "address", "worst", "findings"], rows.collect()))?;
    }
    if !released {
        writeln!(out, "To let mail leave: keysweep mail release")?;
    }
    Ok(Done::Ok)
}

fn amount(preview: &Preview) -> String {
    format!("{} about {}", count(preview.people, "mail"), count(preview.findings, "finding"))
}

fn count(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}
