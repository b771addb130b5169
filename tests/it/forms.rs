//! One estate, in every form that an inventory can have: the ledger is the same, byte for byte but for times.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::over_http::{said, serve};
use crate::support::platform::{Engine, Platform};
use crate::support::{Ran, Site, now};

/// The forms that an inventory can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Csv,
    JsonLines,
    Http,
    Database(Engine),
}

impl Form {
    const ALL: [Self; 6] = [
        Self::Csv,
        Self::JsonLines,
        Self::Http,
        Self::Database(Engine::Postgres),
        Self::Database(Engine::MariaDb),
        Self::Database(Engine::Sqlite),
    ];
}

const CONFIG: &str = r#"
[ledger]
url = "sqlite:ledger.db"
[escrow]
master_key = "env:KEYSWEEP_MASTER_KEY"
hold = "until-proven"
"#;

/// A keysweep over a platform that keeps its inventory in one form.
pub struct Platformed {
    pub site: Site,
    form: Form,
    database: Option<Platform>,
    /// where the lists are, if they are given over HTTP
    url: Option<String>,
}

impl Platformed {
    /// An empty platform.
    pub fn new(form: Form) -> Self {
        let database = match form {
            Form::Database(engine) => Some(Platform::new(engine)),
            Form::Csv | Form::JsonLines | Form::Http => None,
        };
        let site = Site::new();
        let url = (form == Form::Http).then(|| interface(site.path("")));
        let platformed = Self { site, form, database, url };
        platformed.configure("");
        platformed.show(&[], &[]);
        platformed
    }

    /// Writes the configuration, with more lines for the source.
    fn configure(&self, more: &str) {
        let lists = match (self.form, &self.database) {
            (Form::Csv, _) => "kind = \"csv\"\npath = \"connections.csv\"\npeople_path = \"people.csv\"\n".to_owned(),
            (Form::JsonLines, _) => {
                "kind = \"jsonl\"\npath = \"connections.jsonl\"\npeople_path = \"people.jsonl\"\n".to_owned()
            }
            (Form::Http, _) => {
                let url = self.url.as_deref().unwrap_or_default();
                let pages = "paging = \"page\"\nrows = \"/rows\"\ntotal = \"/total\"\n";
                format!("kind = \"http\"\nurl = \"{url}/connections\"\npeople_url = \"{url}/people\"\n{pages}")
            }
            (Form::Database(_), database) => {
                let url = database.as_ref().map(Platform::url).unwrap_or_default();
                let [connections, people] = ["connections", "people"]
                    .map(|table| format!("SELECT {} FROM {table} ORDER BY n", self.columns(table).join(", ")));
                format!("kind = \"sql\"\nurl = '{url}'\nconnections = \"{connections}\"\npeople = \"{people}\"\n")
            }
        };
        let source = "[[inventory]]\nname = \"main\"\nabsent_after = \"1ms\"\nvanish_limit = 100\n";
        let text = format!("{CONFIG}{source}{lists}{more}");
        fs::write(self.site.path("keysweep.toml"), text).expect("a folder that can be written");
    }

    fn columns(&self, table: &str) -> Vec<&'static str> {
        let fields = if table == "people" { PERSON } else { CONNECTION };
        fields.iter().map(|(name, _)| *name).collect()
    }

    /// Has the platform list this, and nothing else.
    pub fn show(&self, connections: &[Value], people: &[Value]) {
        let lists = [("connections", CONNECTION, connections), ("people", PERSON, people)];
        for (name, fields, rows) in lists {
            match (self.form, &self.database) {
                (Form::Csv, _) => self.write(&format!("{name}.csv"), &csv(fields, rows)),
                (Form::JsonLines, _) => {
                    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
                    self.write(&format!("{name}.jsonl"), &lines);
                }
                (Form::Http, _) => self.write(&format!("{name}.json"), &json!(rows).to_string()),
                (Form::Database(engine), Some(database)) => drop(database.run(&table(engine, name, fields, rows))),
                (Form::Database(_), None) => {}
            }
        }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.site.path("next"), text).expect("a folder that can be written");
        fs::rename(self.site.path("next"), self.site.path(name)).expect("a folder that can be written");
    }

    /// One scan that asks nobody.
    pub fn scan(&self, code: i32) -> Value {
        self.site.run(&["scan", "--no-probe", "--format", "json"]).exits(code).json()
    }

    /// Everything in the ledger, without what chance and the clock have put into it.
    fn ledger(&self) -> Vec<String> {
        let text = self.site.ledger_text();
        text.lines().filter(|line| line.starts_with("INSERT")).map(told).collect()
    }
}

