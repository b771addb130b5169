//! `webhook test`: one message to one of the operator's endpoints.

use std::io::Write as _;

use super::args::WebhookVerb;
use super::{CliError, Done};
use crate::app::{SystemClock, announce};
use crate::config::{Env, Settings};
use crate::ports::Clock as _;

/// Sends it. Ends with 1 where the endpoint does not take it.
pub async fn run(what: &WebhookVerb, settings: &Settings, env: &Env) -> Result<Done, CliError> {
    let WebhookVerb::Test { name } = what;
    let mut out = anstream::stdout();
    match announce::test(settings, env, name, SystemClock.now()).await? {
        Ok(()) => {
            writeln!(out, "{name} took the message.")?;
            Ok(Done::Ok)
        }
        Err(why) => {
            writeln!(out, "{name} did not take the message: {why}.")?;
            Ok(Done::Failed)
        }
    }
}
