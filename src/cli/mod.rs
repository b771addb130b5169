//! Words in, command out: one file a verb.

mod args;
mod as_of;
mod audit;
mod bounce;
mod columns;
mod compromised;
mod config;
mod demo;
mod doctor;
mod explain;
mod find;
mod fit;
mod inventory;
mod lists;
mod mail;
pub mod output;
mod pause;
mod probe;
mod providers;
mod records;
mod rekey;
mod report;
mod ring;
mod run;
mod sample;
mod scan;
mod shell;
mod shown;
mod suppressed;
mod token;
mod told;
mod trial;
mod troubles;
mod trust;
mod webhook;
mod words;

use std::cell::OnceCell;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;
use tempfile::TempDir;

use self::args::{Cli, ConfigVerb, Form, ProvidersVerb, Verb};
use crate::app::doctor::{Check, Verdict};
use crate::app::report::chain;
use crate::app::{App, AppError, SystemClock, sound, traces};
use crate::config::{self as settings, ConfigChoice, ConfigProblems, Env, Settings, TelemetrySettings, Warning};
use crate::domain::action::OperatorName;
use crate::ledger::{Ledger, OpenError};
use crate::ports::LedgerError;
use crate::providers::Catalogue;
use crate::report::pack::ReportError;
use crate::telemetry::logs;
use crate::telemetry::progress::Bars;
use crate::telemetry::traces::{Spans, Traces};

/// What a verb ends with, when it ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// 0
    Ok,
    /// 1: something does not work
    Failed,
    /// 3: findings at or above `--fail-on`
    Findings,
    /// 3: the provider refuses the credential
    Refused,
    /// 4: the scan is incomplete
    Incomplete,
    /// 4: the provider's answer says nothing, or not everything, of the credential
    Unclear,
    /// 75: try again later, as mail servers understand it
    Later,
    /// 78: the configuration is wrong
    BadConfig,
    /// 130
    Interrupted,
}

impl From<Done> for ExitCode {
    fn from(done: Done) -> Self {
        Self::from(match done {
            Done::Ok => 0,
            Done::Failed => 1,
            Done::Findings | Done::Refused => 3,
            Done::Incomplete | Done::Unclear => 4,
            Done::Later => 75,
            Done::BadConfig => 78,
            Done::Interrupted => 130,
        })
    }
}

/// Why a verb failed.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("{0}")]
    Config(#[from] ConfigProblems),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Output(#[from] io::Error),
    /// what keeps the daemon from starting
    #[error("it does not start:{}", .0.iter().map(|check| format!("\n  {check}")).collect::<String>())]
    Refused(Vec<Check>),
    /// words that can't be taken as they were given
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Other(String),
}

impl From<LedgerError> for CliError {
    fn from(error: LedgerError) -> Self {
        Self::App(error.into())
    }
}

impl From<ReportError> for CliError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Ledger(error) => error.into(),
            ReportError::Output(error) => error.into(),
        }
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        Self::App(error.into())
    }
}

impl CliError {
    /// True where whoever read our output has seen enough.
    fn is_nobody_reading(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == ErrorKind::BrokenPipe)
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 78,
            Self::App(error) if error.is_config() => 78,
            Self::Refused(found) if Verdict::of(found) == Verdict::Config => 78,
            Self::Usage(_) => 2,
            Self::Refused(_) | Self::App(_) | Self::Output(_) | Self::Other(_) => 1,
        }
    }
}

/// Who acts, as the system knows them; for the log. Names are what the environment says; the number is the system's.
fn who(env: &Env) -> Option<OperatorName> {
    let named = |name: &&str| env.iter().find(|(key, value)| key == name && !value.is_empty());
    let named = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(named);
    let number = std::fs::metadata("/proc/self").ok().map(|own| format!("uid {}", own.uid()));
    let words = match (named, number) {
        (Some((_, name)), Some(number)) => format!("{name} ({number})"),
        (Some((_, name)), None) => name.clone(),
        (None, number) => number?,
    };
    OperatorName::new(&words)
}