/// A platform's interface that gives the lists of a folder, three rows a page.
fn interface(folder: PathBuf) -> String {
    serve(move |head| {
        let asked = head.split_whitespace().nth(1).unwrap_or_default();
        let (name, query) =
            asked.trim_start_matches('/').split_once('?').unwrap_or((asked.trim_start_matches('/'), ""));
        let page: usize = query.strip_prefix("page=").and_then(|page| page.parse().ok()).unwrap_or(1);
        let text = fs::read_to_string(folder.join(format!("{name}.json"))).expect("a list");
        let rows: Vec<Value> = serde_json::from_str(&text).expect("rows");
        let some: Vec<&Value> = rows.iter().skip(3 * (page - 1)).take(3).collect();
        said("200 OK", &json!({"rows": some, "total": rows.len()}).to_string())
    })
}

/// What a column is in a database.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Instant,
    List,
    Flag,
    Bytes,
}

const CONNECTION: &[(&str, Kind)] = &[
    ("connection_id", Kind::Text),
    ("account_id", Kind::Number),
    ("provider", Kind::Text),
    ("name", Kind::Text),
    ("status", Kind::Text),
    ("created_at", Kind::Instant),
    ("updated_at", Kind::Instant),
    ("deleted_at", Kind::Instant),
    ("secret_set_at", Kind::Instant),
    ("key_id", Kind::Text),
    ("secret", Kind::Bytes),
    ("created_by", Kind::Text),
    ("running_jobs", Kind::Number),
    ("used_for", Kind::List),
    ("tags", Kind::List),
];
const PERSON: &[(&str, Kind)] = &[
    ("account_id", Kind::Number),
    ("member_id", Kind::Text),
    ("email", Kind::Text),
    ("role", Kind::Text),
    ("status", Kind::Text),
    ("verified", Kind::Flag),
    ("locale", Kind::Text),
];

fn csv(fields: &[(&str, Kind)], rows: &[Value]) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(";"),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let quoted = |text: String| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = fields.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",") + "\n";
    for row in rows {
        text += &fields.iter().map(|(name, _)| quoted(plain(&row[*name]))).collect::<Vec<_>>().join(",");
        text += "\n";
    }
    text
}

/// The statements that make a table of these rows.
fn table(engine: Engine, name: &str, fields: &[(&str, Kind)], rows: &[Value]) -> String {
    use Engine::{MariaDb, Postgres, Sqlite};
    let kind = |kind: Kind| match (kind, engine) {
        (Kind::Text, _) | (Kind::Instant, Sqlite) | (Kind::List, MariaDb | Sqlite) => "text",
        (Kind::Number, _) => "bigint",
        (Kind::Instant, Postgres) => "timestamptz",
        (Kind::Instant, MariaDb) => "timestamp(3) NULL",
        (Kind::List, Postgres) => "text[]",
        (Kind::Flag, _) => "boolean",
        (Kind::Bytes, Postgres) => "bytea",
        (Kind::Bytes, MariaDb | Sqlite) => "blob",
    };
    let columns: Vec<String> = fields.iter().map(|(name, of)| format!("{name} {}", kind(*of))).collect();
    let mut text = match engine {
        MariaDb => "SET time_zone = '+00:00';\n".to_owned(),
        Postgres | Sqlite => String::new(),
    };
    text += &format!("DROP TABLE IF EXISTS {name};\nCREATE TABLE {name} (n int, {});\n", columns.join(", "));
    for (n, row) in rows.iter().enumerate() {
        let values = fields.iter().map(|(field, kind)| literal(engine, *kind, &row[*field]));
        text += &format!("INSERT INTO {name} VALUES ({n}, {});\n", values.collect::<Vec<_>>().join(", "));
    }
    text
}

fn literal(engine: Engine, kind: Kind, value: &Value) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match (value, kind, engine) {
        (Value::Null, ..) => "NULL".to_owned(),
        (Value::Array(items), _, Engine::Postgres) => {
            format!(
                "ARRAY[{}]::text[]",
                items.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(",")
            )
        }
        (Value::Array(_), ..) => quoted(&value.to_string()),
        (Value::String(text), Kind::Instant, Engine::MariaDb) => quoted(text.trim_end_matches('Z')),
        (Value::String(text), Kind::Bytes, Engine::Sqlite) => format!("CAST({} AS BLOB)", quoted(text)),
        (Value::String(text), ..) => quoted(text),
        (other, ..) => other.to_string(),
    }
}

