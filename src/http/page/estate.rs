//! The estate in numbers: connections and credentials by provider, ages, and what the rules have found.

use std::collections::BTreeMap;

use serde::Serialize;

use super::facts::Facts;
use super::findings;
use super::query::path;
use super::sheet::{Cell, Column};
use super::sight::title;
use super::words::{When, count, counted};
use crate::domain::age::AgeBand;
use crate::domain::belief::Liveness;
use crate::domain::facts::ConnectionStatus;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::ProviderName;
use crate::domain::time::Timestamp;
use crate::ledger::read::{FindingRow, Overview, ProviderOverview};

/// Every provider's numbers, and all of them together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Estate {
    /// the statuses as the head of the table has them
    statuses: [&'static str; 4],
    /// likewise the liveness
    livenesses: [&'static str; 5],
    rows: Vec<Row>,
    all: Row,
    /// the three numbers above the table, each with its words
    tiles: [Tile; 3],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Row {
    name: String,
    /// the provider's page
    href: Option<String>,
    connections: Vec<String>,
    credentials: Vec<String>,
    tombstones: String,
    oldest: Option<When>,
    /// that one, or another, may be older
    at_least: bool,
}

/// A number and what it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Tile {
    number: String,
    words: String,
    more: String,
    /// what is counted, as a list; `None` where no list is just that
    href: Option<&'static str>,
}

impl Estate {
    pub(super) fn of(overview: &Overview, facts: &Facts<'_>) -> Self {
        let row = |name: String, href: Option<String>, provider: &ProviderOverview| Row {
            name,
            href,
            connections: ConnectionStatus::ALL.map(|status| number(&provider.connections, &status)).into(),
            credentials: Liveness::ALL.map(|liveness| number(&provider.credentials, &liveness)).into(),
            tombstones: count(provider.tombstones),
            oldest: provider.oldest_since.map(|since| When::lasting(since, facts.now)),
            at_least: provider.is_oldest_a_bound(),
        };
        let all = ProviderOverview {
            ages: AgeBand::ALL.map(|band| (band, of_age(overview, band))).into(),
            connections: ConnectionStatus::ALL.map(|status| (status, overview.connections(status))).into(),
            credentials: Liveness::ALL.map(|liveness| (liveness, overview.credentials(liveness))).into(),
            tombstones: overview.tombstones(),
            oldest_since: overview.providers.values().filter_map(|provider| provider.oldest_since).min(),
            ..ProviderOverview::default()
        };
        let one = |(name, provider): (&ProviderName, _)| {
            row(title(facts, name), Some(path("/providers", name.as_str())), provider)
        };
        let rows = overview.providers.iter().map(one).collect();
        Self {
            statuses: ConnectionStatus::ALL.map(ConnectionStatus::as_str),
            livenesses: Liveness::ALL.map(Liveness::as_str),
            rows,
            tiles: tiles(overview),
            all: row("All".to_owned(), None, &all),
        }
    }
}

fn tiles(overview: &Overview) -> [Tile; 3] {
    let (active, paused) =
        (overview.connections(ConnectionStatus::Active), overview.connections(ConnectionStatus::Paused));
    let known: u64 = Liveness::ALL.into_iter().map(|liveness| overview.credentials(liveness)).sum();
    let live = overview.credentials(Liveness::Live);
    let left = overview.tombstones();
    let plain = |number: u64, one: &str, many: &str| if number == 1 { one.to_owned() } else { many.to_owned() };
    [
        Tile {
            number: count(active + paused),
            words: plain(active + paused, "open connection", "open connections"),
            more: format!("{} active, {} paused", count(active), count(paused)),
            href: None,
        },
        Tile {
            number: count(live),
            words: plain(live, "live credential", "live credentials"),
            more: format!("of {}", counted(known, "known", "known")),
            href: Some("/credentials?liveness=live"),
        },
        Tile {
            number: count(left),
            words: plain(left, "use left behind", "uses left behind"),
            more: "of keys that nobody there uses, not proven dead".to_owned(),
            href: None,
        },
    ]
}

fn of_age(overview: &Overview, band: AgeBand) -> u64 {
    overview.providers.values().filter_map(|provider| provider.ages.get(&band)).sum()
}

fn number<K: Ord>(counts: &BTreeMap<K, u64>, key: &K) -> String {
    count(counts.get(key).copied().unwrap_or_default())
}

/// How old the secrets are whose age matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Ages {
    bars: Vec<Bar>,
    total: String,
    oldest: Option<When>,
    /// that one, or another, may be older
    at_least: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Bar {
    label: &'static str,
    count: String,
    /// of the longest bar, in thousandths
    width: u64,
    /// of all, in words
    share: String,
    /// young, old, unknown: how it is drawn
    kind: &'static str,
}

impl Ages {
    pub(super) fn of(overview: &Overview, now: Timestamp) -> Self {
        let counts = AgeBand::ALL.map(|band| (band, of_age(overview, band)));
        let total: u64 = counts.iter().map(|(_, count)| count).sum();
        let longest = counts.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1);
        let bar = |(band, number): (AgeBand, u64)| Bar {
            label: label(band),
            count: count(number),
            // a bar that stands for something can be seen
            width: if number == 0 { 0 } else { (number * 1000 / longest).max(8) },
            share: format!("{} %", (number * 100 + total.max(1) / 2) / total.max(1)),
            kind: kind(band),
        };
        let oldest = overview.providers.values().filter_map(|provider| provider.oldest_since).min();
        Self {
            bars: counts.map(bar).into(),
            total: counted(total, "key", "keys"),
            oldest: oldest.map(|since| When::lasting(since, now)),
            at_least: overview.providers.values().any(ProviderOverview::is_oldest_a_bound),
        }
    }
}

