//! `webhook test`: one message to one of the operator's endpoints.

use serde_json::json;

use super::args::WebhookVerb;
use super::{CliError, Done, told};
use crate::app::{SystemClock, announce};
use crate::config::{Env, Settings};
use crate::ports::Clock as _;

/// Sends it. Ends with 1 where the endpoint does not take it.
pub async fn run(what: &WebhookVerb, settings: &Settings, env: &Env) -> Result<Done, CliError> {
    let WebhookVerb::Test { name, form } = what;
    let known = announce::names(settings);
    if !known.contains(&name.as_str()) {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(CliError::Usage(format!("no [[webhook]] is named {name:?}; there are: {known}")));
    }
    match announce::test(settings, env, name, SystemClock.now()).await? {
        Ok(()) => {
            told::show(*form, &format!("{name} took the message.\n"), &json!({"name": name, "taken": true}))?;
            Ok(Done::Ok)
        }
        Err(why) => {
            let document = json!({"name": name, "taken": false, "why": why.to_string()});
            told::show(*form, &format!("{name} did not take the message: {why}.\n"), &document)?;
            Ok(Done::Failed)
        }
    }
}
