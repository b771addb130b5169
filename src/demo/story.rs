//! The story: the estate lives, keysweep looks every six hours, and the page tells what the ledger has of it.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;

use super::clock::VirtualClock;
use super::estate::{Estate, HERO, LEFT};
use super::history::History;
use super::home::Home;
use super::inbox::{Caught, Inbox};
use super::letter::Letter;
use super::page::Page;
use super::script::{self, Act};
use super::teller::{Teller, title, told};
use super::world::World;
use super::{DemoError, SOURCE};
use crate::app::ops::Listener;
use crate::app::public::Front;
use crate::app::scan::{ScanOptions, ScanSummary};
use crate::app::unattended::Unattended;
use crate::app::{App, SystemClock};
use crate::config::{self, ConfigChoice, Settings, Warning};
use crate::domain::belief::Liveness;
use crate::domain::finding::RuleName;
use crate::domain::time::{Timestamp, days, hours};
use crate::ledger::Ledger;
use crate::ledger::read::EventRow;
use crate::notify::{TellPolicy, preview};
use crate::ports::Quiet;
use crate::providers::Catalogue;
use crate::telemetry::metrics::Metrics;

/// Entries of the log that one key's way may have.
const WAY: usize = 500;

/// What is left when the story has been told. The simulated servers run until this is dropped.
pub struct Stage {
    /// the folder
    pub home: Home,
    /// the mail server, with all the mails
    pub inbox: Arc<Inbox>,
    world: World,
    ops: (TcpListener, SocketAddr),
    front: (TcpListener, SocketAddr),
    metrics: Arc<Metrics>,
    app: App<VirtualClock>,
    clock: VirtualClock,
    estate: Estate,
    midnight: Timestamp,
    end: Timestamp,
    kept: usize,
    history: Option<History>,
}

impl Stage {
    /// Sets the stage in an empty folder: servers, files, and a keysweep that knows nothing yet. The story will end at
    /// `now`, so that whoever scans after it sees no future.
    ///
    /// # Errors
    /// [`DemoError`]: mostly a folder that can't be used.
    pub async fn set(folder: &Path, now: Timestamp) -> Result<Self, DemoError> {
        Self::set_over(None, folder, now).await
    }

    /// The same over a new ledger that is elsewhere; `None` for one in the folder.
    ///
    /// # Errors
    /// As for [`Stage::set`].
    pub async fn set_over(ledger: Option<Ledger>, folder: &Path, now: Timestamp) -> Result<Self, DemoError> {
        let home = Home::create(folder)?;
        let world = World::start().await.map_err(DemoError::NoPort)?;
        let inbox = Arc::new(Inbox::start().await.map_err(DemoError::NoPort)?);
        let (ops, front) = (socket().await?, socket().await?);
        let today = now.as_secs().div_euclid(86_400);
        let midnight = Timestamp::from_secs(today * 86_400) - days(script::DAYS - 1);
        let start = midnight + hours(8);
        let estate = Estate::seeded(start);
        estate.make_known(&world);
        home.write_config(&world, &inbox, ops.1, front.1)?;
        home.write_inventory(&estate)?;
        let settings = settings(&home)?;
        let clock = VirtualClock::starting_at(start);
        let app = App::open(settings, &[], clock.clone(), ledger).await?;
        let metrics = Metrics::new(app.configured()).map_err(|error| DemoError::Untold(error.to_string()))?;
        let metrics = Arc::new(metrics);
        let app = app.metered(metrics.clone());
        let (end, kept, history) = (now, 0, None);
        Ok(Self { home, inbox, world, ops, front, metrics, app, clock, estate, midnight, end, kept, history })
    }

    /// The same, with what Prometheus would have scraped after each scan noted.
    #[must_use]
    pub fn noted_in(self, history: History) -> Self {
        Self { history: Some(history), ..self }
    }

    /// Lives through the days and prints them.
    ///
    /// # Errors
    /// [`DemoError::Untold`] where a rule stayed silent or the one key did not get to its end; else what failed.
    pub async fn play(&mut self, out: impl Write) -> Result<(), DemoError> {
        let mut page = Page::new(out);
        let (accounts, connections, people) = self.estate.size();
        page.heading("keysweep demo: three weeks on loopback")?;
        page.entry(
            "",
            &format!(
                "{accounts} accounts, {connections} connections, {people} people; Mailjet, ConvertKit and Kit are simulated. \
                 Lines with > are what people and providers do; all others are what keysweep's log has. Times are UTC."
            ),
        )?;
        page.text("\n")?;
        let mut play =
            Play { teller: Teller::new(&self.app.ledger, &self.app.catalogue), page, midnight: self.midnight };
        let mut first = true;
        for (at, act) in script::until(self.end, self.midnight) {
            self.clock.go_on_to(at);
            if let Some(act) = act {
                play.act(at, act, &self.estate)?;
                act.happen(&mut self.estate, &self.world, at);
                self.home.write_inventory(&self.estate)?;
            }
            if act.is_none_or(Act::is_look) {
                let summary = self.app.scan(ScanOptions { probe: true, notify: !first }, &Quiet).await?;
                play.scanned(at, &summary).await?;
                if first {
                    play.release(at, &self.app).await?;
                    let summary = self.app.scan(ScanOptions { probe: true, notify: true }, &Quiet).await?;
                    play.scanned(at, &summary).await?;
                }
                first = false;
                self.kept = play.mails(at, &self.home, &self.inbox, self.kept)?;
                if let Some(history) = &mut self.history {
                    self.app.refresh(&self.metrics).await?;
                    history.note(at, &self.metrics)?;
                }
            }
        }
        self.history.take().map_or(Ok(()), History::end)?;
        play.way(&self.app.ledger).await?;
        play.all_rules()
    }

