//! Whole passes of NOTIFY over a ledger, in virtual time: which steps are taken, what leaves, and when.

mod beside;
mod brake;
mod leaving;

use std::cell::{Cell, RefCell};
use std::num::NonZeroU32;

use super::*;
use crate::domain::action::{Act, ActPolicy};
use crate::domain::belief::{Belief, Liveness};
use crate::domain::ids::CredentialId;
use crate::domain::record::Address;
use crate::notify::{Backoff, MailPace, Notified, NotifyPolicy, NotifyTools, TellPolicy, deliver_due, notify};
use crate::ports::act::{ActLedger, By};
use crate::ports::meter::Unmetered;
use crate::ports::notify::{MailSession, Mailer, Recheck, Renderer, SendError};
use crate::ports::{Clock, Quiet};

/// What somebody does beside a pass.
#[derive(Clone, Copy)]
enum Meanwhile {
    /// acts on finding 1
    Act(By<'static>, Act),
    /// the owner wants no mail about low severities
    Mute,
    /// anything else
    Statement(&'static str),
}

/// What is around a ledger: a clock that stands, a mail server, and a provider that is asked again.
struct Passes {
    estate: Estate,
    policy: NotifyPolicy,
    pace: MailPace,
    now: Cell<Timestamp>,
    /// what the mail server says to a recipient; without one it takes everything
    answer: RefCell<Option<SendError>>,
    /// recipients that were offered
    offered: Cell<u32>,
    /// what somebody does while the server thinks about the next recipient
    meanwhile: RefCell<Option<Meanwhile>>,
    /// what arrived: whose, and which findings
    arrived: RefCell<Vec<(String, Vec<i64>)>>,
    /// messages that were written
    rendered: Cell<u32>,
    /// credentials that were asked again
    asked: RefCell<Vec<i64>>,
    /// what the judgement after the next re-check changes
    found: RefCell<Vec<FindingChange>>,
    /// the clock after the next re-check
    set_to: Cell<Option<Timestamp>>,
}

impl Passes {
    /// Mail may leave, nothing limits it, and nothing is asked again: everything was asked just now.
    async fn over(estate: Estate) -> Self {
        let asked = sql!("UPDATE credential SET belief = $1");
        let belief =
            Belief { liveness: Liveness::Live, asked_at: Some(NOW), accepted_at: Some(NOW), ..Belief::default() };
        estate.write(&asked, [pack(&belief).unwrap().into()]).await;
        estate.ledger.release_mail(NOW - days(30)).await.unwrap();
        let policy = NotifyPolicy {
            recheck_after: days(10_000),
            sessions: 1,
            lease: hours(1),
            retry: Backoff { waits: vec![Duration::from_secs(60), Duration::from_secs(300)], ..Backoff::default() },
            suppress_for: days(90),
            domain: "example.org".to_owned(),
            tell: TellPolicy::default(),
        };
        Self {
            estate,
            policy,
            pace: MailPace::new(None, None),
            now: Cell::new(NOW),
            answer: RefCell::default(),
            offered: Cell::default(),
            meanwhile: RefCell::default(),
            arrived: RefCell::default(),
            rendered: Cell::default(),
            asked: RefCell::default(),
            found: RefCell::default(),
            set_to: Cell::default(),
        }
    }

    /// So many a minute leave.
    fn paced(self, per_minute: u32) -> Self {
        Self { pace: MailPace::new(NonZeroU32::new(per_minute), None), ..self }
    }

    fn tools<'a>(&'a self, mailer: &'a &'a Self) -> NotifyTools<'a, Ledger, &'a Self, Self, Self, Self, Quiet> {
        NotifyTools {
            ledger: &self.estate.ledger,
            mailer,
            renderer: self,
            recheck: self,
            clock: self,
            progress: &Quiet,
            links: None,
            returns: None,
            meter: &Unmetered,
            pace: &self.pace,
            policy: &self.policy,
        }
    }

    /// A run at an instant.
    async fn run_at(&self, now: Timestamp) -> Notified {
        self.now.set(now);
        notify(&self.tools(&self), ScanId(1)).await.unwrap()
    }

    /// What is due leaves, and no step is taken.
    async fn deliver_at(&self, now: Timestamp) -> Notified {
        self.now.set(now);
        deliver_due(&self.tools(&self)).await.unwrap()
    }

    /// How many findings were told, each time counted.
    fn told(&self) -> usize {
        self.arrived.borrow().iter().map(|(_, findings)| findings.len()).sum()
    }

    fn readers(&self) -> Vec<String> {
        let mut readers: Vec<String> = self.arrived.borrow().iter().map(|(to, _)| to.clone()).collect();
        readers.sort();
        readers
    }

    async fn happens(&self, meanwhile: Meanwhile) {
        let (ledger, now) = (&self.estate.ledger, self.now.get());
        match meanwhile {
            Meanwhile::Act(by, act) => {
                let done = ledger.perform(FindingId(1), None, by, act, now, &ActPolicy::default()).await;
                done.unwrap().expect("it may be done");
            }
            Meanwhile::Mute => assert!(ledger.mute(PersonId(1), true, now).await.unwrap()),
            Meanwhile::Statement(statement) => _ = self.estate.run(statement).await,
        }
    }

    async fn next_try(&self) -> Option<Timestamp> {
        self.estate.ledger.next_mail_at().await.unwrap()
    }
}

impl Clock for Passes {
    fn now(&self) -> Timestamp {
        self.now.get()
    }
}

/// An open session, and the recipient that it was offered.
struct Session<'p>(&'p Passes, String);

