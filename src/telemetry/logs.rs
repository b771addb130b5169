//! Logs to standard error, for people or as JSON lines. Standard output is for data alone.
//!
//! A line that belongs to a trace carries its id, `trace_id`, by which whoever reads it finds the trace.

use std::io;

use serde::{Deserialize, Serialize};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt};

use super::progress::Bars;
use super::traces::{self, Spans};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// a line that people read, in colour on a terminal
    #[default]
    Human,
    /// one JSON object a line
    Json,
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// the filter can't be read
    #[error("{filter:?} is not a log filter: {why}; write a level such as \"info\", or \"info,keysweep::scan=debug\"")]
    Filter {
        /// the filter as given
        filter: String,
        /// what is wrong with it
        why: String,
    },
    /// the process has logs already
    #[error("logs were already started in this process")]
    Started,
}

/// Starts the process's logs. To be called once, by the composing side. `bars` make way for each line.
///
/// The filter rules keysweep's own lines. Third-party crates are capped at WARN whatever it says: some of
/// them log what they send, and what keysweep sends are secrets.
///
/// `spans` listens to the spans of traces, where there are any.
///
/// # Errors
/// Where the filter can't be read, or logs were started before.
pub fn init(format: LogFormat, filter: &str, spans: Option<Spans>, bars: &Bars) -> Result<(), LogError> {
    let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let beside = bars.lines();
    let lines = layer(format, filter, colour, move || beside.clone())?;
    Registry::default().with(spans).with(lines).try_init().map_err(|_| LogError::Started)
}

/// Says whether [`init`] would take the filter.
///
/// # Errors
/// Where it can't be read.
pub fn check_filter(filter: &str) -> Result<(), LogError> {
    parse(filter).map(drop)
}

fn layer<S, W>(
    format: LogFormat,
    filter: &str,
    colour: bool,
    writer: W,
) -> Result<Box<dyn Layer<S> + Send + Sync>, LogError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let wanted = parse(filter)?.and(filter_fn(ours_or_a_warning));
    let base = fmt::layer().with_writer(writer).with_ansi(colour);
    let lines = Format::default().with_ansi(colour);
    Ok(match format {
        LogFormat::Human => base.event_format(Traced { lines, format }).with_filter(wanted).boxed(),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true);
            base.json().event_format(Traced { lines, format }).with_filter(wanted).boxed()
        }
    })
}

/// Lines that carry the id of the trace that they belong to.
struct Traced<F> {
    lines: F,
    format: LogFormat,
}

impl<S, N, F> FormatEvent<S, N> for Traced<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let Some(id) = traces::current() else { return self.lines.format_event(context, out, event) };
        let mut line = String::new();
        self.lines.format_event(context, Writer::new(&mut line), event)?;
        out.write_str(&with_trace(&line, self.format, &id))
    }
}

/// The line with the trace's id in it: at the end for people, first in the object for programs (pure).
fn with_trace(line: &str, format: LogFormat, id: &str) -> String {
    match format {
        LogFormat::Human => format!("{} trace_id={id}\n", line.trim_end_matches('\n')),
        LogFormat::Json => line.replacen('{', &format!("{{\"trace_id\":\"{id}\","), 1),
    }
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    // A word alone would be a target of which everything is logged, and of all else nothing.
    let bare =
        filter.split(',').map(str::trim).filter(|part| !part.is_empty() && !part.contains(['=', '[', ']', '{', '}']));
    if let Some(part) = bare.into_iter().find(|part| part.parse::<LevelFilter>().is_err()) {
        return Err(LogError::Filter { filter: filter.to_owned(), why: format!("{part:?} is no level") });
    }
    EnvFilter::builder()
        .parse(filter)
        .map_err(|error| LogError::Filter { filter: filter.to_owned(), why: error.to_string() })
}

fn ours_or_a_warning(line: &Metadata<'_>) -> bool {
    let target = line.target();
    target == "keysweep" || target.starts_with("keysweep::") || *line.level() <= Level::WARN
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, filter: &str) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = Registry::default().with(layer(format, filter, false, move || writer.clone()).unwrap());
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "lettre::transport", "AUTH PLAIN canary");
            tracing::info!(target: "keysweeper", "a stranger with a like name");
            tracing::warn!(target: "hyper", "a stranger's warning");
            tracing::trace!(target: "keysweep::scan", "our trace");
            tracing::info!(target: "keysweep", rows = 3, "our word");
        });
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn third_parties_are_capped_at_warn_whatever_the_filter_says() {
        for filter in ["trace", "lettre=trace,keysweep=trace,hyper=trace,keysweeper=trace"] {
            let text = written(LogFormat::Human, filter);
            assert!(!text.contains("canary") && !text.contains("like name"), "{filter}: {text}");
            assert!(text.contains("stranger's warning") && text.contains("our trace"), "{filter}: {text}");
        }
    }

    #[test]
    fn the_filter_rules_our_own_lines() {
        let text = written(LogFormat::Human, "info");
        assert!(text.contains("our word") && !text.contains("our trace"), "{text}");
        assert_eq!(written(LogFormat::Human, "off"), "");
    }

    #[test]
    fn json_lines_are_one_object_each() {
        let text = written(LogFormat::Json, "keysweep=info");
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!((&line["message"], &line["rows"]), (&"our word".into(), &3.into()));
    }

    #[test]
    fn a_line_of_a_trace_carries_its_id_and_stays_one_line_and_one_object() {
        let (human, json) = ("INFO keysweep: scan finished {x}\n", "{\"level\":\"INFO\",\"message\":\"{}\"}\n");
        assert_eq!(with_trace(human, LogFormat::Human, "0af7"), "INFO keysweep: scan finished {x} trace_id=0af7\n");
        let line = with_trace(json, LogFormat::Json, "0af7");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read, serde_json::json!({"trace_id": "0af7", "level": "INFO", "message": "{}"}));
        assert!(line.ends_with("}\n"));
    }

    #[test]
    fn a_bad_filter_is_an_error_that_names_it() {
        let error = check_filter("keysweep=loud").unwrap_err().to_string();
        assert!(error.contains("keysweep=loud") && error.contains("write a level"), "{error}");
        for word in ["loud", "info,keysweep", "debug,"] {
            assert_eq!(check_filter(word).is_err(), word != "debug,", "{word}");
        }
    }
}
