//! The mail server, and what arrived.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use keysweep::domain::finding::RuleName;
use keysweep::domain::ids::{CredentialId, FindingId, NoticeId, PersonId};
use keysweep::domain::record::Address;
use keysweep::domain::time::Timestamp;
use keysweep::ports::notify::{ClaimedMail, MailSession, Mailer, Renderer, SendError};
use serde::{Deserialize, Serialize};

use super::dice::Dice;
use super::stage::Stage;

/// A mail as it is on the wire.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// its Message-ID
    pub message_id: String,
    /// to whom, by the ledger's number
    pub person: PersonId,
    /// what it tells
    pub told: Vec<Told>,
}

/// One finding's step in a mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// the notice
    pub notice: NoticeId,
    /// the finding
    pub finding: FindingId,
    /// which step
    pub step: u32,
    /// its rule
    pub rule: RuleName,
    /// the credential
    pub credential: CredentialId,
    /// whether it tells that the key is dead
    pub closing: bool,
    /// whether the ledger had it for proven dead
    pub dead: bool,
}

/// The mail server's side.
#[derive(Debug, Default)]
pub struct Post {
    /// what arrived, in the order in which it did
    pub arrived: RefCell<Vec<Letter>>,
    /// addresses that were refused for good at some time
    pub refused: RefCell<BTreeSet<String>>,
    tries: Cell<u64>,
}

/// One session.
pub struct Session<'a>(&'a Stage);

impl Stage {
    /// Whether this try meets a fault, and a throw for which.
    fn mail_fault(&self) -> Option<u64> {
        let try_number = self.post.tries.get() + 1;
        self.post.tries.set(try_number);
        let mut dice = Dice::of(&[self.plan.seed, 77, try_number]);
        let faulty = dice.per_mille(self.weather.borrow().troubles.mails);
        faulty.then(|| dice.below(100))
    }

    fn mail_failed(&self, word: &str) {
        self.tally.borrow_mut().faults.add(word);
    }
}

impl<'a> Mailer for &'a Stage {
    type Session = Session<'a>;

    async fn open(&self) -> Result<Session<'a>, SendError> {
        if self.mail_fault().is_some_and(|throw| throw < 40) {
            self.mail_failed("no mail server");
            return Err(SendError::Server("no answer".to_owned()));
        }
        Ok(Session(self))
    }
}

impl MailSession for Session<'_> {
    async fn offer(&mut self, _: Option<&Address>, to: &Address) -> Result<(), SendError> {
        match self.0.mail_fault() {
            Some(0..40) => {
                self.0.mail_failed("a mail put off");
                Err(SendError::Later("450 not now".to_owned()))
            }
            Some(40..60) => {
                self.0.mail_failed("a lost session");
                Err(SendError::Server("reset".to_owned()))
            }
            Some(60..64) => {
                self.0.mail_failed("an address refused");
                self.0.post.refused.borrow_mut().insert(to.expose().to_owned());
                Err(SendError::Address("550 5.1.1 nobody".to_owned()))
            }
            Some(64..70) => {
                self.0.mail_failed("our mail refused");
                Err(SendError::Ours("554 no".to_owned()))
            }
            _ => Ok(()),
        }
    }

    async fn transmit(&mut self, message: &[u8]) -> Result<String, SendError> {
        let letter: Letter = serde_json::from_slice(message).expect("our own letter");
        match self.0.mail_fault() {
            Some(throw @ 0..60) => {
                self.0.mail_failed("an answer to DATA lost");
                if throw % 2 == 0 {
                    self.0.post.arrived.borrow_mut().push(letter);
                }
                Err(SendError::AfterData("reset".to_owned()))
            }
            _ => {
                self.0.post.arrived.borrow_mut().push(letter);
                Ok("250 kept".to_owned())
            }
        }
    }

    async fn close(self) {}
}

impl Renderer for Stage {
    fn render(&self, mail: &ClaimedMail, _: Timestamp) -> Result<Vec<u8>, String> {
        let told = mail.notices.iter().map(|notice| Told {
            notice: notice.id,
            finding: notice.finding,
            step: notice.step,
            closing: notice.closing,
            rule: notice.rule,
            credential: notice.credential,
            dead: notice.belief.is_proven_dead(),
        });
        let letter = Letter { message_id: mail.message_id.clone(), person: mail.person, told: told.collect() };
        serde_json::to_vec(&letter).map_err(|error| error.to_string())
    }
}
