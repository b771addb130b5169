//! Claim, check once more, render, send, record.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures::future::try_join_all;

use super::pace::Turns;
use super::{Notified, NotifyError, NotifyTools, is_old, links, waits};
use crate::domain::finding::Severity;
use crate::domain::ids::{CredentialId, MailId, NoticeId};
use crate::domain::time::Timestamp;
use crate::ports::meter::MailOutcome;
use crate::ports::notify::{
    Begun, ClaimedMail, MailEnd, MailSession, Mailer, NotifyLedger, Recheck, Renderer, SendError, WaitReason,
};
use crate::ports::{Clock, Event, Progress};

/// Mails claimed at a time: what a kill leaves to be taken back.
const CLAIM: usize = 100;
/// Failures in a row that no mail is at fault for, after which the run stops and the operator is told: a server that
/// refuses us, or that hangs, would else cost a timeout for every mail.
const FAILURES_AT_MOST: u32 = 5;
/// A server is spared after so many mails over one session.
const MAILS_PER_SESSION: u32 = 100;

type Failed<K> = NotifyError<<K as Recheck>::Error>;

/// Sends everything that is due when it begins, until nothing is left or the mail server can't be used.
pub(super) async fn deliver<L, M, R, K, C, G>(
    tools: &NotifyTools<'_, L, M, R, K, C, G>,
    sum: &mut Notified,
) -> Result<(), Failed<K>>
where
    L: NotifyLedger,
    M: Mailer,
    R: Renderer,
    K: Recheck,
    C: Clock,
    G: Progress,
{
    tools.progress.stage("mail", None);
    // Only what is due now: what fails comes again in a later pass, however soon it is due, so that a pass ends.
    let began = tools.clock.now();
    let run = Run {
        tools,
        began,
        queue: RefCell::default(),
        turns: RefCell::new(tools.pace.turns()),
        unused: RefCell::default(),
        put_off: RefCell::default(),
        sum: RefCell::new(sum),
        failures: Cell::new(0),
        stop: RefCell::default(),
    };
    loop {
        let until = tools.clock.now() + tools.policy.lease;
        let claimed = tools.ledger.claim_mails(began, until, CLAIM).await?;
        if claimed.is_empty() {
            break;
        }
        let claimed = claimed.into_iter().filter(|mail| run.is_its_turn(mail)).collect();
        let claimed = run.check_again(claimed).await?;
        run.queue.borrow_mut().extend(claimed);
        let workers = (0..tools.policy.sessions.max(1)).map(|_| run.work());
        try_join_all(workers).await?;
        run.record_put_off().await?;
        if run.is_over() {
            run.give_back().await?;
            break;
        }
    }
    let stopped = run.stop.take();
    run.sum.borrow_mut().stopped = stopped;
    tools.progress.done();
    Ok(())
}

struct Run<'a, 's, L, M, R, K, C, G> {
    tools: &'a NotifyTools<'a, L, M, R, K, C, G>,
    began: Timestamp,
    queue: RefCell<VecDeque<ClaimedMail>>,
    turns: RefCell<Turns<'a>>,
    /// mails that had their turn and come once more in this pass, without what is held
    unused: RefCell<BTreeSet<MailId>>,
    /// what was found to have its turn later, until that is recorded
    put_off: RefCell<Vec<(MailId, MailEnd)>>,
    sum: RefCell<&'s mut Notified>,
    failures: Cell<u32>,
    stop: RefCell<Option<String>>,
}

