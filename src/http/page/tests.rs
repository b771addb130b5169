//! What the page says in which situation, and that nothing on it is anybody else's markup.

use std::collections::BTreeMap;

use super::sight::{Level, panels};
use super::view::{Facts, LedgerFacts, View};
use super::{About, STYLE, render};
use crate::domain::belief::Liveness;
use crate::domain::blindness::Why;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{FindingId, ProviderName};
use crate::domain::time::{Timestamp, days, hours};
use crate::ledger::read::{
    BlindOverview, FindingsOverview, MailState, OutboxOverview, Overview, ProviderOverview, SourceOverview,
    WorstFinding,
};
use crate::ports::activation::Job;
use crate::ports::health::{HealthReport, JobState, Phase, Seen};
use crate::ports::meter::PartName;
use crate::ports::notify::MailMode;

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A keysweep that is well, and an estate with one finding.
struct World {
    about: About,
    overview: Option<Overview>,
    health: HealthReport,
    ledger: Option<LedgerFacts>,
}

impl World {
    fn well() -> Self {
        let mailjet = ProviderName::new("mailjet");
        let seen = |part| (part, Seen { since: NOW - days(1), trouble: None });
        let done = NOW - hours(1);
        let job = JobState {
            running_since: None,
            last_run: Some(done),
            last_success: Some(done),
            next: Some(NOW + hours(1)),
        };
        Self {
            about: About {
                version: "1.2.3".to_owned(),
                ledger: "/var/lib/keysweep/ledger.db".to_owned(),
                titles: BTreeMap::from([(mailjet.clone(), "Mailjet".to_owned())]),
                sources: vec!["main".to_owned()],
                mails: true,
                exemptions: crate::domain::policy::Exemptions::default(),
            },
            overview: Some(Overview {
                at: done,
                providers: BTreeMap::from([(mailjet.clone(), ProviderOverview::default())]),
                findings: vec![FindingsOverview {
                    provider: mailjet.clone(),
                    rule: RuleName::SecretStale,
                    severity: Severity::High,
                    count: 1234,
                    unmailed: 0,
                    oldest_opened_at: NOW - days(9),
                }],
                exempt: Vec::new(),
                open_for: BTreeMap::new(),
                closings: Vec::new(),
                outbox: OutboxOverview::default(),
                acts: Vec::new(),
                sources: vec![SourceOverview {
                    name: "main".to_owned(),
                    last_read: Some(done),
                    last_complete: Some(done),
                    error: None,
                    rows: 2000,
                    quarantined: 0,
                    held_back: 0,
                    last_changes: None,
                    last_event: None,
                }],
                blind: Vec::new(),
                clock: None,
                ledger_bytes: 4096,
                log: crate::ledger::read::LogOverview::default(),
            }),
            health: HealthReport {
                phase: Phase::Running,
                parts: PartName::ALL.iter().copied().map(seen).collect(),
                config: Some(Seen { since: NOW - days(1), trouble: None }),
                given_up: BTreeMap::new(),
                jobs: Job::ALL.map(|name| (name, job)).into(),
            },
            ledger: Some(LedgerFacts { mode: MailMode::Released, worst: vec![finding("acct-1", "c-1", "main")] }),
        }
    }

    fn overview(&mut self) -> &mut Overview {
        self.overview.as_mut().unwrap()
    }

    fn source(&mut self) -> &mut SourceOverview {
        &mut self.overview().sources[0]
    }

    fn job(&mut self, job: Job) -> &mut JobState {
        self.health.jobs.get_mut(&job).unwrap()
    }

    fn facts(&self) -> Facts<'_> {
        let (overview, ledger) = (self.overview.as_ref(), self.ledger.as_ref());
        Facts { now: NOW, about: &self.about, overview, health: &self.health, ledger, rung: false }
    }

    fn page(&self) -> String {
        render(&View::of(&self.facts())).unwrap()
    }

    /// How bad the worst line is, and everything that the panels say.
    fn sight(&self) -> (Level, String) {
        let lines: Vec<_> = panels(&self.facts()).into_iter().flat_map(|panel| panel.lines).collect();
        let worst = lines.iter().map(|line| line.level).max().unwrap();
        let said = lines.iter().map(|line| {
            let at = line.at.as_ref().map_or("", |at| at.words.as_str());
            format!("{}: {}: {} {at}; {}", line.name, line.word, line.lead, line.more.join("; "))
        });
        (worst, said.collect::<Vec<_>>().join("\n"))
    }
}

