//! An endpoint that takes nothing, in virtual time: what it asks for is gone by, what waits too long is left, and nothing
//! overtakes.

use std::cell::RefCell;
use std::time::Duration;

use keysweep::demo::clock::VirtualClock;
use keysweep::domain::announce::{Form, Formed};
use keysweep::domain::time::{Timestamp, days, hours};
use keysweep::ledger::Ledger;
use keysweep::notify::{AnnounceTools, Announced, Backoff, announce};
use keysweep::ports::announce::{AnnounceLedger as _, Courier, Endpoint, NotTaken, Waiting};
use keysweep::ports::meter::Unmetered;
use keysweep::ports::{Clock as _, Event, Quiet};
use serde_json::Map;

const START: Timestamp = Timestamp::from_secs(1_790_000_000);
/// Our own wait between two tries.
const WAIT: Duration = Duration::from_secs(60);

/// An endpoint that says what it is told to, and what it was handed when.
struct Moody {
    asks_for: Option<Duration>,
    takes: bool,
    handed: RefCell<Vec<(Timestamp, String)>>,
}

impl Moody {
    fn busy(asks_for: Option<Duration>) -> Self {
        Self { asks_for, takes: false, handed: RefCell::default() }
    }

    /// When it was tried, since the beginning.
    fn tried_at(&self) -> Vec<Duration> {
        self.handed.borrow().iter().map(|(at, _)| at.since(START)).collect()
    }
}

impl Courier for Moody {
    async fn carry(&self, _: &str, message: &Waiting, now: Timestamp) -> Result<(), NotTaken> {
        self.handed.borrow_mut().push((now, message.message_id.clone()));
        let busy = || NotTaken { why: "it answered 503".to_owned(), pause: self.asks_for };
        if self.takes { Ok(()) } else { Err(busy()) }
    }
}

/// A ledger with so many messages for an endpoint, and the clock.
struct Scene {
    ledger: Ledger,
    clock: VirtualClock,
    endpoint: Endpoint,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn set(messages: usize, give_up_after: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
        let ledger = Ledger::open(&url).await.expect("a new ledger");
        let end = ledger.told_up_to("siem").await.expect("a ledger");
        let formed = |number| Formed { message_id: format!("msg_{number}"), body: "{}".to_owned(), events: 1 };
        let formed: Vec<Formed> = (0..messages).map(formed).collect();
        ledger.plan_messages(START, "siem", end, &formed).await.expect("a ledger");
        let endpoint = Endpoint { name: "siem".to_owned(), form: Form::Standard, give_up_after };
        Self { ledger, clock: VirtualClock::starting_at(START), endpoint, _folder: folder }
    }

    async fn pass(&self, courier: &Moody) -> Announced {
        let retry = Backoff { waits: vec![WAIT], jitter: 0, seed: 0 };
        let tools = AnnounceTools {
            ledger: &self.ledger,
            courier,
            clock: &self.clock,
            progress: &Quiet,
            meter: &Unmetered,
            ledger_id: "test",
            retry: &retry,
        };
        announce(&tools, std::slice::from_ref(&self.endpoint)).await.expect("a ledger")
    }

    /// One pass after the other, whenever something is due, until then or until nothing waits.
    async fn play(&self, courier: &Moody, until: Timestamp) -> Announced {
        let mut sum = Announced::default();
        while let Some(due) = self.ledger.next_message_at(&["siem"]).await.expect("a ledger")
            && due.max(self.clock.now()) <= until
        {
            self.clock.go_on_to(due);
            let one = self.pass(courier).await;
            sum = Announced {
                sent: sum.sent + one.sent,
                failed: sum.failed + one.failed,
                given_up: sum.given_up + one.given_up,
            };
        }
        sum
    }

    async fn logged(&self) -> Vec<String> {
        let log = self.ledger.events(0, 1_000).await.expect("a ledger");
        log.into_iter().filter(|event| event.kind == "webhook.given_up").map(|event| event.subject).collect()
    }
}

