//! A ledger that events and readings go into, with the real code between.

use std::cell::Cell;
use std::path::PathBuf;

use keysweep::domain::diff::Watched;
use keysweep::domain::facts::ConnectionStatus;
use keysweep::domain::ids::{ConnectionId, ProviderName};
use keysweep::domain::policy::Hold;
use keysweep::domain::record::{Auth, ConnectionRecord, PersonRecord, Row};
use keysweep::domain::secret::{Fingerprint, Secret};
use keysweep::domain::time::{Timestamp, hours};
use keysweep::escrow::Escrow;
use keysweep::inventory::{EventBody, FileKind, FileSource};
use keysweep::ledger::Ledger;
use keysweep::ports::collect::{CollectLedger as _, KnownConnection, KnownRow};
use keysweep::ports::events::{EventLedger as _, NotTaken, Taken};
use keysweep::ports::refs::NoRefs;
use keysweep::ports::{Clock, Quiet, Snapshot, SourceError};
use keysweep::scan::collect::event::{EventTools, tell};
use keysweep::scan::collect::{CollectPolicy, Usual};
use keysweep::scan::{SourceSpec, collect};

use crate::simulation::stage::unlock;
use crate::support::{Kind, Schema};

/// When everything begins.
pub const START: Timestamp = Timestamp::from_secs(1_790_000_000);

/// A ledger and what writes to it.
pub struct Place {
    pub ledger: Ledger,
    pub vault: Escrow,
    /// the present instant
    pub clock: At,
    _schema: Option<Schema>,
    _folder: tempfile::TempDir,
}

/// A clock that stands still.
pub struct At(pub Cell<Timestamp>);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0.get()
    }
}

/// What is known of a connection in the end, but for when keysweep itself saw it.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
    status: ConnectionStatus,
    facts_at: Timestamp,
    /// every fact of the row, but for its id
    record: String,
    /// the value in use
    open: Option<Fingerprint>,
    /// every value that was ever used
    used: Vec<Fingerprint>,
}

fn spec() -> SourceSpec {
    SourceSpec { name: "main".to_owned(), absent_after: hours(1), vanish_percent: 20, secrets_replaceable: true }
}

/// Every provider's credentials may have two halves here.
#[expect(clippy::unnecessary_wraps, reason = "the shape that a policy has")]
const fn connects_by(_: &ProviderName) -> Option<Usual> {
    Some(Usual { auth: Auth::Key, has_key_id: true })
}

impl Place {
    pub async fn on(kind: Kind) -> Self {
        let folder = tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a temporary folder");
        let schema = Schema::of(kind, folder.path());
        let url = match &schema {
            Some(schema) => schema.url(),
            None => format!("sqlite:{}", folder.path().join("ledger.db").display()),
        };
        let ledger = Ledger::open(&url).await.expect("a new ledger");
        let vault = unlock(&ledger).await;
        Self { ledger, vault, clock: At(Cell::new(START)), _schema: schema, _folder: folder }
    }

    /// Tells an event, now.
    pub async fn tell(&self, id: &str, body: &str) -> Result<Taken, NotTaken> {
        let event = EventBody::parse(body.as_bytes()).map_err(NotTaken::Unread)?;
        let watched = Watched::default();
        let policy = CollectPolicy { hold: Hold::UntilProven, connects_by: &connects_by, watched, refs: &NoRefs };
        let (ledger, vault, now) = (&self.ledger, &self.vault, self.clock.now());
        let tools = EventTools { ledger, vault, spec: &spec(), policy: &policy, now };
        tell(&tools, id, event).await.expect("a ledger that can be written to")
    }

    /// Reads these rows, which were so when the reading began; `meanwhile` is told after that.
    pub async fn read(&self, rows: Vec<ConnectionRecord>, meanwhile: &[String]) {
        self.read_list(rows, None, meanwhile).await;
    }

    /// The same of a list that was made at `taken`.
    pub async fn read_list(&self, rows: Vec<ConnectionRecord>, taken: Option<Timestamp>, meanwhile: &[String]) {
        let watched = Watched::default();
        let policy = CollectPolicy { hold: Hold::UntilProven, connects_by: &connects_by, watched, refs: &NoRefs };
        let reading = Reading { place: self, rows: Some(rows), taken, meanwhile };
        let read = collect(&self.ledger, &self.vault, &self.clock, &spec(), Ok(reading), &policy, &Quiet).await;
        assert!(read.expect("a ledger that can be written to").complete);
    }

