//! Months of the daemon in virtual time.

mod fake;

use std::cell::Cell;
use std::time::Duration;

use self::fake::{Asked, START, World};
use super::Exit;
use crate::demo::clock::VirtualTimer;
use crate::domain::time::{Timestamp, days, hours};
use crate::lifecycle::Order;
use crate::ports::activation::Job;
use crate::ports::health::{Phase, Readiness};
use crate::ports::meter::PartName;
use crate::ports::{Clock, Timer};

const MINUTE: Duration = Duration::from_secs(60);
/// The longest wait of an outage, with its jitter.
const LONGEST_SPARING: Duration = Duration::from_secs(375);

const SCAN: Asked = Asked::Ran(Job::Scan);

/// Those of these times that lie in the given span.
fn within(times: &[Timestamp], from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    times.iter().copied().filter(|at| (from..to).contains(at)).collect()
}

#[tokio::test]
async fn each_instant_of_each_schedule_is_served_once_through_a_month() {
    let world = World::new();
    let end = START + days(30) - MINUTE;
    let (exit, board) = world.live_until(end).await;
    assert_eq!(exit, Exit::Stopped);
    let scans = world.times(SCAN);
    let expected: Vec<Timestamp> = (0..30 * 96).map(|quarter| START + MINUTE * 15 * quarter).collect();
    assert_eq!(scans, expected, "a new ledger is scanned at once, then every quarter of an hour");
    assert_eq!(world.times(Asked::Ran(Job::Mail)).len(), 30);
    assert_eq!(world.times(Asked::Ran(Job::Upkeep)).len(), 30);
    let report = board.report();
    assert_eq!(report.phase, Phase::Stopping);
    assert_eq!(report.jobs[&Job::Scan].last_success, scans.last().copied());
    assert_eq!(report.jobs[&Job::Scan].next, Some(START + days(30)));
    assert_eq!(*world.news.borrow(), ["Ready", "Stopping"]);
}

#[tokio::test]
async fn what_was_missed_while_it_was_down_is_made_up_once_at_the_next_start() {
    let world = World::new();
    world.live_until(START + hours(1) + MINUTE).await;
    let back = START + days(3) + MINUTE;
    world.clock.go_on_to(back);
    world.asked.borrow_mut().clear();
    world.live_until(back + MINUTE * 10).await;
    assert_eq!(world.times(SCAN), [back]);
    assert_eq!(world.times(Asked::Ran(Job::Mail)), [back]);
    assert_eq!(world.times(Asked::Ran(Job::Upkeep)), [back]);
}

#[tokio::test]
async fn a_restart_right_after_a_run_runs_nothing_again() {
    let world = World::new();
    world.live_until(START + MINUTE).await;
    assert_eq!(world.times(SCAN).len(), 1);
    world.live_until(START + MINUTE * 10).await;
    assert_eq!(world.times(SCAN).len(), 1);
}

#[tokio::test]
async fn a_clock_that_goes_forward_a_year_is_one_missed_run() {
    let world = World::new();
    world.live_until(START + hours(1) + MINUTE).await;
    world.asked.borrow_mut().clear();
    let jump = START + hours(1) + MINUTE * 5;
    let (clock, jumped) = (world.clock.clone(), Cell::new(false));
    world.order(START + days(365) + MINUTE * 10, Order::Stop);
    let timer = Jumping { inner: VirtualTimer(clock.clone()), at: jump, to: START + days(365), jumped };
    world.live(timer).await;
    assert_eq!(world.times(SCAN).len(), 1, "{:?}", world.asked.borrow());
    assert_eq!(world.times(Asked::Ran(Job::Mail)).len(), 1);
}

#[tokio::test]
async fn a_clock_that_goes_back_serves_nothing_twice_and_does_not_wait_for_its_return() {
    for by in [hours(1), days(365)] {
        let world = World::new();
        let jump = START + hours(6) + MINUTE;
        let timer =
            Jumping { inner: VirtualTimer(world.clock.clone()), at: jump, to: jump - by, jumped: Cell::new(false) };
        let runs_before = 1 + 6 * 4 + 1; // scans, and the mail of nine o'clock
        world.runs_left.set(runs_before + 8);
        let (_, board) = world.live(timer).await;
        let scans = world.times(SCAN);
        let again = &scans[runs_before - 1..];
        let wait = again[0].since(jump - by);
        assert!(wait <= MINUTE * 75, "{by:?}: it waited {wait:?}");
        assert!(again.windows(2).all(|pair| pair[0] < pair[1]), "{again:?}");
        if by == hours(1) {
            assert!(again[0] > jump - MINUTE, "an instant that was served is not served again: {again:?}");
        }
        assert_eq!(World::trouble(&board, PartName::Clock), None, "a run that ended well ends the word of it");
    }
}

