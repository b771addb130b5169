//! The works, their yardsticks and their bars.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use keysweep::app::SystemClock;
use keysweep::ports::Clock as _;

use crate::estate::{Estate, Order};
use crate::measure::{self, Cost, Report, Server};
use crate::table::Line;

/// Questions under way at once.
const IN_FLIGHT: usize = 256;

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// credentials of the probing work
    probes: u64,
    /// how often product and yardstick go in turn
    pairs: usize,
    /// connections of the whole scan
    connections: u64,
    /// the greater scan is held against one so many times smaller
    smaller_by: u64,
}

impl Sizes {
    /// What the bars are about.
    pub(crate) const FULL: Self = Self { probes: 200_000, pairs: 5, connections: 1_000_000, smaller_by: 10 };
    /// A few minutes.
    pub(crate) const QUICK: Self = Self { probes: 20_000, pairs: 5, connections: 100_000, smaller_by: 10 };
    /// Whether it works at all.
    pub(crate) const SMOKE: Self = Self { probes: 500, pairs: 1, connections: 1_000, smaller_by: 10 };

    /// Sizes that the environment names count instead.
    pub(crate) fn overridden(self, env: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let number = |name: &str, usual: u64| match env(name) {
            Some(text) => text.parse().with_context(|| format!("{name} must be a number")),
            None => Ok(usual),
        };
        Ok(Self {
            probes: number("KEYSWEEP_BENCH_PROBES", self.probes)?,
            pairs: usize::try_from(number("KEYSWEEP_BENCH_PAIRS", self.pairs as u64)?)?,
            connections: number("KEYSWEEP_BENCH_CONNECTIONS", self.connections)?,
            smaller_by: self.smaller_by,
        })
    }
}

/// Does everything, and says on standard error how far it is.
pub(crate) fn all(sizes: &Sizes) -> Result<Vec<Line>> {
    let stub = Server::start("stub")?;
    let mut lines = Vec::new();
    if sizes.probes > 0 {
        lines.push(probing(sizes, &stub.said)?);
    }
    if sizes.connections > 0 {
        lines.extend(scanning(sizes, &stub.said)?);
    }
    Ok(lines)
}

/// From due in the ledger to the verdict stored, against the same requests without a ledger.
fn probing(sizes: &Sizes, address: &str) -> Result<Line> {
    let template = folder()?;
    let estate = Estate { connections: sizes.probes, shared: false, now: SystemClock.now() };
    estate.write_connections(&template.path().join("made.csv"), Order::Made)?;
    estate.write_people(&template.path().join("people.csv"))?;
    eprintln!("scale: {} credentials into a ledger", sizes.probes);
    measure::run("collect", &work_args(template.path(), "made.csv", address))?;
    let mut pairs = Vec::new();
    for pair in 1..=sizes.pairs.max(1) {
        let place = folder()?;
        fs::copy(template.path().join("ledger.db"), place.path().join("ledger.db"))?;
        let ours = measure::run("probe", &work_args(place.path(), "made.csv", address))?;
        ensure!(ours.whole.ops == sizes.probes, "{} of {} were asked", ours.whole.ops, sizes.probes);
        let args = [address.to_owned(), sizes.probes.to_string(), IN_FLIGHT.to_string()];
        let bare = measure::run("bare", &args)?;
        eprintln!(
            "scale: pair {pair}: {:.0}/s, {:.1} us; bare {:.0}/s, {:.1} us",
            ours.whole.rate(),
            ours.whole.micros(),
            bare.whole.rate(),
            bare.whole.micros()
        );
        pairs.push((ours, bare));
    }
    Ok(probing_line(sizes, pairs))
}

fn probing_line(sizes: &Sizes, mut pairs: Vec<(Report, Report)>) -> Line {
    let ratio = |(ours, bare): &(Report, Report)| ours.whole.rate() / bare.whole.rate();
    pairs.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let middle = &pairs[pairs.len() / 2];
    let range = format!("{:.2} to {:.2}", ratio(&pairs[0]), ratio(&pairs[pairs.len() - 1]));
    Line {
        ratio: Some(ratio(middle)),
        detail: format!("{:.0}/s and {:.0}/s; {range}", middle.0.whole.rate(), middle.1.whole.rate()),
        micros: Some(middle.0.whole.micros()),
        yardstick_micros: Some(middle.1.whole.micros()),
        peak_kib: pairs.iter().map(|(ours, _)| ours.peak_kib).max(),
        ..Line::new(format!("B1 probe {} due credentials", sizes.probes), "bare reqwest loop")
    }
    .at_least(0.75, 0.5, ratio(middle))
}