/// A line of the dump without what differs from run to run: instants of the run, sealed copies, codes over either.
fn told(line: &str) -> String {
    let begun = now() - chrono::TimeDelta::hours(1);
    let table = line.split('"').nth(1).unwrap_or_default();
    let is_of_chance = matches!(table, "escrow" | "event" | "chain" | "meta");
    let is_of_row = table == "quarantine"; // a row's number is the form's own
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/=:.-_".contains(c);
    let (mut kept, mut word) = (String::new(), String::new());
    for c in line.chars().chain(['\n']) {
        if is_part(c) {
            word.push(c);
            continue;
        }
        let millis = word.parse::<i64>().is_ok_and(|at| at > begun.timestamp_millis());
        let stamp = chrono::DateTime::parse_from_rfc3339(&word).is_ok_and(|at| at > begun);
        if millis || stamp {
            kept.push_str("(then)");
        } else if is_of_chance && word.len() >= 32 {
            kept.push_str("(code)");
        } else {
            kept.push_str(&word);
        }
        word.clear();
        kept.push(c);
    }
    match (is_of_row, kept.split_once("VALUES(")) {
        (true, Some((table, values))) => format!("{table}{}", values.splitn(3, ',').last().unwrap_or_default()),
        _ => kept,
    }
}

/// What the platform has at first.
fn connections() -> Vec<Value> {
    vec![
        json!({
            "connection_id": "c-1", "account_id": 17, "provider": "mailjet", "name": "Newsletter, \"spring\"",
            "status": "active", "created_at": "2024-01-31T09:30:00Z", "updated_at": "2024-03-01T12:00:00.250Z",
            "secret_set_at": "2024-01-31T09:30:00Z", "key_id": "00000000000000000000000000000001",
            "secret": "only-an-example-1", "created_by": "m-1", "running_jobs": 2,
            "used_for": ["sync", "transactional"], "tags": ["eu", "big"],
        }),
        json!({
            "connection_id": "c-2", "account_id": 17, "provider": "kit", "status": "paused",
            "created_at": "2024-02-01T00:00:00Z", "secret": "kit_only-an-example-2", "created_by": "o-1",
        }),
        json!({
            "connection_id": "c-3", "account_id": 18, "provider": "mailjet", "status": "deleted",
            "created_at": "2024-02-01T00:00:00Z", "deleted_at": "2024-05-01T08:00:00Z",
            "key_id": "00000000000000000000000000000003", "secret": "only-an-example-3",
        }),
        json!({"connection_id": "c-4", "account_id": 18, "provider": "convertkit", "secret": "kit_only-an-example-4"}),
        json!({"connection_id": "c-5", "account_id": 18, "provider": "nobody", "secret": "only-an-example-5"}),
        json!({"connection_id": "c-6", "account_id": 18, "provider": "mailjet", "status": "gone"}),
        json!({
            "connection_id": "c-7", "account_id": 17, "provider": "mailjet", "status": "active",
            "key_id": "00000000000000000000000000000001", "secret": "only-an-example-1",
        }),
    ]
}

fn people() -> Vec<Value> {
    vec![
        json!({
            "account_id": 17, "member_id": "o-1", "email": "owner@shop.example.org", "role": "owner", "status": "active",
            "verified": true, "locale": "de",
        }),
        json!({
            "account_id": 17, "member_id": "m-1", "email": "member@shop.example.org", "role": "member",
            "status": "suspended", "verified": false,
        }),
        json!({"account_id": 18, "member_id": "o-2", "email": "owner@letters.example.com", "role": "owner"}),
    ]
}

/// Scans an estate in this form, as it is and as it becomes, and gives the ledger of it.
fn lived(form: Form, ledger: &Site) -> Vec<String> {
    let platform = Platformed::new(form);
    // keys and names that chance makes are made once
    let copy = format!("VACUUM INTO '{}'", platform.site.path("ledger.db").display());
    let copied = Command::new("sqlite3").arg(ledger.path("ledger.db")).arg(copy).output();
    Ran::from(copied.expect("sqlite3, of Debian's sqlite3")).exits(0);
    platform.show(&connections(), &people());
    let document = platform.scan(0);
    assert_eq!(document["scan"]["counts"]["new"], 5, "{form:?}: {document:#}");
    let mut changed = connections();
    changed[0]["secret"] = json!("only-an-example-1-anew");
    changed[0]["updated_at"] = json!("2024-06-01T00:00:00Z");
    changed.remove(3);
    let fewer = &people()[..2];
    for _ in 0..2 {
        platform.show(&changed, fewer);
        platform.scan(0);
        std::thread::sleep(Duration::from_millis(5)); // for `absent_after`, by the program's own clock
    }
    platform.ledger()
}

