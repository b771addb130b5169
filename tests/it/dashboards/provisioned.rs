//! The files by which Grafana loads the dashboards: what stands in them is what Grafana documents for such files, since it
//! passes over a key that it doesn't know.

use std::collections::BTreeSet;

use super::yaml::entries;

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
