//! What keysweep tells of itself.

use super::problem::Fault;
use super::reader::Section;
use super::tree::Node;
use super::values::{log_filter, number, one_of, quoted, text};
use crate::telemetry::logs::LogFormat;

/// Beyond this a scrape takes its time: 20,000 series are about two megabytes.
const SERIES_AT_MOST: u32 = 10_000;

const SIZE: &str = "write e.g. \"20GiB\" or \"500MiB\"";

/// How keysweep tells what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// how log lines look
    pub log_format: LogFormat,
    /// which log lines there are; readable
    pub log_filter: String,
    /// which single connections have series of their own
    pub per_connection: PerConnection,
    /// of how many findings and of how many secrets at most
    pub per_connection_limit: u32,
    /// how large the ledger may grow before somebody is told, in bytes; `None` leaves it to its disk
    pub ledger_limit: Option<u64>,
}

/// Which single connections have series of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PerConnection {
    /// none
    #[default]
    Off,
    /// those with open findings, one series a finding
    Findings,
    /// those, and the secret of each open connection
    All,
}

pub(super) fn telemetry(section: Section<'_>) -> TelemetrySettings {
    const FORMATS: &[(&str, LogFormat)] = &[("human", LogFormat::Human), ("json", LogFormat::Json)];
    const CONNECTIONS: &[(&str, PerConnection)] =
        &[("off", PerConnection::Off), ("findings", PerConnection::Findings), ("all", PerConnection::All)];
    let settings = TelemetrySettings {
        log_format: section.get("log_format", one_of(FORMATS)),
        log_filter: section.get("log_filter", log_filter),
        per_connection: section.get("per_connection", one_of(CONNECTIONS)),
        per_connection_limit: section.get("per_connection_limit", number(1..=SERIES_AT_MOST)),
        ledger_limit: section.find("ledger_limit", size),
    };
    section.close();
    settings
}

/// A number of bytes with a binary unit.
fn size(node: &Node) -> Result<u64, Fault> {
    const UNITS: [(&str, u64); 3] = [("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
    let text = text(node)?;
    let found = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?.trim(), bytes)));
    let Some((number, bytes)) = found else {
        return Err(Fault::new(format!("{} has no unit that is known", quoted(&text)), SIZE));
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(*bytes)) {
        Some(0) | None => Err(Fault::new(format!("{} is not a size", quoted(&text)), SIZE)),
        Some(bytes) => Ok(bytes),
    }
}