#[tokio::test]
async fn what_falls_due_after_the_clock_went_back_survives_a_restart() {
    let world = World::new();
    let jump = START + hours(6) + MINUTE; // the mails of nine o'clock went out
    let (clock, to) = (world.clock.clone(), jump - days(365));
    let timer = Jumping { inner: VirtualTimer(clock.clone()), at: jump, to, jumped: Cell::new(false) };
    world.runs_left.set(1 + 6 * 4 + 1 + 2);
    world.live(timer).await;
    world.asked.borrow_mut().clear();
    world.runs_left.set(usize::MAX);
    let back = to + hours(24);
    world.clock.go_on_to(back);
    world.live_until(back + MINUTE * 5).await;
    assert_eq!(world.times(Asked::Ran(Job::Mail)), [back], "nine o'clock passed while it was down");
}

/// Waits like a virtual timer; once its time has come somebody sets the clock.
struct Jumping {
    inner: VirtualTimer,
    at: Timestamp,
    to: Timestamp,
    jumped: Cell<bool>,
}

impl Timer for Jumping {
    async fn sleep(&self, span: Duration) {
        self.inner.sleep(span).await;
        if !self.jumped.get() && self.inner.0.now() >= self.at {
            self.jumped.set(true);
            self.inner.0.jump_to(self.to);
        }
    }
}

#[tokio::test]
async fn without_its_ledger_it_stays_up_tries_less_and_less_often_and_catches_up_at_once() {
    let world = World::new();
    let (gone, back) = (START + hours(1), START + hours(5));
    *world.no_ledger.borrow_mut() = gone..back;
    let (exit, board) = world.live_until(START + hours(6)).await;
    assert_eq!(exit, Exit::Stopped);
    assert_eq!(within(&world.times(SCAN), gone, back), [], "a run needs the ledger to begin");
    let tries = within(&world.times(Asked::Touched), gone, back);
    assert!((40..70).contains(&tries.len()), "1, 2, 4 ... 300 seconds: {}", tries.len());
    let first = within(&world.times(SCAN), back, START + hours(6))[0];
    assert!(first.since(back) <= LONGEST_SPARING, "{first}");
    assert_eq!(within(&world.times(Asked::Ran(Job::Mail)), back, START + hours(6)).len(), 1, "09:00 is made up");
    assert_eq!(World::trouble(&board, PartName::Ledger), None);
}

#[tokio::test]
async fn a_ledger_that_fails_is_no_longer_ready_and_says_why() {
    let world = World::new();
    *world.no_ledger.borrow_mut() = START + hours(1)..START + hours(5);
    let (_, board) = world.live_until(START + hours(2)).await;
    let seen = board.report().parts[&PartName::Ledger].clone();
    assert_eq!(seen.since, START + hours(1));
    assert!(board.report().not_ready().iter().any(|why| why.contains("somebody holds it")));
}

#[tokio::test]
async fn mails_that_wait_are_tried_when_they_are_due_and_not_only_at_the_next_mail_schedule() {
    let world = World::new();
    let due = START + hours(3) + MINUTE * 7;
    world.mails.set(Some(due));
    world.live_until(START + hours(5)).await;
    let times = world.times(Asked::Delivered);
    assert_eq!(times.len(), 1);
    assert!(times[0] >= due && times[0].since(due) <= MINUTE, "{times:?}");
}

#[tokio::test]
async fn whoever_waits_for_an_answer_at_a_start_is_answered_before_anything_else() {
    let world = World::new();
    world.waiting.set(1);
    world.live_until(START + MINUTE).await;
    assert_eq!(world.asked.borrow().first(), Some(&(START, Asked::Answered)), "the bell of the process that died");
    assert_eq!(world.waiting.get(), 0);
}

