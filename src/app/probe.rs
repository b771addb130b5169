//! One question, put by hand.

use super::AppError;
use super::build::{asking, prober_of};
use crate::config::Settings;
use crate::domain::catalogue::Provider;
use crate::domain::outcome::Answer;
use crate::ports::Clock;
use crate::ports::probe::{Prober as _, Question};
use crate::providers::{Catalogue, ProviderSettings};

/// Asks a provider about one credential, as a scan would. There is no ledger, and nothing is written anywhere.
///
/// # Errors
/// A setting of this provider that can't be used; nobody has been asked then.
pub async fn probe_one(
    settings: &Settings,
    catalogue: &Catalogue,
    provider: &Provider,
    question: &Question<'_>,
    clock: impl Clock,
) -> Result<Answer, AppError> {
    Ok(prober_of(settings, catalogue, provider, clock)?.ask(question).await)
}

/// By protocol, the addresses that the settings put in the provider's place.
pub fn test_addresses(settings: &Settings, provider: &Provider) -> Vec<(String, String)> {
    let ProviderSettings { test_endpoints, .. } = asking(settings, provider);
    test_endpoints.into_iter().map(|(protocol, address)| (protocol, address.to_string())).collect()
}
