//! One scan, from the inventory to the mail: the same activation whoever asks for it, and it carries no input.

use serde_json::{Value, json};

use super::clock::SteadyClock;
use super::{App, AppError};

use crate::domain::diff::Watched;
use crate::domain::ids::{ProviderName, ScanId};
use crate::domain::policy::LivenessPolicy;
use crate::domain::time::Timestamp;
use crate::inventory::refs::Allowed;
use crate::inventory::{AnySnapshot, Changes, Source};
use crate::ledger::read::{SCAN_PROBLEMS, SCAN_SOURCES};
use crate::notify::Notified;
use crate::ports::collect::CollectLedger as _;
use crate::ports::meter::Stage;
use crate::ports::refs::{NoRefs, Refs};
use crate::ports::span::{LATER, TARGET, traced};
use crate::ports::{Clock, LedgerError, Progress, Quiet, SourceError};
use crate::providers::CatalogueProber;
use crate::scan::SourceSpec;
use crate::scan::collect::{CollectPolicy, Usual, since};
use crate::scan::probe::ProbeTools;
use crate::scan::time::set_clock;
use crate::scan::{Collected, Judged, Probed, collect, judge, probe};

type Asking<C> = CatalogueProber<SteadyClock<C>>;

/// What a scan is to do beside reading and judging.
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions {
    /// ask the providers
    pub probe: bool,
    /// send the mails that are due
    pub notify: bool,
}

/// What a scan did.
#[derive(Clone, Debug)]
pub struct ScanSummary {
    /// the ledger's number
    pub id: ScanId,
    /// when it began
    pub started_at: Timestamp,
    /// when it ended
    pub finished_at: Timestamp,
    /// per source
    pub collected: Vec<(String, Collected)>,
    /// all providers together; `None` where nobody was asked
    pub probed: Option<Probed>,
    /// what the rules said
    pub judged: Judged,
    /// `None` without `--notify`
    pub notified: Option<Notified>,
    /// what the operator should know, in sentences
    pub problems: Vec<String>,
    /// false where a source could not be read whole, or a provider was given up
    pub complete: bool,
}

impl ScanSummary {
    /// `complete` or `incomplete`.
    pub const fn outcome(&self) -> &'static str {
        if self.complete { "complete" } else { "incomplete" }
    }

    /// The counts as one object, for the ledger, the output and the log.
    pub fn counts(&self) -> Value {
        let sum = |pick: fn(&Collected) -> u64| self.collected.iter().map(|(_, c)| pick(c)).sum::<u64>();
        let probed = self.probed.clone().unwrap_or_default();
        let notified = self.notified.clone().unwrap_or_default();
        json!({
            "rows": sum(|c| c.rows), "new": sum(|c| c.new), "changed": sum(|c| c.changed), "ended": sum(|c| c.ended),
            "quarantined": sum(|c| c.quarantined), "held_back": sum(|c| c.held_back),
            "asked": probed.asked, "accepted": probed.accepted, "limited": probed.limited, "refused": probed.refused,
            "partly_refused": probed.partly_refused, "unknown": probed.unknown, "transitions": probed.transitions,
            "held_transitions": probed.held, "shredded": probed.shredded, "put_off": probed.put_off,
            "judged": self.judged.connections, "opened": self.judged.opened, "worsened": self.judged.worsened,
            "closed": self.judged.closed, "exempted": self.judged.exempted,
            "exemptions_ended": self.judged.exemptions_ended,
            "mails_sent": notified.sent, "mails_failed": notified.failed, "mails_maybe_sent": notified.maybe_sent,
            "steps": notified.steps, "notices_held": notified.held, "nobody_to_tell": notified.nobody,
        })
    }
}

impl ScanSummary {
    /// The counts with the sources and problems beside them, as the ledger keeps them.
    fn noted(&self) -> Value {
        let sources = self.collected.iter().map(|(name, c)| {
            json!({
                "name": name, "complete": c.complete, "error": c.error, "rows": c.rows, "new": c.new,
                "changed": c.changed, "ended": c.ended, "quarantined": c.quarantined, "held_back": c.held_back,
            })
        });
        let mut noted = self.counts();
        noted[SCAN_SOURCES] = sources.collect();
        noted[SCAN_PROBLEMS] = json!(self.problems);
        noted
    }
}

/// Which sources a scan reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    All,
    /// those whose own schedule says so, and those that have none
    Due,
}

impl<C: Clock> App<C> {
    /// One scan, of all sources.
    ///
    /// # Errors
    /// Where mail is asked for and there is no way to send it: then nothing was begun. Where the ledger fails, or a mail
    /// can't be written: then what was committed stays.
    pub async fn scan(&self, options: ScanOptions, progress: &impl Progress) -> Result<ScanSummary, AppError> {
        self.scan_of(Reads::All, options, progress).await
    }

