//! Mail that came back: read from where the settings say, or from what is handed over, and told to the ledger.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{App, AppError, build};
use crate::config::{Env, Settings};
use crate::domain::bounce::{Consequence, Failure, Fault, failure};
use crate::domain::ids::MailId;
use crate::domain::record::Address;
use crate::domain::time::{Timestamp, days};
use crate::domain::verp::{self, ReturnPath, TokenFault};
use crate::escrow::Escrow;
use crate::ledger::Ledger;
use crate::mail::mailbox::mbox::{Mbox, Messages, Place};
use crate::mail::mailbox::{Mailbox, Piece, maildir};
use crate::mail::report;
use crate::ports::bounce::{BounceLedger, ReturnAddresses};
use crate::ports::meter::{BounceOutcome, Meter, Unmetered};
use crate::ports::notify::NotifyLedger as _;
use crate::ports::{Clock, LedgerError, Progress};

/// How long a mail may take to come back: servers give up after five days, and a report may lie about for longer.
const LIFE: Duration = days(30);
/// Where the ledger has how far the mailbox was read.
const PLACE: &str = "bounces_place";
/// Messages of a file after which the place is noted: what a kill leaves to be read again, which changes nothing.
const NOTED_AFTER: u64 = 100;

/// Messages by what they came to.
pub type CameBack = BTreeMap<BounceOutcome, u64>;

/// Why returned mail was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// the ledger failed
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// the mailbox can't be read, or what was read can't be noted there
    #[error("{path}: {error}; let keysweep read it, and write to a folder (docs/bounces.md)")]
    Mailbox {
        /// which
        path: String,
        /// why
        error: io::Error,
    },
}

/// Makes return addresses.
pub(super) struct ReturnMaker<'a> {
    vault: &'a Escrow,
    path: &'a ReturnPath,
}

impl ReturnAddresses for ReturnMaker<'_> {
    fn of(&self, mail: MailId, now: Timestamp) -> Option<Address> {
        self.path.of(mail, now + LIFE, |claim| self.vault.sign_return(claim))
    }
}

impl<C: Clock> App<C> {
    /// What makes return addresses; `None` where mails come back to their sender.
    pub(super) fn return_maker(&self) -> Option<ReturnMaker<'_>> {
        let path = self.settings.mail.return_path.as_ref()?;
        Some(ReturnMaker { vault: &self.vault, path })
    }

    /// Takes in what came back since the last time. A mailbox that can't be read is told of, and stops no mail.
    pub(super) async fn take_in(&self, progress: &impl Progress) -> Result<(CameBack, Option<String>), LedgerError> {
        let settings = &self.settings.mail;
        let (Some(path), Some(mailbox)) = (&settings.return_path, &settings.bounces) else {
            return Ok(Default::default());
        };
        // What a dead sender held has come as far as it ever will.
        self.ledger.recover_mails(self.clock.now()).await?;
        let mut intake = Intake {
            ledger: &self.ledger,
            vault: &self.vault,
            path,
            suppress_for: settings.suppress_for,
            meter: &*self.meter,
            now: self.clock.now(),
            came_back: CameBack::new(),
        };
        let unread = match intake.mailbox(mailbox, progress).await {
            Ok(()) => None,
            Err(IntakeError::Ledger(error)) => return Err(error),
            Err(error @ IntakeError::Mailbox { .. }) => {
                tracing::warn!(%error, "what came back could not be read");
                Some(format!("mail.bounces: {error}"))
            }
        };
        intake.report();
        Ok((intake.came_back, unread))
    }
}

