//! One panel.

#![expect(clippy::panic, reason = "a source that can't be made into a panel fails the test")]

use serde_json::{Map, Value, json};

use super::frame::data_source;
use super::{Ask, Draw, PanelSource, filled};

/// A panel without its number and place.
pub(super) fn made(source: &PanelSource) -> Value {
    let mut panel = json!({
        "datasource": data_source(),
        "description": source.about,
        "fieldConfig": {"defaults": defaults(source), "overrides": overrides(source)},
        "options": options(source),
        "targets": targets(source),
        "title": source.title,
        "type": source.kind,
    });
    if let Some(every) = &source.every {
        panel["interval"] = json!(every);
    }
    if !source.runbooks.is_empty() {
        panel["links"] = source.runbooks.iter().map(|alert| runbook(alert)).collect();
    }
    if source.kind == "table" {
        panel["transformations"] =
            json!([{"id": "merge", "options": {}}, {"id": "organize", "options": order(source)}]);
    }
    panel
}

fn runbook(alert: &str) -> Value {
    json!({
        "asDropdown": false, "icon": "doc", "includeVars": false, "keepTime": false, "tags": [], "targetBlank": true,
        "title": alert, "tooltip": "What it means, what to look at, what to do", "type": "link",
        "url": format!("${{docs}}/runbooks.md#{}", alert.to_lowercase()),
    })
}

/// What holds of all series.
fn defaults(source: &PanelSource) -> Value {
    let mode = if source.kind == "timeseries" { "palette-classic" } else { "thresholds" };
    let mut defaults = json!({"color": {"mode": mode}, "thresholds": thresholds(&source.limits), "unit": source.unit});
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            defaults[key] = value;
        }
    };
    let empty = match source.kind.as_str() {
        "table" => Some("–"),
        "state-timeline" => Some("not known"),
        _ => None,
    };
    set("noValue", source.empty.as_deref().or(empty).map(Value::from));
    set("decimals", source.decimals.map(Value::from));
    set("max", source.max.map(Value::from));
    set("min", ["timeseries", "bargauge"].contains(&source.kind.as_str()).then(|| json!(0)));
    set("mappings", (!source.states.is_empty()).then(|| mappings(&source.states)));
    set("custom", custom(source));
    defaults
}

/// What only this kind of panel has.
fn custom(source: &PanelSource) -> Option<Value> {
    match source.kind.as_str() {
        "table" => Some(json!({"align": "auto", "cellOptions": {"type": "auto"}, "inspect": false})),
        "state-timeline" => Some(json!({"fillOpacity": 70, "lineWidth": 0})),
        "timeseries" => {
            let (style, fill, stacking) = match source.draw {
                Draw::Line => ("line", 0, "none"),
                Draw::Stack => ("line", 25, "normal"),
                Draw::Bars => ("bars", 60, "normal"),
            };
            let mut custom = json!({
                "axisBorderShow": false, "axisPlacement": "auto", "drawStyle": style, "fillOpacity": fill,
                "lineInterpolation": "linear", "lineWidth": 1, "showPoints": "never", "spanNulls": false,
                "stacking": {"group": "A", "mode": stacking},
            });
            if source.draw == Draw::Bars {
                custom["barAlignment"] = json!(0);
            }
            Some(custom)
        }
        _ => None,
    }
}

