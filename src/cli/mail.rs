//! `mail preview` and `mail release`.

use std::io::Write;

use serde_json::json;

use super::args::{MailVerb, TextFormat};
use super::output::table;
use super::{CliError, Done, lists, reader};
use crate::app::SystemClock;
use crate::config::{Env, Settings};
use crate::ledger::Ledger;
use crate::notify::{Preview, preview};
use crate::ports::Clock;
use crate::ports::notify::{MailMode, NotifyLedger};

/// Shows who would get what, or lets mail leave.
pub async fn run(what: MailVerb, settings: Settings, _env: &Env) -> Result<Done, CliError> {
    match what {
        MailVerb::Preview { format } => {
            let ledger = reader(&settings).await?;
            let preview = preview(&ledger, SystemClock.now()).await?;
            let released = ledger.mail_mode().await? == MailMode::Released;
            show(&preview, released, format)
        }
        MailVerb::Release => {
            let ledger = Ledger::open(&settings.ledger.url).await?;
            let preview = preview(&ledger, SystemClock.now()).await?;
            ledger.release_mail(SystemClock.now()).await?;
            writeln!(
                anstream::stderr(),
                "Mail is released. The next `keysweep scan --notify` sends {}.",
                amount(&preview)
            )?;
            if settings.mail.sending.is_none() {
                writeln!(anstream::stderr(), "mail.smtp_url and mail.from are not set yet: set both first.")?;
            }
            Ok(Done::Ok)
        }
    }
}

fn show(preview: &Preview, released: bool, format: TextFormat) -> Result<Done, CliError> {
    if format == TextFormat::Json {
        let worst = preview.worst.iter().map(|(person, account, severity, findings)| {
            json!({"person": person.0, "account": account.0, "severity": severity.as_str(), "findings": findings})
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
        writeln!(out, "{} findings wait: their key is being refused, and that is not confirmed yet.", preview.held)?;
    }
    if preview.nobody > 0 {
        writeln!(out, "{} findings have nobody who may be told.", preview.nobody)?;
    }
    if !preview.worst.is_empty() {
        let rows = preview.worst.iter().map(|(person, account, severity, findings)| {
            vec![person.to_string(), account.to_string(), severity.to_string(), findings.to_string()]
        });
        writeln!(out, "{}", table(&["person", "account", "worst", "findings"], rows.collect()))?;
    }
    if !released {
        writeln!(out, "To let mail leave: keysweep mail release")?;
    }
    Ok(Done::Ok)
}

fn amount(preview: &Preview) -> String {
    format!("{} mails about {} findings", preview.people, preview.findings)
}
