//! `inventory check` and `inventory accept`.

use std::io::Write;

use serde_json::json;

use super::args::{InventoryVerb, TextFormat};
use super::output::{pairs, table};
use super::{CliError, Done, lists, on_a_copy, open, told, who};
use crate::app::{AppError, counted};
use crate::config::{Env, Settings};
use crate::domain::catalogue::Provider;
use crate::domain::record::{Auth, ConnectionRecord, FieldProblem, PersonRecord, Quarantined, Row};
use crate::domain::time::Timestamp;
use crate::ledger::read::ProblemRow;
use crate::ports::{Quiet, Snapshot, SourceError};
use crate::providers::{Catalogue, misplaced};
use crate::scan::absence::accept;
use crate::scan::collect::Collected;

/// Rows read at a time.
const PAGE: usize = 1_000;

/// Looks at a source, or accepts what has vanished from it.
pub async fn run(what: InventoryVerb, settings: Settings, env: &Env) -> Result<Done, CliError> {
    let (InventoryVerb::Accept { source, .. } | InventoryVerb::Check { source, .. }) = &what;
    is_known(source, &settings)?;
    match what {
        InventoryVerb::Accept { source, form } => {
            let app = open(settings, env).await?;
            let (spec, _) = app.source(&source)?;
            let done = accept(&app.ledger, spec, app.now(), who(env).as_ref()).await?;
            let sentence = format!(
                "Of {source}, {} and {} are now believed gone; the next scan judges that.\n",
                counted(done.connections, "connection", "connections"),
                counted(done.people, "person", "people"),
            );
            let document = json!({"source": source, "ended": done.connections, "people": done.people});
            told::tell(form, &sentence, &document)?;
            Ok(Done::Ok)
        }
        InventoryVerb::Check { source, format } => check(&source, format, settings, env).await,
    }
}

/// Refuses a name that the configuration doesn't have, before anything is opened.
fn is_known(source: &str, settings: &Settings) -> Result<(), CliError> {
    let names: Vec<&str> = settings.inventories.iter().map(|one| one.name.as_str()).collect();
    match names.is_empty() {
        true => Err(AppError::NoInventory.into()),
        false if names.contains(&source) => Ok(()),
        false => Err(CliError::Usage(format!("no [[inventory]] is named {source:?}; there are: {}", names.join(", ")))),
    }
}

/// What a look at the rows showed.
#[derive(Default)]
struct Look {
    people: u64,
    rows: u64,
    with_secret: u64,
    providers: std::collections::BTreeMap<String, u64>,
    /// how many rows give each of the facts that some rule needs and no row must have
    given: std::collections::BTreeMap<&'static str, u64>,
    sample: Vec<Vec<String>>,
    problems: Vec<String>,
    error: Option<SourceError>,
}

async fn check(name: &str, format: TextFormat, settings: Settings, env: &Env) -> Result<Done, CliError> {
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    let (_folder, app) = on_a_copy(settings, env).await?;
    let (_, source) = app.source(name)?;
    if !source.is_read() {
        return told_by_events(name, app.ledger.last_event(name).await?, format);
    }
    let mut look = Look::default();
    match source.open(app.now()).await {
        Ok(mut snapshot) => look.read(&mut snapshot, &catalogue).await,
        Err(error) => look.error = Some(error),
    }
    // The same code as a scan's, on a copy that is thrown away.
    let collected = app.collect_one(name, &Quiet).await?;
    look.add_set_aside(name, &app.ledger.quarantined(Some(name), PAGE).await?);
    look.add_remarks(name, app.ledger.problems().await?);
    let complete = look.error.is_none();
    show(name, &look, &collected, format)?;
    Ok(if complete { Done::Ok } else { Done::Incomplete })
}

/// A source with nothing to read: what it is, and when it was last heard of.
fn told_by_events(name: &str, last: Option<Timestamp>, format: TextFormat) -> Result<Done, CliError> {
    if format == TextFormat::Json {
        let last = last.map(|at| at.to_string());
        lists::json(&json!({ "source": name, "kind": "events", "complete": true, "last_event": last }))?;
        return Ok(Done::Ok);
    }
    let last = last.map_or_else(|| "none has come yet".to_owned(), |at| at.to_string());
    let told = [
        ("source", name.to_owned()),
        ("kind", "events: the platform tells of what changes, and nothing is read or ever absent".to_owned()),
        ("latest event", last),
    ];
    write!(anstream::stdout(), "{}", pairs(&told))?;
    Ok(Done::Ok)
}

impl Look {
    async fn read(&mut self, snapshot: &mut impl Snapshot, catalogue: &Catalogue) {
        if let Err(error) = self.read_all(snapshot, catalogue).await {
            self.error = Some(error);
        }
        self.problems.extend(snapshot.remarks());
    }

    async fn read_all(&mut self, snapshot: &mut impl Snapshot, catalogue: &Catalogue) -> Result<(), SourceError> {
        while snapshot.has_people() {
            let rows = snapshot.people(PAGE).await?;
            if rows.is_empty() {
                break;
            }
            rows.iter().for_each(|row| self.person(row));
        }
        loop {
            let rows = snapshot.connections(PAGE).await?;
            if rows.is_empty() {
                return Ok(());
            }
            rows.iter().for_each(|row| self.connection(row, catalogue));
        }
    }

