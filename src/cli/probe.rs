//! `probe`: one credential, asked about as a scan would.

mod given;
mod told;

use std::io::{self, IsTerminal as _, Write as _};

use self::given::Given;
use super::args::{ProbeArgs, TextFormat};
use super::lists::json;
use super::{CliError, Done};
use crate::app::probe::{probe_one, test_addresses};
use crate::app::{AppError, SystemClock};
use crate::config::Settings;
use crate::domain::catalogue::Provider;
use crate::domain::ids::ProviderName;
use crate::domain::outcome::Outcome;
use crate::domain::spelling::nearest;
use crate::ports::probe::Question;
use crate::providers::Catalogue;

/// Reads the credential, asks, and says what came of it.
pub async fn run(args: ProbeArgs, settings: &Settings) -> Result<Done, CliError> {
    if !args.more.is_empty() || args.secret.is_some() {
        return Err(CliError::Usage(
            "a secret is not taken from the arguments, where every user of this machine and your shell's history see \
             it: give it on standard input. If it was a real one, replace it at the provider"
                .to_owned(),
        ));
    }
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    let provider = named(&catalogue, &args.provider)?;
    let given = given(&args, provider).await?;
    for oddity in provider.credential.oddities(given.key_id.as_deref(), given.secret.expose()) {
        writeln!(anstream::stderr(), "keysweep: {}: {}", oddity.field, oddity.reason)?;
    }
    for (protocol, address) in test_addresses(settings, provider) {
        writeln!(
            anstream::stderr(),
            "keysweep: {protocol} is asked at {address}, for dangerous_test_endpoints says so"
        )?;
    }
    let question = Question {
        provider: &provider.name,
        key_id: given.key_id.as_deref(),
        secret: &given.secret,
        region: given.region.as_deref(),
        base_url: given.base_url.as_deref(),
    };
    let answer = probe_one(settings, &catalogue, provider, &question, SystemClock).await?;
    match args.format {
        TextFormat::Json => _ = json(&told::document(provider, &answer))?,
        TextFormat::Table => write!(anstream::stdout(), "{}", told::page(provider, &answer))?,
    }
    Ok(match answer.outcome {
        Outcome::Accepted | Outcome::Limited => Done::Ok,
        Outcome::Refused => Done::Refused,
        Outcome::PartlyRefused(_) | Outcome::Unknown(_) => Done::Unclear,
    })
}

/// The provider of that name. What was written is not repeated: it might be the secret.
fn named<'c>(catalogue: &'c Catalogue, name: &str) -> Result<&'c Provider, CliError> {
    catalogue.get(&ProviderName::new(name)).ok_or_else(|| {
        let names = catalogue.names();
        let meant = nearest(name, names.iter().copied());
        let meant = meant.map_or_else(String::new, |meant| format!("did you mean {meant}? "));
        CliError::Usage(format!("there is no provider of that name; {meant}known are {}", names.join(", ")))
    })
}

/// What there is to be asked about: from a prompt, or from whatever standard input is.
async fn given(args: &ProbeArgs, provider: &Provider) -> Result<Given, CliError> {
    let flags = |given: Given| given.or(&args.key_id, &args.region, &args.base_url);
    let read = if io::stdin().is_terminal() {
        let public = provider.credential.key_id.as_ref().filter(|_| args.key_id.is_none());
        given::prompted(public.map(|half| half.title.as_str()), &provider.credential.secret.title).await?
    } else {
        given::piped().await?
    };
    let given = flags(read);
    if given.secret.is_empty() {
        return Err(CliError::Usage("there is no secret on standard input: write it there, on a line".to_owned()));
    }
    Ok(given)
}
