//! One credential's story: what it is, who uses it, what is open about it and why, and everything that happened.

mod document;
mod key;
mod reading;

use std::fmt::Write as _;

pub use self::document::{ExplainedFinding, FindingStory, KeyEvidence, StoryDocument};
pub use self::key::{credential_facts, credential_pairs};
use super::log::Entry;
use super::text::{pairs, plain, second};
use super::words::{cleared, ended, exempt, said};
use crate::domain::action::Why;
use crate::domain::finding::Exempt;
use crate::domain::ids::FindingId;
use crate::domain::time::Timestamp;
use crate::ledger::read::{
    CredentialDetail, CredentialRow, CredentialUse, FindingDetail, FindingRow, FindingState, LogOverview, finding_name,
};

/// Uses that are written out.
const USES: usize = 50;

/// All that the ledger has of one credential.
pub struct Story {
    detail: CredentialDetail,
    findings: Vec<FindingDetail>,
    entries: Vec<Entry>,
    /// what was left out, in words
    cut: Vec<String>,
    /// what is known of the log that it is from
    audit: LogOverview,
}

impl Story {
    /// For people, at `now`. The finding `told` has been told of already; `retention` is the operator's.
    pub fn text(&self, told: Option<FindingId>, retention: &str, now: Timestamp) -> String {
        let mut text = credential_facts(&self.detail.credential);
        if self.detail.credential.held {
            // writing to a String can't fail
            _ = writeln!(text, "[escrow] retention is {retention}.");
        }
        text.push_str(&uses(&self.detail));
        let open = self.findings.iter().filter(|f| f.finding.closed_at.is_none() && Some(f.finding.id) != told);
        for finding in open {
            _ = write!(text, "\n{}", open_finding(finding, now));
        }
        text.push_str("\nWhat happened\n");
        for entry in &self.entries {
            _ = writeln!(text, "  {}  {}", second(entry.at), plain(&entry.what));
        }
        for left_out in self.cut.iter().cloned().chain(self.audit.warning()) {
            _ = writeln!(text, "  ({left_out})");
        }
        text
    }

    /// Its uses, oldest first.
    pub fn uses(&self) -> &[CredentialUse] {
        &self.detail.uses
    }

    /// How many more uses it has.
    pub const fn uses_left_out(&self) -> u64 {
        self.detail.uses_left_out
    }

    /// The findings about it, closed ones included, oldest first.
    pub fn findings(&self) -> &[FindingDetail] {
        &self.findings
    }

    /// What happened, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What was left out, in words.
    pub fn left_out(&self) -> &[String] {
        &self.cut
    }

    /// What whoever reads it has to know of the log; `None` where nothing is known against it.
    pub fn warning(&self) -> Option<String> {
        self.audit.warning()
    }

    /// The credential.
    pub const fn credential(&self) -> &CredentialRow {
        &self.detail.credential
    }
}

fn name(used: &CredentialUse) -> String {
    format!("{}/{}", used.source, used.connection_id)
}

fn uses(detail: &CredentialDetail) -> String {
    let mut text = String::from("\nUsed by\n");
    for used in detail.uses.iter().take(USES) {
        let line = format!("  {} ({}), {}", name(used), used.account_id, use_span(used));
        _ = writeln!(text, "{}", plain(&line));
    }
    let more = detail.uses.len().saturating_sub(USES) as u64 + detail.uses_left_out;
    if more > 0 {
        _ = writeln!(text, "  and {more} more");
    }
    text
}

/// From when to when a use lasts, what ended it, and whether the value leaked there.
pub fn use_span(used: &CredentialUse) -> String {
    let span = match (used.until, used.ended_by) {
        (None, _) => format!("since {}", second(used.since)),
        (Some(until), by) => {
            format!("from {} to {}: {}", second(used.since), second(until), by.map_or("ended", ended))
        }
    };
    let leaked = used.compromised_at.map(|at| format!("; leaked at {}, says the platform", second(at)));
    format!("{span}{}", leaked.unwrap_or_default())
}

/// A finding, at `now`: what, why, from which facts, what would clear it, when it is next looked at.
pub fn finding_facts(detail: &FindingDetail, now: Timestamp) -> String {
    let finding = &detail.finding;
    let mut text = format!("{} {} {}\n", finding_name(finding.id), finding.severity, finding.rule);
    _ = writeln!(text, "{}\n{}\n", said(finding), cleared(finding));
    text.push_str(&pairs(&finding_pairs(detail, now)));
    text
}

