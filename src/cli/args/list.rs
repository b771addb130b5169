//! The words of lists: `list` and `show`.

use clap::{Args, Subcommand};

use super::{Format, TextFormat};
use crate::ledger::read::MailState;

/// `list` and `show`.
#[derive(Clone, Debug, Subcommand)]
pub enum ListShow {
    /// One line each
    List(ListArgs),
    /// One of them, whole
    Show {
        /// Its id
        id: String,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = TextFormat::Table)]
        format: TextFormat,
    },
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
    Show {
        /// Its id, as in F12
        id: String,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = TextFormat::Table)]
        format: TextFormat,
    },
}

/// `mails list` and `mails show`.
#[derive(Clone, Debug, Subcommand)]
pub enum MailsVerb {
    /// One line each, the latest first
    List {
        /// Only those in this state: planned, claimed, sending, sent, maybe_sent, failed, cancelled, bounced
        #[arg(long, value_name = "STATE", value_parser = state)]
        state: Option<MailState>,
        /// Flags of every list
        #[command(flatten)]
        list: ListArgs,
    },
    /// One of them, whole
    Show {
        /// Its id
        id: String,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = TextFormat::Table)]
        format: TextFormat,
    },
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

fn state(text: &str) -> Result<MailState, String> {
    let words = MailState::ALL.map(MailState::as_str).join(", ");
    MailState::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| format!("one of {words}"))
}
