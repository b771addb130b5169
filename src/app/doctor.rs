//! `doctor`: looks at everything that keysweep depends on, and says which setting is at fault and what to do next.
//!
//! Nothing is written, no credential is opened, no mail is begun. Each look has its time; looks that don't need each
//! other are taken together. [`preflight`] is the part of it without which `run` doesn't start.

mod bounces;
mod check;
mod clock;
mod config;
mod events;
mod ledger;
mod network;
mod policy;
mod schedules;
mod sources;
#[cfg(test)]
mod tests;
mod traces;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{LocalBoxFuture, join_all};
use tokio::time::timeout;

pub use self::check::{Check, Part, State, Verdict};
use self::config::Prepared;
use crate::config::{ConfigProblems, Env, Settings, Warning};
use crate::domain::ids::ProviderName;
use crate::domain::time::{Timestamp, words};
use crate::ports::Progress;
use crate::providers::Catalogue;
use crate::providers::reach::doors;

/// How long `run` waits for each of its looks before it starts: a local disk answers in no time.
const PREFLIGHT_LIMIT: Duration = Duration::from_secs(20);

/// Everything that a doctor goes by.
#[derive(Clone, Copy, Debug)]
pub struct Doctor<'a> {
    /// the settings in force
    pub settings: &'a Settings,
    /// what loading them had to say
    pub warnings: &'a [Warning],
    /// where they come from, for people
    pub place: &'a str,
    /// what is known of providers
    pub catalogue: &'a Catalogue,
    /// the whole environment
    pub env: &'a Env,
    /// the present instant
    pub now: Timestamp,
    /// how long each look may take
    pub limit: Duration,
}

/// What a look brought: checks, and what bears on other looks' checks.
#[derive(Debug, Default)]
struct Seen {
    checks: Vec<Check>,
    /// the providers of the rows that were read
    used: BTreeSet<String>,
    /// another process holds the ledger
    held: bool,
}

impl Doctor<'_> {
    /// Looks at everything. `progress` hears of each look that is over.
    pub async fn examine(&self, progress: &impl Progress) -> Vec<Check> {
        let prepared = config::prepare(self);
        let looks = self.looks(&prepared);
        progress.stage("doctor", None);
        let looks = looks.into_iter().map(|look| look.inspect(|_| progress.advance(1)));
        let seen = join_all(looks).await;
        let used: BTreeSet<String> = seen.iter().flat_map(|seen| seen.used.iter().cloned()).collect();
        let providers = self.providers(&used).into_iter().map(|look| look.inspect(|_| progress.advance(1)));
        let reached = join_all(providers).await;
        progress.done();
        let mut checks = prepared.checks;
        checks.extend(bounces::check(self.settings));
        checks.extend(schedules::check(self.settings, self.now));
        let http = &self.settings.http;
        for (setting, address, off) in [
            ("http.listen", http.listen, "off: neither health nor metrics nor the page are to be had"),
            ("http.public_listen", http.public_listen, "off: mails have no links"),
        ] {
            checks.push(network::listener(setting, address, off));
        }
        checks.extend(reached);
        let mut held = false;
        for look in seen {
            checks.extend(look.checks);
            held |= look.held;
        }
        check::excuse_unused(&mut checks, &used);
        check::excuse_running(&mut checks, held);
        checks.sort_by_key(|check| check.part);
        checks
    }

    fn looks<'s>(&'s self, prepared: &'s Prepared) -> Vec<LocalBoxFuture<'s, Seen>> {
        let mut looks: Vec<LocalBoxFuture<'s, Seen>> = Vec::new();
        looks.push(Box::pin(self.ledger(prepared)));
        looks.push(Box::pin(policy::look(self.settings, self.now, self.limit).map(Seen::from)));
        for (index, inventory) in self.settings.inventories.iter().enumerate() {
            let late = move || sources::late(index, inventory, self.env, self.limit);
            let look = timeout(self.limit, sources::look(self, index, inventory));
            looks.push(Box::pin(look.map(move |seen| seen.unwrap_or_else(|_| late()))));
        }
        if let Some(mailer) = &prepared.mailer {
            looks.push(Box::pin(async { vec![network::mail(mailer, self.limit).await].into() }));
        }
        looks.push(Box::pin(traces::look(self.settings, self.env, self.limit).map(Seen::from)));
        looks
    }

    /// The providers that rows use or settings name: nobody knocks at the doors of the others.
    fn providers<'s>(&'s self, used: &BTreeSet<String>) -> Vec<LocalBoxFuture<'s, Check>> {
        let matters = |name: &ProviderName| used.contains(name.as_str()) || self.settings.providers.contains_key(name);
        let mut looks: Vec<LocalBoxFuture<'s, Check>> = Vec::new();
        for provider in self.catalogue.iter().filter(|provider| matters(&provider.name)) {
            for door in doors(provider, &super::build::asking(self.settings, provider)) {
                let name = provider.name.to_string();
                looks.push(Box::pin(async move { network::provider(&name, &door, self.limit).await }));
            }
        }
        looks
    }

    /// The ledger, the disk that it is on, its master key, and the clock by what the ledger remembers.
    async fn ledger(&self, prepared: &Prepared) -> Seen {
        let looked =
            timeout(self.limit, ledger::look(self.settings.ledger.url.as_ref(), prepared.master.as_ref())).await;
        let mut seen = looked.unwrap_or_else(|_| ledger::Looked::of(ledger::late(self.limit)));
        seen.checks.push(clock::check(self.now, seen.latest_scan, seen.clock));
        let is_named = |name: &str| self.settings.inventories.iter().any(|inventory| inventory.name == name);
        let strays = seen.sources.iter().filter(|source| source.still_counts() && !is_named(&source.name));
        seen.checks.extend(strays.map(sources::stray));
        Seen { checks: seen.checks, held: seen.held, ..Seen::default() }
    }
}

impl From<Vec<Check>> for Seen {
    fn from(checks: Vec<Check>) -> Self {
        Self { checks, ..Self::default() }
    }
}

/// What keeps `run` from starting, for nothing but a change by the operator cures it: settings and secrets, a ledger
/// that can't be used, another ledger's master key, files of the inventory that aren't there or may not be read. Empty
/// where it may start.
///
/// What recovers by itself is no reason: a mail server, a provider or a network that is down, a disk that is full, a
/// clock that is off, a file that is being written. Nor is a ledger that another process holds: opening it says so.
pub async fn preflight(settings: &Settings, catalogue: &Catalogue, env: &Env, now: Timestamp) -> Vec<Check> {
    let doctor = Doctor { settings, warnings: &[], place: "", catalogue, env, now, limit: PREFLIGHT_LIMIT };
    let mut prepared = config::prepare(&doctor);
    let mut checks = std::mem::take(&mut prepared.checks);
    checks.extend(doctor.ledger(&prepared).await.checks);
    for (index, inventory) in settings.inventories.iter().enumerate() {
        let unreachable = timeout(doctor.limit, sources::unreachable(index, inventory, env)).await;
        checks.extend(unreachable.unwrap_or_else(|_| sources::late(index, inventory, env, doctor.limit).checks));
    }
    checks.retain(Check::forbids_to_start);
    checks
}

/// The problems of a configuration that can't be used, as checks: all that can be said without settings.
pub fn problems(problems: &ConfigProblems) -> Vec<Check> {
    problems.problems().iter().map(|problem| config::of_fault(Part::Config, problem)).collect()
}

/// What is said where a look took too long.
fn silence(limit: Duration) -> String {
    format!("no answer within {}", words(limit))
}
