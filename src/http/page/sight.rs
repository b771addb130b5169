//! "Am I blind?": whether keysweep sees what it is to see, line by line, each with a word and with what to do.

mod providers;
mod sources;

use std::time::Duration;

use serde::Serialize;

pub(super) use self::providers::provider;
use self::providers::providers;
use self::sources::sources;
use super::facts::Facts;
use super::query::sentence;
use super::words::{When, counted, harmless, harmless_line};
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::ports::activation::Job;
use crate::ports::health::{JobState, Phase, Seen};
use crate::ports::meter::PartName;
use crate::ports::notify::MailMode;

/// A job that is due for longer than this is late: one job at a time, and jitter, explain less.
const LATE_AFTER: Duration = Duration::from_secs(300);
/// Nobody wonders about a job under way before its last success is so old, and so many times as old as usual.
const LONG: (Duration, u32) = (Duration::from_secs(24 * 3600), 3);

/// How something is. Ordered: the worst of several speaks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// as it should be
    Well,
    /// nothing has been seen of it yet
    Unknown,
    /// it works, and somebody should know something
    Look,
    /// it does not work
    Trouble,
}

/// One line: what, how it is in a word, since when, and what that means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) level: Level,
    /// how it is, with nothing left out where colours are not seen
    pub(super) word: &'static str,
    /// follows the word: `the whole list was read`
    pub(super) lead: String,
    pub(super) at: Option<When>,
    /// what somebody should know beyond that, or do
    pub(super) more: Vec<String>,
}

/// The lines of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) lines: Vec<Line>,
}

/// The answer to the question above the panels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Verdict {
    pub(super) level: Level,
    pub(super) sentence: String,
}

impl Verdict {
    pub(super) fn over(panels: &[Panel]) -> Self {
        let levels: Vec<Level> = panels.iter().flat_map(|panel| &panel.lines).map(|line| line.level).collect();
        let of = |level| levels.iter().filter(|each| **each == level).count() as u64;
        // What is not known yet weighs more than what is worth a look: who asks is not to be told that all is in sight.
        let level = match levels.iter().copied().max().unwrap_or(Level::Unknown) {
            Level::Look if of(Level::Unknown) > 0 => Level::Unknown,
            level => level,
        };
        let look = match of(Level::Look) {
            0 => String::new(),
            look => format!(" {} worth a look.", counted(look, "thing is", "things are")),
        };
        let unseen = match of(Level::Unknown) {
            0 => String::new(),
            unseen => format!(" {} not known yet.", counted(unseen, "thing is", "things are")),
        };
        let sentence = match level {
            Level::Well => "No. Everything that keysweep looks at is in sight.".to_owned(),
            Level::Unknown => format!("Not as far as is known.{look}{unseen}"),
            Level::Look => format!("No.{look}"),
            Level::Trouble => {
                format!("In part. {} out of order.{unseen}", counted(of(level), "thing is", "things are"))
            }
        };
        Self { level, sentence }
    }
}

impl Line {
    fn new(name: impl Into<String>, level: Level, word: &'static str, lead: impl Into<String>) -> Self {
        Self { name: name.into(), level, word, lead: lead.into(), at: None, more: Vec::new() }
    }

    /// Something of which the ledger may know, once it was looked through.
    fn uncounted(name: impl Into<String>) -> Self {
        Self::new(name, Level::Unknown, "not known yet", "the estate is being counted")
    }

    fn at(self, at: Option<When>) -> Self {
        Self { at, ..self }
    }

    fn more(mut self, more: impl Into<String>) -> Self {
        self.more.push(more.into());
        self
    }

    /// Since when it is so, in few words; empty where that is not known.
    pub(super) fn since(&self) -> String {
        self.at.as_ref().map(|at| at.words.clone()).unwrap_or_default()
    }

    /// All of it but its name, in sentences.
    pub(super) fn sentences(&self) -> Vec<String> {
        let at = self.at.as_ref().map(|at| at.words.as_str());
        let lead = [self.lead.as_str(), at.unwrap_or_default()].into_iter().filter(|words| !words.is_empty());
        let lead: Vec<&str> = lead.collect();
        let first = if lead.is_empty() { self.word.to_owned() } else { format!("{}: {}", self.word, lead.join(" ")) };
        std::iter::once(&first).chain(&self.more).map(|words| sentence(words)).collect()
    }

    /// As bad as this, at least.
    fn raised(mut self, level: Level, word: &'static str) -> Self {
        if level > self.level {
            (self.level, self.word) = (level, word);
        }
        self
    }
}

