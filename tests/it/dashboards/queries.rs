//! Dashboards and alerts ask only for what there is: the metrics of `dashboards/metrics.md`, which a test beside the
//! registry keeps true.

use std::collections::{BTreeMap, BTreeSet};

use keysweep::domain::finding::{RuleName, Severity};
use keysweep::domain::span::Took;
use promql_parser::label::{MatchOp, Matcher};

use super::alerts::alerts;
use super::promql::{self, Query, Selector};
use super::{Board, text};

/// Labels that Prometheus gives to whatever it scrapes, and one that those who run several replicas give.
const OF_THE_SCRAPE: [&str; 3] = ["job", "instance", "pod"];

/// Metrics that neither a dashboard nor an alert shows, each with the reason.
const NOT_SHOWN: [(&str, &str); 6] = [
    ("keysweep_clock_suspect", "the part `clock` is down for it, is shown and has an alert"),
    ("keysweep_log_audited_timestamp_seconds", "the upkeep looks, and its lateness is shown and has an alert"),
    ("keysweep_metrics_dropped_sources", "of interest to who has more than a hundred sources, who reads metrics.md"),
    ("keysweep_trace_spans_total", "whoever traces sees in the collector what came, and here what did not"),
    ("process_threads", "the runtime's own affair"),
    ("process_virtual_memory_bytes", "address space costs nothing"),
];

/// A metric, as `metrics.md` describes it.
struct Metric {
    labels: BTreeSet<String>,
    /// the words that its description marks as such, the values of its labels among them
    words: BTreeSet<String>,
}

/// Every series' name, those of a histogram included.
fn known() -> BTreeMap<String, Metric> {
    let page = text("metrics.md");
    let mut known = BTreeMap::new();
    for row in page.lines().filter_map(|line| line.strip_prefix("| `")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [name, kind, labels, meaning, ..] = cells[..] else { continue };
        let name = name.trim_end_matches('`');
        let marked = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
        let (labels, words) = (marked(labels), marked(meaning));
        let ends: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        for end in ends {
            let le = (*end == "_bucket").then(|| "le".to_owned());
            let metric = Metric { labels: labels.iter().cloned().chain(le).collect(), words: words.clone() };
            known.insert(format!("{name}{end}"), metric);
        }
    }
    assert!(known.len() > 30, "metrics.md is read: {}", known.len());
    known
}

/// Every query, with where it stands.
fn queries() -> Vec<(String, Query)> {
    let mut found = Vec::new();
    for board in Board::all() {
        for panel in board.panels() {
            found.extend(panel.expressions().map(|query| (panel.name(), promql::parsed(query))));
        }
        for variable in board.variables().iter().filter(|variable| variable["type"] == "query") {
            let query = variable["query"].as_str().unwrap_or_default().trim_start_matches("label_values(");
            let selector = query.rsplit_once(", ").map_or(query, |(selector, _)| selector);
            found.push((format!("{}: variable {}", board.name, variable["name"]), promql::parsed(selector)));
        }
    }
    found.extend(alerts().iter().map(|alert| (alert.name.clone(), promql::parsed(&alert.expression))));
    found
}

