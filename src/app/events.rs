//! What the platform tells by events, taken from the public listener into the ledger.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{App, AppError};
use crate::config::{Env, Settings};
use crate::domain::diff::Watched;
use crate::domain::event::EventKind;
use crate::domain::ids::ProviderName;
use crate::domain::policy::Hold;
use crate::domain::record::FieldProblem;
use crate::domain::signature::{Key, Signed};
use crate::escrow::Escrow;
use crate::inventory::EventBody;
use crate::ledger::Ledger;
use crate::ports::activation::{Bell, Job};
use crate::ports::events::{Events, NotTaken, Taken, Tidings as _};
use crate::ports::meter::{EventOutcome, Meter};
use crate::ports::refs::NoRefs;
use crate::ports::{Clock, LedgerError};
use crate::scan::SourceSpec;
use crate::scan::collect::event::{EventTools, tell};
use crate::scan::collect::{CollectPolicy, Usual};

/// Takes events, under the configuration in force.
pub struct Intake {
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock + Send + Sync>,
    bell: Arc<dyn Bell + Send + Sync>,
    meter: Arc<dyn Meter>,
    desk: ArcSwap<Desk>,
}

/// What taking events goes by.
struct Desk {
    vault: Arc<Escrow>,
    takers: Vec<Taker>,
    hold: Hold,
    connects_by: BTreeMap<ProviderName, Usual>,
    watched: Watched,
}

/// A source that takes events.
#[derive(Clone)]
pub(super) struct Taker {
    spec: SourceSpec,
    keys: Vec<Key>,
}

impl Taker {
    /// The sources that take events.
    ///
    /// # Errors
    /// Where a secret can't be had, or is none.
    pub(super) fn all(settings: &Settings, env: &Env) -> Result<Vec<Self>, AppError> {
        let mut takers = Vec::new();
        for inventory in settings.inventories.iter().filter(|inventory| !inventory.events_secrets.is_empty()) {
            let mut keys = Vec::new();
            for secret in &inventory.events_secrets {
                let wrong = |what| AppError::Setting { key: secret.setting().to_owned(), what };
                keys.push(Key::parse(&secret.resolve(env)?).map_err(wrong)?);
            }
            takers.push(Self { spec: super::build::spec(inventory), keys });
        }
        Ok(takers)
    }

    /// Its source's name.
    pub(super) fn name(&self) -> &str {
        &self.spec.name
    }
}

impl<C: Clock> App<C> {
    fn desk(&self) -> Desk {
        Desk {
            vault: Arc::clone(&self.vault),
            takers: self.takers.clone(),
            hold: self.settings.escrow.hold,
            connects_by: self.catalogue.iter().map(|provider| (provider.name.clone(), Usual::of(provider))).collect(),
            watched: Watched { last_sync: self.settings.policy.knows_idleness() },
        }
    }
}

impl Intake {
    /// For this keysweep, over a ledger that takes turns with its own.
    pub fn new<C: Clock>(
        app: &App<C>,
        ledger: Arc<Ledger>,
        clock: Arc<dyn Clock + Send + Sync>,
        bell: Arc<dyn Bell + Send + Sync>,
    ) -> Self {
        Self { ledger, clock, bell, meter: Arc::clone(&app.meter), desk: ArcSwap::from_pointee(app.desk()) }
    }

    /// Goes by the configuration that has come into force.
    pub fn configure<C: Clock>(&self, app: &App<C>) {
        self.desk.store(Arc::new(app.desk()));
    }

    async fn tell(&self, message: Signed<'_>) -> Result<Taken, NotTaken> {
        let desk = self.desk.load_full();
        let body = desk.believed(&message, self.clock.now())?;
        let taker = body.taker;
        let (kind, source) = (body.event.kind(), taker.name());
        let connects_by = |name: &ProviderName| desk.connects_by.get(name).copied();
        let policy = CollectPolicy { hold: desk.hold, connects_by: &connects_by, watched: desk.watched, refs: &NoRefs };
        let now = self.clock.now();
        let tools = EventTools { ledger: &*self.ledger, vault: &*desk.vault, spec: &taker.spec, policy: &policy, now };
        let told = tell(&tools, message.id, body.event).await.unwrap_or_else(|error| Err(busy(&error)));
        self.meter.told(source, kind, EventOutcome::of(&told));
        match &told {
            Ok(Taken::Done { ended }) => {
                self.meter.heard_of(source, now);
                if *ended {
                    self.bell.answer(); // the copy is fresh, and so is the end
                } else if kind == EventKind::CredentialCompromised {
                    self.bell.ring(Job::Scan);
                }
            }
            Ok(_) => self.meter.heard_of(source, now),
            Err(why) => tracing::warn!(source, event = kind.as_str(), ?why, "an event was not taken"),
        }
        told
    }
}

impl Events for Intake {
    fn take<'a>(&'a self, message: Signed<'a>) -> BoxFuture<'a, Result<Taken, NotTaken>> {
        self.tell(message).boxed()
    }
}

/// An event, and the source that may take it.
struct Believed<'d, 'm> {
    taker: &'d Taker,
    event: EventBody<'m>,
}

impl Desk {
    /// Reads a message whose signature is that of a source that takes events, and of now.
    fn believed<'d, 'm>(
        &'d self,
        message: &Signed<'m>,
        now: crate::domain::time::Timestamp,
    ) -> Result<Believed<'d, 'm>, NotTaken> {
        if self.takers.is_empty() {
            return Err(NotTaken::Nowhere);
        }
        let signed_by = |taker: &&Taker| taker.keys.iter().any(|key| key.verifies(message));
        let takers: Vec<&Taker> = self.takers.iter().filter(signed_by).collect();
        if takers.is_empty() {
            return Err(NotTaken::Unsigned(
                "webhook-signature is no signature of this body, webhook-id and webhook-timestamp; sign all three, with \
                 the secret in events_secret",
            ));
        }
        if !message.is_of(now) {
            return Err(NotTaken::Unsigned(
                "webhook-timestamp is more than five minutes off; set it anew for each try, and check the clock",
            ));
        }
        let event = EventBody::parse(message.body).map_err(NotTaken::Unread)?;
        let taker = match event.source() {
            Some(name) => takers.into_iter().find(|taker| taker.name() == name).ok_or(
                "names no source that takes events signed with this secret; name the [[inventory]] as it is configured",
            ),
            None if takers.len() == 1 => Ok(takers[0]),
            None => Err("is missing; more than one source takes events signed with this secret"),
        };
        let problem = |reason: &str| FieldProblem { field: "source".to_owned(), reason: reason.to_owned() };
        Ok(Believed { taker: taker.map_err(|reason| NotTaken::Unread(problem(reason)))?, event })
    }
}

fn busy(error: &LedgerError) -> NotTaken {
    tracing::warn!(%error, "an event could not be written to the ledger; its sender was told to try again");
    NotTaken::Busy
}