    /// The ledger, for what is printed after the story.
    pub const fn ledger(&self) -> &Ledger {
        &self.app.ledger
    }

    /// The mail that tells of the one key whose way is shown; and its HTML as a page of its own.
    ///
    /// # Errors
    /// Where there is none, or the page can't be written.
    pub fn letter(&self) -> Result<(Letter, PathBuf), DemoError> {
        let hero = self.estate.get(HERO).map(|c| (format!("owner@shop-{}.example.org", c.account), c.name));
        let (address, name) = hero.ok_or_else(|| DemoError::Untold(format!("there is no {HERO}")))?;
        let tells = |mail: &&Caught| mail.to.contains(&address);
        let letters = self.inbox.mails();
        let letter = letters
            .iter()
            .filter(tells)
            .map(|mail| Letter::read(&mail.raw))
            .find(|letter| letter.text.contains(name) && letter.subject.to_lowercase().contains("revoke"));
        let letter =
            letter.ok_or_else(|| DemoError::Untold("nobody was told of the key that was left behind".to_owned()))?;
        let page = self.home.keep_page(&letter)?;
        Ok((letter, page))
    }

    /// Lets one more thing happen that keysweep hasn't seen yet, and says what.
    ///
    /// # Errors
    /// Where the inventory can't be written.
    pub fn leave_something(&mut self) -> Result<String, DemoError> {
        let act = Act::Delete(LEFT);
        let words = act.words(&self.estate, |name| title(&self.app.catalogue, name)).unwrap_or_default();
        act.happen(&mut self.estate, &self.world, self.end);
        self.home.write_inventory(&self.estate)?;
        Ok(words)
    }

    /// Goes on by the system's clock: the servers, and the daemon, which is still to be run.
    ///
    /// # Errors
    /// As for [`App::open`].
    pub async fn after(self) -> Result<(After, Unattended), DemoError> {
        let Self { home, inbox, world, ops: (socket, address), front, metrics, app, kept, .. } = self;
        app.ledger.close().await;
        let settings = settings(&home)?;
        let (http, ledger_url) = (settings.http.clone(), settings.ledger.url.clone());
        let app = App::open(settings, &[], SystemClock, None).await?.metered(metrics.clone());
        app.refresh(&metrics).await?; // whoever looks at once sees the estate
        let listener = Listener::over(socket, address, &http, &ledger_url, &[]).await?;
        let front = Front::over(front.0, front.1, &http, &ledger_url).await?;
        let config = home.config();
        let load = move || load(&config).map_err(|error| error.to_string());
        let keysweep =
            Unattended { app, metrics, listener: Some(listener), front, env: Vec::new(), load: Box::new(load) };
        Ok((After { home, inbox, ops: address, kept, _world: world }, keysweep))
    }
}

/// A free port of this machine.
async fn socket() -> Result<(TcpListener, SocketAddr), DemoError> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(DemoError::NoPort)?;
    let address = socket.local_addr().map_err(DemoError::NoPort)?;
    Ok((socket, address))
}

/// What goes on after the story.
pub struct After {
    /// the folder
    pub home: Home,
    /// the mail server
    pub inbox: Arc<Inbox>,
    /// where page and metrics are
    pub ops: SocketAddr,
    kept: usize,
    _world: World,
}

impl After {
    /// Keeps the mails that have come since, and returns who they are for and what they are about.
    ///
    /// # Errors
    /// Where a file can't be written.
    pub fn new_mails(&mut self) -> Result<Vec<String>, DemoError> {
        let mails = self.inbox.mails();
        let new = mails.get(self.kept..).unwrap_or_default();
        self.home.keep_mails(new, self.kept + 1)?;
        self.kept = mails.len();
        Ok(new.iter().map(about).collect())
    }
}

/// The demo's own configuration. What stands in this environment is meant for another keysweep.
fn settings(home: &Home) -> Result<Settings, DemoError> {
    Ok(load(&home.config())?.0)
}

