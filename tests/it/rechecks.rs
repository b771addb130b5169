//! The questions that are put between two scans: before a mail, and for people who wait. They are the job's progress, and no
//! less finished first than those of a scan.

use std::cell::{Cell, RefCell};

use keysweep::app::App;
use keysweep::app::scan::ScanOptions;
use keysweep::demo::clock::VirtualClock;
use keysweep::demo::inbox::Behaviour;
use keysweep::demo::world::{KeyState, Simulated};
use keysweep::domain::time::{Timestamp, hours};
use keysweep::ports::notify::MailMode;
use keysweep::ports::{Clock as _, Progress, Quiet};

use crate::stage::{Ground, HEAD};
use crate::support::hex;

/// One key each, of an owner each.
const OWNERS: usize = 5;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("an instant")
}

/// Keys that are all too old, which were asked two hours ago. Nobody has been told of them.
async fn asked_two_hours_ago() -> (Ground, App<VirtualClock>) {
    let ground = Ground::at(at("2026-12-01T12:00:00Z")).await;
    let (provider, smtp) = (ground.provider.address(Simulated::Kit), ground.inbox.address());
    let text = format!(
        r#"{HEAD}[providers.kit]
pace = "unpaced"
in_flight = 1
dangerous_test_endpoints = {{ rest = "{provider}" }}
[mail]
smtp_url = "smtp://{smtp}?tls=none"
from = "Key hygiene <keys@example.org>"
[policy]
max_age = "90d"
"#
    );
    ground.write("keysweep.toml", &text);
    let mut people = "account_id,member_id,email,role,status,verified\n".to_owned();
    let mut rows = "connection_id,account_id,provider,status,created_at,secret_set_at,secret\n".to_owned();
    for n in 0..OWNERS {
        let (secret, set) = (format!("kit_{}", hex(&format!("key {n}"))), "2026-08-23T12:00:00Z");
        ground.provider.set(Simulated::Kit, None, &secret, KeyState::Live);
        people += &format!("a{n},o{n},owner-{n}@example.org,owner,active,true\n");
        rows += &format!("c{n},a{n},kit,active,{set},{set},{secret}\n");
    }
    ground.write("people.csv", &people);
    ground.write("connections.csv", &rows);
    let app = ground.app().await;
    app.ledger.release_mail_as(app.now(), MailMode::Released).await.expect("a ledger");
    app.scan(ScanOptions { probe: true, notify: false }, &Quiet).await.expect("a scan");
    ground.clock.go_on_to(ground.clock.now() + hours(2));
    (ground, app)
}

/// Writes down in which stage each step forward is made, and tells the work to stop after so many.
struct Watched {
    stage: Cell<&'static str>,
    moved: RefCell<Vec<&'static str>>,
    steps_left: Cell<usize>,
}

impl Watched {
    fn told_to_stop_after(steps: usize) -> Self {
        Self { stage: Cell::new(""), moved: RefCell::default(), steps_left: Cell::new(steps) }
    }

    fn to_the_end() -> Self {
        Self::told_to_stop_after(usize::MAX)
    }

    fn moved_in(&self, stage: &str) -> usize {
        self.moved.borrow().iter().filter(|moved| **moved == stage).count()
    }
}

impl Progress for Watched {
    fn stage(&self, name: &'static str, _: Option<u64>) {
        self.stage.set(name);
    }
    fn advance(&self, _: u64) {
        self.moved.borrow_mut().push(self.stage.get());
        if self.stage.get() == "probe" {
            self.steps_left.set(self.steps_left.get() - 1);
        }
    }
    fn done(&self) {
        self.stage.set("");
    }
    fn stopping(&self) -> bool {
        self.steps_left.get() == 0
    }
}

#[tokio::test]
async fn each_question_before_a_mail_is_progress_of_the_job() {
    let (ground, app) = asked_two_hours_ago().await;
    let watched = Watched::to_the_end();
    let notified = app.mail(&watched).await.expect("a run of mail");
    assert_eq!((notified.sent, ground.inbox.mails().len()), (5, OWNERS));
    assert_eq!(watched.moved_in("probe"), OWNERS, "{:?}", watched.moved);
    assert!(watched.moved_in("steps") > 0, "a page is progress as well: {:?}", watched.moved);
    assert_eq!(watched.moved_in(""), 0, "nothing that the outside sees is outside of a stage: {:?}", watched.moved);
}

#[tokio::test]
async fn told_to_stop_before_a_mail_it_asks_no_further_and_nobody_is_told_of_what_was_not_asked() {
    let (ground, app) = asked_two_hours_ago().await;
    let asked = || ground.provider.requests().iter().filter(|request| request.key.is_some()).count();
    let before = asked();
    let notified = app.mail(&Watched::told_to_stop_after(1)).await.expect("a run of mail");
    assert_eq!(asked(), before + 1, "the question under way, and no other");
    assert_eq!((notified.steps, notified.sent, ground.inbox.mails().len()), (0, 0, 0));
    let notified = app.mail(&Quiet).await.expect("a run of mail");
    assert_eq!((notified.sent, ground.inbox.mails().len()), (5, OWNERS), "each step was still due");
}

#[tokio::test]
async fn a_mail_that_leaves_after_a_re_check_is_not_dropped_in_its_middle() {
    let (ground, app) = asked_two_hours_ago().await;
    ground.inbox.behave(Behaviour::RefuseData("451 not now".to_owned()));
    app.mail(&Quiet).await.expect("a run of mail");
    assert_eq!(ground.inbox.mails().len(), 0);
    ground.inbox.behave(Behaviour::Accept);
    ground.clock.go_on_to(ground.clock.now() + hours(2));
    let watched = Watched::to_the_end();
    app.deliver(&watched).await.expect("a delivery");
    assert_eq!(ground.inbox.mails().len(), OWNERS);
    assert_eq!((watched.moved_in("probe"), watched.moved_in("")), (OWNERS, 0), "{:?}", watched.moved);
    assert!(watched.moved_in("mail") >= OWNERS, "{:?}", watched.moved);
}

#[tokio::test]
async fn a_question_that_somebody_waits_for_is_finished_first_like_one_of_a_scan() {
    let (ground, app) = asked_two_hours_ago().await;
    let mut sqlite = std::process::Command::new("sqlite3");
    sqlite.arg(ground.path("ledger.db")).arg("INSERT INTO awaited SELECT id, id FROM credential");
    assert!(sqlite.status().expect("sqlite3").success());
    let watched = Watched::to_the_end();
    app.answer(&watched).await.expect("answers");
    assert_eq!((watched.moved_in("probe"), watched.moved_in("")), (OWNERS, 0), "{:?}", watched.moved);
}
