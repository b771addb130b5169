//! The words of lists: `list` and `show`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use super::{Format, TextFormat};
use crate::domain::finding::{RuleName, Severity};
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
        /// Which of them
        #[command(flatten)]
        which: WhichFindings,
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
        #[arg(long, value_name = "STATE", value_parser = named(MailState::ALL, MailState::as_str))]
        state: Option<MailState>,
        /// Flags of every list
        #[command(flatten)]
        list: ListArgs,
    },
    /// One of them, whole
    Show(ShowArgs),
}

/// Which findings are listed.
#[derive(Clone, Debug, Default, Args)]
pub struct WhichFindings {
    /// Only those of this rule
    #[arg(long, value_parser = named(RuleName::ALL, RuleName::as_str))]
    pub rule: Option<RuleName>,
    /// Only those as bad as this
    #[arg(long, value_parser = named(Severity::ALL, Severity::as_str))]
    pub severity: Option<Severity>,
    /// Only those of the account with this id on the platform
    #[arg(long)]
    pub account: Option<String>,
    /// Only those on connections of this source
    #[arg(long)]
    pub source: Option<String>,
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

/// One of these, by its word; the words are known to help and completions.
fn named<T, const N: usize>(all: [T; N], word: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    let of = move |told: &str| all.into_iter().find(|one| word(*one) == told);
    PossibleValuesParser::new(all.map(word)).try_map(move |told| of(&told).ok_or("no such word"))
}