const fn label(band: AgeBand) -> &'static str {
    match band {
        AgeBand::To30 => "up to 30 days",
        AgeBand::To60 => "30 to 60 days",
        AgeBand::To90 => "60 to 90 days",
        AgeBand::To180 => "90 to 180 days",
        AgeBand::To365 => "180 to 365 days",
        AgeBand::Over365 => "over a year",
        AgeBand::AtLeast => "not known",
    }
}

const fn kind(band: AgeBand) -> &'static str {
    match band {
        AgeBand::To30 | AgeBand::To60 | AgeBand::To90 => "young",
        AgeBand::To180 | AgeBand::To365 | AgeBand::Over365 => "old",
        AgeBand::AtLeast => "unknown",
    }
}

/// What the rules have found.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    total: u64,
    severities: Vec<Counted>,
    kinds: Vec<Kind>,
    /// what is accepted for a while, in words; empty for nothing
    exempt: String,
    /// when the first of that is open again
    exempt_until: Option<When>,
    /// `None` where the ledger doesn't answer
    worst: Option<Vec<Vec<Cell>>>,
    columns: Vec<Column>,
    /// how many are not listed, in words; empty for none
    others: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Counted {
    severity: &'static str,
    count: String,
    is_zero: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Kind {
    severity: &'static str,
    rule: &'static str,
    count: String,
    unmailed: String,
    oldest: When,
}

/// Worst first, then as the rules are listed everywhere.
const WORST_FIRST: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];

impl Found {
    /// `worst` is `None` where the ledger doesn't answer.
    pub(super) fn of(overview: &Overview, facts: &Facts<'_>, worst: Option<&[FindingRow]>) -> Self {
        let now = facts.now;
        let severities = WORST_FIRST.map(|severity| {
            let number = overview.open_findings(severity);
            Counted { severity: severity.as_str(), count: count(number), is_zero: number == 0 }
        });
        let total: u64 = WORST_FIRST.into_iter().map(|severity| overview.open_findings(severity)).sum();
        let worst = worst.map(|rows| rows.iter().map(|row| findings::cells(row, facts)).collect::<Vec<_>>());
        let listed = worst.as_ref().map_or(0, |worst| worst.len() as u64);
        let others = match total.saturating_sub(listed) {
            0 => String::new(),
            others => format!("{} not listed here", counted(others, "more is", "more are")),
        };
        let (exempt, exempt_until) = exempt(overview, now);
        let (severities, kinds) = (severities.into(), kinds(overview, now));
        Self { total, severities, kinds, exempt, exempt_until, worst, columns: findings::columns(), others }
    }
}

/// How many findings are accepted for a while, and until when the first of them.
fn exempt(overview: &Overview, now: Timestamp) -> (String, Option<When>) {
    let number: u64 = overview.exempt.iter().map(|kind| kind.count).sum();
    let words = if number == 0 { String::new() } else { counted(number, "finding more is", "findings more are") };
    (words, overview.exempt.iter().map(|kind| kind.next_end).min().map(|end| When::of(end, now)))
}

fn kinds(overview: &Overview, now: Timestamp) -> Vec<Kind> {
    let mut sums: BTreeMap<(std::cmp::Reverse<Severity>, RuleName), (u64, u64, Timestamp)> = BTreeMap::new();
    for kind in &overview.findings {
        let key = (std::cmp::Reverse(kind.severity), kind.rule);
        let (count, unmailed, oldest) = sums.entry(key).or_insert((0, 0, kind.oldest_opened_at));
        *count += kind.count;
        *unmailed += kind.unmailed;
        *oldest = (*oldest).min(kind.oldest_opened_at);
    }
    let kind = |((severity, rule), (number, unmailed, oldest)): ((std::cmp::Reverse<Severity>, RuleName), _)| Kind {
        severity: Severity::as_str(severity.0),
        rule: rule.as_str(),
        count: count(number),
        unmailed: if unmailed == 0 { String::new() } else { count(unmailed) },
        oldest: When::of(oldest, now),
    };
    sums.into_iter().map(kind).collect()
}
