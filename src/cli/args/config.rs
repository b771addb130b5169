//! The words of `config`.

use clap::Subcommand;

use super::Form;

/// `config …`.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigVerb {
    /// Every problem at once, with key, line and what to do
    Check {
        /// The form of the output
        #[command(flatten)]
        form: Form,
    },
    /// Prints what a configuration may hold, as a JSON Schema: for editors, and for whoever writes it by a program
    Schema,
    /// The settings in force and where each comes from; secrets are not shown
    Show {
        /// The form of the output
        #[command(flatten)]
        form: Form,
    },
}
