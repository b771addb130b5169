//! `mail test`: one mail through the real mail server, and what that said.

use serde_json::json;

use super::args::Form;
use super::{CliError, Done, told};
use crate::app::{SystemClock, trial};
use crate::config::{Env, Settings};
use crate::domain::record::Address;
use crate::mail::Security;
use crate::ports::Clock as _;

/// Sends it. Ends with 1 where the server does not take it.
pub async fn run(settings: &Settings, env: &Env, to: &str, form: Form) -> Result<Done, CliError> {
    let Some(address) = Address::parse(to) else {
        return Err(CliError::Usage(format!("{to:?} is not a mail address; write e.g. ops@example.org")));
    };
    let tried = trial::test(settings, env, &address, SystemClock.now()).await?;
    let security = match tried.security {
        Security::None => "without TLS",
        Security::StartTls => "STARTTLS",
        Security::Tls => "TLS from the first byte",
    };
    let login = if tried.logs_in { "with a login" } else { "without a login" };
    let (said, step, taken) = match &tried.outcome {
        Ok(reply) => (format!("It took the mail: {reply}"), None, true),
        Err((step, error)) => (format!("It did not take the mail, at {step}: {error}"), Some(step.to_string()), false),
    };
    let document = json!({
        "server": tried.server.to_string(), "security": security, "logs_in": tried.logs_in, "taken": taken,
        "failed_at": step, "said": said,
    });
    told::show(form, &format!("{} ({security}, {login})\n{said}\n", tried.server), &document)?;
    Ok(if taken { Done::Ok } else { Done::Failed })
}
