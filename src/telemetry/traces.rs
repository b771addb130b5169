//! Traces, as an option: a scan is one trace, told to a collector as OTLP over HTTP.
//!
//! The stages make spans ([`crate::ports::span`]). Here they become OpenTelemetry's, wait in a queue that is bounded, and are
//! handed over by a task of its own. A collector that is slow, broken or gone costs spans, which are counted, and never a
//! scan anything: no stage waits for any of this. Nothing is taken from the environment (`OTEL_...`): what the settings say
//! is what happens.

pub mod collector;
#[cfg(feature = "otlp")]
mod courier;
#[cfg(feature = "otlp")]
mod within;
#[cfg(not(feature = "otlp"))]
mod without;

#[cfg(feature = "otlp")]
pub use self::within::{Traces, begin, current};
#[cfg(not(feature = "otlp"))]
pub use self::without::{Traces, begin, current};

use tracing_subscriber::{Layer, Registry};

/// Whether this build can trace.
pub const BUILT_IN: bool = cfg!(feature = "otlp");

/// What listens to the spans: to be given to [`super::logs::init`].
pub type Spans = Box<dyn Layer<Registry> + Send + Sync>;