/// All panels, in the order of the work.
pub(super) fn panels(facts: &Facts<'_>) -> Vec<Panel> {
    vec![
        Panel { title: "Sources", lines: sources(facts) },
        Panel { title: "Providers", lines: providers(facts) },
        Panel { title: "Mail", lines: mail(facts) },
        Panel { title: "Schedules", lines: Job::ALL.map(|job| schedule(job, facts)).into() },
        Panel { title: "keysweep itself", lines: own_parts(facts) },
    ]
}

fn mail(facts: &Facts<'_>) -> Vec<Line> {
    let mode = match (facts.about.mails, facts.mode) {
        (false, _) => {
            Line::new("Leaving", Level::Look, "off", "no mail server is set").more("set smtp_url and from in [mail]")
        }
        (true, None) => Line::new("Leaving", Level::Unknown, "not known", "the ledger does not answer"),
        (true, Some(MailMode::Preview)) => Line::new("Leaving", Level::Look, "preview", "nothing is mailed")
            .more("`keysweep mail preview` shows what would be, `keysweep mail release` lets it leave"),
        (true, Some(MailMode::Baseline)) => Line::new("Leaving", Level::Look, "baseline", "nothing is mailed yet")
            .more("the first whole scan is recorded and not told; only what is new after it is"),
        (true, Some(MailMode::Ramp { people })) => Line::new("Leaving", Level::Well, "ramp", "mail may leave")
            .more(format!("{} a run, who were never written to", counted(u64::from(people), "person", "people"))),
        (true, Some(MailMode::Released)) => Line::new("Leaving", Level::Well, "released", "mail may leave"),
    };
    let braked = facts.overview.and_then(|overview| overview.outbox.braked).filter(|_| mode.level == Level::Well);
    let mode = match braked {
        None => mode,
        Some(braked) => {
            let new = counted(braked.new, "finding is", "findings are");
            let more = format!(
                "{new} new, far more than usual (up to {}); `keysweep mail preview` shows what would be mailed, \
                 `keysweep mail release` lets it leave",
                braked.allowed
            );
            Line::new("Leaving", Level::Trouble, "braked", "nobody is told of anything since")
                .at(Some(When::of(braked.since, facts.now)))
                .more(more)
        }
    };
    // Before anything may leave, nobody has asked the server.
    let is_used = mode.level == Level::Well || facts.health.parts.contains_key(&PartName::Smtp);
    let mut lines = vec![mode];
    if facts.about.mails && is_used {
        lines.push(part("Mail server", PartName::Smtp, "takes mail", facts));
    }
    if let Some(outbox) = facts.overview.map(|overview| &overview.outbox) {
        let waiting = outbox.mails.iter().filter(|(state, _)| state.is_waiting()).map(|(_, count)| count).sum::<u64>();
        let line = match waiting {
            0 => Line::new("Outbox", Level::Well, "empty", "no mail waits"),
            waiting => {
                let lead = format!("{}, the oldest formed", counted(waiting, "mail waits", "mails wait"));
                Line::new("Outbox", Level::Look, "waiting", lead)
            }
        };
        lines.push(line.at(outbox.oldest_waiting.filter(|_| waiting > 0).map(|at| When::of(at, facts.now))));
    }
    lines
}

fn schedule(job: Job, facts: &Facts<'_>) -> Line {
    let name = match job {
        Job::Scan => "Scan",
        Job::Mail => "Mail",
        Job::Upkeep => "Upkeep",
    };
    let now = facts.now;
    let Some(state) = facts.health.jobs.get(&job).copied() else {
        return Line::new(name, Level::Unknown, "not planned yet", "");
    };
    let line = job_line(name, job, state, now);
    let late = line.level == Level::Trouble;
    let passed = |at: &Timestamp| state.running_since.is_some() && *at <= now;
    match state.next.filter(|at| !late && !passed(at)) {
        Some(at) => line.more(format!("next {}", When::of(at.max(now), now).words)),
        None => line,
    }
}

fn job_line(name: &'static str, job: Job, state: JobState, now: Timestamp) -> Line {
    let JobState { running_since, last_run, last_success, next } = state;
    if let Some(since) = running_since {
        return running(name, since, state, now);
    }
    match (next, last_run) {
        (Some(due), _) if now.since(due) > LATE_AFTER => {
            Line::new(name, Level::Trouble, "late", "it was due").at(Some(When::of(due, now)))
        }
        (_, Some(last)) if last_success != Some(last) => Line::new(name, Level::Look, "incomplete", "last run")
            .at(Some(When::of(last, now)))
            .more(last_whole(last_success, now)),
        (Some(_), Some(last)) => Line::new(name, Level::Well, "done", "last run").at(Some(When::of(last, now))),
        // A first scan is begun at once; the others wait for their instant.
        (Some(_), None) if job == Job::Scan => Line::new(name, Level::Unknown, "not run yet", ""),
        (Some(_), None) => Line::new(name, Level::Well, "not due yet", ""),
        (None, _) if job == Job::Scan => Line::new(name, Level::Look, "off", "it has no schedule"),
        (None, _) => Line::new(name, Level::Well, "off", "it has no schedule"),
    }
}

