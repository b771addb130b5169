//! Grafana's own types say what a dashboard is: `tests/fixtures/grafana`.

#![expect(clippy::panic, reason = "a kind of panel without a schema fails the test")]

use std::fs;

use jsonschema::{Validator, validator_for};
use serde_json::{Value, json};

use super::Board;
use crate::support::fixtures;

struct Grafana(Value);

impl Grafana {
    fn read() -> Self {
        let text = fs::read_to_string(fixtures().join("grafana/schema.json")).expect("the schema");
        let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
        Self(schema["definitions"]["Grafana"]["properties"].clone())
    }

    /// The part of the schema at this pointer, if it has it.
    fn part(&self, pointer: &str) -> Option<Validator> {
        self.0.pointer(pointer).map(|part| validator_for(part).expect("a schema"))
    }

    /// What is wrong with a dashboard.
    fn problems(&self, board: &Board) -> Vec<String> {
        let mut found = Vec::new();
        let mut hold = |validator: &Validator, value: &Value, what: String| {
            found.extend(validator.iter_errors(value).map(|error| format!("{what}{}: {error}", error.instance_path())));
        };
        hold(&self.part("/dashboard").expect("a schema of dashboards"), &board.json, board.name.to_owned());
        for panel in board.panels() {
            let kind = panel.kind();
            let options = self.part(&format!("/{kind}/properties/options"));
            let options = options.unwrap_or_else(|| panic!("{}: add `{kind}` to entry.ts", panel.name()));
            hold(&options, &panel.json["options"], format!("{}, options", panel.name()));
            let custom = &panel.json["fieldConfig"]["defaults"]["custom"];
            match self.part(&format!("/{kind}/properties/custom")) {
                Some(part) if !custom.is_null() => hold(&part, custom, format!("{}, custom", panel.name())),
                _ => assert!(custom.is_null(), "{}: a {kind} has nothing custom", panel.name()),
            }
        }
        found
    }
}

#[test]
fn the_dashboards_are_what_grafana_takes_for_dashboards() {
    let grafana = Grafana::read();
    for board in Board::all() {
        let problems = grafana.problems(&board);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

#[test]
fn what_grafana_would_not_take_is_found() {
    let grafana = Grafana::read();
    let spoils: [(&str, Value); 6] = [
        ("/__inputs", json!([])),
        ("/schemaVersion", json!("39")),
        ("/panels/0/fieldConfig/defaults/thresholds", json!({"steps": []})),
        ("/panels/0/options/colorMode", json!("loud")),
        ("/panels/0/options/reduceOptions", json!({})),
        ("/templating/list/0/type", json!("guess")),
    ];
    for (pointer, value) in spoils {
        let mut board = Board::all().remove(0);
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        board.json.pointer_mut(parent).expect("a place")[name] = value;
        assert!(!grafana.problems(&board).is_empty(), "{pointer} is not found");
    }
}