/// Takes in one message, one file or one folder, beside a daemon or without one. A mail that a sender holds, or left behind
/// when it died, waits for the next run.
///
/// # Errors
/// [`AppError`] where the settings don't do or the ledger can't be had, else [`IntakeError`] in the inner result.
pub async fn take_from(
    settings: &Settings,
    env: &Env,
    from: Option<&Path>,
    input: impl Read,
    now: Timestamp,
) -> Result<Result<CameBack, IntakeError>, AppError> {
    let Some(path) = &settings.mail.return_path else {
        let what = "it is not set, so no mail of this keysweep can come back by name; set it first".to_owned();
        return Err(AppError::Setting { key: "mail.return_path".to_owned(), what });
    };
    // Never held: a daemon that starts at this moment must find it free.
    let ledger = Ledger::open_beside(&settings.ledger.url).await?;
    let vault = build::vault(settings, env, &ledger).await?;
    ledger.chain_with(std::sync::Arc::new(vault.log_key())).await?;
    let mut intake = Intake {
        ledger: &ledger,
        vault: &vault,
        path,
        suppress_for: settings.mail.suppress_for,
        meter: &Unmetered,
        now,
        came_back: CameBack::new(),
    };
    let taken = match from {
        Some(from) => intake.all_of(from).await,
        None => intake.stream(input, "standard input").await,
    };
    let came_back = std::mem::take(&mut intake.came_back);
    ledger.close().await;
    Ok(taken.map(|()| came_back))
}

/// How far a mailbox was read, by its path.
#[derive(Serialize, Deserialize)]
struct Noted {
    path: String,
    place: Place,
}

struct Intake<'a> {
    ledger: &'a Ledger,
    vault: &'a Escrow,
    path: &'a ReturnPath,
    suppress_for: Duration,
    meter: &'a dyn Meter,
    now: Timestamp,
    came_back: CameBack,
}

