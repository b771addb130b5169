//! The API as programs meet it: at the demo, over real connections, by its own document.

mod answers;
pub mod ask;
mod client;
mod faults;
mod guide;
mod paging;
mod refusals;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use self::ask::{Answer, ask};
use crate::page::Demo;
use crate::support::Ran;

/// Set, it has `docs/openapi.json` written instead of only compared.
const SETTING: &str = "KEYSWEEP_MAKE_OPENAPI";

/// A running demo whose API is asked.
struct Api(Demo);

impl Api {
    fn start() -> Self {
        Self(Demo::start())
    }

    /// What a request with the operator's token is answered.
    fn send(&self, method: &str, target: &str, headers: &str) -> Answer {
        let token = format!("Authorization: Bearer {}\r\n{headers}", self.0.token());
        ask(&self.0.page, method, target, &token)
    }

    fn get(&self, target: &str) -> Answer {
        self.send("GET", target, "")
    }

    /// The document behind a path, which must be there.
    #[track_caller]
    fn read(&self, target: &str) -> Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json", "{target}");
        answer.json()
    }

    /// What the program prints of the same ledger, as a document.
    #[track_caller]
    fn terminal(&self, arguments: &[&str]) -> Value {
        let mut program = Command::new(env!("CARGO_BIN_EXE_keysweep"));
        program.arg("--config").arg(self.0.file("keysweep.toml")).args(arguments).args(["--format", "json"]);
        let ran = Ran::from(program.output().expect("the program starts")).exits(0);
        ran.json()
    }

    /// All rows of a list, page by page.
    #[track_caller]
    fn all(&self, list: &str, limit: usize) -> Vec<Value> {
        let mut rows = Vec::new();
        let first = format!("{list}{}limit={limit}", if list.contains('?') { '&' } else { '?' });
        let mut target = first.clone();
        loop {
            let page = self.read(&target);
            let items = page["items"].as_array().expect("a list");
            assert!(items.len() <= limit, "{target}");
            rows.extend(items.iter().cloned());
            let Some(next) = page["next"].as_str() else { return rows };
            assert_eq!(items.len(), limit, "{target}: a page that is not the last is full");
            target = format!("{first}&cursor={next}");
        }
    }
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json")
}

#[test]
fn the_document_in_the_repository_is_that_of_the_program() {
    let made = format!("{:#}\n", keysweep::http::api::openapi());
    if std::env::var_os(SETTING).is_some() {
        fs::write(committed(), &made).expect("a folder that can be written");
    }
    let kept = fs::read_to_string(committed()).expect("docs/openapi.json");
    assert!(kept == made, "docs/openapi.json is another one: {SETTING}=1 cargo nextest run api:: writes it anew");
}

#[test]
fn the_document_that_is_served_is_that_of_the_repository() {
    let kept = fs::read_to_string(committed()).expect("docs/openapi.json");
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    let api = Api::start();
    assert_eq!(api.read("/api/v1/openapi.json"), kept);
    let ran = Command::new(env!("CARGO_BIN_EXE_keysweep")).env_clear().arg("openapi").output();
    assert_eq!(Ran::from(ran.expect("the program starts")).exits(0).json(), kept, "and of the terminal");
}
