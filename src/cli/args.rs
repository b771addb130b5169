//! The command line, as words.

mod audit;
mod config;
mod form;
mod list;
mod mail;
mod probe;
mod report;
mod token;
mod wait;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use super::sample::SampleArgs;
use crate::config::span;
use crate::domain::finding::Severity;
use crate::domain::time::Timestamp;

pub use self::audit::AuditVerb;
pub use self::config::ConfigVerb;
pub use self::form::{Form, Format, TextFormat};
pub use self::list::{FindingsVerb, ListArgs, ListShow, MailsVerb, ShowArgs, WhichFindings};
pub use self::mail::{MailVerb, ReleaseArgs, WebhookVerb};
pub use self::probe::ProbeArgs;
pub use self::report::{ReportArgs, ReportFormat};
pub use self::token::TokenArgs;
pub use self::wait::{AckArgs, SnoozeArgs};

/// Finds stale and left-behind API keys, tells their owners, and proves that they are dead.
#[derive(Debug, Parser)]
#[command(name = "keysweep", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// The configuration file [else KEYSWEEP_CONFIG, config/keysweep.toml, /etc/keysweep/keysweep.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes: 0 ok, 1 failed, 2 usage, 3 findings at or above --fail-on (probe: refused), 4 scan incomplete (probe: unknown), 75 try again later (mail bounce), 78 bad configuration, 130 interrupted.
Data goes to standard output, all else to standard error. Colours obey NO_COLOR.";

const PROBE_HELP: &str = "\
Standard input: one line with the secret; or two, the public half and the secret; or one JSON object with secret, key_id, region
and base_url, as in an inventory. On a terminal it asks. Never as an argument: those are seen by every user of the machine.
Exit codes: 0 the provider accepts it (limited or not), 3 it refuses it, 4 nothing or not everything was learnt, 1 failed, 2 usage.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The daemon: scans, mails and looks after itself by its schedules, until it is told to stop
    Run,
    /// Reads the inventory, asks the providers, judges; mails only with --notify
    Scan(ScanArgs),
    /// Everything on loopback: simulated providers, an inbox, a seeded estate, some virtual days
    Demo(DemoArgs),
    /// Looks at everything that keysweep depends on: what fails, which setting it is, what to do next
    Doctor(DoctorArgs),
    /// The connections of the inventory, as the ledger has them
    Connections {
        /// What to do with them
        #[command(subcommand)]
        what: ListShow,
    },
    /// The credentials behind the connections
    Credentials {
        /// What to do with them
        #[command(subcommand)]
        what: ListShow,
    },
    /// What the rules have found
    Findings {
        /// What to do with them
        #[command(subcommand)]
        what: FindingsVerb,
    },
    /// The digests that were formed, and what became of them
    Mails {
        /// What to do with them
        #[command(subcommand)]
        what: MailsVerb,
    },
    /// The scans that were made
    Scans {
        /// What to do with them
        #[command(subcommand)]
        what: ListShow,
    },
    /// Why something is flagged, from which facts, what would clear it, when it is next looked at
    Explain {
        /// A finding (F12), a connection (its id, or SOURCE/ID), or a credential (the last 12 digits of its fingerprint, or more)
        id: String,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = TextFormat::Table)]
        format: TextFormat,
    },
    /// Says that you know of a finding, or of all about a connection or credential: nobody is reminded before a date
    Ack(AckArgs),
    /// Has the reminders of a finding wait, or of all about a connection or credential
    Snooze(SnoozeArgs),
    /// Says that a key leaked: it stays critical, wherever it is held, until the provider's refusal is proven
    Compromised(CompromisedArgs),
    /// Looks at a source, or accepts what has vanished from it
    Inventory {
        /// What to do
        #[command(subcommand)]
        what: InventoryVerb,
    },
    /// What is known of providers: how each is asked, what its answers mean, what people are to do
    Providers {
        /// What to do
        #[command(subcommand)]
        what: ProvidersVerb,
    },
    /// Shows who would get what, and lets mail leave
    Mail {
        /// What to do
        #[command(subcommand)]
        what: MailVerb,
    },
    /// Looks after the operator's own endpoints
    Webhook {
        /// What to do
        #[command(subcommand)]
        what: WebhookVerb,
    },
    /// Asks a provider about one credential from standard input or a prompt; needs no ledger and writes nothing
    #[command(after_help = PROBE_HELP)]
    Probe(ProbeArgs),
    /// Looks at the configuration
    Config {
        /// What to do
        #[command(subcommand)]
        what: ConfigVerb,
    },
    /// The evidence, per account or for all: what was live when, who was told when, what proves that a key is dead
    Report(ReportArgs),
    /// Looks after the event log
    Audit {
        /// What to do
        #[command(subcommand)]
        what: AuditVerb,
    },
    /// Puts the ledger under another master key: every sealed copy is sealed anew, or nothing changes. The daemon must not run
    Rekey {
        /// Where the new key is: env:NAME, file:PATH or cred:NAME; the old one is where escrow.master_key says
        #[arg(long, value_name = "PLACE")]
        new_key: String,
        /// The form of the output
        #[command(flatten)]
        form: Form,
    },
    /// Brings the ledger's tables up to this version
    Migrate {
        /// The form of the output
        #[command(flatten)]
        form: Form,
    },
    /// Makes a token for somebody who may look at a running keysweep, and prints the entry of the configuration for it
    Token(TokenArgs),
    /// Prints the document of the API (OpenAPI 3.1, as JSON), as the daemon sends it at /api/v1/openapi.json
    Openapi,
    /// Prints the completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Prints the manual page
    Man {
        /// Writes the pages of all verbs into this folder instead
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Flags of `scan`.
#[derive(Clone, Debug, Args)]
pub struct ScanArgs {
    /// The form of the output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Sends the mails that are due (after `keysweep mail release`)
    #[arg(long, conflicts_with_all = ["dry_run", "as_of", "no_probe"])]
    pub notify: bool,
    /// Asks no provider
    #[arg(long)]
    pub no_probe: bool,
    /// Does all of it on a copy of the ledger, and throws the copy away
    #[arg(long, conflicts_with = "as_of")]
    pub dry_run: bool,
    /// Judges what the ledger knows as if it were this time (RFC 3339, or a day: its beginning in UTC); reads no inventory, asks nobody, writes nothing
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub as_of: Option<Timestamp>,
    /// Has the running daemon scan now, instead of scanning here
    #[arg(long, conflicts_with_all = ["notify", "no_probe", "dry_run", "as_of", "fail_on"])]
    pub daemon: bool,
    /// Exits with 3 where a finding of this severity or worse is open
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub fail_on: Option<Severity>,
}

/// Flags of `compromised`.
#[derive(Clone, Debug, Args)]
pub struct CompromisedArgs {
    /// A finding (F12), a connection (its id, or SOURCE/ID), or a credential (the last 12 digits of its fingerprint, or more)
    pub id: String,
    /// When it leaked (RFC 3339, or a day), as well as is known [default: as it was said before, else now]
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "undo")]
    pub at: Option<Timestamp>,
    /// How that is known, for operators; it is never mailed. Not the key itself. Left out, it stays as it was said before
    #[arg(long, value_name = "TEXT", conflicts_with = "undo")]
    pub note: Option<String>,
    /// Takes it back
    #[arg(long)]
    pub undo: bool,
    /// The form of the output
    #[command(flatten)]
    pub form: Form,
}

