//! The words of `audit`.

use clap::Subcommand;

use super::TextFormat;
use crate::domain::chain::Link;

/// What to do with the event log.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditVerb {
    /// Goes along the log's chain: was an entry changed, removed or inserted, or with --head the log's end cut off? Exits 1 if so
    Verify {
        /// A head that was noted before, as the daemon's log and this command print it: it must still be in the log
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<Link>,
        /// For whom
        #[arg(long, value_enum, default_value = "table")]
        format: TextFormat,
    },
}
