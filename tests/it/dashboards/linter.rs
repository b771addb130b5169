//! The rules of Grafana's dashboard linter, and ours, with two exceptions that the linter's authors could not know of:
//!
//! - A figure that is not a graph has no step: it may count over all the time that is chosen, `$__range`.
//! - A counter that the ledger keeps never starts anew: such a figure may show what it has come to.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::promql::{self, Selector};
use super::{BOARDS, Board, DOCUMENTS, PAGE, Panel};

/// Units of Grafana that mean something here; `none` is a plain number.
const UNITS: [&str; 7] = ["short", "none", "s", "percentunit", "bytes", "ops", "dateTimeFromNow"];

/// Counters that outlive processes.
const KEPT: [&str; 3] = ["keysweep_findings_closed_total", "keysweep_time_to_revoke_", "keysweep_time_to_rotate_"];

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Holds each panel of all dashboards against a rule.
#[track_caller]
fn each_panel(rule: impl Fn(&Panel<'_>) -> bool) {
    let boards = Board::all();
    let wrong: Vec<String> = boards.iter().flat_map(Board::panels).filter(|p| !rule(p)).map(|p| p.name()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Holds each target of each panel against a rule.
#[track_caller]
fn each_target(rule: impl Fn(&Value) -> bool) {
    each_panel(|panel| !panel.targets().is_empty() && panel.targets().iter().all(&rule));
}

/// Holds what each query asks for against a rule.
#[track_caller]
fn each_selector(rule: impl Fn(&Selector) -> bool) {
    each_panel(|panel| panel.expressions().flat_map(|query| promql::parsed(query).selectors).all(|s| rule(&s)));
}

#[test]
fn dashboards_have_a_name_that_stays_and_are_changed_in_their_files() {
    let boards = Board::all();
    for Board { name, json } in &boards {
        assert_eq!(json["uid"], format!("keysweep-{name}"));
        assert_eq!(json["id"], Value::Null, "{name}: the number is Grafana's own");
        assert_eq!(json["schemaVersion"], 39, "{name}: Grafana migrates upwards, never downwards");
        assert_eq!(json["editable"], false, "{name}");
        assert_eq!(json["tags"], json!(["keysweep"]), "{name}");
        assert!(json["title"].as_str().is_some_and(|title| title.starts_with("keysweep / ")), "{name}");
        assert!(json["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name}");
    }
    assert_eq!(boards.len(), BOARDS.len());
}

#[test]
fn the_data_source_is_chosen_at_the_top() {
    for board in Board::all() {
        let first = &board.variables()[0];
        let facts = ["name", "type", "query", "label"].map(|key| first[key].as_str().unwrap_or("?"));
        assert_eq!(facts, ["datasource", "datasource", "prometheus", "Data source"], "{}", board.name);
    }
}

#[test]
fn job_instance_and_provider_are_chosen_at_the_top_and_follow_the_time() {
    for board in Board::all() {
        let queries = board.variables().iter().filter(|variable| variable["type"] == "query");
        let names: Vec<&str> = queries.clone().filter_map(|variable| variable["name"].as_str()).collect();
        let more: &[&str] = if board.name == "account" { &["source", "account"] } else { &[] };
        assert_eq!(names, [&["job", "instance", "provider"], more].concat(), "{}", board.name);
        for variable in queries {
            let what = format!("{}: {}", board.name, variable["name"]);
            assert_eq!(variable["datasource"], source(), "{what}");
            assert_eq!((&variable["multi"], &variable["includeAll"]), (&json!(true), &json!(true)), "{what}");
            assert_eq!(variable["allValue"], ".+", "{what}: what is chosen stands in a regular expression");
            assert_eq!(variable["refresh"], 2, "{what}: looked up again when the time changes");
            assert!(variable["label"].as_str().is_some_and(|label| !label.is_empty()), "{what}");
            let query = variable["query"].as_str().expect("a query");
            let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
            let (selector, label) = inner.and_then(|inner| inner.rsplit_once(", ")).expect("label_values(what, label)");
            assert_eq!(Some(label), variable["name"].as_str(), "{what}");
            assert!(!promql::parsed(selector).selectors.is_empty(), "{what}");
        }
    }
}

#[test]
fn the_address_of_the_documents_is_one_that_can_be_replaced() {
    for board in Board::all() {
        let docs = board.variables().iter().find(|variable| variable["name"] == "docs").expect("the documents");
        assert_eq!((&docs["type"], &docs["query"]), (&json!("constant"), &json!(DOCUMENTS)), "{}", board.name);
        let page = board.variables().iter().find(|variable| variable["name"] == "page").expect("the page");
        assert_eq!((&page["type"], &page["query"]), (&json!("constant"), &json!(PAGE)), "{}", board.name);
        for address in ["example.org", PAGE] {
            assert_eq!(board.json.to_string().matches(address).count(), 5, "{}: {address} nowhere else", board.name);
        }
    }
}

#[test]
fn every_panel_has_the_chosen_data_source() {
    each_panel(|panel| panel.json["datasource"] == source());
    each_target(|target| target["datasource"] == source());
}

#[test]
fn every_panel_has_a_title_and_says_in_a_sentence_what_it_means() {
    each_panel(|panel| {
        let description = panel.json["description"].as_str().unwrap_or_default();
        !panel.title().is_empty() && description.ends_with(['.', ':']) && description.len() > 8
    });
}

#[test]
fn every_panel_has_a_unit() {
    each_panel(|panel| {
        panel.json["fieldConfig"]["defaults"]["unit"].as_str().is_some_and(|unit| UNITS.contains(&unit))
    });
    each_panel(|panel| {
        let overrides = panel.json["fieldConfig"]["overrides"].as_array().into_iter().flatten();
        let properties = overrides.flat_map(|one| one["properties"].as_array().into_iter().flatten());
        let mut units = properties.filter(|property| property["id"] == "unit").map(|property| &property["value"]);
        units.all(|unit| unit.as_str().is_some_and(|unit| UNITS.contains(&unit)))
    });
}

#[test]
fn every_query_is_one_that_the_panel_can_draw() {
    each_target(|target| target["instant"] != target["range"] && target["legendFormat"].is_string());
    each_panel(|panel| {
        let names: BTreeSet<&str> = panel.targets().iter().filter_map(|target| target["refId"].as_str()).collect();
        let format = if panel.kind() == "table" { "table" } else { "time_series" };
        let over_time = matches!(panel.kind(), "timeseries" | "state-timeline");
        names.len() == panel.targets().len()
            && panel.targets().iter().all(|target| target["format"] == format && target["range"] == over_time)
    });
}

#[test]
fn every_rate_goes_by_the_step_of_the_graph() {
    each_target(|target| {
        let query = target["expr"].as_str().unwrap_or_default();
        let by_step = query.matches("[$__rate_interval]").count();
        let in_all = if target["instant"] == true { query.matches("[$__range:5m]").count() } else { 0 };
        query.matches('[').count() == by_step + in_all
    });
}

#[test]
fn every_query_obeys_what_is_chosen() {
    let obeys = |selector: &Selector, label: &str| selector.asks_for(label, &format!("${label}"));
    each_selector(|selector| obeys(selector, "job") && obeys(selector, "instance"));
    // Series of single connections are shown where one account can be chosen, which is one of a source.
    let is_single = |selector: &Selector| selector.metric.starts_with("keysweep_connection_");
    each_selector(|it| !is_single(it) || (obeys(it, "account") && obeys(it, "source")));
}

#[test]
fn two_ledgers_or_sources_with_the_same_ids_have_their_accounts_and_connections_apart() {
    let names_both = |labels: &BTreeSet<&str>| labels.contains("job") && labels.contains("source");
    each_target(|target| {
        let query = target["expr"].as_str().unwrap_or_default();
        let lists = query.split("by (").skip(1).filter_map(|rest| rest.split_once(')'));
        let mut lists = lists.map(|(labels, _)| labels.split(", ").collect::<BTreeSet<_>>());
        lists.all(|labels| names_both(&labels) || !(labels.contains("account") || labels.contains("connection")))
    });
    let accounts = Board::all().into_iter().map(|board| board.json.to_string());
    for board in accounts {
        for (before, _) in board.match_indices("&var-account=").map(|(at, _)| board.split_at(at)) {
            let url = before.rsplit('?').next().unwrap_or_default();
            assert!(url.contains("var-job=") && url.contains("var-source="), "{url}");
        }
        assert!(!board.contains("?var-account="), "a link to an account of whichever source");
    }
}

/// "No data" is what a person sees where a query has no answer, and it may mean anything.
#[test]
fn a_figure_that_has_nothing_to_show_says_what_that_means() {
    each_panel(|panel| {
        let is_figure = matches!(panel.kind(), "stat" | "bargauge");
        let says = panel.json["fieldConfig"]["defaults"]["noValue"].is_string();
        // Nought once the ledger was read, and not before.
        let is_nought = panel.expressions().all(|query| query.contains(" or 0 * count(keysweep_"));
        !is_figure || says || is_nought
    });
}

#[test]
fn counters_are_shown_as_rates_and_gauges_as_they_are() {
    each_panel(|panel| {
        panel.targets().iter().all(|target| {
            let is_kept = |metric: &str| KEPT.iter().any(|kept| metric.starts_with(kept)) && target["instant"] == true;
            let query = promql::parsed(target["expr"].as_str().unwrap_or_default());
            query.selectors.iter().all(|selector| match selector.function.as_deref() {
                Some("rate" | "increase") => selector.is_counter() && selector.over_time,
                _ => (!selector.is_counter() || is_kept(&selector.metric)) && !selector.over_time,
            })
        })
    });
}