#[test]
fn the_same_estate_in_every_form_gives_the_same_ledger() {
    let empty = Platformed::new(Form::Csv);
    empty.scan(0);
    let expected = lived(Form::Csv, &empty.site);
    let has = |word: &str| expected.iter().filter(|line| line.contains(word)).count();
    assert!(has("INSERT INTO \"connection\"") == 5 && has("use.ended") >= 2 && has("INSERT INTO \"quarantine\"") == 2);
    for form in Form::ALL {
        let found = lived(form, &empty.site);
        let differs = expected.iter().zip(&found).find(|(expected, found)| expected != found);
        assert_eq!(differs, None, "{form:?}");
        assert_eq!(found.len(), expected.len(), "{form:?}");
    }
}

/// A source in a database that is asked for changes alone.
fn followed(engine: Engine) -> Platformed {
    let platform = Platformed::new(Form::Database(engine));
    platform.show(&connections()[..3], &people());
    let text = fs::read_to_string(platform.site.path("keysweep.toml")).expect("the configuration");
    let text = text.replace("FROM connections", "FROM connections WHERE coalesce(updated_at, created_at) >= :since");
    fs::write(platform.site.path("keysweep.toml"), text).expect("a folder that can be written");
    platform
}

fn status(platform: &Platformed, id: &str) -> String {
    let all = platform.site.list("connections");
    let found = all.iter().find(|row| row["connection_id"] == id).expect("the connection");
    found["status"].as_str().expect("a word").to_owned()
}

#[test]
fn changes_alone_are_read_in_between_and_say_nothing_of_what_is_missing() {
    for engine in Engine::ALL {
        let platform = followed(engine);
        let database = platform.database.as_ref().expect("a database");
        let rows = |document: &Value| document["scan"]["counts"]["rows"].as_u64();
        assert_eq!(rows(&platform.scan(0)), Some(3), "{engine:?}: the first is whole");
        database.run("DELETE FROM connections WHERE connection_id = 'c-2'");
        for _ in 0..3 {
            assert_eq!(rows(&platform.scan(0)), Some(0), "{engine:?}: nothing has changed");
        }
        assert_eq!(status(&platform, "c-2"), "paused", "{engine:?}: nothing follows from what is not listed");
        let soon = crate::support::ago(chrono::TimeDelta::zero());
        let soon = if engine == Engine::MariaDb { soon.trim_end_matches('Z').to_owned() } else { soon };
        let zone = if engine == Engine::MariaDb { "SET time_zone = '+00:00';" } else { "" };
        database.run(&format!(
            "{zone} UPDATE connections SET status = 'deleted', updated_at = '{soon}' WHERE connection_id = 'c-1'"
        ));
        assert_eq!(rows(&platform.scan(0)), Some(1), "{engine:?}");
        assert_eq!(status(&platform, "c-1"), "deleted");
        // another query is read whole first, twice for what is missing
        let text = fs::read_to_string(platform.site.path("keysweep.toml")).expect("the configuration");
        let other = text.replace("full_every", "").replace(":since ORDER", ":since  AND 1 = 1 ORDER");
        assert_ne!(text, other);
        fs::write(platform.site.path("keysweep.toml"), &other).expect("a folder that can be written");
        assert_eq!(rows(&platform.scan(0)), Some(2), "{engine:?}: read whole");
        assert_eq!(status(&platform, "c-2"), "paused", "{engine:?}: missed once");
        fs::write(platform.site.path("keysweep.toml"), &text).expect("a folder that can be written");
        assert_eq!(rows(&platform.scan(0)), Some(2), "{engine:?}: read whole");
        assert_eq!(status(&platform, "c-2"), "absent", "{engine:?}: missed twice");
    }
}

#[test]
fn a_row_that_changes_set_aside_is_shown_until_a_whole_reading_knows_better() {
    let platform = followed(Engine::Sqlite);
    let database = platform.database.as_ref().expect("a database");
    platform.scan(0);
    let soon = crate::support::ago(chrono::TimeDelta::zero());
    database.run(&format!("UPDATE connections SET status = 'odd', updated_at = '{soon}' WHERE connection_id = 'c-1'"));
    let quarantined = |document: &Value| document["quarantined"].as_array().map(Vec::len);
    let scan = platform.scan(0);
    assert_eq!((scan["scan"]["counts"]["rows"].as_u64(), quarantined(&scan)), (Some(1), Some(1)));
    let scan = platform.scan(0);
    assert_eq!((scan["scan"]["counts"]["rows"].as_u64(), quarantined(&scan)), (Some(3), Some(1)), "the next is whole");
}

