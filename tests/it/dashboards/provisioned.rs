//! The files by which Grafana loads the dashboards: what stands in them is what Grafana documents for such files, since it
//! passes over a key that it doesn't know.

#![expect(clippy::panic, reason = "a line that is no entry fails the test")]

use std::collections::BTreeSet;

use super::text;

/// The lines `key: value` of YAML as we write it, each with the keys above it: `providers.options.path`.
fn entries(name: &str) -> Vec<(String, String)> {
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut found = Vec::new();
    let text = text(name);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        assert!(!line.contains('\t'), "{name}: {line}");
        let bare = line.trim_start().trim_start_matches("- ");
        let deep = line.len() - bare.len();
        let (key, value) = bare.split_once(':').unwrap_or_else(|| panic!("{name}: {line}"));
        above.retain(|(of, _)| *of < deep);
        above.push((deep, key.to_owned()));
        let path: Vec<&str> = above.iter().map(|(_, key)| key.as_str()).collect();
        found.push((path.join("."), value.trim().to_owned()));
    }
    found
}

/// A file has these keys with values of this kind, and no others.
#[track_caller]
fn has(name: &str, wanted: &[(&str, &str)]) {
    let found = entries(name);
    let kinds: BTreeSet<(&str, &str)> = found
        .iter()
        .map(|(key, value)| {
            let kind = match value.as_str() {
                "" => "section",
                "true" | "false" => "flag",
                number if number.parse::<u64>().is_ok() => "number",
                _ => "text",
            };
            (key.as_str(), kind)
        })
        .collect();
    assert_eq!(kinds, wanted.iter().copied().collect(), "{name}");
    assert!(found.contains(&("apiVersion".to_owned(), "1".to_owned())), "{name}");
}

#[test]
fn grafana_is_told_of_the_folder_in_its_own_words() {
    let name = "provisioning/dashboards.yml";
    has(
        name,
        &[
            ("apiVersion", "number"),
            ("providers", "section"),
            ("providers.name", "text"),
            ("providers.folder", "text"),
            ("providers.type", "text"),
            ("providers.disableDeletion", "flag"),
            ("providers.allowUiUpdates", "flag"),
            ("providers.updateIntervalSeconds", "number"),
            ("providers.options", "section"),
            ("providers.options.path", "text"),
        ],
    );
    let found = entries(name);
    assert!(found.contains(&("providers.type".to_owned(), "file".to_owned())), "{found:?}");
    assert!(
        found.contains(&("providers.allowUiUpdates".to_owned(), "false".to_owned())),
        "they are changed in their files"
    );
}

#[test]
fn grafana_is_told_of_prometheus_in_its_own_words() {
    let name = "provisioning/datasources.yml";
    has(
        name,
        &[
            ("apiVersion", "number"),
            ("datasources", "section"),
            ("datasources.name", "text"),
            ("datasources.uid", "text"),
            ("datasources.type", "text"),
            ("datasources.access", "text"),
            ("datasources.url", "text"),
            ("datasources.isDefault", "flag"),
            ("datasources.jsonData", "section"),
            ("datasources.jsonData.httpMethod", "text"),
            ("datasources.jsonData.timeInterval", "text"),
        ],
    );
    // The dashboards' variable takes any data source of this type.
    assert!(entries(name).contains(&("datasources.type".to_owned(), "prometheus".to_owned())));
}
