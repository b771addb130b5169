//! What an act came to: sentences for people on standard error, or one document for programs on standard output.

use std::io::Write as _;

use serde_json::Value;

use super::args::{Form, TextFormat};
use super::{CliError, lists};

/// Says it in the form that was asked for. The sentences end with a line break of their own.
///
/// # Errors
/// Where it can't be written.
pub fn tell(form: Form, sentences: &str, document: &Value) -> Result<(), CliError> {
    match form.format {
        TextFormat::Table => write!(anstream::stderr(), "{sentences}")?,
        TextFormat::Json => {
            lists::json(document)?;
        }
    }
    Ok(())
}

/// The same of what is data also for people: on standard output.
///
/// # Errors
/// Where it can't be written.
pub fn show(form: Form, text: &str, document: &Value) -> Result<(), CliError> {
    match form.format {
        TextFormat::Table => write!(anstream::stdout(), "{text}")?,
        TextFormat::Json => {
            lists::json(document)?;
        }
    }
    Ok(())
}
