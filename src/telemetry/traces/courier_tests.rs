use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Mutex;

use futures::FutureExt as _;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

use super::*;

type Answer = Result<Vec<u8>, NotTaken>;

thread_local! {
    /// what was waited for, in this test's thread
    static WAITED: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
}

/// Waits for nothing, and keeps for how long that would have been.
fn no_time(span: Duration) -> BoxFuture<'static, ()> {
    WAITED.with_borrow_mut(|waited| waited.push(span));
    std::future::ready(()).boxed()
}

/// A collector that answers as it is told, and at last takes everything.
#[derive(Clone, Default)]
struct Told {
    answers: Rc<RefCell<Vec<Answer>>>,
    /// how many spans came each time
    taken: Rc<RefCell<Vec<usize>>>,
}

impl Door for Told {
    async fn take(&self, message: Vec<u8>) -> Answer {
        let message = ExportTraceServiceRequest::decode(message.as_slice()).expect("a message");
        let spans = message.resource_spans.iter().flat_map(|one| &one.scope_spans).map(|one| one.spans.len()).sum();
        self.taken.borrow_mut().push(spans);
        self.answers.borrow_mut().pop().unwrap_or_else(|| Ok(Vec::new()))
    }
}

#[derive(Default)]
struct Counts(Mutex<Vec<(SpanEnd, u64)>>);

impl Meter for Counts {
    fn traced(&self, end: SpanEnd, count: u64) {
        if count > 0 {
            self.0.lock().expect("no panic").push((end, count));
        }
    }
}

fn span() -> SpanData {
    let context = SpanContext::new(TraceId::from(7), SpanId::from(7), TraceFlags::SAMPLED, false, TraceState::NONE);
    SpanData {
        span_context: context,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "scan".into(),
        start_time: std::time::UNIX_EPOCH,
        end_time: std::time::UNIX_EPOCH,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: opentelemetry::InstrumentationScope::builder("keysweep").build(),
    }
}

fn refused(passes: bool, pause: Option<u64>) -> Answer {
    Err(NotTaken { why: "it answered 503".to_owned(), passes, pause: pause.map(Duration::from_secs) })
}

/// Has so many spans carried, and says what became of them and what was waited for.
async fn carried(door: &Told, spans: usize, stopping: bool) -> (Vec<(SpanEnd, u64)>, Vec<Duration>) {
    let counts = Arc::new(Counts::default());
    let tally = Arc::new(Tally(OnceLock::new()));
    assert!(tally.0.set(counts.clone()).is_ok());
    let (sender, receiver) = mpsc::channel(2_048);
    let (_stopper, stop) = watch::channel(stopping);
    for _ in 0..spans {
        sender.try_send(span()).expect("room");
    }
    drop(sender);
    WAITED.take();
    let resource = Resource::builder_empty().build();
    Courier::new((door.clone(), no_time as Sleep), &resource, receiver, stop, tally).run().await;
    let counts = counts.0.lock().expect("no panic");
    (counts.clone(), WAITED.take())
}

#[tokio::test]
async fn spans_leave_in_batches_and_are_counted() {
    let (ends, waited) = carried(&Told::default(), 600, false).await;
    assert_eq!(ends, [(SpanEnd::Sent, 512), (SpanEnd::Sent, 88)]);
    assert_eq!(waited, [LINGER, LINGER]);
}

#[tokio::test]
async fn what_may_be_taken_later_is_tried_three_times_and_as_late_as_is_asked_for() {
    let door = Told::default();
    *door.answers.borrow_mut() = vec![Ok(Vec::new()), refused(true, Some(30)), refused(true, None)];
    let (ends, waited) = carried(&door, 3, false).await;
    assert_eq!((ends, &waited[1..]), (vec![(SpanEnd::Sent, 3)], &[WAITS[0], Duration::from_secs(30)][..]));

    *door.answers.borrow_mut() = vec![refused(true, None), refused(true, Some(3_600)), refused(true, None)];
    let (ends, waited) = carried(&door, 3, false).await;
    assert_eq!((ends, &waited[1..]), (vec![(SpanEnd::Refused, 3)], &[WAITS[0], LONGEST_WAIT][..]));
}

#[tokio::test]
async fn what_will_never_be_taken_is_not_tried_again() {
    let door = Told::default();
    *door.answers.borrow_mut() = vec![refused(false, Some(30))];
    assert_eq!(carried(&door, 3, false).await, (vec![(SpanEnd::Refused, 3)], vec![LINGER]));
    assert_eq!(*door.taken.borrow(), [3]);
}

#[tokio::test]
async fn told_to_stop_it_carries_what_is_left_once_and_waits_for_nothing() {
    let door = Told::default();
    let ends = vec![(SpanEnd::Sent, 512), (SpanEnd::Sent, 88)];
    assert_eq!(carried(&door, 600, true).await, (ends, Vec::new()));
    *door.answers.borrow_mut() = vec![refused(true, Some(60)), refused(true, Some(60))];
    let ends = vec![(SpanEnd::Refused, 512), (SpanEnd::Refused, 88)];
    assert_eq!(carried(&door, 600, true).await, (ends, Vec::new()));
}

#[tokio::test]
async fn spans_that_the_collector_refuses_of_a_batch_are_counted_as_such() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;
    let partial_success = Some(ExportTracePartialSuccess { rejected_spans: 2, error_message: String::new() });
    let door = Told::default();
    *door.answers.borrow_mut() = vec![Ok(ExportTraceServiceResponse { partial_success }.encode_to_vec())];
    assert_eq!(carried(&door, 5, false).await.0, [(SpanEnd::Sent, 3), (SpanEnd::Refused, 2)]);
}