#[tokio::test]
async fn whoever_waits_is_asked_for_again_once_the_ledger_is_back() {
    let world = World::new();
    let (gone, back) = (START + MINUTE, START + hours(2));
    *world.no_ledger.borrow_mut() = gone..back;
    world.answered_at_once.set(0);
    world.waiting.set(1);
    world.live_until(gone).await;
    world.answered_at_once.set(1);
    world.live_until(back + MINUTE * 10).await;
    let last = *world.times(Asked::Answered).last().unwrap();
    assert!(last >= back && last.since(back) <= LONGEST_SPARING, "{last}");
    assert_eq!(world.waiting.get(), 0);
}

#[tokio::test]
async fn those_who_are_left_over_are_asked_for_again_without_a_ring_and_keep_no_job_waiting() {
    let world = World::new();
    world.waiting.set(4);
    world.answered_at_once.set(1);
    world.live_until(START + hours(1)).await;
    let asked = world.times(Asked::Answered);
    assert_eq!((asked.len(), world.waiting.get()), (4, 0), "{asked:?}");
    assert!(asked[3].since(START) <= MINUTE, "{asked:?}");

    let in_vain = World::new();
    in_vain.waiting.set(1);
    in_vain.answered_at_once.set(0);
    in_vain.live_until(START + hours(6)).await;
    let asked = in_vain.times(Asked::Answered).len();
    assert!((60..100).contains(&asked), "less and less often: {asked}");
    assert_eq!(in_vain.times(SCAN).len(), 25 - 1, "scans go on meanwhile");
}

#[tokio::test]
async fn a_mail_server_that_is_down_is_spared_more_and_more_and_its_mails_go_once_it_is_back() {
    let world = World::new();
    let (gone, back) = (START + hours(2), START + hours(8));
    *world.no_smtp.borrow_mut() = gone..back;
    world.mails.set(Some(gone));
    let (_, board) = world.live_until(START + hours(9)).await;
    let tries = world.times(Asked::Delivered);
    let in_vain = within(&tries, gone, back).len();
    assert!((60..100).contains(&in_vain), "{in_vain}");
    let last = *tries.last().unwrap();
    assert!(last >= back && last.since(back) <= LONGEST_SPARING, "{last}");
    assert_eq!(within(&world.times(SCAN), gone, back).len(), 24, "scans go on meanwhile");
    assert_eq!(World::trouble(&board, PartName::Smtp), None);
}

#[tokio::test]
async fn a_source_that_is_down_is_tried_again_before_its_next_instant() {
    let world = World::new();
    world.config.replace("0 */6 * * *".to_owned());
    let (gone, back) = (START + hours(4), START + hours(4) + MINUTE * 5);
    *world.no_inventory.borrow_mut() = gone..back;
    let (_, board) = world.live_until(START + hours(6)).await;
    let scans = within(&world.times(SCAN), gone, START + hours(6));
    assert_eq!(scans.len(), 4, "at 12:00, then after 1, 2 and 4 minutes: {scans:?}");
    assert!(scans[3].since(back) <= MINUTE * 3, "{scans:?}");
    assert_eq!(World::trouble(&board, PartName::Inventory), None);
}

#[tokio::test]
async fn a_broken_configuration_is_refused_and_the_last_good_one_stays() {
    let world = World::new();
    let at = START + hours(1) + MINUTE;
    world.next_config.set(Some("every now and then".to_owned()));
    world.order(at, Order::Reload);
    let (_, board) = world.live_until(START + hours(3)).await;
    let config = board.report().config.unwrap();
    assert!(!config.is_up() && config.since >= at, "{config:?}");
    assert_eq!(within(&world.times(SCAN), at, START + hours(3)).len(), 7, "every quarter of an hour, as before");
    assert!(board.report().not_ready().len() == 1, "it is stopping, and that is all");
}

#[tokio::test]
async fn a_good_configuration_comes_into_force_without_a_restart() {
    let world = World::new();
    let at = START + hours(1) + MINUTE;
    world.next_config.set(Some("*/30 * * * *".to_owned()));
    world.order(at, Order::Reload);
    let (_, board) = world.live_until(START + hours(3)).await;
    assert!(board.report().config.unwrap().is_up());
    let after = within(&world.times(SCAN), at + MINUTE, START + hours(3));
    assert_eq!(after, [3, 4, 5].map(|half| START + MINUTE * 30 * half), "every half hour from then on");
    assert!(world.news.borrow().windows(2).any(|news| news == ["Reloading", "Ready"]));
}