fn load(config: &Path) -> Result<(Settings, Vec<Warning>), DemoError> {
    let catalogue = Catalogue::shipped().map_err(|error| DemoError::Untold(error.to_string()))?;
    Ok(config::load(&ConfigChoice::usual(Some(config.to_owned())), &[], &catalogue.names())?)
}

/// What telling needs.
struct Play<'a, W> {
    teller: Teller<'a>,
    page: Page<W>,
    midnight: Timestamp,
}

impl<W: Write> Play<'_, W> {
    fn label(&self, at: Timestamp) -> String {
        let day = at.since(self.midnight).as_secs() / 86_400 + 1;
        format!("day {day:>2} {}  ", at.to_datetime().format("%H:%M"))
    }

    fn act(&mut self, at: Timestamp, act: Act, estate: &Estate) -> Result<(), DemoError> {
        let Some(words) = act.words(estate, |provider| self.teller.title(provider)) else { return Ok(()) };
        Ok(self.page.entry(&format!("{}> ", self.label(at)), &words)?)
    }

    async fn scanned(&mut self, at: Timestamp, summary: &ScanSummary) -> Result<(), DemoError> {
        let label = self.label(at);
        for sentence in self.teller.news().await? {
            self.page.entry(&label, &sentence)?;
        }
        let unanswered = summary.probed.as_ref().map_or(0, |probed| probed.unknown);
        if unanswered > 1 {
            self.page.entry(&label, &format!("{unanswered} keys got no usable answer: nothing follows from that"))?;
        }
        for problem in &summary.problems {
            self.page.entry(&label, problem)?;
        }
        Ok(())
    }

    /// A new ledger mails nothing until somebody has seen what it would mail.
    async fn release(&mut self, at: Timestamp, app: &App<VirtualClock>) -> Result<(), DemoError> {
        let now = app.now();
        let preview = preview(&app.ledger, &TellPolicy::default(), now).await?;
        let words = format!(
            "nothing is mailed yet; keysweep mail preview: this would send {} mails about {} findings",
            preview.mails.len(),
            preview.findings
        );
        self.page.entry(&self.label(at), &words)?;
        Ok(app.ledger.release_mail(now).await?)
    }

    fn mails(&mut self, at: Timestamp, home: &Home, inbox: &Inbox, kept: usize) -> Result<usize, DemoError> {
        let mails = inbox.mails();
        let new = mails.get(kept..).unwrap_or_default();
        home.keep_mails(new, kept + 1)?;
        let label = self.label(at);
        if new.len() > 3 {
            self.page.entry(&label, &format!("{} mails arrive, one a person", new.len()))?;
        } else {
            new.iter().try_for_each(|mail| self.page.entry(&label, &format!("mail {}", about(mail))))?;
        }
        Ok(mails.len())
    }

    /// The whole way of one key, from the log and the outbox.
    async fn way(&mut self, ledger: &Ledger) -> Result<(), DemoError> {
        let Some(detail) = ledger.connection(Some(SOURCE), HERO).await?.pop() else {
            return Err(DemoError::Untold(format!("the ledger doesn't know {HERO}")));
        };
        let (name, account) = (detail.connection.name.clone().unwrap_or_default(), &detail.connection.account_id);
        self.page.heading(&format!("One key's whole way: \"{name}\" ({HERO}, {account})"))?;
        let mut entries: Vec<(Timestamp, String)> = Vec::new();
        let events: Vec<EventRow> = ledger.timeline(&detail.subjects(), 0, WAY).await?;
        for event in &events {
            entries.extend(self.teller.sentence(event).await?.map(|words| (event.at, words)));
        }
        for finding in &detail.findings {
            entries.extend(ledger.finding(finding.id).await?.iter().flat_map(told));
        }
        entries.sort_by_key(|(at, _)| *at); // stable: within one instant the log's order stays
        for (at, words) in entries {
            let label = self.label(at);
            self.page.entry(&label, &words)?;
        }
        match detail.uses.last().map(|used| used.credential.liveness) {
            Some(Liveness::Shredded) => Ok(()),
            other => Err(DemoError::Untold(format!("the key of {HERO} is {other:?} at the end, not shredded"))),
        }
    }

    fn all_rules(&mut self) -> Result<(), DemoError> {
        let silent = self.teller.silent_rules();
        if !silent.is_empty() {
            return Err(DemoError::Untold(format!("these rules stayed silent: {}", silent.join(", "))));
        }
        self.page.heading(&format!("All {} rules have spoken", self.teller.rules()))?;
        let rules: Vec<&str> = RuleName::ALL.into_iter().map(RuleName::as_str).collect();
        Ok(self.page.entry("", &rules.join(", "))?)
    }
}

/// `to owner@example.org: subject`.
fn about(mail: &Caught) -> String {
    format!("to {}: {}", mail.to.join(", "), Letter::read(&mail.raw).subject)
}
