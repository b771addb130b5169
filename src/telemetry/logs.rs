//! Logs to standard error, for people or as JSON lines. Standard output is for data alone.

use std::io;

use serde::{Deserialize, Serialize};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt};

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

/// Starts the process's logs. To be called once, by the composing side.
///
/// The filter rules keysweep's own lines. Third-party crates are capped at WARN whatever it says: some of
/// them log what they send, and what keysweep sends are secrets.
///
/// # Errors
/// Where the filter can't be read, or logs were started before.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    Registry::default().with(layer(format, filter, colour, io::stderr)?).try_init().map_err(|_| LogError::Started)
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
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let wanted = parse(filter)?.and(filter_fn(ours_or_a_warning));
    let base = fmt::layer().with_writer(writer).with_ansi(colour);
    Ok(match format {
        LogFormat::Human => base.with_filter(wanted).boxed(),
        LogFormat::Json => base.json().flatten_event(true).with_filter(wanted).boxed(),
    })
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
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
    fn a_bad_filter_is_an_error_that_names_it() {
        let error = check_filter("keysweep=loud").unwrap_err().to_string();
        assert!(error.contains("keysweep=loud") && error.contains("write a level"), "{error}");
    }
}