/// Time that does not pass.
struct Still;

impl Timer for Still {
    async fn sleep(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn told_to_stop_in_a_stage_that_nobody_outside_has_seen_it_drops_the_work_and_gives_it_back() {
    let world = World::new();
    world.hang_in.set(Some("judge"));
    world.order(START, Order::Stop);
    let (exit, _) = world.live(Still).await;
    assert_eq!(exit, Exit::Stopped);
    assert_eq!(world.times(Asked::GaveBack).len(), world.times(SCAN).len());
}

#[tokio::test]
async fn told_to_stop_while_the_estate_is_counted_it_does_not_wait_for_that() {
    let world = World::new();
    world.counts_for_ever.set(true);
    let life = world.live(Still);
    let orders = async {
        while world.shown.borrow().is_empty() {
            tokio::task::yield_now().await;
        }
        world.order(START, Order::Stop);
    };
    let ((exit, _), ()) = futures::join!(life, orders);
    assert_eq!(exit, Exit::Stopped);
}

#[tokio::test]
async fn told_twice_it_ends_at_once() {
    let world = World::new();
    world.hang_in.set(Some("mail"));
    let life = world.live(Still);
    let orders = async {
        while !world.running.get() {
            tokio::task::yield_now().await;
        }
        world.order(START, Order::Stop);
        world.order(START, Order::Stop);
    };
    let ((exit, _), ()) = futures::join!(life, orders);
    assert_eq!(exit, Exit::Aborted);
    assert_eq!(world.times(Asked::GaveBack), []);
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_dropped_and_given_back() {
    let world = World::new();
    world.hang_in.set(Some("mail"));
    let life = world.live(VirtualTimer(world.clock.clone()));
    let orders = async {
        while !world.running.get() {
            tokio::task::yield_now().await;
        }
        world.order(START, Order::Stop);
    };
    let ((exit, _), ()) = futures::join!(life, orders);
    assert_eq!(exit, Exit::Stopped);
    assert_eq!(world.times(Asked::GaveBack), [START + Duration::from_secs(25)]);
}

#[tokio::test]
async fn a_job_that_stands_still_for_two_hours_lets_the_watchdog_run_out() {
    let world = World::new();
    world.hang_in.set(Some("judge"));
    world.watchdog.set(Some(MINUTE * 20));
    let life = world.live(Still);
    let order = async {
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        world.order(START, Order::Stop);
    };
    futures::join!(life, order);
    let alive = world.news.borrow().iter().filter(|news| *news == "Alive").count();
    // The first beat has seen it enter the stage; five more, and the sixth is two hours after that.
    assert_eq!(alive, 6);
}

#[tokio::test]
async fn that_a_job_is_under_way_is_told_when_it_begins_and_when_it_ends() {
    let world = World::new();
    world.live_until(START + MINUTE).await;
    let scans = world.told.borrow().iter().filter(|(job, _)| *job == Job::Scan).map(|(_, since)| *since).collect();
    let scans: Vec<Option<Timestamp>> = scans;
    let runs = world.times(SCAN);
    let at = scans.iter().position(Option::is_some).expect("a scan under way");
    assert_eq!(scans[at..at + 2], [Some(runs[0]), None]);
}

#[tokio::test]
async fn what_leaves_between_jobs_is_shown_soon_and_at_most_once_a_minute() {
    let world = World::new();
    world.config.replace("0 */6 * * *".to_owned());
    world.mails.set(Some(START + hours(2)));
    world.live_until(START + hours(3)).await;
    let quiet = within(&world.shown.borrow(), START + MINUTE, START + hours(3));
    assert_eq!(quiet.len(), 2, "after the mails of nine o'clock and the one that waited: {quiet:?}");
    assert!(quiet[1].since(START + hours(2)) <= MINUTE, "{quiet:?}");

    let busy = World::new();
    busy.config.replace("0 */6 * * *".to_owned());
    busy.mails.set(Some(START + hours(2)));
    busy.mails_every.set(Some(Duration::from_secs(2)));
    busy.live_until(START + hours(3)).await;
    let tried = within(&busy.times(Asked::Delivered), START + hours(2), START + hours(3)).len();
    let shown = within(&busy.shown.borrow(), START + hours(2), START + hours(3)).len();
    assert!(tried > 1_000 && (58..=61).contains(&shown), "{tried} deliveries, shown {shown} times");
}