fn options(source: &PanelSource) -> Value {
    let reduce = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
    let no_legend = json!({"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": false});
    match source.kind.as_str() {
        "stat" => json!({
            "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
            "percentChangeColorMode": "standard", "reduceOptions": reduce, "showPercentChange": false,
            "textMode": source.text.as_deref().unwrap_or("auto"), "wideLayout": true,
        }),
        "bargauge" => json!({
            "displayMode": "basic", "legend": no_legend, "maxVizHeight": 300, "minVizHeight": 12, "minVizWidth": 8,
            "namePlacement": "left", "orientation": "horizontal", "reduceOptions": reduce, "showUnfilled": true,
            "sizing": "auto", "valueMode": "text",
        }),
        "state-timeline" => json!({
            "alignValue": "left", "legend": no_legend, "mergeValues": true, "rowHeight": 0.8, "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        }),
        "timeseries" => {
            let (mode, place) = if source.legend.is_some() { ("table", "right") } else { ("list", "bottom") };
            let legend = json!({"calcs": ["lastNotNull"], "displayMode": mode, "placement": place, "showLegend": true});
            json!({"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}})
        }
        "table" => {
            let sort = source.sort.as_deref().and_then(|sort| sort.rsplit_once(' '));
            let (column, way) = sort.unwrap_or_else(|| panic!("{}: sort = \"COLUMN up\" or down", source.title));
            let sort = json!([{"desc": way == "down", "displayName": column}]);
            json!({"cellHeight": "sm", "frameIndex": 0, "showHeader": true, "sortBy": sort})
        }
        other => panic!("{}: a {other} is not made here yet", source.title),
    }
}

/// A table's columns: first its labels, then its queries, in their order.
fn order(source: &PanelSource) -> Value {
    let columns = source.ask.iter().zip(letters()).map(|(ask, letter)| (format!("Value #{letter}"), column(ask)));
    // Where there is only one query, its column has no letter.
    let columns = columns.map(|(id, name)| if source.ask.len() == 1 { ("Value".to_owned(), name) } else { (id, name) });
    let columns: Vec<_> = source.by.iter().map(|label| (label.clone(), label.as_str())).chain(columns).collect();
    let places: Map<_, _> = columns.iter().zip(0..).map(|((id, _), at)| (id.clone(), Value::from(at))).collect();
    let names: Map<_, _> = columns.iter().map(|(id, name)| (id.clone(), Value::from(*name))).collect();
    json!({"excludeByName": {"Time": true}, "includeByName": {}, "indexByName": places, "renameByName": names})
}

fn column(ask: &Ask) -> &str {
    ask.column.as_deref().unwrap_or_else(|| panic!("a table's query without a column: {}", ask.expr))
}

/// What holds of some series, or of one column of a table.
fn overrides(source: &PanelSource) -> Vec<Value> {
    let columns = source.ask.iter().filter(|_| source.kind == "table").map(|ask| {
        let mut properties = vec![json!({"id": "unit", "value": ask.unit.as_deref().unwrap_or("short")})];
        if !ask.limits.is_empty() {
            properties.push(json!({"id": "thresholds", "value": thresholds(&ask.limits)}));
            properties.push(json!({"id": "custom.cellOptions", "value": {"type": "color-text"}}));
        }
        if !ask.states.is_empty() {
            properties.push(json!({"id": "mappings", "value": mappings(&ask.states)}));
        }
        of(column(ask), &properties)
    });
    let leads = source.leads.iter().map(|[column, title, url]| {
        of(column, &[json!({"id": "links", "value": [{"title": title, "url": url, "targetBlank": false}]})])
    });
    let colours = source.colours.iter().map(|[series, colour]| {
        of(series, &[json!({"id": "color", "value": {"fixedColor": colour, "mode": "fixed"}})])
    });
    let dashed = source.dashed.iter().map(|series| {
        of(
            series,
            &[
                json!({"id": "custom.lineStyle", "value": {"dash": [8, 6], "fill": "dash"}}),
                json!({"id": "custom.fillOpacity", "value": 0}),
                json!({"id": "custom.stacking", "value": {"group": "B", "mode": "none"}}),
            ],
        )
    });
    columns.chain(leads).chain(colours).chain(dashed).collect()
}

/// Properties of the series of that name, or, between slashes, of that pattern.
fn of(series: &str, properties: &[Value]) -> Value {
    let id = if series.starts_with('/') { "byRegexp" } else { "byName" };
    json!({"matcher": {"id": id, "options": series}, "properties": properties})
}

/// `green`, then `orange 5`: from 5 on.
fn thresholds(limits: &[String]) -> Value {
    let step = |limit: &String| {
        let (colour, from) =
            limit.split_once(' ').map_or((limit.as_str(), None), |(colour, from)| (colour, Some(from)));
        let from = from.map(|from| from.parse::<serde_json::Number>().unwrap_or_else(|_| panic!("{limit}: no number")));
        json!({"color": colour, "value": from})
    };
    let steps: Vec<_> =
        if limits.is_empty() { vec![step(&"green".to_owned())] } else { limits.iter().map(step).collect() };
    json!({"mode": "absolute", "steps": steps})
}

/// `red down` and `green up`: what 0 and 1 are shown as.
fn mappings(states: &[String]) -> Value {
    let of = |(at, state): (usize, &String)| {
        let (colour, word) = state.split_once(' ').unwrap_or_else(|| panic!("{state}: a colour and a word"));
        (at.to_string(), json!({"color": colour, "index": at, "text": word}))
    };
    let options: Map<_, _> = states.iter().enumerate().map(of).collect();
    json!([{"type": "value", "options": options}])
}

fn targets(source: &PanelSource) -> Vec<Value> {
    let over_time = ["timeseries", "state-timeline"].contains(&source.kind.as_str());
    let format = if source.kind == "table" { "table" } else { "time_series" };
    let target = |(ask, letter): (&Ask, char)| {
        json!({
            "datasource": data_source(), "editorMode": "code", "expr": filled(&ask.expr), "format": format,
            "instant": !over_time, "range": over_time, "refId": letter.to_string(),
            "legendFormat": ask.legend.as_deref().unwrap_or("__auto"),
        })
    };
    source.ask.iter().zip(letters()).map(target).collect()
}

fn letters() -> impl Iterator<Item = char> {
    'A'..='Z'
}
