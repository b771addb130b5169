//! `token`: makes a token for somebody who may look at a running keysweep, and says what to write of it.

use std::io::Write as _;

use data_encoding::HEXLOWER;
use serde_json::json;
use zeroize::Zeroizing;

use super::args::{TextFormat, TokenArgs};
use super::lists::json;
use super::{CliError, Done};
use crate::domain::secret::Secret;
use crate::escrow::entropy;
use crate::http::access::Token;

/// Prints a new token, this once, and the entry of the configuration that lets it in. Nothing is kept of it.
pub fn run(args: &TokenArgs) -> Result<Done, CliError> {
    let mut bytes = Zeroizing::new([0; 32]);
    let other = |error: String| CliError::Other(error);
    entropy::system(bytes.as_mut_slice()).map_err(|error| other(error.to_string()))?;
    let value = Secret::new(&Zeroizing::new(HEXLOWER.encode(bytes.as_slice())));
    let token = Token::new(&value).map_err(|error| other(error.to_string()))?;
    let (name, role, digest, value) = (&args.name, args.role.as_str(), token.digest(), value.expose());
    if args.format == TextFormat::Json {
        return json(&json!({ "name": name, "role": role, "token": value, "token_sha256": digest }));
    }
    write!(
        anstream::stdout(),
        "The token of {name}, shown this once:\n\n  {value}\n\nWrite this into the configuration, and reload keysweep \
         (SIGHUP):\n\n[[http.visitor]]\nname = \"{name}\"\nrole = \"{role}\"\ntoken_sha256 = \"{digest}\"\n"
    )?;
    Ok(Done::Ok)
}
