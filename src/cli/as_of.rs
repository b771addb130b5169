//! `scan --as-of TIME`: what the rules would say at another time; reads the ledger, writes nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write as _};

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::args::{Format, ScanArgs};
use super::columns::{Listed, STATE};
use super::output::{TABLE_ROWS, plain};
use super::shown::Shown;
use super::troubles::Troubles;
use super::words::severities;
use super::{CliError, Done, read_or_not, reader};
use crate::app::{AppError, policy};
use crate::config::Settings;
use crate::domain::facts::Subject;
use crate::domain::finding::{KnownFinding, Ruling, Severity};
use crate::domain::ids::FindingId;
use crate::domain::policy::Exemptions;
use crate::domain::time::Timestamp;
use crate::ledger::Ledger;
use crate::ledger::read::{Counts, FindingRow, FindingState};
use crate::providers::Catalogue;
use crate::report::exemptions::{ExemptionRow, listed, sentences};
use crate::scan::judge::judge_as_of;

/// Prints the findings that would be open at `at`, from the facts that the ledger has now.
pub async fn run(args: &ScanArgs, settings: &Settings, at: Timestamp) -> Result<Done, CliError> {
    let ledger = reader(settings).await?;
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    let policy = policy(settings, &catalogue);
    let mut sum = Sum { counts: Troubles::of(&ledger, settings).counts().await?.unjudged(), exempt: BTreeMap::new() };
    let mut pages = Pages::begin(&ledger, args.format, at).await?;
    // Also where nobody reads it to its end: the exit code tells of all.
    let mut printed = Ok(());
    judge_as_of(&ledger, &policy, at, |subject, known, rulings| {
        let is_open = |ruling: &Ruling| {
            known.iter().any(|k| k.open && (k.rule, k.credential) == (ruling.rule, ruling.credential))
        };
        for ruling in rulings.into_iter().filter(|ruling| ruling.opens || is_open(ruling)) {
            let row = Then(row(subject, known, ruling, at));
            sum.count(&row.0);
            if printed.is_ok() {
                printed = pages.add(row);
            }
        }
    })
    .await?;
    let exemptions = listed(&policy.exemptions, &sum.exempt, at);
    read_or_not(printed.and_then(|()| pages.end(&sum.counts, &exemptions)).map_err(CliError::from))?;
    if args.format != Format::Json {
        tell(&sum, &policy.exemptions, at)?;
    }
    let failing = args.fail_on.is_some_and(|limit| sum.counts.at_least(limit) > 0);
    Ok(if failing { Done::Findings } else { Done::Ok })
}

/// What is exempt and what would be open, for people, on standard error.
fn tell(sum: &Sum, exemptions: &Exemptions, at: Timestamp) -> io::Result<()> {
    let mut err = anstream::stderr();
    for exempt in sentences(exemptions, &sum.exempt, at) {
        writeln!(err, "exempt: {}", plain(&exempt))?;
    }
    let count = |severity: Severity| sum.counts.severities.get(severity.as_str()).copied().unwrap_or(0);
    writeln!(err, "Judged as of {at}; open findings: {}.", severities(count))
}

/// What was found, counted.
struct Sum {
    counts: Counts,
    /// by the exemption's terms
    exempt: BTreeMap<String, u64>,
}

impl Sum {
    fn count(&mut self, row: &FindingRow) {
        self.counts.add(row);
        if let Some(exempt) = &row.exempt {
            *self.exempt.entry(exempt.terms.clone()).or_default() += 1;
        }
    }
}

