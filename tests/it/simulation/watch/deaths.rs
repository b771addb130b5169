//! Deaths and destroyed copies, held against what is really so.

use std::collections::HashSet;
use std::time::Duration;

use keysweep::domain::belief::Liveness;
use keysweep::domain::blindness::{ACCOUNTS, CREDENTIALS};
use keysweep::domain::catalogue::Provider;
use keysweep::domain::ids::ProviderName;
use keysweep::domain::time::{days, hours};

use super::Watch;
use crate::simulation::answers::{Gave, Heard};
use crate::simulation::stage::Stage;
use crate::simulation::world::{MARK, Standing, World};

/// After so long a blind provider is believed again (DESIGN.md 4).
const BLIND_AT_MOST: Duration = hours(48);
/// And for so long bulk refusals are then believed (decision 9).
const TRUSTED_FOR: Duration = days(7);

impl Watch {
    /// Never dead while the provider lets the key in, but for the limits that are documented.
    pub(super) fn death_is_true(&mut self, stage: &Stage, key: usize, heard: &[Heard]) {
        let world = stage.world.borrow();
        stage.tally.borrow_mut().checked.add("deaths");
        if world.keys[key].misread {
            let what = format!("key {key} was proven dead by a column that is mapped wrongly");
            drop(world);
            self.tell(stage, &what);
            return;
        }
        let refusals = || heard.iter().filter(|heard| heard.gave == Gave::Refused);
        if refusals().any(|heard| heard.really_refused) {
            return;
        }
        let bulk = refusals().filter_map(|heard| heard.bulk).min();
        let limit = match bulk {
            Some(since) if world.now.since(since) >= BLIND_AT_MOST => Some("bulk refusals for more than 48 hours"),
            Some(since) if world.now.since(since) < stage.liveness_policy(&world.keys[key].provider).confirm_gap => {
                Some("refused before, and once more as bulk refusals began")
            }
            Some(_) if self.is_trusted(&world, &world.keys[key].provider) => {
                Some("bulk refusals within a week of those that were believed")
            }
            Some(_) if self.heard_too_little(&world, &world.keys[key].provider) => {
                Some("refused twice before blindness could be told")
            }
            _ => None,
        };
        if let Some(limit) = limit {
            stage.tally.borrow_mut().limits.add(limit);
            self.died_by_a_limit.insert(key);
            return;
        }
        let provider = &world.keys[key].provider;
        let others = stage.heard.borrow();
        let others: Vec<_> = others.iter().filter(|heard| world.keys[heard.key].provider == *provider).collect();
        let what =
            format!("key {key} is dead to keysweep, and {:?}; heard {heard:?} among {others:?}", world.keys[key]);
        drop(world);
        self.tell(stage, &what.replace(MARK, "…"));
    }

    /// Whoever is outlived by a newer secret of the same key is let in nowhere any more, asked or not.
    pub(super) fn is_over(&self, stage: &Stage, key: usize) -> bool {
        let world = stage.world.borrow();
        stage.tally.borrow_mut().checked.add("deaths by a newer secret");
        !world.keys[key].is_accepted(world.now)
    }

    /// Whether bulk refusals of this provider outlasted blindness less than a week ago: those that follow are believed too.
    fn is_trusted(&self, world: &World, provider: &ProviderName) -> bool {
        self.trusted.get(provider).is_some_and(|since| world.now.since(*since) <= TRUSTED_FOR)
    }

    /// Whether fewer living keys, or keys of fewer customers, were refused since the bulk refusals began than blindness is told
    /// by. Then two proper refusals a gap apart, with an acceptance in between, are all that there is to know.
    fn heard_too_little(&self, world: &World, provider: &ProviderName) -> bool {
        let keys = self.bulk.get(provider).cloned().unwrap_or_default();
        let of_keys = world.spans.iter().filter(|span| keys.contains(&span.key));
        let accounts: HashSet<usize> = of_keys.map(|span| span.account).collect();
        keys.len() < CREDENTIALS || accounts.len() < ACCOUNTS
    }

    /// A copy is destroyed when the key has really been dead for the settling time, or unused for the time of retention,
    /// whatever our clock says meanwhile.
    pub(super) fn may_be_destroyed(&self, stage: &Stage, key: usize, was: Liveness) -> bool {
        let world = stage.world.borrow();
        let policy = stage.liveness_policy(&world.keys[key].provider);
        let ends = world.spans.iter().filter(|span| span.key == key).map(|span| span.ended);
        // The last instant of its use; `None` while there is one.
        let unused = ends.collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max());
        let retained = unused.is_some_and(|end| world.now.since(end) >= policy.retention);
        retained || (was == Liveness::Dead && self.is_settled(stage, &world, key))
    }

    /// A copy's retention may end while its key is settling (DESIGN.md 4): a key that was suspended is then let in again one
    /// day, and there is nothing left to ask with.
    pub(super) fn note_an_early_end(&mut self, stage: &Stage, key: usize) {
        let world = stage.world.borrow();
        if world.keys[key].standing == Standing::Suspended && !self.is_settled(stage, &world, key) {
            stage.tally.borrow_mut().limits.add("retention that ended while a suspended key settled");
            self.died_by_a_limit.insert(key);
        }
    }

    /// Whether the key has really been dead for the settling time.
    fn is_settled(&self, stage: &Stage, world: &World, key: usize) -> bool {
        let settle = stage.catalogue.get(&world.keys[key].provider).and_then(Provider::settle).unwrap_or(hours(24));
        self.died.get(&key).is_some_and(|died| world.now.since(*died) >= settle)
    }

    /// Notes which keys that had been let in before are refused by a provider that refuses everybody.
    pub(super) fn note_bulk(&mut self, stage: &Stage) {
        let (world, weather) = (stage.world.borrow(), stage.weather.borrow());
        self.bulk.retain(|provider, _| weather.bulk.contains_key(provider));
        let heard = stage.heard.borrow();
        let was_let_in = |key: usize| self.gave.get(&key) == Some(&Gave::Let);
        for heard in heard.iter().filter(|heard| heard.bulk.is_some() && was_let_in(heard.key)) {
            self.bulk.entry(world.keys[heard.key].provider.clone()).or_default().insert(heard.key);
        }
    }
}
