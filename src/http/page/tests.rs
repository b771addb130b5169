//! What the page says in which situation, and that nothing on it is anybody else's markup.

mod colours;
mod sight;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, json};

use super::frame::{Scene, Section};
use super::overview::{Lists, Overview as View};
use super::sight::{Level, panels};
use super::{About, ProviderAbout};
use crate::domain::belief::Liveness;
use crate::domain::blindness::Why;
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{ConnectionId, FindingId, ProviderName, ScanId};
use crate::domain::time::{Timestamp, days, hours};
use crate::http::access::{Role, Visitor};
use crate::ledger::read::{
    AnswersOverview, BlindOverview, FindingRow, FindingState, FindingsOverview, LogOverview, OutboxOverview, Overview,
    ProviderOverview, ScanRow, SourceOverview,
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
    /// `None` where the ledger doesn't answer, as with the next
    mode: Option<MailMode>,
    lists: Option<Lists>,
}

/// One provider, one kind of finding, one source.
fn estate(mailjet: &ProviderName, done: Timestamp) -> Overview {
    Overview {
        at: done,
        providers: BTreeMap::from([(mailjet.clone(), answering())]),
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
            last_through: Some(done),
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
        log: LogOverview { broken: false, audited_at: Some(done) },
    }
}

/// A provider that answers.
fn answering() -> ProviderOverview {
    let answers =
        AnswersOverview { to_ask: 4, asked: 4, answered_at: Some(NOW - hours(1)), ..AnswersOverview::default() };
    ProviderOverview { answers, ..ProviderOverview::default() }
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
                longest_pause: days(90),
                providers: BTreeMap::from([(
                    mailjet.clone(),
                    ProviderAbout { title: "Mailjet".to_owned(), ..ProviderAbout::default() },
                )]),
                sources: BTreeMap::from([("main".to_owned(), "csv".to_owned())]),
                mails: true,
                exemptions: crate::domain::policy::Exemptions::default(),
            },
            overview: Some(estate(&mailjet, done)),
            health: HealthReport {
                phase: Phase::Running,
                parts: PartName::ALL.iter().copied().map(seen).collect(),
                config: Some(Seen { since: NOW - days(1), trouble: None }),
                given_up: BTreeMap::new(),
                jobs: Job::ALL.map(|name| (name, job)).into(),
            },
            mode: Some(MailMode::Released),
            lists: Some(Lists {
                worst: vec![finding("acct-1", "c-1", "main")],
                scans: vec![scan(done, 3), scan(NOW - days(1), 5)],
            }),
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

    fn scene(&self) -> Scene {
        Scene {
            now: NOW,
            about: Arc::new(self.about.clone()),
            overview: self.overview.clone().map(Arc::new),
            health: self.health.clone(),
            mode: self.mode,
            visitor: Visitor { name: "somebody".into(), role: Role::Operator },
        }
    }

    fn page(&self) -> String {
        let scene = self.scene();
        let view = View::of(&scene.facts(), self.lists.as_ref(), false);
        scene.written("overview.html", Section::Overview, "Overview", &view).unwrap()
    }

    /// How bad the worst line is, and everything that the panels say.
    fn sight(&self) -> (Level, String) {
        let scene = self.scene();
        let lines: Vec<_> = panels(&scene.facts()).into_iter().flat_map(|panel| panel.lines).collect();
        let worst = lines.iter().map(|line| line.level).max().unwrap();
        let said = lines.iter().map(|line| {
            let at = line.at.as_ref().map_or("", |at| at.words.as_str());
            format!("{}: {}: {} {at}; {}", line.name, line.word, line.lead, line.more.join("; "))
        });
        (worst, said.collect::<Vec<_>>().join("\n"))
    }
}

fn finding(account: &str, connection: &str, source: &str) -> FindingRow {
    FindingRow {
        id: FindingId(7),
        rule: RuleName::SecretStale,
        severity: Severity::High,
        source: source.to_owned(),
        connection_number: ConnectionId(12),
        connection_id: connection.to_owned(),
        connection_name: None,
        account_id: account.to_owned(),
        provider: ProviderName::new("mailjet"),
        credential: "0123456789ab".to_owned(),
        liveness: Liveness::Live,
        state: FindingState::Open,
        exempt: None,
        opened_at: NOW - days(9),
        closed_at: None,
        since: NOW - days(9),
        mailed: true,
        pause: None,
        pause_until: None,
        baseline: false,
        evidence: Map::new(),
    }
}

fn scan(at: Timestamp, left: u64) -> ScanRow {
    let counts = json!({
        "open_critical": 0, "open_high": 1234, "open_medium": 0, "open_low": 2, "left_behind": left,
    });
    ScanRow { id: ScanId(1), started_at: at, finished_at: Some(at), outcome: Some("complete".to_owned()), counts }
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

#[test]
fn the_page_of_a_keysweep_that_has_done_nothing_says_so() {
    let jobs = Job::ALL.map(|job| (job, JobState::default())).into();
    let world = World { overview: None, health: HealthReport { jobs, ..HealthReport::default() }, ..World::well() };
    let page = world.page();
    assert!(page.contains("Nothing has been counted yet"));
    assert!(page.contains("not read yet") && page.contains("not known yet"));
}

#[test]
fn until_the_estate_is_counted_the_page_says_that_and_not_that_nothing_was_ever_read() {
    let mut counting = World { overview: None, ..World::well() };
    for starting in [false, true] {
        if starting {
            counting.health = HealthReport::default();
        }
        let page = counting.page();
        assert!(page.contains("The estate is being counted."), "{page}");
        for untrue in ["not read yet", "no credential is known", "not looked at yet", "first scan"] {
            assert!(!page.contains(untrue), "{untrue}: {page}");
        }
    }
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
    world.about.sources = BTreeMap::from([(HOSTILE.to_owned(), HOSTILE.to_owned())]);
    world.source().name = HOSTILE.to_owned();
    (world.source().error, world.source().quarantined) = (Some(HOSTILE.to_owned()), 1);
    world.lists.as_mut().unwrap().worst = vec![finding(HOSTILE, HOSTILE, HOSTILE)];
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
    assert!(page.contains("<html lang=\"en\">") && page.contains("<title>Overview - keysweep: "), "{page}");
    assert_eq!(page.matches("<h1").count(), 1);
    assert_eq!(
        page.matches("<th").count() - page.matches("<thead").count(),
        page.matches("scope=\"").count(),
        "heads without scope"
    );
    let told = page.matches("role=\"img\" aria-label=").count()
        + page.matches("<svg viewBox=\"0 0 24 8\" aria-hidden").count();
    assert!(page.contains("class=\"chart\""), "the trend is drawn");
    assert_eq!(page.matches("<svg").count(), told, "charts without words");
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