/// The row at that time. A finding that is not open now would open by then.
fn row(subject: &Subject, known: &[KnownFinding], ruling: Ruling, at: Timestamp) -> FindingRow {
    let known = known.iter().find(|k| k.rule == ruling.rule && k.credential == ruling.credential);
    let used = subject.uses.iter().rev().find(|used| used.credential.id == ruling.credential);
    let connection = &subject.connection;
    FindingRow {
        id: known.map_or(FindingId(0), |known| known.id),
        rule: ruling.rule,
        severity: ruling.severity,
        source: connection.source_name.clone(),
        connection_number: connection.id,
        connection_id: connection.external_id.clone(),
        connection_name: connection.name.clone(),
        account_id: connection.account_name.clone(),
        provider: used.map_or_else(|| connection.provider.clone(), |used| used.credential.provider.clone()),
        credential: used.map(|used| used.credential.fingerprint.short().to_owned()).unwrap_or_default(),
        liveness: used.map(|used| used.credential.belief.liveness).unwrap_or_default(),
        state: if ruling.exempt.is_some() { FindingState::Exempt } else { FindingState::Open },
        exempt: ruling.exempt,
        opened_at: known.filter(|known| known.open).map_or(at, |known| known.opened_at),
        closed_at: None,
        since: ruling.since,
        mailed: ruling.mailed,
        pause: None,
        pause_until: None,
        baseline: false,
        evidence: ruling.evidence,
    }
}

/// A finding as it would stand then. One that no scan has written yet has no number.
struct Then(FindingRow);

impl Then {
    /// The worst first, and of the same severity those that have held the longest.
    fn place(&self) -> (Reverse<Severity>, Timestamp) {
        (Reverse(self.0.severity), self.0.since)
    }
}

impl Serialize for Then {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serde_json::to_value(&self.0).map_err(S::Error::custom)?;
        if self.0.id.0 == 0 {
            object["id"] = Value::Null;
        }
        object.serialize(serializer)
    }
}

impl Listed for Then {
    const TABLE: &'static [&'static str] = FindingRow::TABLE;
    const WRAPPED: &'static [&'static str] = FindingRow::WRAPPED;
    const CSV: &'static [&'static str] = FindingRow::CSV;

    fn table(&self, on_terminal: bool) -> Vec<String> {
        let mut cells = self.0.table(on_terminal);
        if let (0, Some(name)) = (self.0.id.0, cells.first_mut()) {
            "new".clone_into(name);
        }
        cells
    }
}

/// What is printed as it is found. A table waits for all of it, and holds the worst.
struct Pages {
    list: Shown<io::BufWriter<anstream::AutoStream<io::Stdout>>, Then>,
    format: Format,
    worst: Vec<Then>,
    more: u64,
}

impl Pages {
    async fn begin(ledger: &Ledger, format: Format, at: Timestamp) -> Result<Self, CliError> {
        let mut out = io::BufWriter::new(anstream::stdout());
        if format == Format::Json {
            let scan = json!({"as_of": at.to_string(), "outcome": "judged"});
            write!(out, "{{\"scan\": {scan},\n\"findings\": ")?;
        }
        let list = Shown::begin(ledger, out, (format, None), &[STATE]).await?;
        Ok(Self { list, format, worst: Vec::new(), more: 0 })
    }

    fn add(&mut self, row: Then) -> io::Result<()> {
        if self.format != Format::Table {
            return self.list.row(&row);
        }
        let at = self.worst.partition_point(|other| other.place() <= row.place());
        self.worst.insert(at, row);
        if self.worst.len() > TABLE_ROWS {
            self.worst.truncate(TABLE_ROWS);
            self.more += 1;
        }
        Ok(())
    }

    /// The rest of the one object comes behind its findings, for it counts them.
    fn end(mut self, counts: &Counts, exemptions: &[ExemptionRow]) -> io::Result<()> {
        for row in &self.worst {
            self.list.row(row)?;
        }
        self.list.end(self.more, "--format csv shows all")?;
        if self.format == Format::Json {
            let rest =
                json!({"counts": counts, "exemptions": exemptions, "quarantined": [], "problems": []}).to_string();
            writeln!(anstream::stdout(), ",\n{}", rest.strip_prefix('{').unwrap_or(&rest))?;
        }
        Ok(())
    }
}