#[test]
fn every_metric_and_every_label_in_a_query_is_one_that_there_is() {
    let known = known();
    let mut wrong = Vec::new();
    for (place, query) in queries() {
        let mut labels = BTreeSet::from(OF_THE_SCRAPE.map(str::to_owned));
        for Selector { metric, matchers, .. } in &query.selectors {
            let Some(of_metric) = known.get(metric) else {
                wrong.push(format!("{place}: {metric}"));
                continue;
            };
            labels.extend(of_metric.labels.iter().cloned());
            let own = |m: &&Matcher| !OF_THE_SCRAPE.contains(&m.name.as_str()) && !of_metric.labels.contains(&m.name);
            wrong.extend(matchers.iter().filter(own).map(|m| format!("{place}: {metric} by {}", m.name)));
        }
        wrong.extend(query.labels.iter().filter(|label| !labels.contains(*label)).map(|l| format!("{place}: by {l}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_value_that_a_query_looks_for_is_a_word_of_its_label() {
    let known = known();
    let rules = RuleName::ALL.map(|rule| rule.as_str().to_owned());
    let severities = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    let severities = severities.map(|severity| severity.as_str().to_owned());
    for (place, query) in queries() {
        for Selector { metric, matchers, .. } in &query.selectors {
            let words = |matcher: &&Matcher| !matcher.value.starts_with('$') && matcher.name != "le";
            for matcher in matchers.iter().filter(words) {
                let words: BTreeSet<String> = match matcher.name.as_str() {
                    "rule" => rules.clone().into(),
                    "severity" => severities.clone().into(),
                    // Where several metrics have a label, one row of the page has its words.
                    label => {
                        let with = known.values().filter(|metric| metric.labels.contains(label));
                        with.flat_map(|metric| metric.words.iter().cloned()).collect()
                    }
                };
                let asked: Vec<&str> = match matcher.op {
                    MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').collect(),
                    MatchOp::Equal | MatchOp::NotEqual => vec![&matcher.value],
                };
                assert!(asked.iter().all(|word| words.contains(*word)), "{place}: {matcher} of {metric}");
            }
        }
    }
}

#[test]
fn every_name_in_a_legend_is_a_label_that_is_left() {
    for board in Board::all() {
        for panel in board.panels() {
            for target in panel.targets() {
                let query = promql::parsed(target["expr"].as_str().unwrap_or_default());
                let legend = target["legendFormat"].as_str().unwrap_or_default();
                for name in legend.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(name, _)| name) {
                    let left = query.labels.iter().any(|label| label == name) || name == "instance";
                    assert!(left, "{}: {legend}", panel.name());
                }
            }
        }
    }
}

/// A limit of a histogram as Prometheus 3 keeps it, whatever was exposed: a float, in the shortest form of Go.
fn as_kept(limit: u64) -> String {
    let short = format!("{:e}", limit as f64);
    match short.split_once('e') {
        Some((digits, power)) if limit >= 1_000_000 => format!("{digits}e+{power:0>2}"),
        _ => format!("{limit}.0"),
    }
}

#[test]
fn a_limit_of_a_histogram_is_asked_for_in_every_form_that_prometheus_keeps_it_in() {
    assert_eq!([86_400, 2_592_000, 10_000_000].map(as_kept), ["86400.0", "2.592e+06", "1e+07"]);
    let limits = Took::LIMITED.map(|(_, limit)| limit.as_secs());
    let mut asked = 0;
    for (place, query) in queries() {
        for matcher in query.selectors.iter().flat_map(|one| &one.matchers).filter(|one| one.name == "le") {
            asked += 1;
            let MatchOp::Re(pattern) = &matcher.op else { panic!("{place}: {matcher} holds for one form alone") };
            let forms = |limit: u64| [limit.to_string(), as_kept(limit)].map(|form| pattern.is_match(&form));
            let fits: Vec<[bool; 2]> =
                limits.iter().map(|limit| forms(*limit)).filter(|fits| fits.contains(&true)).collect();
            assert_eq!(fits, [[true, true]], "{place}: {matcher}");
        }
    }
    assert!(asked > 0, "nobody asks for a limit");
}

#[test]
fn every_metric_is_shown_somewhere_or_has_a_reason_not_to_be() {
    let asked: BTreeSet<String> = queries().into_iter().flat_map(|(_, q)| q.selectors).map(|s| s.metric).collect();
    let asked = |name: &str| asked.iter().any(|metric| metric == name);
    for name in known().keys().filter(|name| !asked(name)) {
        // Of a histogram, one of the three is enough.
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let shown = family.is_some_and(|f| ["_bucket", "_sum", "_count"].iter().any(|end| asked(&format!("{f}{end}"))));
        assert!(shown || NOT_SHOWN.iter().any(|(not, _)| not == name), "{name} is shown nowhere");
    }
    for (name, reason) in NOT_SHOWN {
        assert!(!asked(name), "{name} is shown by now; the reason not to: {reason}");
    }
}
