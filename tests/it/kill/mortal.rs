//! A ledger whose process dies at a chosen write, right before or right after its commit.

use keysweep::domain::blindness::{Scope, Sight};
use keysweep::domain::brake::{Braked, Openings};
use keysweep::domain::facts::Subject;
use keysweep::domain::finding::KnownFinding;
use keysweep::domain::ids::{
    AccountId, ConnectionId, CredentialId, FindingId, MailId, PersonId, ProviderName, ScanId, SourceId,
};
use keysweep::domain::secret::Fingerprint;
use keysweep::domain::time::Timestamp;
use keysweep::ledger::Ledger;
use keysweep::ports::collect::{
    CollectChunk, CollectLedger, KnownConnection, KnownCredential, KnownPerson, KnownRow, OpenRow, PresentPerson,
    Reservation, Reserved, SnapshotEnd, SourceState,
};
use keysweep::ports::judge::{JudgeBatch, JudgeLedger};
use keysweep::ports::links::{KeptLink, LinkLedger};
use keysweep::ports::notify::{
    Begun, ClaimedMail, Formed, MailEnd, MailMode, NotifyLedger, StepDue, StepTaken, WaitingReader, Whom,
};
use keysweep::ports::probe::{Control, DueCredential, Learnt, ProbeLedger, SameKey};
use keysweep::ports::turn::{Turn, Turns};
use keysweep::ports::{Event, LedgerError};

use super::process::{Life, Side};

/// The ledger of a process that lives for so long.
pub struct Mortal<'a> {
    /// the real one
    pub ledger: Ledger,
    life: &'a Life,
    /// one call after the other, in the order in which they were made: so every run of a story has the same one
    turn: tokio::sync::Mutex<()>,
}

impl<'a> Mortal<'a> {
    /// This ledger, for so long a life.
    pub fn new(ledger: Ledger, life: &'a Life) -> Self {
        Self { ledger, life, turn: tokio::sync::Mutex::new(()) }
    }
    async fn write<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        let _turn = self.turn.lock().await;
        match self.life.next(call) {
            Ok(()) => work.await,
            Err(Side::Before) => Err(dead()),
            Err(Side::After) => {
                work.await?;
                Err(dead())
            }
        }
    }

    async fn read<T>(&self, work: impl Future<Output = Result<T, LedgerError>>) -> Result<T, LedgerError> {
        let _turn = self.turn.lock().await;
        if self.life.died_in().is_some() { Err(dead()) } else { work.await }
    }

    /// As the program begins a scan.
    pub async fn begin_scan(&self, now: Timestamp) -> Result<ScanId, LedgerError> {
        self.write("begin_scan", self.ledger.begin_scan(now)).await
    }

    /// As the program ends one.
    pub async fn end_scan(&self, id: ScanId, now: Timestamp) -> Result<(), LedgerError> {
        self.write("end_scan", self.ledger.end_scan(id, now, "complete", &serde_json::json!({}))).await
    }
}

fn dead() -> LedgerError {
    LedgerError::Busy("the process is dead".to_owned())
}

impl Turns for Mortal<'_> {
    async fn turn(&self) -> Result<Turn, LedgerError> {
        self.read(self.ledger.turn()).await
    }
}