fn finding(account: &str, connection: &str, source: &str) -> WorstFinding {
    WorstFinding {
        id: FindingId(7),
        rule: RuleName::SecretStale,
        severity: Severity::High,
        provider: ProviderName::new("mailjet"),
        source: source.to_owned(),
        account_id: account.to_owned(),
        connection_id: connection.to_owned(),
        since: NOW - days(9),
        liveness: Liveness::Live,
    }
}

fn blind(endpoint: &str) -> BlindOverview {
    BlindOverview {
        provider: ProviderName::new("mailjet"),
        protocol: "rest".to_owned(),
        endpoint: endpoint.to_owned(),
        since: NOW - hours(5),
        why: Why::Refused,
    }
}

fn trouble(words: &str) -> Seen {
    Seen { since: NOW - hours(5), trouble: Some(words.to_owned()) }
}

/// A situation, how bad it is, and what is then said.
type Case = (fn(&mut World), Level, &'static str);

const OF_OTHERS: &[Case] = &[
    (|_| {}, Level::Well, "main: up: 2,000 rows read whole 1 h ago"),
    (
        |world| world.source().error = Some("cut short".to_owned()),
        Level::Trouble,
        "main: not read: last read whole 1 h ago; cut short",
    ),
    (|world| world.source().quarantined = 1, Level::Look, "1 row is set aside: `keysweep inventory check main`"),
    (
        |world| world.source().held_back = 40,
        Level::Look,
        "40 entries are gone from the list at once and held back: `keysweep inventory accept main`",
    ),
    (|world| world.overview().sources.clear(), Level::Unknown, "main: not read yet"),
    (|world| world.about.sources.clear(), Level::Look, "no [[inventory]] is configured"),
    (|world| world.overview = None, Level::Unknown, "main: not read yet"),
    (
        |world| drop(world.health.given_up.insert(ProviderName::new("mailjet"), trouble("10 failures in a row"))),
        Level::Trouble,
        "Mailjet: given up: the last scan got no answers, first 5 h ago; 10 failures in a row",
    ),
    (
        |world| world.overview().blind.push(blind("default")),
        Level::Trouble,
        "Mailjet: blind: since 5 h ago; rest/default: keys that were live are refused in bulk. No refusal there is believed \
         until that ends; `keysweep providers trust mailjet` ends it",
    ),
    (
        |world| {
            world.overview().blind.push(blind("default"));
            world.health.given_up.insert(ProviderName::new("mailjet"), trouble("10 failures in a row"));
        },
        Level::Trouble,
        "they stay due.; blind since 5 h ago: rest/default",
    ),
    (
        |world| world.ledger.as_mut().unwrap().mode = MailMode::Preview,
        Level::Look,
        "`keysweep mail release` lets it leave",
    ),
    (|world| world.about.mails = false, Level::Look, "set smtp_url and from in [mail]"),
    (
        |world| {
            world.overview().outbox.mails.insert(MailState::Failed, 3);
            world.overview().outbox.oldest_waiting = Some(NOW - days(2));
        },
        Level::Look,
        "Outbox: waiting: 3 mails wait, the oldest formed 2 d ago",
    ),
];

const OF_KEYSWEEP: &[Case] = &[
    (
        |world| drop(world.health.parts.insert(PartName::Smtp, trouble("refused"))),
        Level::Trouble,
        "Mail server: in trouble: first 5 h ago; refused",
    ),
    (
        |world| drop(world.health.parts.insert(PartName::Clock, trouble("an hour off"))),
        Level::Trouble,
        "Clock: in trouble",
    ),
    (
        |world| world.health.config = Some(trouble("mail.from: bad")),
        Level::Trouble,
        "Configuration: refused: first 5 h ago; mail.from: bad",
    ),
    (|world| world.ledger = None, Level::Trouble, "Ledger: no answer"),
    (|world| world.job(Job::Scan).next = Some(NOW - hours(1)), Level::Trouble, "Scan: late: it was due 1 h ago"),
    (
        |world| world.job(Job::Scan).last_success = Some(NOW - days(1)),
        Level::Look,
        "Scan: incomplete: last run 1 h ago; last whole run: 24 h ago",
    ),
    (
        |world| {
            *world.job(Job::Scan) =
                JobState { running_since: Some(NOW - hours(2)), next: Some(NOW - hours(1)), ..JobState::default() }
        },
        Level::Well,
        "Scan: running: begun 2 h ago",
    ),
    (
        |world| *world.job(Job::Upkeep) = JobState { next: Some(NOW + hours(9)), ..JobState::default() },
        Level::Well,
        "Upkeep: not due yet",
    ),
    (|world| world.job(Job::Scan).next = None, Level::Look, "Scan: off"),
];

#[test]
fn whatever_keeps_keysweep_from_seeing_is_said_with_what_to_do() {
    for (happens, level, said) in OF_OTHERS.iter().chain(OF_KEYSWEEP) {
        let mut world = World::well();
        happens(&mut world);
        let (worst, all) = world.sight();
        assert!(all.contains(said), "{said:?} is not in:\n{all}");
        assert_eq!(worst, *level, "{all}");
        world.page();
    }
}

#[test]
fn the_page_of_a_keysweep_that_has_done_nothing_says_so() {
    let world = World { overview: None, health: HealthReport::default(), ..World::well() };
    let page = world.page();
    assert!(page.contains("Nothing has been counted yet"));
    assert!(page.contains("not been looked at yet"));
}

#[test]
fn what_is_not_listed_is_counted() {
    assert!(World::well().page().contains("1,233 more are not listed here"));
}

#[test]
fn other_peoples_names_are_text_and_never_markup() {
    const HOSTILE: &str = "</td><script>alert(1)</script>\"' onload=x `id` \u{202e}{{ 7*7 }}";
    let mut world = World::well();
    world.about.ledger = HOSTILE.to_owned();
    world.about.sources = vec![HOSTILE.to_owned()];
    world.source().name = HOSTILE.to_owned();
    (world.source().error, world.source().quarantined) = (Some(HOSTILE.to_owned()), 1);
    world.ledger.as_mut().unwrap().worst = vec![finding(HOSTILE, HOSTILE, HOSTILE)];
    world.health.config = Some(trouble(HOSTILE));
    let hostile = ProviderName::new(HOSTILE);
    world.overview().blind.push(BlindOverview { provider: hostile.clone(), ..blind(HOSTILE) });
    world.overview().providers.insert(hostile.clone(), ProviderOverview::default());
    world.health.given_up.insert(hostile, trouble(HOSTILE));
    let page = world.page();
    let lower = page.to_lowercase();
    assert!(!lower.contains("<script"), "{page}");
    assert!(!page.contains("\u{202e}"), "the writing direction turns");
    assert!(!page.contains("49"), "a name was taken for a template");
    assert!(page.contains("&lt;script&gt;"), "the names are shown");
    // As many tags as without them: none was added.
    let tags = |page: &str| page.matches("<td").count();
    let mut plain = World::well();
    plain.overview().providers.insert(ProviderName::new("x"), ProviderOverview::default());
    assert_eq!(tags(&page), tags(&plain.page()));
}

#[test]
fn the_page_can_be_read_without_seeing_it() {
    let page = World::well().page();
    assert!(page.contains("<html lang=\"en\">") && page.contains("<title>keysweep: "), "{page}");
    assert_eq!(page.matches("<h1").count(), 1);
    assert_eq!(
        page.matches("<th").count() - page.matches("<thead").count(),
        page.matches("scope=\"").count(),
        "heads without scope"
    );
    assert_eq!(page.matches("<svg").count(), page.matches("role=\"img\" aria-label=").count(), "charts without words");
    assert_eq!(
        page.matches("class=\"scroll").count(),
        page.matches("tabindex=\"0\"").count(),
        "what scrolls takes keys"
    );
    for forbidden in ["<script", " style=", " onclick", "http://", "https://", "javascript:"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for label in page.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_eq!(ids.iter().filter(|id| **id == label).count(), 1, "{label} names nothing, or two things");
    }
}

/// WCAG's relative luminance of `#rrggbb`.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_text_stands_out_from_its_ground_by_day_and_by_night() {
    let blocks: Vec<&str> = STYLE.split(":root {").skip(1).filter_map(|rest| rest.split('}').next()).collect();
    assert_eq!(blocks.len(), 2, "one set of colours each for light and dark");
    for block in blocks {
        let colours: BTreeMap<&str, &str> = block
            .lines()
            .filter_map(|line| line.trim().trim_end_matches(';').split_once(": "))
            .filter(|(_, value)| value.starts_with('#'))
            .collect();
        let on = |text: &str, ground: &str, least: f64| {
            let seen = contrast(colours[text], colours[ground]);
            assert!(seen >= least, "{text} on {ground}: {seen:.2}, must be {least}");
        };
        for text in [
            "--ink",
            "--soft",
            "--accent",
            "--well",
            "--look",
            "--trouble",
            "--unknown",
            "--critical",
            "--high",
            "--medium",
            "--low",
        ] {
            on(text, "--sheet", 4.5);
            on(text, "--ground", 4.5);
        }
        for severity in ["--critical", "--high", "--medium", "--low"] {
            on(severity, &format!("{severity}-ground"), 4.5);
        }
        on("--on-accent", "--accent", 4.5);
        // what isn't text needs less
        for bar in ["--young", "--old", "--unknown"] {
            on(bar, "--bar-ground", 3.0);
        }
    }
}
