//! Saying what is due to people: after a scan, or as a run of its own.

use serde_json::{Value, json};
use std::collections::BTreeSet;

use super::bounces::ReturnMaker;
use super::clock::SteadyClock;
use super::links::LinkMaker;
use super::{App, AppError};
use crate::domain::ids::{CredentialId, ProviderName, ScanId};
use crate::ledger::NotNow;
use crate::notify::{Notified, NotifyError, NotifyTools, deliver_due, notify};
use crate::ports::bounce::ReturnAddresses;
use crate::ports::links::Links;
use crate::ports::meter::{BounceOutcome, Stage};
use crate::ports::notify::{NotifyLedger, Recheck, WaitReason};
use crate::ports::{Clock, LedgerError, Progress};
use crate::scan::probe::probe_these;

type Tools<'a, C, G> = NotifyTools<
    'a,
    crate::ledger::Ledger,
    crate::mail::SmtpMailer,
    crate::mail::Templates,
    Rechecker<'a, C, G>,
    SteadyClock<C>,
    G,
>;

impl<C: Clock> App<C> {
    /// True where the settings name a mail server.
    pub const fn can_mail(&self) -> bool {
        self.mail.is_some()
    }

    /// True where mail may leave, and no brake holds it.
    ///
    /// # Errors
    /// Where the ledger fails.
    pub(super) async fn lets_mail_leave(&self) -> Result<bool, LedgerError> {
        let is_braked = self.settings.mail.telling.brake.is_some() && self.ledger.braked().await?.is_some();
        Ok(!is_braked && self.ledger.mail_mode().await?.lets_leave())
    }

    /// Takes the steps that are due, forms digests and sends them, as a run of its own in the ledger's list of scans.
    ///
    /// # Errors
    /// [`AppError::NoMail`] where there is no mail server: then nothing was begun. Where the ledger fails, or a mail can't
    /// be written: then what was committed stays.
    pub async fn mail(&self, progress: &impl Progress) -> Result<Notified, AppError> {
        if !self.can_mail() {
            return Err(AppError::NoMail);
        }
        self.set_clock().await?;
        let started_at = self.clock.now();
        let id = self.ledger.begin_scan(started_at).await?;
        let notified = match self.notify(id, progress).await {
            Ok(notified) => notified,
            Err(error) => {
                self.failed(id, &error).await;
                return Err(error);
            }
        };
        let (ended, counts) = (self.clock.now(), notified.counts());
        let outcome = if notified.all_sent() { "complete" } else { "incomplete" };
        self.ledger.end_scan(id, ended, outcome, &counts).await?;
        tracing::info!(
            run.id = id.0,
            mail.outcome = outcome,
            mail.seconds = ended.since(started_at).as_secs_f64(),
            mail.released = notified.released,
            mail.counts = %counts,
            mail.stopped = notified.stopped,
            "mail finished"
        );
        Ok(notified)
    }

    /// Sends the mails that were formed before and are due, and forms those of people who were put off until now; takes no step.
    ///
    /// # Errors
    /// As for [`App::mail`].
    pub async fn deliver(&self, progress: &impl Progress) -> Result<Notified, AppError> {
        let recheck = Rechecker { app: self, progress };
        let (links, returns) = (self.link_maker(), self.return_maker());
        let tools = self.notify_tools(&recheck, &links, &returns, progress)?;
        self.set_clock().await?;
        if let Some(waiting) = self.waiting_for_the_clock().await? {
            return Ok(waiting);
        }
        let notified = deliver_due(&tools).await;
        let notified = notified.map(discreet).map_err(app_error)?;
        self.note_whether_mail_leaves(&notified).await?;
        if notified != (Notified { released: notified.released, braked: notified.braked, ..Notified::default() }) {
            tracing::info!(mail.counts = %notified.counts(), mail.stopped = notified.stopped, "waiting mails tried");
        }
        Ok(notified)
    }

    /// What a run of mail comes to while our clock is not gone by: steps and mails wait, for both go by it.
    async fn waiting_for_the_clock(&self) -> Result<Option<Notified>, LedgerError> {
        if self.clock_trouble().await?.is_none() {
            return Ok(None);
        }
        let released = self.ledger.mail_mode().await?.lets_leave();
        Ok(Some(Notified { released, clock_suspect: true, ..Notified::default() }))
    }

    /// Notes that a run failed. Where the ledger has failed, it fails here as well; the first error says more.
    pub(super) async fn failed(&self, id: ScanId, error: &AppError) {
        let counts = json!({"error": error.to_string()});
        if let Err(error) = self.ledger.end_scan(id, self.clock.now(), "failed", &counts).await {
            tracing::debug!(%error, run.id = id.0, "the end of a run that failed could not be noted");
        }
    }

