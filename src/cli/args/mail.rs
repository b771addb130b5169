//! The words of `mail` and `webhook`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Form, SampleArgs, TextFormat};

/// `mail …`.
#[derive(Clone, Debug, Subcommand)]
pub enum MailVerb {
    /// Who would get what if mail were released now
    Preview {
        /// The form of the output
        #[arg(long, value_enum, default_value_t = TextFormat::Table)]
        format: TextFormat,
    },
    /// Lets mail leave from now on, and takes the brake off
    Release(ReleaseArgs),
    /// Made-up mails, as the templates in force lay them out; nothing is sent
    Sample(SampleArgs),
    /// Sends one test mail through the mail server and says what it answered
    Test {
        /// To whom
        address: String,
        /// The form of the output
        #[command(flatten)]
        form: Form,
    },
    /// Takes in mail that came back: one message, a file of many (mbox) or a folder (Maildir)
    Bounce {
        /// Where it is; standard input without it
        #[arg(value_name = "FILE")]
        from: Option<PathBuf>,
        /// The form of the output
        #[command(flatten)]
        form: Form,
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
        /// The form of the output
        #[command(flatten)]
        form: Form,
    },
}

/// Flags of `mail release`.
#[derive(Clone, Copy, Debug, Args)]
pub struct ReleaseArgs {
    /// Writes to at most N people a run for the first time, the worst first, until everybody has been [default: mail.ramp_size]
    #[arg(long, value_name = "N", num_args = 0..=1, value_parser = clap::value_parser!(u32).range(1..))]
    pub ramp: Option<Option<u32>>,
    /// Records what is open now, or after the first whole scan, and mails only what is new, reopens or grows worse
    #[arg(long, conflicts_with = "ramp")]
    pub baseline: bool,
    /// The form of the output
    #[command(flatten)]
    pub form: Form,
}

/// `webhook …`.
#[derive(Clone, Debug, Subcommand)]
pub enum WebhookVerb {
    /// Sends one endpoint a message that tells of nothing, and says whether it took it
    Test {
        /// Its name in the configuration
        name: String,
        /// The form of the output
        #[command(flatten)]
        form: Form,
    },
}