impl Intake<'_> {
    /// What is new in the mailbox of the settings.
    async fn mailbox(&mut self, path: &Path, progress: &impl Progress) -> Result<(), IntakeError> {
        match Mailbox::at(path).map_err(unreadable(path))? {
            None => Ok(()),
            Some(Mailbox::Maildir(folder)) => self.folder(&folder, progress).await,
            Some(Mailbox::Mbox(file)) => self.file(&file, progress).await,
        }
    }

    /// Everything in a mailbox that somebody points at.
    async fn all_of(&mut self, path: &Path) -> Result<(), IntakeError> {
        let there = Mailbox::at(path).map_err(unreadable(path))?;
        match there {
            None => Err(unreadable(path)(io::ErrorKind::NotFound.into())),
            Some(Mailbox::Maildir(folder)) => self.folder(&folder, &crate::ports::Quiet).await,
            Some(Mailbox::Mbox(file)) => {
                let input = std::fs::File::open(&file).map_err(unreadable(path))?;
                self.stream(input, &path.display().to_string()).await
            }
        }
    }

    /// One message, or a whole mailbox.
    async fn stream(&mut self, input: impl Read, name: &str) -> Result<(), IntakeError> {
        let unreadable = |error| IntakeError::Mailbox { path: name.to_owned(), error };
        let mut messages = Messages::of(input, 0);
        while let Some(taken) = messages.next_message().map_err(unreadable)? {
            self.take(&taken.piece).await?;
        }
        Ok(())
    }

    async fn folder(&mut self, folder: &Path, progress: &impl Progress) -> Result<(), IntakeError> {
        let mut left = Ok(());
        for name in maildir::waiting(folder).map_err(unreadable(folder))? {
            if progress.stopping() {
                break;
            }
            match maildir::read(folder, &name) {
                // It waits, and is told of; the others have their turn.
                Err(error) => left = left.and(Err(unreadable(&folder.join("new").join(&name))(error))),
                Ok(None) => {}
                Ok(Some(piece)) => {
                    if self.take(&piece).await? != BounceOutcome::Waiting {
                        maildir::handled(folder, &name).map_err(unreadable(folder))?;
                    }
                }
            }
        }
        left
    }

    async fn file(&mut self, file: &Path, progress: &impl Progress) -> Result<(), IntakeError> {
        let path = file.display().to_string();
        let noted = self.ledger.get(PLACE).await?.and_then(|text| serde_json::from_str::<Noted>(&text).ok());
        let known = noted.filter(|noted| noted.path == path).map(|noted| noted.place);
        let mut mbox = Mbox::open(file, known.as_ref()).map_err(unreadable(file))?;
        let (mut end, mut taken_up) = (mbox.begins_at(), 0_u64);
        while !progress.stopping()
            && let Some(taken) = mbox.next_message().map_err(unreadable(file))?
        {
            if self.take(&taken.piece).await? == BounceOutcome::Waiting {
                break; // from here on it is read again
            }
            end = taken.end;
            taken_up += 1;
            if taken_up.is_multiple_of(NOTED_AFTER) {
                self.note(&path, mbox.place(end).map_err(unreadable(file))?).await?;
            }
        }
        let place = mbox.place(end).map_err(unreadable(file))?;
        if known.as_ref() == Some(&place) { Ok(()) } else { self.note(&path, place).await }
    }

    async fn note(&self, path: &str, place: Place) -> Result<(), IntakeError> {
        let noted = Noted { path: path.to_owned(), place };
        let text = serde_json::to_string(&noted).map_err(|error| unreadable(Path::new(path))(error.into()))?;
        Ok(self.ledger.set(PLACE, &text).await?)
    }

    /// What one message comes to.
    async fn take(&mut self, piece: &Piece) -> Result<BounceOutcome, LedgerError> {
        let outcome = match piece {
            Piece::Unreadable => BounceOutcome::Unreadable,
            Piece::Message(raw) => self.message(raw).await?,
        };
        self.meter.bounced(outcome);
        *self.came_back.entry(outcome).or_default() += 1;
        Ok(outcome)
    }

    async fn message(&self, raw: &[u8]) -> Result<BounceOutcome, LedgerError> {
        let incoming = report::read(raw, self.path);
        let Some(told) = incoming.told else { return Ok(BounceOutcome::NotAReport) };
        let mail = match self.named(&incoming.tokens) {
            Ok(mail) => mail,
            Err(outcome) => return Ok(outcome),
        };
        let Some(failure) = failure(&told) else { return Ok(BounceOutcome::NotFinal) };
        let follows = self.ledger.came_back(self.now, mail, &failure, self.now + self.suppress_for).await?;
        Ok(self.followed(mail, &failure, follows))
    }

    /// The mail that one of these tokens names.
    fn named(&self, tokens: &[String]) -> Result<MailId, BounceOutcome> {
        let mut outcome = BounceOutcome::Unaddressed;
        for token in tokens {
            match verp::read(token, self.now, |claim| self.vault.sign_return(claim)) {
                Ok(mail) => return Ok(mail),
                Err(TokenFault::Expired) => outcome = BounceOutcome::Expired,
                Err(TokenFault::Forged) if outcome == BounceOutcome::Unaddressed => outcome = BounceOutcome::Forged,
                Err(TokenFault::Forged) => {}
            }
        }
        Err(outcome)
    }

    fn followed(&self, mail: MailId, failure: &Failure, follows: Option<Consequence>) -> BounceOutcome {
        let said = failure.said.as_str();
        match follows {
            None => BounceOutcome::UnknownMail,
            Some(Consequence::Nothing) => BounceOutcome::Repeated,
            Some(Consequence::Wait) => BounceOutcome::Waiting,
            Some(Consequence::Suppress) => {
                tracing::info!(mail.id = mail.0, bounce.said = said, "a mail came back; its address is left alone");
                BounceOutcome::AddressRefused
            }
            Some(Consequence::TellAgain) => {
                tracing::info!(mail.id = mail.0, bounce.said = said, "a mail came back from an address of before");
                BounceOutcome::AddressChanged
            }
            Some(Consequence::Note(Fault::Ours)) => {
                tracing::warn!(
                    mail.id = mail.0,
                    bounce.said = said,
                    "a mail came back, and not for its address: look at what is said of us"
                );
                BounceOutcome::Ours
            }
            Some(Consequence::Note(_)) => {
                tracing::info!(mail.id = mail.0, bounce.said = said, "a mail came back; its address is tried again");
                BounceOutcome::Passing
            }
        }
    }

    /// One line for all of it.
    fn report(&self) {
        if self.came_back.is_empty() {
            return;
        }
        let counts: serde_json::Map<String, serde_json::Value> =
            self.came_back.iter().map(|(outcome, count)| (outcome.to_string(), (*count).into())).collect();
        tracing::info!(bounce.counts = %serde_json::Value::Object(counts), "what came back was taken in");
    }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> IntakeError {
    let path = path.display().to_string();
    move |error| IntakeError::Mailbox { path: path.clone(), error }
}