    /// Reads a file of connections, as it is now.
    pub async fn read_file(&self, path: PathBuf) {
        let source = FileSource { name: "main".to_owned(), kind: FileKind::Csv, path, people_path: None };
        let watched = Watched::default();
        let policy = CollectPolicy { hold: Hold::UntilProven, connects_by: &connects_by, watched, refs: &NoRefs };
        let snapshot = source.open(self.clock.now());
        let read = collect(&self.ledger, &self.vault, &self.clock, &spec(), snapshot, &policy, &Quiet).await;
        let read = read.expect("a ledger that can be written to");
        assert!(read.complete && read.quarantined == 0, "{read:?}");
    }

    pub fn later(&self, span: std::time::Duration) {
        self.clock.0.set(self.clock.now() + span);
    }

    pub async fn row(&self, id: &str) -> Option<KnownRow> {
        let source = self.ledger.source("main", START).await.expect("the source").id;
        self.ledger.known_rows(source, &[id]).await.expect("rows").pop()
    }

    pub async fn known(&self, id: &str) -> KnownConnection {
        let row = self.row(id).await.expect("a connection");
        self.ledger.known_connections(&[row.id]).await.expect("connections").pop().expect("its facts")
    }

    pub async fn status(&self, id: &str) -> ConnectionStatus {
        self.known(id).await.status
    }

    /// The values that it has used, oldest first.
    pub async fn values(&self, id: ConnectionId) -> Vec<Fingerprint> {
        let used = self.ledger.used_values(id).await.expect("values");
        used.into_iter().rev().map(|value| value.fingerprint).collect()
    }

    pub async fn facts(&self, id: &str) -> Facts {
        let source = self.ledger.source("main", START).await.expect("the source").id;
        let known = self.known(id).await;
        let record = self.ledger.known_record(source, id).await.expect("a look").expect("a connection");
        let mut used = self.values(known.id).await;
        used.sort();
        used.dedup();
        Facts {
            status: known.status,
            facts_at: known.facts_at,
            record: format!("{:?}", ConnectionRecord { connection_id: String::new(), ..record }),
            open: known.open_use().filter(|open| !open.placeholder).map(|open| open.fingerprint.clone()),
            used,
        }
    }
}

/// A reading that something happens in.
struct Reading<'p> {
    place: &'p Place,
    rows: Option<Vec<ConnectionRecord>>,
    taken: Option<Timestamp>,
    meanwhile: &'p [String],
}

impl Snapshot for Reading<'_> {
    async fn people(&mut self, _: usize) -> Result<Vec<Row<PersonRecord>>, SourceError> {
        Ok(Vec::new())
    }

    async fn connections(&mut self, _: usize) -> Result<Vec<Row<ConnectionRecord>>, SourceError> {
        let Some(rows) = self.rows.take() else { return Ok(Vec::new()) };
        self.place.later(std::time::Duration::from_secs(1));
        for (number, body) in self.meanwhile.iter().enumerate() {
            let id = format!("meanwhile-{number}-{}", self.place.clock.now().as_millis());
            assert!(self.place.tell(&id, body).await.is_ok(), "{body}");
        }
        let row = |(number, record): (usize, ConnectionRecord)| {
            let id = Some(record.connection_id.clone());
            Row { row: number as u64 + 1, id, account: None, record: Ok(record), dropped: Vec::new() }
        };
        Ok(rows.into_iter().enumerate().map(row).collect())
    }

    fn has_people(&self) -> bool {
        false
    }

    fn taken_at(&self) -> Option<Timestamp> {
        self.taken
    }

    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
}

/// An open row without a date of its own.
pub fn row(id: &str, secret: &str) -> ConnectionRecord {
    let bare = ConnectionRecord::bare(id, "account", ProviderName::new("kit"));
    ConnectionRecord { secret: Some(Secret::new(secret)), ..bare }
}

/// An event's body.
pub fn body(kind: &str, at: Timestamp, data: &str) -> String {
    format!(r#"{{"type": "{kind}", "timestamp": "{at}", "data": {data}}}"#)
}
