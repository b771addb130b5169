//! What keysweep tells of itself.

use std::path::Path;

use url::{Host, Url};

use super::problem::Fault;
use super::reader::Section;
use super::secret_ref::SecretRef;
use super::sections::secret_text;
use super::tree::Node;
use super::values::{address, log_filter, number, one_of, quoted, text};
use crate::telemetry::logs::LogFormat;
use crate::telemetry::traces::BUILT_IN;

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
    /// where traces go
    pub traces: TraceSettings,
}

/// Where traces go.
#[derive(Clone, Debug, Default)]
pub struct TraceSettings {
    /// the collector's address; `None` where there are no traces
    pub url: Option<Url>,
    /// headers that it wants, by name
    pub headers: Vec<(String, SecretRef)>,
}

/// Two are equal where they look for the same things in the same places.
impl PartialEq for TraceSettings {
    fn eq(&self, other: &Self) -> bool {
        let places = |one: &Self| -> Vec<(String, String)> {
            one.headers.iter().map(|(name, place)| (name.clone(), place.to_string())).collect()
        };
        self.url == other.url && places(self) == places(other)
    }
}

impl Eq for TraceSettings {}

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

pub(super) fn telemetry(section: Section<'_>, base: &Path) -> TelemetrySettings {
    const FORMATS: &[(&str, LogFormat)] = &[("human", LogFormat::Human), ("json", LogFormat::Json)];
    const CONNECTIONS: &[(&str, PerConnection)] =
        &[("off", PerConnection::Off), ("findings", PerConnection::Findings), ("all", PerConnection::All)];
    let settings = TelemetrySettings {
        log_format: section.get("log_format", one_of(FORMATS)),
        log_filter: section.get("log_filter", log_filter),
        per_connection: section.get("per_connection", one_of(CONNECTIONS)),
        per_connection_limit: section.get("per_connection_limit", number(1..=SERIES_AT_MOST)),
        ledger_limit: section.find("ledger_limit", size),
        traces: traces(&section, base),
    };
    section.close();
    settings
}

fn traces(section: &Section<'_>, base: &Path) -> TraceSettings {
    let secret = |key: &str, node: &Node| SecretRef::parse(key, &secret_text(node)?, base);
    let url = section.get("traces", |node| collector(node, BUILT_IN));
    let headers = section.find_section("trace_headers").map(|headers| headers.each_secret(secret)).unwrap_or_default();
    for (name, _) in
        headers.iter().filter(|(name, _)| reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_err())
    {
        let what = format!("{} is no header", quoted(name));
        section.report("trace_headers", Fault::new(what, "write e.g. trace_headers = { X-Api-Key = \"env:NAME\" }"));
    }
    let in_clear = |url: &Url| url.scheme() == "http" && !is_here(url);
    if !headers.is_empty() && url.as_ref().is_some_and(in_clear) {
        let what = "the headers of trace_headers would cross the network in clear";
        section.report("traces", Fault::new(what, "write https://, or leave the headers out"));
    }
    let headers = headers.into_iter().map(|(name, secret)| (name.to_owned(), secret)).collect();
    TraceSettings { url, headers }
}

/// The address of a collector, where one is named. `built_in` says whether this program can trace.
fn collector(node: &Node, built_in: bool) -> Result<Option<Url>, Fault> {
    const TODO: &str = "write e.g. \"http://localhost:4318\", or \"off\"";
    if text(node)? == "off" {
        return Ok(None);
    }
    let url = address(node).map_err(|fault| Fault { todo: TODO.to_owned(), ..fault })?;
    if !built_in {
        let todo = "build it with `cargo build --release --features otlp`, or write \"off\"";
        return Err(Fault::new("this keysweep was built without traces", todo));
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Fault::new("traces leave as OTLP over HTTP alone", TODO));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        let todo = "move it to trace_headers, which are never shown";
        return Err(Fault::new("there is a login or a query in the address", todo));
    }
    Ok(Some(url))
}

/// Whether an address is one of this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tree::{Origin, Value};

    fn read(text: &str, built_in: bool) -> Result<Option<String>, String> {
        let node = Node { value: Value::Text(text.to_owned()), origin: Origin::Default };
        let found = collector(&node, built_in).map_err(|fault| format!("{}; {}", fault.what, fault.todo))?;
        Ok(found.map(|url| url.to_string()))
    }

    #[test]
    fn traces_go_to_an_address_over_http_or_nowhere() {
        assert_eq!(read("off", true), Ok(None));
        assert_eq!(read("http://localhost:4318", true), Ok(Some("http://localhost:4318/".to_owned())));
        assert_eq!(
            read("https://o.example.org/v1/traces", true),
            Ok(Some("https://o.example.org/v1/traces".to_owned()))
        );
        for wrong in
            ["localhost", "grpc://localhost:4317", "http://u@localhost", "https://o.example.org/?key=canary", ""]
        {
            let told = read(wrong, true).unwrap_err();
            assert!(!told.contains("canary"), "{told}");
        }
    }

    #[test]
    fn a_build_without_traces_refuses_a_collector_and_says_how_to_build_one_with_them() {
        let told = read("http://localhost:4318", false).unwrap_err();
        assert!(told.contains("built without traces") && told.contains("--features otlp"), "{told}");
        assert_eq!(read("off", false), Ok(None));
    }
}