    /// One scan of the sources that are due: a source with a schedule of its own is, once one of its instants has passed
    /// since the last reading of it began that came to its end.
    ///
    /// # Errors
    /// As for [`App::scan`].
    pub async fn scan_due(&self, options: ScanOptions, progress: &impl Progress) -> Result<ScanSummary, AppError> {
        self.scan_of(Reads::Due, options, progress).await
    }

    async fn scan_of(
        &self,
        reads: Reads,
        options: ScanOptions,
        progress: &impl Progress,
    ) -> Result<ScanSummary, AppError> {
        if options.notify && self.mail.is_none() {
            return Err(AppError::NoMail);
        }
        let span = tracing::info_span!(
            target: TARGET,
            parent: None,
            "scan",
            keysweep.scan = LATER,
            keysweep.sources = LATER,
            keysweep.problems = LATER,
            keysweep.outcome = LATER,
            otel.status_code = LATER,
        );
        let summary = traced(span.clone(), self.scan_within(reads, options, progress), |summary| {
            let scan = u64::try_from(summary.id.0).unwrap_or_default();
            let (sources, problems) = (summary.collected.len() as u64, summary.problems.len() as u64);
            [("keysweep.scan", scan), ("keysweep.sources", sources), ("keysweep.problems", problems)]
        })
        .await?;
        span.record("keysweep.outcome", summary.outcome());
        Ok(summary)
    }

    async fn scan_within(
        &self,
        reads: Reads,
        options: ScanOptions,
        progress: &impl Progress,
    ) -> Result<ScanSummary, AppError> {
        if options.probe {
            self.set_clock().await?;
        }
        let started_at = self.clock.now();
        let id = self.ledger.begin_scan(started_at).await?;
        let result = self.stages(id, started_at, (reads, options), progress).await;
        match &result {
            Ok(summary) => {
                let counts = summary.counts();
                self.ledger.end_scan(id, summary.finished_at, summary.outcome(), &summary.noted()).await?;
                tracing::info!(
                    scan.id = id.0,
                    scan.outcome = summary.outcome(),
                    scan.seconds = summary.finished_at.since(started_at).as_secs_f64(),
                    scan.counts = %counts,
                    "scan finished"
                );
            }
            Err(error) => self.failed(id, error).await,
        }
        result
    }

    async fn stages(
        &self,
        id: ScanId,
        started_at: Timestamp,
        (reads, options): (Reads, ScanOptions),
        progress: &impl Progress,
    ) -> Result<ScanSummary, AppError> {
        let mut problems = Vec::new();
        let collected = self.timed(Stage::Collect, self.collect(reads, &mut problems, progress)).await?;
        let probed = match options.probe {
            true => Some(self.timed(Stage::Probe, self.probe_due(progress)).await?),
            false => None,
        };
        let judged = self.timed(Stage::Judge, self.judge(progress)).await?;
        let complete = collected.iter().all(|(_, c)| c.complete)
            && probed.as_ref().is_none_or(|probed| probed.given_up.is_empty());
        let all_asked = probed.as_ref().is_some_and(|probed| probed.never_asked == 0);
        if complete && all_asked {
            self.ledger.note_whole_scan(self.clock.now()).await?;
        }
        let notified = match options.notify {
            true => Some(self.notify(id, progress).await?),
            false => None,
        };
        for (provider, failures) in probed.iter().flat_map(|probed| &probed.given_up) {
            problems.push(format!(
                "{provider}: {failures} failures in a row; the rest of its credentials were not asked and stay due"
            ));
        }
        for (provider, count) in probed.iter().flat_map(|probed| &probed.nowhere) {
            problems.push(format!(
                "{provider}: {count} of its credentials could not be asked, because `region` or `base_url` is missing or is \
                 none of the provider's; `keysweep inventory check SOURCE` names them"
            ));
        }
        self.tell_blindness(&mut problems).await?;
        notified.iter().for_each(|notified| notified.tell(&mut problems));
        let finished_at = self.clock.now();
        Ok(ScanSummary { id, started_at, finished_at, collected, probed, judged, notified, problems, complete })
    }

    /// What is not to be believed for now, in sentences.
    async fn tell_blindness(&self, problems: &mut Vec<String>) -> Result<(), LedgerError> {
        for (scope, blind) in self.ledger.blind_endpoints().await? {
            problems.push(format!(
                "{scope} is blind since {}: {}; no refusal there is believed until that ends, and \
                 `keysweep providers trust {}` ends it",
                blind.since,
                blind.why.sentence(),
                scope.provider
            ));
        }
        problems.extend(self.clock_trouble().await?);
        Ok(())
    }