    pub(super) async fn notify(&self, run: ScanId, progress: &impl Progress) -> Result<Notified, AppError> {
        let recheck = Rechecker { app: self, progress };
        let (links, returns) = (self.link_maker(), self.return_maker());
        let tools = self.notify_tools(&recheck, &links, &returns, progress)?;
        if let Some(waiting) = self.waiting_for_the_clock().await? {
            return Ok(waiting);
        }
        let (came_back, unread) = self.take_in(progress).await?;
        let notified = self.timed(Stage::Notify, notify(&tools, run)).await.map(discreet).map_err(app_error)?;
        let notified = Notified { came_back, unread, ..notified };
        self.note_whether_mail_leaves(&notified).await?;
        Ok(notified)
    }

    /// A pass that sent nothing and was not stopped says nothing of the mail server.
    async fn note_whether_mail_leaves(&self, notified: &Notified) -> Result<(), LedgerError> {
        match &notified.stopped {
            Some(why) => self.note_mail(Some(why)).await,
            None if notified.sent > 0 => self.note_mail(None).await,
            None => Ok(()),
        }
    }

    fn notify_tools<'a, G: Progress>(
        &'a self,
        recheck: &'a Rechecker<'a, C, G>,
        links: &'a Option<LinkMaker<'a>>,
        returns: &'a Option<ReturnMaker<'a>>,
        progress: &'a G,
    ) -> Result<Tools<'a, C, G>, AppError> {
        let Some(mail) = &self.mail else { return Err(AppError::NoMail) };
        let links = links.as_ref().map(|links| -> &dyn Links { links });
        let returns = returns.as_ref().map(|returns| -> &dyn ReturnAddresses { returns });
        Ok(NotifyTools {
            ledger: &self.ledger,
            mailer: &mail.mailer,
            renderer: &*mail.templates,
            recheck,
            clock: &self.clock,
            progress,
            links,
            returns,
            meter: &*self.meter,
            pace: &mail.pace,
            policy: &mail.policy,
        })
    }
}

/// The server's words go to the log, and it may have named whom it refuses: the log names nobody.
fn discreet(notified: Notified) -> Notified {
    Notified { stopped: notified.stopped.map(|words| without_addresses(&words)), ..notified }
}

fn without_addresses(words: &str) -> String {
    let hidden = |word: &str| if word.contains('@') { "[address]".to_owned() } else { word.to_owned() };
    words.split(' ').map(hidden).collect::<Vec<_>>().join(" ")
}

fn app_error(error: NotifyError<LedgerError>) -> AppError {
    match error {
        NotifyError::Ledger(error) | NotifyError::Recheck(error) => AppError::Ledger(error),
    }
}

/// Rounds of answers between two jobs.
const ANSWERS: u32 = 3;

impl<C: Clock> App<C> {
    /// Asks the providers about the credentials that people wait for, whenever those are due, and judges what that changes:
    /// the same way as before a mail.
    ///
    /// # Errors
    /// Where the ledger fails; what was not answered stays to be asked.
    pub async fn answer(&self, progress: &impl Progress) -> Result<(), LedgerError> {
        // Whoever comes while others are answered is answered as well, and nobody keeps the jobs waiting for ever. Whose provider
        // doesn't answer, or whose share is used up, keeps nobody else waiting and has their turn later.
        let mut not_now = NotNow::default();
        for _ in 0..ANSWERS {
            let mut waiting = self.ledger.checks_waiting(&not_now).await?;
            let mut awaited = self.ledger.awaited(&not_now).await?;
            if (waiting.is_empty() && awaited.is_empty()) || progress.stopping() {
                break;
            }
            self.set_clock().await?; // what is asked may be judged, and destroyed where retention is over
            let policy = |name: &ProviderName| self.liveness_policy(name);
            let asked_for = waiting.iter().map(|(credential, _)| *credential);
            let wanted = asked_for.chain(awaited.iter().map(|(credential, _)| *credential));
            let credentials = Vec::from_iter(wanted.collect::<BTreeSet<CredentialId>>());
            let probed = probe_these(&self.probe_tools(progress, &policy), &credentials).await?;
            self.judge(progress).await?;
            if progress.stopping() {
                break; // perhaps not all were judged: the next start asks once more
            }
            not_now.providers.extend(probed.given_up.into_iter().map(|(provider, _)| provider));
            not_now.credentials.extend(probed.left);
            waiting.retain(|(credential, _)| !not_now.credentials.contains(credential));
            awaited.retain(|(credential, _)| !not_now.credentials.contains(credential));
            self.ledger.checks_answered(&waiting, self.clock.now()).await?;
            self.ledger.no_longer_awaited(&awaited).await?;
        }
        Ok(())
    }
}