impl CollectLedger for Mortal<'_> {
    async fn source(&self, name: &str, now: Timestamp) -> Result<SourceState, LedgerError> {
        self.write("source", self.ledger.source(name, now)).await
    }

    async fn reserve(&self, wanted: Reservation) -> Result<Reserved, LedgerError> {
        self.write("reserve", self.ledger.reserve(wanted)).await
    }

    async fn known_rows(&self, source: SourceId, ids: &[&str]) -> Result<Vec<KnownRow>, LedgerError> {
        self.read(self.ledger.known_rows(source, ids)).await
    }

    async fn known_connections(&self, ids: &[ConnectionId]) -> Result<Vec<KnownConnection>, LedgerError> {
        self.read(self.ledger.known_connections(ids)).await
    }

    async fn known_credentials(&self, fingerprints: &[Fingerprint]) -> Result<Vec<KnownCredential>, LedgerError> {
        self.read(self.ledger.known_credentials(fingerprints)).await
    }

    async fn known_accounts(&self, source: SourceId, ids: &[&str]) -> Result<Vec<(String, AccountId)>, LedgerError> {
        self.read(self.ledger.known_accounts(source, ids)).await
    }

    async fn known_people(&self, source: SourceId, ids: &[(&str, &str)]) -> Result<Vec<KnownPerson>, LedgerError> {
        self.read(self.ledger.known_people(source, ids)).await
    }

    async fn commit_collect(&self, chunk: &CollectChunk) -> Result<(), LedgerError> {
        self.write("commit_collect", self.ledger.commit_collect(chunk)).await
    }

    async fn hold_nothing_back(&self, source: SourceId) -> Result<(), LedgerError> {
        self.write("hold_nothing_back", self.ledger.hold_nothing_back(source)).await
    }

    async fn open_ids(
        &self,
        source: SourceId,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<ConnectionId>, LedgerError> {
        self.read(self.ledger.open_ids(source, after, limit)).await
    }

    async fn open_page(
        &self,
        source: SourceId,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<OpenRow>, LedgerError> {
        self.read(self.ledger.open_page(source, after, limit)).await
    }

    async fn present_people_page(
        &self,
        source: SourceId,
        after: PersonId,
        limit: usize,
    ) -> Result<Vec<PresentPerson>, LedgerError> {
        self.read(self.ledger.present_people_page(source, after, limit)).await
    }

    async fn commit_snapshot(&self, end: &SnapshotEnd) -> Result<(), LedgerError> {
        self.write("commit_snapshot", self.ledger.commit_snapshot(end)).await
    }
}

impl ProbeLedger for Mortal<'_> {
    async fn due_providers(&self, now: Timestamp) -> Result<Vec<(ProviderName, u64)>, LedgerError> {
        self.read(self.ledger.due_providers(now)).await
    }

    async fn due_credentials(
        &self,
        provider: &ProviderName,
        now: Timestamp,
        after: CredentialId,
        limit: usize,
    ) -> Result<Vec<DueCredential>, LedgerError> {
        self.read(self.ledger.due_credentials(provider, now, after, limit)).await
    }

    async fn held_credentials(&self, ids: &[CredentialId]) -> Result<Vec<DueCredential>, LedgerError> {
        self.read(self.ledger.held_credentials(ids)).await
    }

    async fn controls(&self, provider: &ProviderName) -> Result<Vec<Control>, LedgerError> {
        self.read(self.ledger.controls(provider)).await
    }

    async fn sights(&self, provider: &ProviderName) -> Result<Vec<(Scope, Sight)>, LedgerError> {
        self.read(self.ledger.sights(provider)).await
    }

    async fn last_run(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.read(self.ledger.last_run()).await
    }

    async fn clocks(&self) -> Result<keysweep::domain::clock::Clocks, LedgerError> {
        self.read(self.ledger.clocks()).await
    }

    async fn refused_by_source(&self, provider: &ProviderName) -> Result<Vec<(SourceId, u64)>, LedgerError> {
        self.read(self.ledger.refused_by_source(provider)).await
    }

    async fn suspects(
        &self,
        provider: &ProviderName,
        after: CredentialId,
        limit: usize,
    ) -> Result<Vec<DueCredential>, LedgerError> {
        self.read(self.ledger.suspects(provider, after, limit)).await
    }

    async fn sharing_a_key(&self, ids: &[CredentialId]) -> Result<Vec<CredentialId>, LedgerError> {
        self.read(self.ledger.sharing_a_key(ids)).await
    }

    async fn keymates(&self, id: CredentialId, after: CredentialId) -> Result<Vec<SameKey>, LedgerError> {
        self.read(self.ledger.keymates(id, after)).await
    }

    async fn commit_probes(&self, now: Timestamp, learnt: &Learnt<'_>) -> Result<Vec<CredentialId>, LedgerError> {
        self.write("commit_probes", self.ledger.commit_probes(now, learnt)).await
    }

    async fn scrub(&self) -> Result<(), LedgerError> {
        self.write("scrub", self.ledger.scrub()).await
    }
}

impl JudgeLedger for Mortal<'_> {
    async fn judge_under(&self, version: &str) -> Result<(), LedgerError> {
        self.write("judge_under", self.ledger.judge_under(version)).await
    }

    async fn spread_dirty(&self, now: Timestamp) -> Result<bool, LedgerError> {
        self.write("spread_dirty", self.ledger.spread_dirty(now)).await
    }

    async fn due_count(&self, now: Timestamp) -> Result<u64, LedgerError> {
        self.read(self.ledger.due_count(now)).await
    }

    async fn due_subjects(
        &self,
        now: Timestamp,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<(Subject, Vec<KnownFinding>)>, LedgerError> {
        self.read(self.ledger.due_subjects(now, after, limit)).await
    }

    async fn all_subjects(
        &self,
        after: ConnectionId,
        limit: usize,
    ) -> Result<Vec<(Subject, Vec<KnownFinding>)>, LedgerError> {
        self.read(self.ledger.all_subjects(after, limit)).await
    }

    async fn commit_judgements(&self, batch: &JudgeBatch) -> Result<(), LedgerError> {
        self.write("commit_judgements", self.ledger.commit_judgements(batch)).await
    }
}