    /// Why our clock is not gone by, and what that means; `None` where it is.
    pub(in crate::app) async fn clock_trouble(&self) -> Result<Option<String>, LedgerError> {
        let suspect = self.ledger.clocks().await?.suspect;
        Ok(suspect.map(|suspect| {
            format!(
                "our clock is {}: nothing dies, is destroyed or mailed until they agree again; set the clock \
                 (`timedatectl status`)",
                suspect.words()
            )
        }))
    }

    /// Sets the clock right before a run.
    pub(super) async fn set_clock(&self) -> Result<(), LedgerError> {
        let policy = |name: &ProviderName| self.liveness_policy(name);
        set_clock(&self.probe_tools(&Quiet, &policy)).await
    }

    /// Asks what is due, and nothing else.
    ///
    /// # Errors
    /// Where the ledger fails; what was committed before stays, the rest is still due.
    pub async fn probe_due(&self, progress: &impl Progress) -> Result<Probed, AppError> {
        let policy = |name: &ProviderName| self.liveness_policy(name);
        Ok(probe(&self.probe_tools(progress, &policy)).await?)
    }

    /// Reads one source into the ledger, and nothing else.
    ///
    /// # Errors
    /// Where there is no such source, or the ledger fails.
    pub async fn collect_one(&self, name: &str, progress: &impl Progress) -> Result<Collected, AppError> {
        let (spec, source) = self.source(name)?;
        let catalogue = &self.catalogue;
        let connects_by = |name: &ProviderName| catalogue.get(name).map(Usual::of);
        let watched = Watched { last_sync: self.settings.policy.knows_idleness() };
        let refs = self.refs.get(name).map(Allowed::for_a_reading);
        let refs = refs.as_ref().map_or(&NoRefs as &(dyn Refs + Send + Sync), |allowed| allowed);
        let policy = CollectPolicy { hold: self.settings.escrow.hold, connects_by: &connects_by, watched, refs };
        let snapshot = self.open_source(spec, source).await?;
        Ok(collect(&self.ledger, &*self.vault, &self.clock, spec, snapshot, &policy, progress).await?)
    }

    /// Opens a source for what is to be read of it now: everything, or what changed.
    async fn open_source(
        &self,
        spec: &SourceSpec,
        source: &Source,
    ) -> Result<Result<AnySnapshot, SourceError>, LedgerError> {
        let now = self.clock.now();
        let Some(Changes { full_every, basis }) = source.changes() else { return Ok(source.open(now).await) };
        let state = self.ledger.source(&spec.name, now).await?;
        Ok(match since(&state, *full_every, basis, now) {
            Some(since) => source.open_changes(now, since).await,
            None => source.open(now).await,
        })
    }

    async fn collect(
        &self,
        reads: Reads,
        problems: &mut Vec<String>,
        progress: &impl Progress,
    ) -> Result<Vec<(String, Collected)>, AppError> {
        let mut all = Vec::new();
        for (spec, _) in self.sources.iter().filter(|(_, source)| source.is_read()) {
            if reads == Reads::Due && !self.is_due(&spec.name).await? {
                continue;
            }
            let begun = self.clock.shown();
            let collected = self.collect_one(&spec.name, progress).await?;
            if collected.complete {
                self.ledger.note_source_served(&spec.name, begun).await?;
            }
            self.note_source(&spec.name, collected.error.as_deref()).await?;
            if let Some(error) = &collected.error {
                problems.push(format!("source {}: {error}", spec.name));
            }
            all.push((spec.name.clone(), collected));
        }
        Ok(all)
    }

    /// Whether a scan is to read a source, by the machine's own clock: schedules go by it.
    async fn is_due(&self, name: &str) -> Result<bool, LedgerError> {
        let settings = self.settings.inventories.iter().find(|source| source.name == name);
        let Some(cron) = settings.and_then(|source| source.schedule.as_ref()) else { return Ok(true) };
        Ok(cron.has_passed(self.ledger.source_served(name).await?, self.clock.shown()))
    }

    pub(super) async fn judge(&self, progress: &impl Progress) -> Result<Judged, LedgerError> {
        judge(&self.ledger, &self.clock, &self.policy, &self.judged_under, progress).await
    }

    pub(super) fn probe_tools<'a, G: Progress>(
        &'a self,
        progress: &'a G,
        policy: &'a dyn Fn(&ProviderName) -> LivenessPolicy,
    ) -> ProbeTools<'a, crate::ledger::Ledger, Asking<C>, crate::escrow::Escrow, SteadyClock<C>, G> {
        ProbeTools {
            ledger: &self.ledger,
            prober: &self.prober,
            vault: &self.vault,
            clock: &self.clock,
            progress,
            meter: &*self.meter,
            policy,
        }
    }
}
