//! `providers trust`: the operator's word against a provider's blindness.

use serde_json::json;

use super::args::Form;
use super::{CliError, Done, told, who};
use crate::app::{AppError, time_by};
use crate::config::{Env, Settings};
use crate::domain::blindness::{Blind, Scope};
use crate::domain::ids::ProviderName;
use crate::ledger::{Ledger, OpenError};
use crate::providers::Catalogue;

/// Ends a provider's blindness, over one protocol or all.
pub async fn run(
    (name, protocol): (&str, Option<&str>),
    form: Form,
    settings: &Settings,
    env: &Env,
) -> Result<Done, CliError> {
    let provider = ProviderName::new(name);
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    is_known(&catalogue, &provider, protocol)?;
    let ledger = match Ledger::open(&settings.ledger.url).await {
        // A daemon reads the operator's word anew with each scan, so it need not stop for this.
        Err(OpenError::Held { .. }) => Ledger::open_beside(&settings.ledger.url).await?,
        opened => opened?,
    };
    let ended = ledger.trust(time_by(&ledger).await?, &provider, protocol, who(env).as_ref()).await?;
    if ended.is_empty() {
        let blind = ledger.blind_endpoints().await?;
        return Err(CliError::Other(not_blind(&provider, protocol, &blind)));
    }
    let sentence = |(scope, blind): &(Scope, Blind)| {
        format!("{scope} was blind since {}: {}.\n", blind.since, blind.why.sentence())
    };
    let sentences = format!(
        "{}From the next scan on its refusals count again. A key that is refused becomes suspect at once, and dead once that \
         is confirmed. For 7 days, or until most keys are accepted, refusals in bulk are believed.\n",
        ended.iter().map(sentence).collect::<String>()
    );
    let one = |(scope, blind): &(Scope, Blind)| json!({"endpoint": scope.to_string(), "blind_since": blind.since.to_string(), "why": blind.why.sentence()});
    told::tell(form, &sentences, &json!({"trusted": ended.iter().map(one).collect::<Vec<_>>()}))?;
    Ok(Done::Ok)
}

/// Refuses a name that the catalogue doesn't have.
fn is_known(catalogue: &Catalogue, provider: &ProviderName, protocol: Option<&str>) -> Result<(), CliError> {
    let Some(known) = catalogue.get(provider) else {
        let names = catalogue.names();
        let what = format!("there is no provider {:?}; there are: {}", provider.as_str(), names.join(", "));
        return Err(CliError::Usage(what));
    };
    let protocols: Vec<&str> = known.protocols.iter().map(|protocol| protocol.name.as_str()).collect();
    match protocol {
        Some(protocol) if !protocols.contains(&protocol) => {
            Err(CliError::Usage(format!("{provider} has no protocol {protocol:?}; it has: {}", protocols.join(", "))))
        }
        _ => Ok(()),
    }
}

fn not_blind(provider: &ProviderName, protocol: Option<&str>, blind: &[(Scope, Blind)]) -> String {
    let what = protocol.map_or_else(|| provider.to_string(), |protocol| format!("{provider} over {protocol}"));
    let others: Vec<String> = blind.iter().map(|(scope, _)| scope.to_string()).collect();
    match others.is_empty() {
        true => format!("{what} is not blind, nor is anybody else; its refusals count already, and nothing is changed"),
        false => format!("{what} is not blind, and nothing is changed; blind are: {}", others.join(", ")),
    }
}