impl LinkLedger for Mortal<'_> {
    async fn keep_links(&self, mail: MailId, person: PersonId, links: &[KeptLink]) -> Result<(), LedgerError> {
        self.write("keep_links", self.ledger.keep_links(mail, person, links)).await
    }
}

impl NotifyLedger for Mortal<'_> {
    async fn mail_mode(&self) -> Result<MailMode, LedgerError> {
        self.read(self.ledger.mail_mode()).await
    }

    async fn recover_mails(&self, now: Timestamp) -> Result<(u64, u64), LedgerError> {
        self.write("recover_mails", self.ledger.recover_mails(now)).await
    }

    async fn take_back_lost(&self, now: Timestamp) -> Result<u64, LedgerError> {
        self.write("take_back_lost", self.ledger.take_back_lost(now)).await
    }

    async fn steps_due(&self, now: Timestamp, after: FindingId, limit: usize) -> Result<Vec<StepDue>, LedgerError> {
        self.read(self.ledger.steps_due(now, after, limit)).await
    }

    async fn commit_steps(&self, now: Timestamp, steps: &[StepTaken], events: &[Event]) -> Result<(), LedgerError> {
        self.write("commit_steps", self.ledger.commit_steps(now, steps, events)).await
    }

    async fn security_contact(&self, now: Timestamp) -> Result<Option<PersonId>, LedgerError> {
        self.read(self.ledger.security_contact(now)).await
    }

    async fn new_findings(&self, now: Timestamp, since: Timestamp) -> Result<u64, LedgerError> {
        self.read(self.ledger.new_findings(now, since)).await
    }

    async fn openings(&self) -> Result<Option<Openings>, LedgerError> {
        self.read(self.ledger.openings()).await
    }

    async fn braked(&self) -> Result<Option<Braked>, LedgerError> {
        self.read(NotifyLedger::braked(&self.ledger)).await
    }

    async fn brake_off(&self, now: Timestamp, openings: &Openings) -> Result<(), LedgerError> {
        self.write("brake_off", self.ledger.brake_off(now, openings)).await
    }

    async fn brake_on(&self, now: Timestamp, braked: &Braked) -> Result<bool, LedgerError> {
        self.write("brake_on", self.ledger.brake_on(now, braked)).await
    }

    async fn end_waits(&self, until: Option<Timestamp>) -> Result<(), LedgerError> {
        self.write("end_waits", self.ledger.end_waits(until)).await
    }

    async fn people_waiting(&self, now: Timestamp, whom: Whom) -> Result<Vec<PersonId>, LedgerError> {
        self.read(self.ledger.people_waiting(now, whom)).await
    }

    async fn readers_waiting(
        &self,
        now: Timestamp,
        whom: Whom,
        people: &[PersonId],
    ) -> Result<Vec<WaitingReader>, LedgerError> {
        self.read(self.ledger.readers_waiting(now, whom, people)).await
    }

    async fn form_mails(&self, now: Timestamp, formed: &Formed, domain: &str) -> Result<(), LedgerError> {
        self.write("form_mails", self.ledger.form_mails(now, formed, domain)).await
    }

    async fn end_ramp(&self, now: Timestamp) -> Result<bool, LedgerError> {
        self.write("end_ramp", self.ledger.end_ramp(now)).await
    }

    async fn claim_mails(
        &self,
        due_by: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedMail>, LedgerError> {
        self.write("claim_mails", self.ledger.claim_mails(due_by, until, limit)).await
    }

    async fn reload_mails(&self, ids: &[MailId]) -> Result<Vec<ClaimedMail>, LedgerError> {
        self.read(self.ledger.reload_mails(ids)).await
    }

    async fn begin_sending(&self, mail: &ClaimedMail, now: Timestamp) -> Result<Begun, LedgerError> {
        self.write("begin_sending", self.ledger.begin_sending(mail, now)).await
    }

    async fn record_mails(
        &self,
        now: Timestamp,
        ends: &[(MailId, MailEnd)],
        events: &[Event],
    ) -> Result<(), LedgerError> {
        self.write("record_mails", self.ledger.record_mails(now, ends, events)).await
    }
}