/// The facts of a finding by name at `now`, in the order in which they are told. What is empty has nothing to say.
pub fn finding_pairs(detail: &FindingDetail, now: Timestamp) -> Vec<(&str, String)> {
    let finding = &detail.finding;
    let mut facts = vec![
        ("connection", format!("{}/{}", finding.source, finding.connection_id)),
        ("name", finding.connection_name.clone().unwrap_or_default()),
        ("account", finding.account_id.clone()),
        ("state", finding.state.as_str().to_owned()),
        ("opened", format!("{} (opening {})", second(finding.opened_at), detail.course.opening)),
        ("holds since", second(finding.since)),
    ];
    facts.extend(finding.exempt.iter().flat_map(accepted));
    facts.extend(finding.closed_at.map(|at| {
        let why = detail.course.closed_why.clone().unwrap_or_default();
        ("closed", format!("{}: {why}", second(at)))
    }));
    facts.extend(evidence(finding));
    facts.push(("judged again", judged(detail.course.judge_at)));
    facts.extend(paused(&detail.finding, now).map(|pause| ("paused", pause)));
    facts.push(("told again", next_step(detail, now)));
    facts
}

/// An open finding, in the middle of a credential's story.
fn open_finding(detail: &FindingDetail, now: Timestamp) -> String {
    let finding = &detail.finding;
    let mut text = format!(
        "{} {} {} on {}/{}, since {}\n",
        finding_name(finding.id),
        finding.severity,
        finding.rule,
        plain(&finding.source),
        plain(&finding.connection_id),
        second(finding.since)
    );
    _ = writeln!(text, "  {}\n  {}", said(finding), cleared(finding));
    if let Some(word) = &finding.exempt {
        _ = writeln!(text, "  It is {}, which covers {}.", plain(&exempt(word)), plain(&word.terms));
    }
    let facts = evidence(finding).map(|(name, fact)| format!("{name} {fact}")).collect::<Vec<_>>().join(", ");
    _ = writeln!(text, "  Facts: {}", plain(&facts));
    let pause = paused(finding, now).map(|pause| format!(" Paused: {pause}.")).unwrap_or_default();
    let (judged, told) = (judged(detail.course.judge_at), next_step(detail, now));
    _ = writeln!(text, "  Judged again: {judged}.{pause} Told again: {told}.");
    text
}

/// By which of the operator's exemptions.
fn accepted<'a>(word: &Exempt) -> [(&'a str, String); 4] {
    [
        ("exempt until", second(word.until)),
        ("exempt because", word.reason.clone()),
        ("exempt by", word.by.clone().unwrap_or_default()),
        ("exemption of", word.terms.clone()),
    ]
}

fn evidence(finding: &FindingRow) -> impl Iterator<Item = (&str, String)> {
    finding.evidence.iter().map(|(name, fact)| (name.as_str(), super::log::fact(fact)))
}

fn next_step(detail: &FindingDetail, now: Timestamp) -> String {
    match &detail.finding {
        FindingRow { exempt: Some(exempt), .. } => format!("not before the exemption ends at {}", second(exempt.until)),
        FindingRow { mailed: false, .. } => "nobody is mailed about it".to_owned(),
        finding => next_reminder(pause(finding), detail, now),
    }
}

/// A pause leaves the ladder as it is, and no step is taken before it is over. What is said to be reset is asked about at its
/// end, and told at once where that is not so.
fn next_reminder(pause: Option<(Why, Timestamp)>, detail: &FindingDetail, now: Timestamp) -> String {
    let next = |at: Option<Timestamp>| match at {
        Some(due) if due <= now => "as soon as mail may leave".to_owned(),
        at => next(at),
    };
    let later = detail.course.next_step_at.map(|step| pause.map_or(step, |(_, until)| step.max(until)));
    match pause {
        Some((Why::Confirmed, _)) => next(None),
        Some((Why::Pending, until)) if detail.credential_now.held && later != Some(until) => {
            format!("{} if the provider still accepts the key then, else {}", second(until), next(later))
        }
        _ => next(later),
    }
}

/// Why reminders of an open finding wait, and until when; whether that is over is not asked.
fn pause(finding: &FindingRow) -> Option<(Why, Timestamp)> {
    let why = finding.pause.as_deref().and_then(Why::parse).filter(|_| finding.state == FindingState::Open);
    why.zip(finding.pause_until)
}

/// The pause that is in force, in words, with its end.
fn paused(finding: &FindingRow, now: Timestamp) -> Option<String> {
    let (why, until) = pause(finding).filter(|(_, until)| *until > now)?;
    let why = match why {
        Why::Confirmed => {
            return Some("an owner has confirmed by hand that the secret was reset; nobody is reminded".to_owned());
        }
        Why::Snoozed | Why::Acknowledged => why.as_str(),
        Why::Pending => "the secret is said to be reset, which is yet to be confirmed; reminders wait",
    };
    Some(format!("{why} until {}", second(until)))
}

/// When the rules look again.
fn judged(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "when its facts change".to_owned(), |at| format!("{}, or when its facts change", second(at)))
}

fn next(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "never by itself".to_owned(), second)
}

#[cfg(test)]
pub(super) mod tests;