/// The database's own server breaks every reader's line in the middle of a reading.
#[test]
fn a_database_that_goes_away_in_the_middle_deletes_nothing_and_says_so() {
    let platform = Platformed::new(Form::Database(Engine::Postgres));
    platform.show(&[], &people());
    let database = platform.database.as_ref().expect("a database");
    database.run(
        "INSERT INTO connections (n, connection_id, account_id, provider)
         SELECT n, concat('c-', n), 1, 'kit' FROM generate_series(1, 2000) AS g(n)",
    );
    platform.scan(0);
    // the reader's line is cut by the query itself, in its last rows
    database.run("CREATE FUNCTION cut(n int) RETURNS text LANGUAGE plpgsql AS 'BEGIN IF n > 1500 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END'");
    let text = fs::read_to_string(platform.site.path("keysweep.toml")).expect("the configuration");
    fs::write(platform.site.path("keysweep.toml"), text.replace("name, status", "cut(n) AS name, status"))
        .expect("a folder");
    for _ in 0..3 {
        let document = platform.scan(4);
        let problem = document["problems"][0].as_str().expect("a problem");
        assert!(problem.starts_with("source main: ") && problem.contains("query `connections`: "), "{problem}");
        let counts = &document["scan"]["counts"];
        assert_eq!((counts["ended"].as_u64(), counts["held_back"].as_u64()), (Some(0), Some(0)), "{counts}");
        assert!(counts["rows"].as_u64().is_some_and(|rows| rows < 2_000), "{counts}");
    }
    let active = platform.site.list("connections").iter().filter(|row| row["status"] == "active").count();
    assert_eq!(active, 2_000);
}

/// How many rows a great source has; `docs/testing.md` has the long form.
fn great() -> u32 {
    let set = std::env::var("KEYSWEEP_ROWS").ok();
    set.map_or(20_000, |text| text.parse().expect("KEYSWEEP_ROWS is a number"))
}

/// The most memory that a first scan held, in MiB, and how many rows it read.
fn peak(site: &Site) -> (u64, u64) {
    let printed = fs::File::create(site.path("printed")).expect("a folder that can be written");
    let mut command = site.command();
    let mut child = command.args(["scan", "--no-probe", "--format", "json"]).stdout(printed).spawn().expect("a start");
    let mut most = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("a child") {
            break ended;
        }
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let held =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        most = held.map_or(most, |held: u64| most.max(held));
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(ended.success(), "{ended}");
    let printed = fs::read_to_string(site.path("printed")).expect("what it printed");
    let document: Value = serde_json::from_str(&printed).expect("a document");
    (most / 1024, document["scan"]["counts"]["rows"].as_u64().expect("a count"))
}

#[test]
fn a_great_source_is_read_in_the_memory_of_a_small_one() {
    for engine in [Engine::Postgres, Engine::MariaDb] {
        let mut peaks = Vec::new();
        for rows in [great() / 10, great()] {
            let platform = Platformed::new(Form::Database(engine));
            let series = match engine {
                Engine::Postgres => format!("SELECT i FROM generate_series(1, {rows}) AS g(i)"),
                Engine::MariaDb | Engine::Sqlite => format!("SELECT seq AS i FROM seq_1_to_{rows}"),
            };
            let database = platform.database.as_ref().expect("a database");
            database.run(&format!("CREATE TABLE many AS {series}"));
            let text = fs::read_to_string(platform.site.path("keysweep.toml")).expect("the configuration");
            let lists = text.find("connections = ").expect("the query");
            let query = "SELECT i AS connection_id, i % 1000 AS account_id, 'kit' AS provider, concat('kit_', i) AS secret FROM many";
            let text = format!("{}connections = \"{query}\"\n", &text[..lists]);
            fs::write(platform.site.path("keysweep.toml"), text).expect("a folder that can be written");
            let (most, read) = peak(&platform.site);
            assert_eq!(read, u64::from(rows), "{engine:?}");
            peaks.push(most);
        }
        println!("{engine:?}: {} rows in {} MiB, a tenth of them in {} MiB", great(), peaks[1], peaks[0]);
        assert!(peaks[1] <= peaks[0] + 16, "{engine:?}: {peaks:?} MiB");
        assert!(cfg!(debug_assertions) || peaks[1] <= 64, "{engine:?}: {peaks:?} MiB");
    }
}