/// Asks the providers again before people are told, and judges what that changed. Of a great estate that takes hours at the
/// providers' pace: each question is progress, and once the job is to end no further one is put.
struct Rechecker<'a, C, G> {
    app: &'a App<C>,
    progress: &'a G,
}

impl<C: Clock, G: Progress> Recheck for Rechecker<'_, C, G> {
    type Error = LedgerError;

    async fn recheck(&self, credentials: &[CredentialId]) -> Result<(), LedgerError> {
        let policy = |name: &ProviderName| self.app.liveness_policy(name);
        probe_these(&self.app.probe_tools(self.progress, &policy), credentials).await?;
        self.app.judge(self.progress).await?;
        Ok(())
    }
}

impl Notified {
    /// True where no mail waits for another try.
    pub const fn all_sent(&self) -> bool {
        self.failed + self.maybe_sent == 0 && self.stopped.is_none() && !self.clock_suspect
    }

    /// The counts as one object, for the ledger and the log.
    pub fn counts(&self) -> Value {
        json!({
            "steps": self.steps, "notices_held": self.held, "nobody_to_tell": self.nobody,
            "mails_sent": self.sent, "mails_failed": self.failed, "mails_maybe_sent": self.maybe_sent,
            "mails_paced": self.paced, "mails_cancelled": self.cancelled, "addresses_refused": self.suppressed,
            "mails_came_back": self.came_back(),
            "people_put_off": self.put_off.values().sum::<u64>(), "brake": self.braked.is_some(),
        })
    }

    /// How many mails are now known to have come back.
    fn came_back(&self) -> u64 {
        use BounceOutcome::{AddressChanged, AddressRefused, Ours, Passing};
        [AddressRefused, AddressChanged, Ours, Passing].iter().filter_map(|outcome| self.came_back.get(outcome)).sum()
    }

    /// What the operator should know, in sentences.
    pub(super) fn tell(&self, problems: &mut Vec<String>) {
        if !self.released {
            problems.push(
                "mail does not leave yet: nothing was sent. Look at `keysweep mail preview`, then say `keysweep mail release`"
                    .to_owned(),
            );
        }
        if let Some(braked) = self.braked {
            problems.push(format!(
                "the brake is on: {} new, far more than usual (up to {}), so nobody is told of anything. Look at \
                 `keysweep mail preview`, and say `keysweep mail release` where it is right",
                counted(braked.new, "finding is", "findings are"),
                braked.allowed
            ));
        }
        if self.nobody > 0 {
            problems.push(format!("{} nobody who may be told", counted(self.nobody, "finding has", "findings have")));
        }
        let waiting = self.failed + self.maybe_sent;
        if waiting > 0 {
            problems.push(format!("{} for another try", counted(waiting, "mail waits", "mails wait")));
        }
        for (why, people) in &self.put_off {
            let why = match why {
                WaitReason::Cap => "for room among the mails of a day (mail.per_address_per_day)",
                WaitReason::Held => "until it is certain that their key is refused",
                WaitReason::Quiet => "until their quiet hours are over",
                WaitReason::Ramp => "for their turn: those who were never written to are told a few at a time",
            };
            problems.push(format!("{} {why}", counted(*people, "person waits", "people wait")));
        }
        if self.paced > 0 {
            problems.push(format!(
                "{} mails wait for their turn: `keysweep run` sends them when it comes (mail.per_minute, \
                 mail.per_domain_per_minute)",
                self.paced
            ));
        }
        if let Some(mails) = self.came_back.get(&BounceOutcome::Ours) {
            problems.push(format!(
                "{} back, and not for the address: `keysweep mails list` has what was said of us",
                counted(*mails, "mail came", "mails came")
            ));
        }
        problems.extend(self.unread.clone());
        problems.extend(self.stopped.clone());
    }
}

/// `1 mail waits`, `2 mails wait`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_is_told_as_one() {
        let told = |count| {
            let mut problems = Vec::new();
            let put_off = [(WaitReason::Quiet, count)].into();
            Notified { released: true, nobody: count, failed: count, put_off, ..Notified::default() }
                .tell(&mut problems);
            problems
        };
        let one = [
            "1 finding has nobody who may be told",
            "1 mail waits for another try",
            "1 person waits until their quiet hours are over",
        ];
        let two = [
            "2 findings have nobody who may be told",
            "2 mails wait for another try",
            "2 people wait until their quiet hours are over",
        ];
        assert_eq!(told(1), one);
        assert_eq!(told(2), two);
    }

    #[test]
    fn whom_a_server_refuses_is_not_told_further() {
        let words = "550 5.7.1 <owner@example.org>: rejected by mx.example.org, owner+a@example.org unwanted";
        let expected = "550 5.7.1 [address] rejected by mx.example.org, [address] unwanted";
        assert_eq!(without_addresses(words), expected);
    }
}