impl<'p> Mailer for &'p Passes {
    type Session = Session<'p>;

    async fn open(&self) -> Result<Session<'p>, SendError> {
        match &*self.answer.borrow() {
            Some(error @ SendError::Server(_)) => Err(error.clone()),
            _ => Ok(Session(self, String::new())),
        }
    }
}

impl MailSession for Session<'_> {
    async fn offer(&mut self, _: Option<&Address>, to: &Address) -> Result<(), SendError> {
        self.0.offered.set(self.0.offered.get() + 1);
        assert!(self.0.offered.get() < 1_000, "a hot loop");
        to.expose().clone_into(&mut self.1);
        let meanwhile = self.0.meanwhile.take();
        if let Some(meanwhile) = meanwhile {
            self.0.happens(meanwhile).await;
        }
        self.0.answer.borrow().clone().map_or(Ok(()), Err)
    }

    async fn transmit(&mut self, message: &[u8]) -> Result<String, SendError> {
        let findings = serde_json::from_slice(message).expect("our own message");
        self.0.arrived.borrow_mut().push((self.1.clone(), findings));
        Ok("250 kept".to_owned())
    }

    async fn close(self) {}
}

impl Renderer for Passes {
    fn render(&self, mail: &ClaimedMail, _: Timestamp) -> Result<Vec<u8>, String> {
        self.rendered.set(self.rendered.get() + 1);
        let findings: Vec<FindingId> = mail.notices.iter().map(|notice| notice.finding).collect();
        serde_json::to_vec(&findings).map_err(|error| error.to_string())
    }
}

impl Recheck for Passes {
    type Error = LedgerError;

    async fn recheck(&self, credentials: &[CredentialId]) -> Result<(), LedgerError> {
        self.asked.borrow_mut().extend(credentials.iter().map(|credential| credential.0));
        self.now.set(self.set_to.take().unwrap_or(self.now.get()));
        let found = self.found.take();
        if !found.is_empty() {
            self.now.set(self.now.get() + Duration::from_secs(1));
            self.estate.judge(self.now.get(), found).await;
        }
        Ok(())
    }
}

/// One account with an owner, and so many connections with a credential each, of which nothing is found yet.
async fn one_owner(kind: Kind, connections: i64) -> Estate {
    let estate = Estate::new(kind).await;
    estate.person(1, 1, "owner", "owner").await;
    for id in 1..=connections {
        estate.connection(id, 1, Some("owner")).await.credential(id).await.usage(open_use(id, id, 10)).await;
    }
    estate
}

/// So many owners, each of one account with one connection and its open finding.
async fn owners(kind: Kind, count: i64) -> Estate {
    let estate = Estate::new(kind).await;
    for id in 1..=count {
        if id > 2 {
            let account =
                sql!("INSERT INTO account (id, source_id, external_id) VALUES ($1, 1, 'acc-' || CAST($1 AS text))");
            estate.write(&account, [id.into()]).await;
        }
        estate.person(id, id, &format!("owner-{id}"), "owner").await.connection(id, id, None).await;
        estate.credential(id).await.usage(open_use(id, id, 10)).await;
        estate.judge(NOW, vec![FindingChange::Opened(opened(STALE, id, id))]).await;
    }
    estate
}

/// Opens stale findings on these connections.
async fn open(estate: &Estate, now: Timestamp, connections: std::ops::RangeInclusive<i64>) {
    let changes = connections.map(|id| FindingChange::Opened(opened(STALE, id, id))).collect();
    estate.judge(now, changes).await;
}
