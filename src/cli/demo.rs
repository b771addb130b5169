//! `demo`.

use super::args::DemoArgs;
use super::{CliError, Done};
use crate::config::Env;

/// Lives through the demo's days.
pub async fn run(_args: DemoArgs, _env: &Env) -> Result<Done, CliError> {
    Err(CliError::Other("the demo is not built yet".to_owned()))
}
