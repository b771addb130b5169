//! The words of `mail` and `webhook`.

use clap::Subcommand;

use super::TextFormat;

/// `mail …`.
#[derive(Clone, Debug, Subcommand)]
pub enum MailVerb {
    /// Who would get what if mail were released now
    Preview {
        /// The form of the output
        #[arg(long, value_enum, default_value_t = TextFormat::Table)]
        format: TextFormat,
    },
    /// Lets mail leave from now on
    Release,
    /// Sends one test mail through the mail server and says what it answered
    Test {
        /// To whom
        address: String,
    },
    /// Addresses that are left alone because their server refused them for good
    Suppressed {
        /// Shows the addresses themselves
        #[arg(long)]
        addresses: bool,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = TextFormat::Table)]
        format: TextFormat,
    },
    /// Lets an address that is left alone be written to again
    Unsuppress {
        /// The address, or the person's number in `mail suppressed`
        #[arg(value_name = "ADDRESS|PERSON")]
        who: String,
    },
}

/// `webhook …`.
#[derive(Clone, Debug, Subcommand)]
pub enum WebhookVerb {
    /// Sends one endpoint a message that tells of nothing, and says whether it took it
    Test {
        /// Its name in the configuration
        name: String,
    },
}