impl<L, M, R, K, C, G> Run<'_, '_, L, M, R, K, C, G>
where
    L: NotifyLedger,
    M: Mailer,
    R: Renderer,
    K: Recheck,
    C: Clock,
    G: Progress,
{
    /// Asks again what has not been asked for a while, and loads the mails as they then stand.
    async fn check_again(&self, claimed: Vec<ClaimedMail>) -> Result<Vec<ClaimedMail>, Failed<K>> {
        let now = self.tools.clock.now();
        let limit = self.tools.policy.recheck_after;
        let notices = claimed.iter().flat_map(|mail| &mail.notices);
        let old: BTreeSet<CredentialId> = notices
            .filter(|notice| notice.current && notice.held && is_old(notice.belief.asked_at, now, limit))
            .map(|notice| notice.credential)
            .collect();
        if old.is_empty() {
            return Ok(claimed);
        }
        let old: Vec<CredentialId> = old.into_iter().collect();
        self.tools.recheck.recheck(&old).await.map_err(NotifyError::Recheck)?;
        // The re-check has stages of its own, and what follows is not to be dropped in its middle.
        self.tools.progress.stage("mail", None);
        self.tools.progress.advance(self.sum.borrow().sent);
        let ids: Vec<MailId> = claimed.iter().map(|mail| mail.id).collect();
        Ok(self.tools.ledger.reload_mails(&ids).await?)
    }

    /// One worker: one session at a time, mail after mail.
    async fn work(&self) -> Result<(), Failed<K>> {
        let mut session = None;
        let mut used = 0;
        while !self.is_over() {
            let Some(mail) = self.queue.borrow_mut().pop_front() else { break };
            let Some((mail, message)) = self.prepare(mail).await? else { continue };
            let (open, offered) = match self.offer(session.take(), &mail, &mut used).await {
                Ok(offered) => offered,
                Err(error) => {
                    self.failed(&mail, &error).await?;
                    self.stop(format!("{error}; mails wait and are tried again"));
                    break;
                }
            };
            session = self.send(open, offered, &mail, &message).await?;
            used += 1;
            if used >= MAILS_PER_SESSION {
                leave(session.take()).await;
            }
        }
        leave(session).await;
        Ok(())
    }

    /// Offers a mail over the session at hand, else over a new one. A session that the server has closed meanwhile is
    /// replaced at once: nothing of this mail was handed over in it.
    ///
    /// # Errors
    /// No session can be had.
    async fn offer(
        &self,
        at_hand: Option<M::Session>,
        mail: &ClaimedMail,
        used: &mut u32,
    ) -> Result<(M::Session, Result<(), SendError>), SendError> {
        let comes_back_to = self.tools.returns.and_then(|returns| returns.of(mail.id, self.tools.clock.now()));
        if let Some(mut session) = at_hand {
            match session.offer(comes_back_to.as_ref(), &mail.address).await {
                Err(SendError::Server(why)) => {
                    tracing::debug!(why, "the mail server closed a session; another is opened");
                }
                offered => return Ok((session, offered)),
            }
        }
        let mut session = self.tools.mailer.open().await?;
        *used = 0;
        let offered = session.offer(comes_back_to.as_ref(), &mail.address).await;
        Ok((session, offered))
    }

    /// Drops what was fixed, puts back what waits for a confirmation, and writes the rest. `None` where nothing is
    /// left to send now.
    async fn prepare(&self, mut mail: ClaimedMail) -> Result<Option<(ClaimedMail, Vec<u8>)>, Failed<K>> {
        mail.notices.retain(|notice| notice.current);
        let held: Vec<NoticeId> = mail.notices.iter().filter(|n| waits(n.rule, &n.belief)).map(|n| n.id).collect();
        if !held.is_empty() {
            self.sum.borrow_mut().held += held.len() as u64;
            if mail.maybe_sent {
                self.put_off(&mail).await?;
            } else {
                // The others go in a moment, without these, by the turn that was theirs.
                self.unused.borrow_mut().insert(mail.id);
                self.record(&mail, MailEnd::Held { notices: held, retry_at: self.began }).await?;
            }
            return Ok(None);
        }
        if mail.notices.is_empty() || !mail.deliverable {
            self.sum.borrow_mut().cancelled += 1;
            self.record(&mail, MailEnd::Cancelled).await?;
            return Ok(None);
        }
        if self.is_quiet(&mail) {
            return Ok(None); // the re-check took its time, or left nothing urgent
        }
        links::add(self.tools.ledger, self.tools.links, &mut mail, self.tools.clock.now()).await?;
        match self.tools.renderer.render(&mail, self.tools.clock.now()) {
            Ok(message) => Ok(Some((mail, message))),
            Err(what) => {
                self.unwritten(&mail, &what).await?;
                Ok(None)
            }
        }
    }

    /// A mail that can't be written waits, and keeps no other from going.
    async fn unwritten(&self, mail: &ClaimedMail, what: &str) -> Result<(), Failed<K>> {
        tracing::error!(mail.id = mail.id.0, error = what, "a mail can't be written; it waits, and the others go");
        self.sum.borrow_mut().failed += 1;
        let retry_at = self.now() + self.wait(mail, mail.attempts);
        let error: String = format!("it can't be written: {what}").chars().take(200).collect();
        let end =
            if mail.maybe_sent { MailEnd::MaybeSent { retry_at, error } } else { MailEnd::Failed { retry_at, error } };
        self.record(mail, end).await
    }

    /// Takes the mail's turn, or notes when it comes. What has nothing left to say needs none.
    fn is_its_turn(&self, mail: &ClaimedMail) -> bool {
        if !mail.deliverable || !mail.notices.iter().any(|notice| notice.current) {
            return true;
        }
        if self.is_quiet(mail) {
            return false;
        }
        if self.unused.borrow_mut().remove(&mail.id) {
            return true;
        }
        let domain = mail.address.expose().rsplit('@').next().unwrap_or_default();
        let taken = self.turns.borrow_mut().take(domain, self.now());
        if let Err(retry_at) = taken {
            self.sum.borrow_mut().paced += 1;
            self.put_off.borrow_mut().push((mail.id, MailEnd::PutOff { retry_at }));
        }
        taken.is_ok()
    }

    /// Whether a mail's reader is not to be written to now, and then notes when they are: it may have been formed hours ago.
    fn is_quiet(&self, mail: &ClaimedMail) -> bool {
        let now = self.now();
        let is_critical = mail.notices.iter().any(|it| it.current && !it.closing && it.severity == Severity::Critical);
        let retry_at = self.tools.policy.tell.opens_at(now, mail.timezone.as_deref(), is_critical);
        if retry_at > now {
            *self.sum.borrow_mut().put_off.entry(WaitReason::Quiet).or_default() += 1;
            self.put_off.borrow_mut().push((mail.id, MailEnd::PutOff { retry_at }));
        }
        retry_at > now
    }

    /// All at once: of a great many, most may be put off.
    async fn record_put_off(&self) -> Result<(), Failed<K>> {
        let ends = self.put_off.take();
        if ends.is_empty() {
            return Ok(());
        }
        self.tools.ledger.record_mails(self.tools.clock.now(), &ends, &[]).await?;
        ends.iter().for_each(|(_, end)| self.tools.meter.mailed(MailOutcome::from(end)));
        Ok(())
    }

    /// What may have arrived is never told under another Message-ID, nor taken for told: the whole mail waits with what it
    /// holds. The steps that its other findings take meanwhile go in other mails.
    async fn put_off(&self, mail: &ClaimedMail) -> Result<(), Failed<K>> {
        let error = "waits for a refusal to be confirmed or contradicted".to_owned();
        let end = MailEnd::MaybeSent { retry_at: self.now() + self.wait(mail, mail.attempts), error };
        self.tools.ledger.record_mails(self.tools.clock.now(), &[(mail.id, end)], &[]).await?;
        self.tools.meter.mailed(MailOutcome::Held);
        Ok(())
    }

    /// Sends one mail that was offered. Returns the session where it can be used again; else it is dropped without QUIT.
    async fn send(
        &self,
        mut session: M::Session,
        offered: Result<(), SendError>,
        mail: &ClaimedMail,
        message: &[u8],
    ) -> Result<Option<M::Session>, Failed<K>> {
        if let Err(error) = offered {
            self.failed(mail, &error).await?;
            return Ok((!matches!(error, SendError::Server(_) | SendError::AfterData(_))).then_some(session));
        }
        // From here to the record a kill leaves a mail that may have been sent, and the ledger knows it.
        if self.tools.ledger.begin_sending(mail, self.tools.clock.now()).await? == Begun::Changed {
            // Somebody acted while the server took its time: the mail is written anew, and offered over another session.
            leave(Some(session)).await;
            let anew = self.tools.ledger.reload_mails(&[mail.id]).await?;
            anew.into_iter().for_each(|mail| self.queue.borrow_mut().push_front(mail));
            return Ok(None);
        }
        match session.transmit(message).await {
            Ok(reply) => {
                self.failures.set(0);
                self.sum.borrow_mut().sent += 1;
                self.tools.progress.advance(1);
                let reply: String = reply.chars().take(200).collect();
                self.record(mail, MailEnd::Sent { reply }).await?;
                Ok(Some(session))
            }
            Err(error) => {
                self.failed(mail, &error).await?;
                Ok(matches!(error, SendError::Later(_) | SendError::Ours(_)).then_some(session))
            }
        }
    }

    async fn failed(&self, mail: &ClaimedMail, error: &SendError) -> Result<(), Failed<K>> {
        let retry_at = self.now() + self.wait(mail, mail.attempts);
        let words: String = error.to_string().chars().take(200).collect();
        let end = match error {
            SendError::Address(_) => {
                self.sum.borrow_mut().suppressed += 1;
                let until = self.tools.clock.now() + self.tools.policy.suppress_for;
                MailEnd::AddressRefused { address: mail.address.clone(), until, error: words }
            }
            SendError::AfterData(_) => {
                self.sum.borrow_mut().maybe_sent += 1;
                MailEnd::MaybeSent { retry_at, error: words }
            }
            SendError::Later(_) | SendError::Server(_) | SendError::Ours(_) => {
                self.sum.borrow_mut().failed += 1;
                MailEnd::Failed { retry_at, error: words }
            }
        };
        self.judge_server(error);
        self.record(mail, end).await
    }

    /// Stops the run where the server fails us again and again.
    fn judge_server(&self, error: &SendError) {
        let whose = match error {
            SendError::Ours(_) => "refusals in a row that are our own fault",
            SendError::Server(_) | SendError::AfterData(_) => "broken exchanges in a row",
            // A server that tells one mail from another is at work.
            SendError::Address(_) | SendError::Later(_) => return self.failures.set(0),
        };
        self.failures.set(self.failures.get() + 1);
        if self.failures.get() >= FAILURES_AT_MOST {
            self.stop(format!("{FAILURES_AT_MOST} {whose}: {error}"));
        }
    }

    /// What is waited from. A re-check may set our clock back in the middle of a pass, and what is put off by it is not to
    /// be claimed by it again.
    fn now(&self) -> Timestamp {
        self.tools.clock.now().max(self.began)
    }

    fn wait(&self, mail: &ClaimedMail, attempts: u32) -> Duration {
        self.tools.policy.retry.wait(attempts, mail.id.0.unsigned_abs())
    }

    /// Whether no further mail is to be begun: the server failed us, or we are asked to stop.
    fn is_over(&self) -> bool {
        self.stop.borrow().is_some() || self.tools.progress.stopping()
    }

    fn stop(&self, why: String) {
        self.stop.borrow_mut().get_or_insert(why);
    }

    /// What was claimed and never offered is tried again soon, by another pass: nothing is wrong with it.
    async fn give_back(&self) -> Result<(), Failed<K>> {
        let left: Vec<ClaimedMail> = self.queue.borrow_mut().drain(..).collect();
        self.sum.borrow_mut().failed += left.len() as u64;
        let soon = |mail: &ClaimedMail| MailEnd::PutOff { retry_at: self.now() + self.wait(mail, 0) };
        let ends: Vec<(MailId, MailEnd)> = left.iter().map(|mail| (mail.id, soon(mail))).collect();
        Ok(self.tools.ledger.record_mails(self.tools.clock.now(), &ends, &[]).await?)
    }

    async fn record(&self, mail: &ClaimedMail, end: MailEnd) -> Result<(), Failed<K>> {
        let now = self.tools.clock.now();
        // What was sent and what was refused for good the ledger logs with its record; a doubt is ours to tell.
        let events: Vec<Event> = matches!(end, MailEnd::MaybeSent { .. })
            .then(|| Event {
                at: now,
                kind: "mail.maybe_sent",
                subject: format!("mail:{}", mail.id),
                data: [("person".to_owned(), mail.person.0.into())].into_iter().collect(),
            })
            .into_iter()
            .collect();
        let outcome = MailOutcome::from(&end);
        self.tools.ledger.record_mails(now, &[(mail.id, end)], &events).await?;
        self.tools.meter.mailed(outcome);
        Ok(())
    }
}

/// Takes leave of a server, where a session stands.
async fn leave<S: MailSession>(session: Option<S>) {
    if let Some(open) = session {
        open.close().await;
    }
}
