//! What stands around the panels.

use serde_json::{Value, json};

use super::{Choice, PanelSource, Source, panel};
use crate::dashboards::{DOCUMENTS, PAGE, WIDTH};

/// Where every panel's answers come from.
pub(super) fn data_source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// A dashboard.
pub(super) fn board(name: &str, source: &Source) -> Value {
    json!({
        "annotations": {"list": [{
            "builtIn": 1,
            "datasource": {"type": "grafana", "uid": "-- Grafana --"},
            "enable": true,
            "hide": true,
            "iconColor": "rgba(0, 211, 255, 1)",
            "name": "Annotations & Alerts",
            "type": "dashboard",
        }]},
        "description": source.about,
        "editable": false,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": null,
        "links": links(),
        "liveNow": false,
        "panels": panels(&source.panel),
        "refresh": source.refresh,
        "schemaVersion": 39,
        "tags": ["keysweep"],
        "templating": {"list": variables(&source.choose)},
        "time": {"from": source.from, "to": "now"},
        "timepicker": {},
        "timezone": "utc",
        "title": format!("keysweep / {}", source.title),
        "uid": format!("keysweep-{name}"),
        "version": 1,
        "weekStart": "",
    })
}

/// To the other dashboards, to the runbooks and to keysweep's own page.
fn links() -> Value {
    let away = |title: &str, icon: &str, tooltip: &str, url: &str| {
        json!({
            "asDropdown": false, "icon": icon, "includeVars": false, "keepTime": false, "tags": [], "targetBlank": true,
            "title": title, "tooltip": tooltip, "type": "link", "url": url,
        })
    };
    json!([
        {
            "asDropdown": false, "icon": "external link", "includeVars": true, "keepTime": false, "tags": ["keysweep"],
            "targetBlank": false, "title": "keysweep", "tooltip": "", "type": "dashboards", "url": "",
        },
        away("Runbooks", "doc", "What each alert means and what to do", "${docs}/runbooks.md"),
        away("Page", "info", "keysweep's own page: am I blind, and what is worst", "${page}/"),
    ])
}

/// One row after the other, each from left to right.
fn panels(sources: &[PanelSource]) -> Vec<Value> {
    let mut panels = Vec::new();
    let (mut x, mut y, mut height) = (0, 0, 0);
    for source in sources {
        let [w, h] = source.size;
        if source.row.is_some() || x + w > WIDTH {
            (x, y, height) = (0, y + height, 0);
        }
        if let Some(title) = &source.row {
            let id = panels.len() + 1;
            panels.push(json!({
                "collapsed": false, "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y}, "id": id, "panels": [],
                "title": title, "type": "row",
            }));
            y += 1;
        }
        let mut panel = panel::made(source);
        panel["id"] = json!(panels.len() + 1);
        panel["gridPos"] = json!({"h": h, "w": w, "x": x, "y": y});
        panels.push(panel);
        (x, height) = (x + w, height.max(h));
    }
    panels
}

fn variables(choices: &[Choice]) -> Vec<Value> {
    let usual = [
        ("job", "The scrape job; one ledger each", "keysweep_build_info"),
        ("instance", "The process; several may share one ledger", r#"keysweep_build_info{job=~"$job"}"#),
        (
            "provider",
            "As the catalogue names it; `other` is all that it doesn't have",
            r#"keysweep_connections{job=~"$job", instance=~"$instance"}"#,
        ),
    ];
    let usual = usual.into_iter().map(|(name, about, of)| chosen(name, about, of));
    let more = choices.iter().map(|choice| chosen(&choice.name, &choice.about, &super::filled(&choice.of)));
    let mut all = vec![json!({
        "current": {"selected": false, "text": "default", "value": "default"},
        "description": "The Prometheus that scrapes keysweep", "hide": 0, "includeAll": false, "label": "Data source",
        "multi": false, "name": "datasource", "options": [], "query": "prometheus", "refresh": 1, "regex": "",
        "skipUrlSync": false, "type": "datasource",
    })];
    all.extend(usual.chain(more));
    all.push(constant("docs", "Documents", "Where the folder docs/ of keysweep can be read", DOCUMENTS));
    all.push(constant("page", "Page", "Where keysweep's own page is: `[http] listen`, or a proxy before it", PAGE));
    all
}

/// A variable whose values are those of a label; all of them at first.
fn chosen(name: &str, about: &str, of: &str) -> Value {
    let label = name[..1].to_uppercase() + &name[1..];
    json!({
        "allValue": ".+", "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
        "datasource": data_source(), "description": about, "hide": 0, "includeAll": true, "label": label, "multi": true,
        "name": name, "options": [], "query": format!("label_values({of}, {name})"), "refresh": 2, "regex": "",
        "skipUrlSync": false, "sort": 1, "type": "query",
    })
}

/// A variable that is set once, in the file.
fn constant(name: &str, label: &str, about: &str, value: &str) -> Value {
    json!({
        "current": {"selected": true, "text": value, "value": value}, "description": about, "hide": 2, "label": label,
        "name": name, "options": [{"selected": true, "text": value, "value": value}], "query": value,
        "skipUrlSync": true, "type": "constant",
    })
}
