//! `mail test`: one mail through the real mail server, and what that said.

use std::io::Write as _;

use super::{CliError, Done};
use crate::app::{SystemClock, trial};
use crate::config::{Env, Settings};
use crate::domain::record::Address;
use crate::mail::Security;
use crate::ports::Clock as _;

/// Sends it. Ends with 1 where the server does not take it.
pub async fn run(settings: &Settings, env: &Env, to: &str) -> Result<Done, CliError> {
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
    let mut out = anstream::stdout();
    writeln!(out, "{} ({security}, {login})", tried.server)?;
    match tried.outcome {
        Ok(reply) => {
            writeln!(out, "It took the mail: {reply}")?;
            Ok(Done::Ok)
        }
        Err((step, error)) => {
            writeln!(out, "It did not take the mail, at {step}: {error}")?;
            Ok(Done::Failed)
        }
    }
}