#[tokio::test]
async fn a_busy_endpoint_is_left_alone_for_as_long_as_it_asks_and_no_longer_than_a_day() {
    for (asks_for, expected) in [
        (None, vec![0, 60, 120]),
        (Some(hours(1)), vec![0, 3_600, 7_200]),
        (Some(Duration::from_secs(5)), vec![0, 60, 120]), // never sooner than by our own waits
        (Some(days(400)), vec![0, 86_400, 172_800]),
    ] {
        let scene = Scene::set(1, days(30)).await;
        let courier = Moody::busy(asks_for);
        for _ in &expected {
            let due = scene.ledger.next_message_at(&["siem"]).await.expect("a ledger").expect("it waits");
            scene.clock.go_on_to(due);
            scene.pass(&courier).await;
        }
        let tried: Vec<u64> = courier.tried_at().iter().map(Duration::as_secs).collect();
        assert_eq!(tried, expected, "{asks_for:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_named_again_is_told_nothing_of_what_was_before() {
    let scene = Scene::set(2, days(3)).await;
    let ledger = &scene.ledger;
    let happens = |name: &'static str| async move {
        let event = Event { at: START, kind: "source.down", subject: format!("source:{name}"), data: Map::new() };
        assert!(ledger.note_trouble(&format!("source.{name}"), true, event).await.expect("a ledger"));
    };
    ledger.know_endpoints(START, &["siem"]).await.expect("a ledger");
    assert!(ledger.next_message("siem").await.expect("a ledger").is_some(), "nothing is lost by being named");
    happens("main").await;
    ledger.know_endpoints(START, &["other"]).await.expect("a ledger");
    assert_eq!(ledger.next_message("siem").await.expect("a ledger"), None, "what waited is left");
    assert_eq!(scene.logged().await, ["webhook:siem"], "and the log says so, once for all of it");
    happens("second").await;
    ledger.know_endpoints(START, &["other", "siem"]).await.expect("a ledger");
    let courier = Moody { takes: true, ..Moody::busy(None) };
    assert_eq!(scene.pass(&courier).await, Announced::default());
    happens("third").await;
    let sum = scene.pass(&courier).await;
    assert_eq!((sum.sent, courier.tried_at().len()), (1, 1), "what happens from here on is told");
}

#[tokio::test]
async fn what_is_not_taken_for_as_long_as_the_settings_say_is_left_counted_and_logged_and_the_next_goes() {
    for give_up_after in [hours(2), days(3)] {
        let scene = Scene::set(2, give_up_after).await;
        let mut courier = Moody::busy(Some(hours(5)));
        // It asks for longer than there is: the last try is when the time is over, not after it.
        let sum = scene.play(&courier, START + give_up_after).await;
        assert_eq!(courier.tried_at().last().copied(), Some(give_up_after));
        assert_eq!((sum.sent, sum.given_up), (0, 2), "both were formed at the same time");
        assert_eq!(scene.logged().await, ["webhook:siem", "webhook:siem"]);
        let first: Vec<String> = courier.handed.borrow().iter().map(|(_, id)| id.clone()).collect();
        assert!(first.is_sorted() && first.last().is_some_and(|id| id == "msg_1"), "nothing overtakes: {first:?}");
        courier.takes = true;
        assert_eq!(scene.pass(&courier).await, Announced::default(), "what was left is not sent after all");
    }
}

#[tokio::test]
async fn a_pass_meets_an_endpoint_that_does_not_answer_once_however_much_is_overdue() {
    let scene = Scene::set(3, hours(2)).await;
    let courier = Moody::busy(None);
    for number in 1..=3 {
        scene.clock.go_on_to(START + hours(3));
        let sum = scene.pass(&courier).await;
        assert_eq!((sum.failed, sum.given_up, courier.tried_at().len()), (0, 1, number));
    }
}

#[tokio::test]
async fn an_endpoint_that_is_well_again_in_time_loses_nothing() {
    let scene = Scene::set(3, hours(2)).await;
    let mut courier = Moody::busy(None);
    let before = scene.play(&courier, START + hours(2) - WAIT - WAIT).await;
    assert_eq!((before.sent, before.given_up), (0, 0));
    courier.takes = true;
    let after = scene.play(&courier, START + hours(2)).await;
    assert_eq!((after.sent, after.given_up), (3, 0));
}
