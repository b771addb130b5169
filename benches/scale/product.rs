//! keysweep itself at work, put together as `keysweep scan` does it.

use std::cell::RefCell;
use std::path::Path;

use anyhow::{Context as _, Result};
use keysweep::app::scan::ScanOptions;
use keysweep::app::{App, SystemClock};
use keysweep::config;
use keysweep::domain::facts::ConnectionStatus;
use keysweep::ports::Progress;
use keysweep::providers::Catalogue;
use keysweep::telemetry::metrics::Metrics;

use crate::measure::{self, Cost, Watch};

/// Reads the inventory into the ledger: `folder file address`.
pub(crate) async fn collect(args: &[String]) -> Result<()> {
    whole(args, false).await
}

/// A whole scan without mail: `folder file address`.
pub(crate) async fn scan(args: &[String]) -> Result<()> {
    whole(args, true).await
}

async fn whole(args: &[String], probe: bool) -> Result<()> {
    let app = open(args).await?;
    let stages = Stages::default();
    let watch = Watch::start()?;
    let summary = app.scan(ScanOptions { probe, notify: false }, &stages).await?;
    anyhow::ensure!(summary.complete, "the scan is not complete: {:?}", summary.problems);
    let rows = summary.collected.iter().map(|(_, collected)| collected.rows).sum();
    let cost = watch.cost("scan", rows)?;
    measure::report(cost, stages.seen.into_inner())?;
    app.ledger.close().await;
    Ok(())
}

/// Asks what is due, and nothing else: `folder file address`.
pub(crate) async fn probe(args: &[String]) -> Result<()> {
    let app = open(args).await?;
    let watch = Watch::start()?;
    let probed = app.probe_due(&keysweep::ports::Quiet).await?;
    anyhow::ensure!(probed.accepted == probed.asked, "the stub accepts everything, but not all were accepted");
    measure::report(watch.cost("probe", probed.asked)?, Vec::new())?;
    app.ledger.close().await;
    Ok(())
}

/// The overview of what is in the ledger, and then scrapes of it: `folder file address`. Reports the scrapes, and as stages
/// the overview and one operation for each series.
pub(crate) async fn metrics(args: &[String]) -> Result<()> {
    const SCRAPES: u64 = 5_000; // enough for a clock that ticks a hundred times a second
    let app = open(args).await?;
    let metrics = Metrics::new(app.configured())?;
    let watch = Watch::start()?;
    app.refresh(&metrics).await?;
    let connections = metrics.shown().map_or(0, |overview| overview.connections(ConnectionStatus::Active));
    let overview = watch.cost("overview", connections)?;
    let watch = Watch::start()?;
    let mut text = String::new();
    for _ in 0..SCRAPES {
        text = metrics.render();
    }
    let scrapes = watch.cost("scrapes", SCRAPES)?;
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    let series = Cost { name: "series".to_owned(), ops: u64::try_from(series)?, ..Cost::default() };
    measure::report(scrapes, vec![overview, series])?;
    app.ledger.close().await;
    Ok(())
}

async fn open(args: &[String]) -> Result<App<SystemClock>> {
    let [folder, file, address] = args else { anyhow::bail!("a work takes a folder, a file and an address") };
    let text = format!(
        r#"
        [ledger]
        url = "sqlite:{folder}/ledger.db"
        [escrow]
        hold = "until-proven"
        [[inventory]]
        name = "main"
        kind = "csv"
        path = "{file}"
        people_path = "people.csv"
        [providers.mailjet]
        pace = "unpaced"
        in_flight = 256
        protocols = ["rest"]
        dangerous_test_endpoints = {{ rest = "http://{address}" }}
        "#
    );
    let env = [("KEYSWEEP_MASTER_KEY".to_owned(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())];
    let source = config::Source { name: "the bench's configuration", text: &text };
    let catalogue = Catalogue::shipped()?;
    let (settings, _) = config::read(Some(source), Path::new(folder), &env, &catalogue.names())?;
    App::open(settings, &env, SystemClock, None).await.context("keysweep can't be put together")
}

/// Measures every stage.
#[derive(Default)]
struct Stages {
    seen: RefCell<Vec<Cost>>,
    now: RefCell<Option<(&'static str, u64, Watch)>>,
}

impl Progress for Stages {
    fn stage(&self, name: &'static str, _: Option<u64>) {
        // Without its beginning a stage is missing from the report, which is then seen to lack it.
        *self.now.borrow_mut() = Watch::start().ok().map(|watch| (name, 0, watch));
    }

    fn advance(&self, count: u64) {
        if let Some((_, done, _)) = self.now.borrow_mut().as_mut() {
            *done += count;
        }
    }

    fn done(&self) {
        if let Some((name, done, watch)) = self.now.borrow_mut().take() {
            self.seen.borrow_mut().extend(watch.cost(name, done));
        }
    }
}
