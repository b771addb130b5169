//! Plays: one seed from its first scan to the calm at its end, and many side by side.

use std::sync::Mutex;
use std::thread;

use keysweep::domain::time::{Timestamp, days, hours};
use keysweep::escrow::Escrow;
use keysweep::ledger::Ledger;

use super::dice::Dice;
use super::stage::{START, Scanned, Stage, unlock};
use super::tally::Tally;
use super::watch::Watch;
use super::{Guard, Plan, SETTING};
use crate::kill::process::{Life, Side};

/// How long it stays calm in the end, so that whatever waits can come to its end.
const CALM_DAYS: u64 = 16;
/// Writes of a scan; a death at a later one is none.
const WRITES: u64 = 40;

/// More broken promises than these are not told of one seed.
const ENOUGH: usize = 8;

/// What came of some plays.
#[derive(Debug, Default)]
pub struct Played {
    /// what was covered
    pub tally: Tally,
    /// what was broken, with what reproduces it
    pub broken: Vec<String>,
}

/// Plays all of these, as many at once as the machine has processors.
pub fn play_all(plans: &[Plan]) -> Played {
    let width = thread::available_parallelism().map_or(1, usize::from);
    let (next, played) = (Mutex::new(plans.iter()), Mutex::new(Played::default()));
    thread::scope(|scope| {
        for _ in 0..width.min(plans.len()) {
            scope.spawn(|| {
                loop {
                    let Some(plan) = next.lock().expect("nobody died here").next() else { return };
                    let one = play(*plan);
                    let mut all = played.lock().expect("nobody died here");
                    all.tally += one.tally;
                    all.broken.extend(one.broken);
                }
            });
        }
    });
    played.into_inner().expect("nobody died here")
}

/// Plays one seed.
fn play(plan: Plan) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut run = Run::begin(plan).await;
        let end = START + days(plan.days);
        while run.now() < end && !run.has_enough() {
            run.step().await;
        }
        run.calm_down().await;
        run.end().await
    })
}

/// A play under way.
struct Run {
    stage: Stage,
    /// there is none only while a scan holds it
    ledger: Option<Ledger>,
    vault: Escrow,
    watch: Watch,
    dice: Dice,
}

impl Run {
    async fn begin(plan: Plan) -> Self {
        let (stage, ledger) = Stage::set(plan).await;
        let vault = unlock(&ledger).await;
        Self { stage, ledger: Some(ledger), vault, watch: Watch::default(), dice: Dice::of(&[plan.seed, 5]) }
    }

    fn now(&self) -> Timestamp {
        self.stage.world.borrow().now
    }

    /// A few broken promises are enough to tell; of a guard that was broken on purpose, one.
    fn has_enough(&self) -> bool {
        let enough = if self.stage.plan.guard == Guard::AllKept { ENOUGH } else { 1 };
        self.watch.broken.len() >= enough
    }

    /// Time goes by, things happen, and then there is a scan, if keysweep lives.
    async fn step(&mut self) {
        let (least, most) = self.stage.plan.steps;
        let before = self.now();
        let wait = self.dice.span(least, most);
        let pause = self.stage.weather.borrow_mut().pause(wait);
        self.stage.world.borrow_mut().live_until(before + wait + pause.unwrap_or_default());
        let (began, moved) = {
            let world = self.stage.world.borrow();
            self.stage.weather.borrow_mut().change(&world, before, |key| self.watch.is_at_peace(key))
        };
        {
            let mut tally = self.stage.tally.borrow_mut();
            began.iter().for_each(|word| tally.faults.add(word));
            if pause.is_some() {
                tally.faults.add("keysweep away");
            }
        }
        if moved || pause.is_some() {
            self.watch.disturb_all(self.now());
        }
        let deaths = self.stage.weather.borrow().troubles.deaths;
        let life = if self.dice.per_mille(deaths) {
            let side = *self.dice.pick(&[Side::Before, Side::After]);
            Life::until(1 + u32::try_from(self.dice.below(WRITES)).unwrap_or(0), side)
        } else {
            Life::long()
        };
        self.scan(&life, before).await;
    }

    async fn scan(&mut self, life: &Life, before: Timestamp) {
        let Some(ledger) = self.ledger.take() else { return };
        let (ledger, scanned) = self.stage.scan(ledger, &self.vault, life).await;
        let ledger = self.after_death(ledger, life).await;
        self.watch.look(&self.stage, &ledger, &self.vault, &scanned).await;
        self.count(&scanned, before);
        self.ledger = Some(ledger);
    }

    /// A dead process is followed by another, which opens the ledger anew; that takes a while, so not every time.
    async fn after_death(&mut self, ledger: Ledger, life: &Life) -> Ledger {
        let Some(call) = life.died_in() else { return ledger };
        self.stage.tally.borrow_mut().faults.add(&format!("death in {call}"));
        if !self.dice.per_mille(250) {
            return ledger;
        }
        ledger.close().await;
        let ledger = self.stage.open().await;
        self.vault = unlock(&ledger).await;
        ledger
    }

    fn count(&self, _: &Scanned, before: Timestamp) {
        let mut tally = self.stage.tally.borrow_mut();
        tally.scans += 1;
        tally.credential_seconds += self.watch.known() * self.now().since(before).as_secs();
    }

    /// Nothing goes wrong any more and nobody acts: whatever waits comes to its end.
    async fn calm_down(&mut self) {
        self.stage.weather.borrow_mut().clear();
        self.stage.is_calm.set(true);
        self.watch.disturb_all(self.now());
        for _ in 0..CALM_DAYS * 2 {
            if self.has_enough() {
                return;
            }
            let before = self.now();
            self.stage.world.borrow_mut().rest_until(before + hours(12));
            self.scan(&Life::long(), before).await;
        }
        if let Some(ledger) = &self.ledger {
            self.watch.nothing_is_left_to_say(&self.stage, ledger).await;
        }
    }

    async fn end(self) -> Played {
        let Self { stage, ledger, watch, .. } = self;
        if let Some(ledger) = ledger {
            ledger.close().await;
        }
        let mut tally = stage.tally.take();
        tally.seeds.push(stage.plan.seed);
        tally.days = stage.world.borrow().now.since(START).as_secs() / 86_400;
        tally.credentials = watch.known();
        let Plan { name, seed, .. } = stage.plan;
        let again = format!("again: {SETTING}={name}:{seed} cargo nextest run simulation::");
        let told = |what: &String| format!("{name} {seed}, {what}\n  {again}");
        Played { tally, broken: watch.broken.iter().map(told).collect() }
    }
}