/// A job under way, and what the run before it came to: one that hangs would else be well for ever.
fn running(name: &'static str, since: Timestamp, state: JobState, now: Timestamp) -> Line {
    let line = Line::new(name, Level::Well, "running", "begun").at(Some(When::of(since, now)));
    let (a_while, times) = LONG;
    let well_at = state.last_success.unwrap_or(since);
    let interval = state.next.map(|due| due.since(well_at)).unwrap_or_default();
    let is_long = now.since(well_at) > a_while.max(interval.saturating_mul(times));
    match state.last_run {
        Some(last) if state.last_success != Some(last) => line
            .raised(Level::Look, "running")
            .more(format!("incomplete the last time, {}", When::of(last, now).words))
            .more(last_whole(state.last_success, now)),
        _ if is_long => line.raised(Level::Look, "running").more(last_whole(state.last_success, now)),
        Some(last) => line.more(format!("done the last time, {}", When::of(last, now).words)),
        None => line,
    }
}

fn last_whole(at: Option<Timestamp>, now: Timestamp) -> String {
    format!("last whole run: {}", at.map_or_else(|| "never yet".to_owned(), |at| When::of(at, now).words))
}

fn own_parts(facts: &Facts<'_>) -> Vec<Line> {
    let phase = match facts.health.phase {
        Phase::Starting => Line::new("Daemon", Level::Unknown, "starting", ""),
        Phase::Running => Line::new("Daemon", Level::Well, "running", ""),
        Phase::Stopping => Line::new("Daemon", Level::Look, "ending", "it finishes what is under way"),
    };
    let ledger = match facts.mode {
        Some(_) => part("Ledger", PartName::Ledger, "answers", facts),
        None => Line::new("Ledger", Level::Trouble, "no answer", "this page shows what was last known").more(
            facts
                .health
                .parts
                .get(&PartName::Ledger)
                .map_or_else(|| "see the log, and run `keysweep doctor`".to_owned(), trouble),
        ),
    };
    let config = facts.health.config.as_ref();
    let config = seen_line("Configuration", config, "in force", "refused", facts);
    let clock = part("Clock", PartName::Clock, "has not jumped", facts);
    vec![phase, ledger, event_log(facts), config, clock]
}

fn event_log(facts: &Facts<'_>) -> Line {
    let looked_at = facts.overview.map(|overview| overview.log);
    let at = looked_at.and_then(|log| log.audited_at).map(|at| When::of(at, facts.now));
    match (looked_at, at) {
        (Some(log), at) if log.broken => {
            Line::new("Event log", Level::Trouble, "broken", "it is not as it was written, found")
                .at(at)
                .more("`keysweep audit verify` says where")
        }
        (_, Some(at)) => Line::new("Event log", Level::Well, "whole", "its chain was looked at").at(Some(at)),
        (None, None) if facts.is_being_counted() => Line::uncounted("Event log"),
        (_, None) => Line::new("Event log", Level::Unknown, "not looked at yet", "").more("upkeep does that"),
    }
}

fn part(name: &'static str, part: PartName, well: &'static str, facts: &Facts<'_>) -> Line {
    seen_line(name, facts.health.parts.get(&part), well, "in trouble", facts)
}

fn seen_line(
    name: &'static str,
    seen: Option<&Seen>,
    well: &'static str,
    ill: &'static str,
    facts: &Facts<'_>,
) -> Line {
    match seen {
        None => Line::new(name, Level::Unknown, "not seen yet", ""),
        Some(seen) if seen.is_up() => Line::new(name, Level::Well, well, ""),
        Some(seen) => {
            Line::new(name, Level::Trouble, ill, "first").at(Some(When::of(seen.since, facts.now))).more(trouble(seen))
        }
    }
}

fn trouble(seen: &Seen) -> String {
    harmless_line(seen.trouble.as_deref().unwrap_or_default())
}

/// A provider as people write it.
pub(super) fn title(facts: &Facts<'_>, name: &ProviderName) -> String {
    facts.about.providers.get(name).map_or_else(|| harmless(name.as_str()), |provider| provider.title.clone())
}
