//! One estate, in every form that an inventory can have: the ledger is the same, byte for byte but for times.

mod changes;
mod great;
pub mod lists;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use self::lists::{CONNECTION, PERSON, csv, table};
use crate::over_http::{said, serve};
use crate::support::platform::{Engine, Platform};
use crate::support::{Ran, Site, now};

/// The forms that an inventory can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
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
struct Platformed {
    site: Site,
    form: Form,
    database: Option<Platform>,
    /// where the lists are, if they are given over HTTP
    url: Option<String>,
}

impl Platformed {
    /// An empty platform.
    fn new(form: Form) -> Self {
        let database = match form {
            Form::Database(engine) => Some(Platform::new(engine)),
            Form::Csv | Form::JsonLines | Form::Http => None,
        };
        let site = Site::new();
        let url = (form == Form::Http).then(|| interface(site.path("")));
        let platformed = Self { site, form, database, url };
        platformed.configure();
        platformed.show(&[], &[]);
        platformed
    }

    fn configure(&self) {
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
        let text = format!("{CONFIG}{source}{lists}");
        self.write("keysweep.toml", &text);
    }

    fn columns(&self, table: &str) -> Vec<&'static str> {
        let fields = if table == "people" { PERSON } else { CONNECTION };
        fields.iter().map(|(name, _)| *name).collect()
    }

    /// Has the platform list this, and nothing else.
    fn show(&self, connections: &[Value], people: &[Value]) {
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

    /// Has the configuration say something else.
    fn change(&self, what: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.site.path("keysweep.toml")).expect("the configuration");
        self.write("keysweep.toml", &what(text));
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.site.path("next"), text).expect("a folder that can be written");
        fs::rename(self.site.path("next"), self.site.path(name)).expect("a folder that can be written");
    }

    /// One scan that asks nobody.
    fn scan(&self, code: i32) -> Value {
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
    if table == "closing" {
        kept.truncate(kept.rfind(',').unwrap_or(kept.len())); // how many seconds it took
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