    /// What only the scan's own code finds wrong with a row: an id that came before, an unknown provider.
    fn add_set_aside(&mut self, source: &str, rows: &[Quarantined]) {
        for row in rows.iter().filter(|row| row.source == source) {
            let problem = FieldProblem { field: row.field.clone(), reason: row.reason.clone() };
            let is_told = |told: &String| told.contains(&format!("row {}: {}", row.row, row.field));
            if !self.problems.iter().any(is_told) {
                self.problems.push(format!("row {}: {problem}", row.row));
            }
        }
    }

    /// What only the scan's own code remarks: references that lead nowhere.
    fn add_remarks(&mut self, source: &str, rows: Vec<ProblemRow>) {
        let new = rows.into_iter().filter(|row| row.source == source).map(|row| row.problem);
        let failed = self.error.as_ref().map(ToString::to_string);
        let is_told = |problem: &String| {
            self.problems.contains(problem) || failed.as_ref().is_some_and(|failed| problem.ends_with(failed))
        };
        let new: Vec<String> = new.filter(|problem| !is_told(problem)).collect();
        self.problems.extend(new);
    }

    fn person(&mut self, row: &Row<PersonRecord>) {
        self.people += 1;
        if let Err(problem) = &row.record {
            self.problems.push(format!("people row {}: {problem}", row.row));
        }
    }

    fn connection(&mut self, row: &Row<ConnectionRecord>, catalogue: &Catalogue) {
        self.rows += 1;
        for problem in &row.dropped {
            self.problems.push(format!("row {}: {problem}", row.row));
        }
        let record = match &row.record {
            Ok(record) => record,
            Err(problem) => {
                self.problems.push(format!("row {}: {problem}", row.row));
                return;
            }
        };
        let Some(provider) = catalogue.get(&record.provider) else {
            return; // set aside by the scan's own code, which says so
        };
        self.odd(row.row, record, provider);
        self.with_secret += u64::from(record.secret.is_some());
        *self.providers.entry(record.provider.to_string()).or_default() += 1;
        for (fact, given) in [
            ("secret_set_at", record.secret_set_at.is_some()),
            ("created_by", record.created_by.is_some()),
            ("last_sync_at", record.last_sync_at.is_some()),
            ("used_for", !record.used_for.is_empty()),
            ("compromised_at", record.compromised_at.is_some()),
        ] {
            *self.given.entry(fact).or_default() += u64::from(given);
        }
        if self.sample.len() < 10 {
            let given = |given: bool| if given { "present" } else { "absent" }.to_owned();
            let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
            self.sample.push(vec![
                record.connection_id.clone(),
                record.account_id.clone(),
                record.provider.to_string(),
                format!("{:?}", record.status).to_lowercase(),
                given(record.key_id.is_some()),
                given(record.secret.is_some()),
                time(record.created_at),
                time(record.secret_set_at),
                record.created_by.clone().unwrap_or_else(|| "-".to_owned()),
            ]);
        }
    }
}

impl Look {
    /// What doesn't look like the provider's credentials. The row is taken all the same: shapes are hints.
    fn odd(&mut self, row: u64, record: &ConnectionRecord, provider: &Provider) {
        let by_key = record.auth.unwrap_or(provider.connects_by) == Auth::Key;
        let Some(secret) = record.secret.as_ref().filter(|_| by_key) else { return };
        let (key_id, secret) = (record.key_id.as_deref(), secret.expose());
        let misplaced = misplaced(provider, secret, record.region.as_deref(), record.base_url.as_deref());
        for oddity in provider.credential.oddities(key_id, secret).into_iter().chain(misplaced) {
            self.problems.push(format!("row {row}: {}: {}: {}", oddity.field, provider.title, oddity.reason));
        }
    }
}

fn show(name: &str, look: &Look, collected: &Collected, format: TextFormat) -> Result<(), CliError> {
    let error = look.error.as_ref().map(ToString::to_string);
    if format == TextFormat::Json {
        lists::json(&json!({
            "source": name, "complete": error.is_none(), "error": error, "rows": look.rows, "people": look.people,
            "with_secret": look.with_secret, "providers": look.providers, "given": look.given, "problems": look.problems,
            "would": {
                "new": collected.new, "changed": collected.changed, "ended": collected.ended,
                "quarantined": collected.quarantined, "held_back": collected.held_back,
            },
        }))?;
        return Ok(());
    }
    let mut out = anstream::stdout();
    let connections = counted(look.rows, "connection", "connections");
    let people = counted(look.people, "person", "people");
    let given = look.given.iter().map(|(fact, count)| format!("{fact} {count}")).collect::<Vec<_>>().join(", ");
    let providers = look.providers.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ");
    write!(
        out,
        "{}",
        pairs(&[
            ("source", name.to_owned()),
            ("rows", format!("{connections}, {} with a secret; {people}", look.with_secret)),
            ("providers", providers),
            ("rows that give", given),
            (
                "a scan would",
                format!(
                    "find {} new and {}, end {}, set aside {}, hold back {}",
                    collected.new,
                    counted(collected.changed, "changed connection", "changed connections"),
                    counted(collected.ended, "use", "uses"),
                    counted(collected.quarantined, "row", "rows"),
                    collected.held_back
                ),
            ),
            ("failed", error.unwrap_or_default()),
        ])
    )?;
    let headers = [
        "connection_id",
        "account_id",
        "provider",
        "status",
        "key_id",
        "secret",
        "created_at",
        "secret_set_at",
        "created_by",
    ];
    writeln!(out, "{}", table(&headers, look.sample.clone()))?;
    for problem in look.problems.iter().take(50) {
        writeln!(out, "problem: {}", crate::report::text::plain(problem))?;
    }
    if look.problems.len() > 50 {
        writeln!(out, "problem: and {} more", look.problems.len() - 50)?;
    }
    Ok(())
}
