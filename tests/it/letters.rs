//! Sample mails as their readers meet them: in a real browser, on a phone and on a desk, light and dark; and with the
//! operator's own templates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Settings, Site, fixtures};

/// Every sample's HTML, in both languages.
fn letters(site: &Site) -> Vec<PathBuf> {
    let folder = site.path("letters");
    for language in ["en", "de"] {
        let to = folder.to_str().expect("a path in UTF-8");
        site.run(&["mail", "sample", "--language", language, "--to", to]).exits(0);
    }
    let mut letters: Vec<PathBuf> =
        fs::read_dir(&folder).expect("the samples").map(|entry| entry.expect("an entry").path()).collect();
    letters.retain(|path| path.extension().is_some_and(|extension| extension == "html"));
    letters.sort();
    letters
}

/// What `letters.py` tells of each, a line for each width and scheme.
fn met(letters: &[PathBuf]) -> Vec<Value> {
    let ran = Command::new("/usr/bin/python3")
        .arg(fixtures().join("letters.py"))
        .args(letters)
        .output()
        .expect("Python starts");
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    told.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

#[test]
fn every_sample_can_be_read_and_pressed_on_a_phone_and_on_a_desk_by_day_and_by_night() {
    let site = Site::new();
    site.configure(&Settings::default());
    let letters = letters(&site);
    let met = met(&letters);
    assert_eq!(met.len(), letters.len() * 4, "two widths, two schemes");
    for met in met {
        for fact in ["overflow", "bare", "unscoped", "empty_links"] {
            assert_eq!(met[fact], 0, "{fact}: {met}");
        }
        let tag = met["file"].as_str().expect("a name").split('.').nth(1).expect("a language").to_owned();
        assert_eq!((met["lang"].as_str(), met["heads"].as_u64()), (Some(tag.as_str()), Some(1)), "{met}");
        assert!(!met["skipped"].as_bool().expect("a fact"), "a heading leaves a step out: {met}");
        assert!(met["title"].as_str().is_some_and(|title| !title.is_empty()), "{met}");
        assert!(met["contrast"].as_f64().expect("a ratio") >= 4.5, "{met}");
        assert!(met["smallest"].as_f64().expect("a size") >= 13.0, "{met}");
        let buttons = met["buttons"].as_array().expect("a list");
        assert!(buttons.iter().all(|height| height.as_u64() >= Some(44)), "a thumb misses it: {met}");
        assert_eq!(met["complaints"], serde_json::json!([]), "{met}");
    }
}

fn with_templates(folder: &Path) -> Site {
    let site = Site::new();
    site.configure(&Settings::default());
    let mut text = fs::read_to_string(site.path("keysweep.toml")).expect("the configuration");
    let setting = format!("templates = \"{}\"\n", folder.display());
    text = if text.contains("[mail]\n") {
        text.replace("[mail]\n", &format!("[mail]\n{setting}"))
    } else {
        format!("{text}\n[mail]\n{setting}")
    };
    fs::write(site.path("keysweep.toml"), text).expect("a folder that can be written");
    site
}

#[test]
fn an_operators_own_templates_go_before_the_shipped_ones_and_can_be_looked_at() {
    let site = with_templates(&fixtures().join("mail"));
    site.run(&["config", "check"]).exits(0);
    let own = site.run(&["mail", "sample", "secret-stale"]).exits(0);
    assert!(own.out.contains("Yours, the key desk of"), "{}", own.out);
    let html = site.run(&["mail", "sample", "secret-stale", "--html"]).exits(0);
    assert!(html.out.starts_with("<!doctype html>"), "what they leave out is the shipped one: {}", html.out);
    let listed = site.run(&["mail", "sample"]).exits(0);
    assert!(listed.out.contains("All is well") && listed.out.contains("security-contact"), "{}", listed.out);
    let unknown = site.run(&["mail", "sample", "secret-stael"]).exits(1);
    assert!(
        unknown.err.contains("did you mean \"secret-stale\"") || unknown.err.contains("Did you mean"),
        "{}",
        unknown.err
    );
    let language = site.run(&["mail", "sample", "--language", "fr"]).exits(1);
    assert!(language.err.contains("there are: en, de"), "{}", language.err);
}

#[test]
fn a_bad_template_is_told_with_file_and_line_before_anything_begins() {
    for (file, contents, line, words) in [
        ("digest.txt", "{{ lead }}\n{% for item in items %}\n{{ item.hading }}\n{% endfor %}\n", 3, "undefined value"),
        ("digest.html", "<h1>{{ lead }\n", 1, "syntax error"),
        ("de.toml", "[lead]\nmany = \"{nobody}\"\n", 2, "nobody fills in {nobody}"),
        ("en.toml", "[labels]\nbuton = \"Press\"\n", 2, "there is no such text"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(file), contents).expect("a file");
        let site = with_templates(folder.path());
        for arguments in [&["config", "check"][..], &["scan"], &["run"]] {
            let ran = site.run(arguments).exits(78);
            let place = format!("{}:{line}: mail.templates: ", folder.path().join(file).display());
            assert!(ran.err.contains(&place) && ran.err.contains(words), "{arguments:?}: {}", ran.err);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("digets.txt"), "x").expect("a file");
    let ran = with_templates(folder.path()).run(&["config", "check"]).exits(78);
    assert!(ran.err.contains("name it digest.txt, digest.html, or by a language such as de.toml"), "{}", ran.err);
}
