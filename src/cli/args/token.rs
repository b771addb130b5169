//! The words of `token`.

use clap::Args;

use super::TextFormat;
use crate::config::is_plain_name;
use crate::http::access::Role;

/// Flags of `token`.
#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    /// What logs call them: up to 40 letters, digits, - and _
    #[arg(value_parser = name)]
    pub name: String,
    /// What they may do: viewer, auditor or operator
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub role: Role,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = TextFormat::Table)]
    pub format: TextFormat,
}

fn role(word: &str) -> Result<Role, String> {
    let known = Role::ALL.into_iter().find(|role| role.as_str() == word);
    known.ok_or_else(|| "write viewer, auditor or operator".to_owned())
}

fn name(word: &str) -> Result<String, String> {
    if is_plain_name(word) { Ok(word.to_owned()) } else { Err("take up to 40 letters, digits, - and _".to_owned()) }
}
