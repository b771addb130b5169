//! The words of lists: `list` and `show`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use super::{Format, TextFormat};
use crate::ledger::read::MailState;

/// `list` and `show`.
#[derive(Clone, Debug, Subcommand)]
pub enum ListShow {
    /// One line each
    List(ListArgs),
    /// One of them, whole
    Show(ShowArgs),
}

/// `findings list` and `findings show`.
#[derive(Clone, Debug, Subcommand)]
pub enum FindingsVerb {
    /// One line each; open ones unless --all is given
    List {
        /// Closed ones too
        #[arg(long)]
        all: bool,
        /// Flags of every list
        #[command(flatten)]
        list: ListArgs,
    },
    /// One of them, whole
    Show(ShowArgs),
}

/// `mails list` and `mails show`.
#[derive(Clone, Debug, Subcommand)]
pub enum MailsVerb {
    /// One line each, the latest first
    List {
        /// Only those in this state
        #[arg(long, value_name = "STATE", value_parser = states())]
        state: Option<MailState>,
        /// Flags of every list
        #[command(flatten)]
        list: ListArgs,
    },
    /// One of them, whole
    Show(ShowArgs),
}

/// What is shown, and how.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// Its id; that of a finding is as in F12
    pub id: String,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = TextFormat::Table)]
    pub format: TextFormat,
}

/// Flags of every list.
#[derive(Clone, Copy, Debug, Args)]
pub struct ListArgs {
    /// The form of the output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// At most so many; a table shows 200 unless told otherwise, the other forms everything
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

/// Its words are known to help and completions.
fn states() -> impl TypedValueParser<Value = MailState> {
    let of = |word: String| MailState::ALL.into_iter().find(|state| state.as_str() == word);
    PossibleValuesParser::new(MailState::ALL.map(MailState::as_str)).try_map(move |word| of(word).ok_or("no state"))
}
