//! YAML, as far as the files of `dashboards/` have it.

#![expect(clippy::panic, reason = "a line that is no entry fails the test")]

use super::text;

/// The entries `key: value` of a file in their order, each with the keys above it: `providers.options.path`. A text that stands
/// below its key (`|`, `>-`) is one line.
pub fn entries(name: &str) -> Vec<(String, String)> {
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut found: Vec<(String, String)> = Vec::new();
    // how far in the key stands whose text is below it
    let mut open: Option<usize> = None;
    let text = text(name);
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        assert!(!line.contains('\t'), "{name}: {line}");
        let indent = line.len() - line.trim_start().len();
        open = open.filter(|key| indent > *key);
        if let (Some(_), Some((_, words))) = (open, found.last_mut()) {
            *words = format!("{words} {}", line.trim()).trim().to_owned();
            continue;
        }
        let bare = line.trim_start().trim_start_matches("- ");
        let deep = line.len() - bare.len();
        let (key, value) = bare.split_once(':').unwrap_or_else(|| panic!("{name}: {line}"));
        above.retain(|(of, _)| *of < deep);
        above.push((deep, key.to_owned()));
        let path: Vec<&str> = above.iter().map(|(_, key)| key.as_str()).collect();
        open = ["|", ">-"].contains(&value.trim()).then_some(deep);
        let value = if open.is_some() { "" } else { value.trim() };
        found.push((path.join("."), value.to_owned()));
    }
    found
}
