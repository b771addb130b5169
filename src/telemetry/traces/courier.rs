//! Takes spans from the queue to the collector, in batches, one at a time.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::BoxFuture;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;
use tokio::sync::{mpsc, watch};

use super::collector::{Collector, NotTaken};
use crate::ports::meter::{Meter, SpanEnd};

/// Spans handed over together.
const BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// The waits before further tries of a batch that may be taken later. Meanwhile the queue holds what comes.
const WAITS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];
/// A collector that asks for more is not waited for so long.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Whoever counts what becomes of spans, once there is one.
pub(super) struct Tally(pub(super) OnceLock<Arc<dyn Meter>>);

impl Tally {
    pub(super) fn count(&self, end: SpanEnd, count: u64) {
        if let Some(meter) = self.0.get() {
            meter.traced(end, count);
        }
    }
}

/// Where batches are taken.
pub(super) trait Door {
    /// Hands one message over; see [`Collector::hand_over`].
    async fn take(&self, message: Vec<u8>) -> Result<Vec<u8>, NotTaken>;
}

impl Door for Collector {
    async fn take(&self, message: Vec<u8>) -> Result<Vec<u8>, NotTaken> {
        self.hand_over(message).await
    }
}

/// How it waits.
pub(super) type Sleep = fn(Duration) -> BoxFuture<'static, ()>;

/// The one that carries.
pub(super) struct Courier<D> {
    door: D,
    sleep: Sleep,
    resource: ResourceAttributesWithSchema,
    queue: mpsc::Receiver<SpanData>,
    stop: watch::Receiver<bool>,
    tally: Arc<Tally>,
    /// the last batch was not taken, and that was said
    outage: bool,
}

impl<D: Door> Courier<D> {
    pub(super) fn new(
        (door, sleep): (D, Sleep),
        resource: &Resource,
        queue: mpsc::Receiver<SpanData>,
        stop: watch::Receiver<bool>,
        tally: Arc<Tally>,
    ) -> Self {
        Self { door, sleep, resource: resource.into(), queue, stop, tally, outage: false }
    }

    /// Carries until it is told to stop, and then what is left.
    pub(super) async fn run(mut self) {
        loop {
            let mut batch = Vec::new();
            let stopped = tokio::select! {
                biased;
                () = told(&mut self.stop) => true,
                taken = self.queue.recv_many(&mut batch, BATCH) => taken == 0,
            };
            let stopped = stopped || self.pause(LINGER).await;
            self.fill(&mut batch);
            while !batch.is_empty() {
                self.carry(std::mem::take(&mut batch)).await;
                if stopped {
                    self.fill(&mut batch);
                }
            }
            if stopped {
                return;
            }
        }
    }

    /// Takes what waits by now.
    fn fill(&mut self, batch: &mut Vec<SpanData>) {
        while batch.len() < BATCH
            && let Ok(span) = self.queue.try_recv()
        {
            batch.push(span);
        }
    }

    /// Waits, and says whether it was told to stop meanwhile.
    async fn pause(&mut self, span: Duration) -> bool {
        tokio::select! {
            biased;
            () = told(&mut self.stop) => true,
            () = (self.sleep)(span) => false,
        }
    }

    /// Hands a batch over, or lets it go after some tries.
    async fn carry(&mut self, batch: Vec<SpanData>) {
        let count = batch.len() as u64;
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let message = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let mut waits = WAITS.into_iter();
        let why = loop {
            let not = match self.door.take(message.clone()).await {
                Ok(answer) => return self.taken(count, &answer),
                Err(not) => not,
            };
            let wait = waits.next().filter(|_| not.passes && !*self.stop.borrow());
            let Some(wait) = wait else { break not.why };
            self.pause(not.pause.unwrap_or(wait).min(LONGEST_WAIT)).await;
        };
        self.tally.count(SpanEnd::Refused, count);
        if !self.outage {
            self.outage = true;
            tracing::warn!(
                error = why,
                "telemetry.traces: the collector takes no spans; they are dropped, and counted, until it does"
            );
        }
    }

    /// The collector has the batch; of some it may say that it will not have them.
    fn taken(&mut self, count: u64, answer: &[u8]) {
        let partly = ExportTraceServiceResponse::decode(answer).ok().and_then(|answer| answer.partial_success);
        let refused = partly.and_then(|partly| u64::try_from(partly.rejected_spans).ok()).unwrap_or(0).min(count);
        self.tally.count(SpanEnd::Sent, count - refused);
        self.tally.count(SpanEnd::Refused, refused);
        if std::mem::take(&mut self.outage) {
            tracing::info!("telemetry.traces: the collector takes spans again");
        }
    }
}

/// Resolves when it is time to stop, also where nobody is left to say so.
async fn told(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // whoever began this is gone
    }
}

#[cfg(test)]
#[path = "courier_tests.rs"]
mod tests;