/// Runs keysweep with this process's arguments and environment.
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    let traces = OnceCell::new();
    let result = match settings::environment(std::env::vars_os()) {
        Err(problems) => Err(problems.into()),
        // they have their own way with signals
        Ok(env) if matches!(cli.verb, Verb::Run | Verb::Demo(_)) => dispatch(cli, &env, &traces).await,
        Ok(env) => tokio::select! {
            biased;
            result = dispatch(cli, &env, &traces) => result,
            () = crate::lifecycle::interrupted() => {
                // Chunks are whole transactions, and none of them is done twice.
                anstream::eprintln!("keysweep: interrupted; what was done until now stays, and the next time goes on from there");
                Ok(Done::Interrupted)
            }
        },
    };
    if let Some(traces) = traces.into_inner() {
        traces.finish().await;
    }
    match result {
        Ok(done) => done.into(),
        Err(error) if error.is_nobody_reading() => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("keysweep: {}", chain(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

async fn dispatch(cli: Cli, env: &Env, traces: &OnceCell<Traces>) -> Result<Done, CliError> {
    let choice = ConfigChoice::usual(cli.config);
    let bars = Bars::on_stderr();
    match cli.verb {
        Verb::Demo(args) => demo::run(args).await,
        Verb::Doctor(args) => doctor::run(args, &choice, env).await,
        Verb::Completions { shell } => shell::completions(shell),
        Verb::Token(args) => token::run(&args),
        Verb::Man { dir } => shell::man(dir.as_deref()),
        Verb::Config { what: ConfigVerb::Schema } => config::schema(),
        Verb::Openapi => lists::json(&crate::http::api::openapi()),
        Verb::Providers { what: ProvidersVerb::Check { files, format } } => providers::check(&files, format),
        Verb::Config { what: ConfigVerb::Check { form } } => config::check(form, &choice, env),
        Verb::Config { what: ConfigVerb::Show { form } } => config::show(form, &choice, env),
        Verb::Run => {
            let (settings, warnings) = read_settings(&choice, env)?;
            start_traced_logs(&settings, env, traces, &bars)?;
            run::run(choice, settings, warnings, env, traces.get()).await
        }
        Verb::Scan(args) => {
            let settings = load(&choice, env, true)?;
            start_traced_logs(&settings, env, traces, &bars)?;
            scan::run(args, settings, env, &bars).await
        }
        verb => {
            let settings = load(&choice, env, false)?;
            start_logs(&settings, None, &bars)?;
            with_settings(verb, settings, env, &bars).await
        }
    }
}

/// What printing came to, where what was found is to be told by the exit code whether or not anybody read it to its end.
fn read_or_not(printed: Result<(), CliError>) -> Result<(), CliError> {
    match printed {
        Err(error) if error.is_nobody_reading() => Ok(()),
        printed => printed,
    }
}

fn start_logs(settings: &Settings, spans: Option<Spans>, bars: &Bars) -> Result<(), CliError> {
    let TelemetrySettings { log_format, log_filter, .. } = &settings.telemetry;
    logs::init(*log_format, log_filter, spans, bars).map_err(|error| CliError::Other(error.to_string()))
}

/// The same for what scans, whose scans may be traced.
fn start_traced_logs(settings: &Settings, env: &Env, traces: &OnceCell<Traces>, bars: &Bars) -> Result<(), CliError> {
    let Some((begun, spans)) = traces::begin(settings, env)? else { return start_logs(settings, None, bars) };
    traces.get_or_init(|| begun);
    start_logs(settings, Some(spans), bars)
}

async fn with_settings(verb: Verb, settings: Settings, env: &Env, bars: &Bars) -> Result<Done, CliError> {
    match verb {
        Verb::Connections { what } => lists::connections(&reader(&settings).await?, what).await,
        Verb::Credentials { what } => lists::credentials(&reader(&settings).await?, what).await,
        Verb::Findings { what } => lists::findings(&reader(&settings).await?, what).await,
        Verb::Mails { what } => lists::mails(&reader(&settings).await?, what).await,
        Verb::Scans { what } => lists::scans(&reader(&settings).await?, what).await,
        Verb::Explain { id, format } => explain::run(&reader(&settings).await?, &id, format, &settings).await,
        Verb::Ack(args) => pause::acknowledge(&args, &settings, env).await,
        Verb::Snooze(args) => pause::snooze(&args, &settings, env).await,
        Verb::Compromised(args) => compromised::run(args, &settings, env).await,
        Verb::Inventory { what } => inventory::run(what, settings, env).await,
        Verb::Providers { what: ProvidersVerb::Trust { name, protocol, form } } => {
            trust::run((&name, protocol.as_deref()), form, &settings, env).await
        }
        Verb::Providers { what } => providers::run(&what, &settings),
        Verb::Mail { what } => mail::run(what, settings, env).await,
        Verb::Webhook { what } => webhook::run(&what, &settings, env).await,
        Verb::Probe(args) => probe::run(args, &settings).await,
        Verb::Report(args) => report::run(args, &settings, &SystemClock, bars).await,
        Verb::Audit { what } => audit::run(what, &settings, env, bars).await,
        Verb::Rekey { new_key, form } => rekey::run(&new_key, form, &settings, env, bars).await,
        Verb::Migrate { form } => migrate(form, &settings).await,
        // handled before the settings were loaded
        Verb::Config { .. }
        | Verb::Demo(_)
        | Verb::Doctor(_)
        | Verb::Run
        | Verb::Scan(_)
        | Verb::Completions { .. }
        | Verb::Token(_)
        | Verb::Openapi
        | Verb::Man { .. } => Ok(Done::Ok),
    }
}

/// The settings; their warnings on standard error, where `warn` says so: a look at the ledger need not repeat them.
fn load(choice: &ConfigChoice, env: &Env, warn: bool) -> Result<Settings, CliError> {
    let (settings, warnings) = read_settings(choice, env)?;
    for warning in warnings.into_iter().filter(|_| warn) {
        anstream::eprintln!("keysweep: warning: {warning}");
    }
    Ok(settings)
}

fn read_settings(choice: &ConfigChoice, env: &Env) -> Result<(Settings, Vec<Warning>), CliError> {
    let catalogue = Catalogue::shipped().map_err(AppError::from)?;
    Ok(settings::load(choice, env, &catalogue.names())?)
}

async fn reader(settings: &Settings) -> Result<Ledger, CliError> {
    Ok(Ledger::open_read_only(&settings.ledger.url).await?)
}

/// Refuses settings whose parts can't be made, with all that is wrong.
fn checked(settings: Settings, env: &Env) -> Result<Settings, CliError> {
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    sound(&settings, &catalogue, env)?;
    Ok(settings)
}

async fn open(settings: Settings, env: &Env) -> Result<App<SystemClock>, CliError> {
    let settings = checked(settings, env)?;
    Ok(App::open(settings, env, SystemClock, None).await?)
}

/// A keysweep over a copy of the ledger, or over an empty one where there is none yet. The copy goes with the folder.
async fn on_a_copy(settings: Settings, env: &Env) -> Result<(TempDir, App<SystemClock>), CliError> {
    let settings = checked(settings, env)?;
    let folder = tempfile::Builder::new().prefix("keysweep-copy-").tempdir()?;
    let path = folder.path().join("ledger.db");
    match Ledger::copy_to(&settings.ledger.url, &path).await {
        Ok(()) | Err(OpenError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let copy = Ledger::open(&format!("sqlite:{}", path.display())).await?;
    Ok((folder, App::open(settings, env, SystemClock, Some(copy)).await?))
}

async fn migrate(form: Form, settings: &Settings) -> Result<Done, CliError> {
    Ledger::open(&settings.ledger.url).await?.close().await;
    told::tell(form, "The ledger's tables are up to date.\n", &json!({"up_to_date": true}))?;
    Ok(Done::Ok)
}
