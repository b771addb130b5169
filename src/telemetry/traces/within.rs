//! A build with traces: spans become OpenTelemetry's and are put into the queue.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, filter_fn};

use super::Spans;
use super::collector::Collector;
use super::courier::{Courier, Tally};
use crate::ports::meter::{Meter, SpanEnd};
use crate::ports::span::{EVENTS_AT_MOST, TARGET};

/// Spans that wait at most: those of some forty scans of an estate with all providers.
const WAITING_AT_MOST: usize = 2_048;
/// How long the end of the process waits for the last spans to be taken.
const FLUSH: Duration = Duration::from_secs(3);

/// The traces of this process.
pub struct Traces {
    told_to_stop: watch::Sender<bool>,
    courier: JoinHandle<()>,
    tally: Arc<Tally>,
}

/// Begins to trace: what is handed over goes to this collector. To be called within the runtime, before the logs begin,
/// which take the listener.
///
/// # Errors
/// None in this build.
pub fn begin(collector: Collector) -> Result<(Traces, Spans), String> {
    let (sender, receiver) = mpsc::channel(WAITING_AT_MOST);
    let (told_to_stop, stop) = watch::channel(false);
    let tally = Arc::new(Tally(OnceLock::new()));
    let resource = Resource::builder_empty()
        .with_attribute(KeyValue::new("service.name", "keysweep"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let courier = Courier::new(
        (collector, |span| Box::pin(tokio::time::sleep(span))),
        &resource,
        receiver,
        stop,
        Arc::clone(&tally),
    );
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_resource(resource)
        .with_max_events_per_span(EVENTS_AT_MOST)
        .with_span_processor(Queue { sender, tally: Arc::clone(&tally) })
        .build();
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("keysweep"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(|line| line.target() == TARGET).with_max_level_hint(LevelFilter::INFO))
        .boxed();
    Ok((Traces { told_to_stop, courier: tokio::spawn(courier.run()), tally }, spans))
}

/// The trace that this very piece of work belongs to, as 32 hexadecimal digits; `None` outside of one.
pub fn current() -> Option<String> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| span.trace_id().to_string())
    })
}

impl Traces {
    /// From now on what becomes of spans is counted here. Only the first word counts.
    pub fn counted_by(&self, meter: Arc<dyn Meter>) {
        if self.tally.0.set(meter).is_err() {
            tracing::debug!("what becomes of spans is counted elsewhere already");
        }
    }

    /// Has the last spans handed over, once, and waits no longer than a few seconds for it.
    pub async fn finish(mut self) {
        if self.told_to_stop.send(true).is_ok() && tokio::time::timeout(FLUSH, &mut self.courier).await.is_err() {
            self.courier.abort();
            tracing::warn!("telemetry.traces: the last spans were not taken in time, and are lost");
        }
    }
}

/// The queue's end on the side of the stages. Never waits.
struct Queue {
    sender: mpsc::Sender<SpanData>,
    tally: Arc<Tally>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.sender.try_send(span).is_err() {
            self.tally.count(SpanEnd::Crowded, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("room", &self.sender.capacity()).finish_non_exhaustive()
    }
}