/// Whole scans: a smaller one, the greater one, and the greater one again when nothing is new.
fn scanning(sizes: &Sizes, address: &str) -> Result<Vec<Line>> {
    let Scans { first: small, scrapes: small_scrapes, .. } = scan_twice(sizes.connections / sizes.smaller_by, address)?;
    let Scans { first, second, scrapes } = scan_twice(sizes.connections, address)?;
    let name = format!("scan of {}", sizes.connections);
    let mib = |report: &Report| report.peak_kib as f64 / 1024.0;
    let growth = mib(&first) - mib(&small);
    let flat = first.whole.micros() / small.whole.micros();
    let again = second.whole.cpu / first.whole.cpu;
    let of_scan = |report: &Report| Line {
        micros: Some(report.whole.micros()),
        detail: format!("{:.1} s", report.whole.wall),
        peak_kib: Some(report.peak_kib),
        ..Line::new(String::new(), "")
    };
    let mut lines = vec![
        Line { work: format!("B7 {name}: MiB at most"), ..of_scan(&first) }.at_most(64.0, 64.0, mib(&first)),
        Line {
            work: format!("B7 {name}: MiB more than"),
            yardstick: format!("scan of {}", sizes.connections / sizes.smaller_by),
            ..of_scan(&small)
        }
        .at_most(16.0, 16.0, growth),
        Line {
            work: format!("B8 {name}: CPU per connection"),
            yardstick: format!("scan of {}", sizes.connections / sizes.smaller_by),
            ratio: Some(flat),
            yardstick_micros: Some(small.whole.micros()),
            ..of_scan(&first)
        }
        .at_most(1.10, 1.25, flat),
        Line {
            work: format!("B9 {name}, nothing new: CPU"),
            yardstick: "the first scan".to_owned(),
            ratio: Some(again),
            yardstick_micros: Some(first.whole.micros()),
            ..of_scan(&second)
        }
        .at_most(0.05, 0.10, again),
    ];
    lines.extend(scraping(sizes, &scrapes, &small_scrapes)?);
    lines.extend(first.stages.iter().map(|stage| of_stage("first", stage)));
    lines.extend(second.stages.iter().map(|stage| of_stage("second", stage)));
    Ok(lines)
}

fn of_stage(scan: &str, stage: &Cost) -> Line {
    Line {
        detail: format!("{:.1} s, {:.1} s CPU", stage.wall, stage.cpu),
        micros: (stage.ops > 0).then(|| stage.micros()),
        ..Line::new(format!("   {scan} scan, {}: {}", stage.name, stage.ops), "")
    }
}

/// What a scrape costs, which is to depend on the catalogue and not on the estate.
fn scraping(sizes: &Sizes, great: &Report, small: &Report) -> Result<Vec<Line>> {
    let [overview, series] = &great.stages[..] else { anyhow::bail!("the scrapes report their overview and series") };
    let growth = great.whole.micros() / small.whole.micros();
    let name = format!("B17 scrape of {} connections", sizes.connections);
    Ok(vec![
        Line {
            micros: Some(great.whole.micros()),
            detail: format!("{} series; the overview before took {:.2} s CPU", series.ops, overview.cpu),
            peak_kib: Some(great.peak_kib),
            ..Line::new(format!("{name}: ms of CPU"), "")
        }
        .at_most(2.0, 4.0, great.whole.micros() / 1e3),
        Line {
            ratio: Some(growth),
            yardstick_micros: Some(small.whole.micros()),
            micros: Some(great.whole.micros()),
            ..Line::new(format!("{name}: CPU"), &format!("of {}", sizes.connections / sizes.smaller_by))
        }
        .at_most(1.1, 1.5, growth),
    ])
}

/// The same estate, scanned twice and then scraped.
struct Scans {
    first: Report,
    second: Report,
    scrapes: Report,
}

/// Scans an estate, scans it again from a file with the same rows in another order, and scrapes what came of it.
fn scan_twice(connections: u64, address: &str) -> Result<Scans> {
    let place = folder()?;
    let estate = Estate { connections, shared: true, now: SystemClock.now() };
    estate.write_connections(&place.path().join("made.csv"), Order::Made)?;
    estate.write_people(&place.path().join("people.csv"))?;
    eprintln!("scale: a scan of {connections} connections");
    let first = measure::run("scan", &work_args(place.path(), "made.csv", address))?;
    let asked = first.stages.iter().find(|stage| stage.name == "probe").map(|stage| stage.ops);
    ensure!(asked == Some(estate.credentials()), "{asked:?} of {} credentials were asked", estate.credentials());
    estate.write_connections(&place.path().join("shuffled.csv"), Order::Shuffled)?;
    eprintln!("scale: the same again, in another order");
    let second = measure::run("scan", &work_args(place.path(), "shuffled.csv", address))?;
    let scrapes = measure::run("metrics", &work_args(place.path(), "shuffled.csv", address))?;
    Ok(Scans { first, second, scrapes })
}

fn work_args(folder: &Path, file: &str, address: &str) -> [String; 3] {
    [folder.display().to_string(), file.to_owned(), address.to_owned()]
}

fn folder() -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("keysweep-bench-").tempdir()?)
}