/// Flags of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Ends after the story; else the simulated providers run on until Ctrl-C
    #[arg(long)]
    pub once: bool,
    /// Keeps the ledger, the inventory and the configuration here; else in a folder of the system's temporary one
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Writes what Prometheus would have scraped after each scan into this file, for `promtool tsdb create-blocks-from openmetrics`
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
}

/// Flags of `doctor`.
#[derive(Clone, Copy, Debug, Args)]
pub struct DoctorArgs {
    /// The form of the output
    #[arg(long, value_enum, default_value_t = TextFormat::Table)]
    pub format: TextFormat,
    /// How long each look may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = span)]
    pub timeout: Duration,
}

/// `inventory …`.
#[derive(Clone, Debug, Subcommand)]
pub enum InventoryVerb {
    /// Reads the source, shows how it was understood and what would change; writes nothing
    Check {
        /// The source's name
        source: String,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = TextFormat::Table)]
        format: TextFormat,
    },
    /// Believes what the vanish limit holds back
    Accept {
        /// The source's name
        source: String,
        /// The form of the output
        #[command(flatten)]
        form: Form,
    },
}

/// `providers …`.
#[derive(Clone, Debug, Subcommand)]
pub enum ProvidersVerb {
    /// One line each: how connections are made, how often it is asked, whose file describes it
    List(ListArgs),
    /// One of them, whole: questions, answers with an example each, rotation, the steps for people, and the source of each fact
    Show {
        /// Its name, as in mailjet
        name: String,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = TextFormat::Table)]
        format: TextFormat,
    },
    /// Reads catalogue files and tries their own examples: exits with 1 where something is wrong
    Check {
        /// Files, or folders of them
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The form of the output
        #[arg(long, value_enum, default_value_t = TextFormat::Table)]
        format: TextFormat,
    },
    /// Ends a provider's blindness: from the next scan on its refusals are believed again
    Trust {
        /// The provider's name in the catalogue
        name: String,
        /// Only over this protocol: rest, smtp
        #[arg(long, value_name = "P")]
        protocol: Option<String>,
        /// The form of the output
        #[command(flatten)]
        form: Form,
    },
}

/// A time on the command line: RFC 3339, or a day, which is its first instant in UTC. No bare number: to people it is a
/// year or a day, to inventories it is Unix seconds.
fn time(text: &str) -> Result<Timestamp, String> {
    let told = match text.contains(['T', 't']) {
        true => Timestamp::parse(text),
        false => Timestamp::of_day(text),
    };
    told.ok_or_else(|| "write a time as in 2026-11-21T08:00:00Z, or a day as in 2026-11-21".to_owned())
}

fn severity(text: &str) -> Result<Severity, String> {
    [Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|severity| severity.as_str() == text)
        .ok_or_else(|| "one of low, medium, high, critical".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_time_is_rfc_3339_or_a_day_and_never_a_bare_number() {
        let at = Timestamp::parse("2026-07-01T00:00:00Z");
        assert_eq!((time("2026-07-01").ok(), time("2026-07-01T02:00:00+02:00").ok()), (at, at));
        for text in ["2027", "20260701", "1790000000", "2026-7-1", "2026-07", "yesterday", "", "T", "2026-07-01 08:00"]
        {
            assert!(time(text).is_err_and(|hint| hint.contains("2026-11-21T08:00:00Z")), "{text}");
        }
    }
}
