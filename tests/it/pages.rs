//! The pages of the demo, every one of them: they hold together, tell no secret, and keep nobody out.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use keysweep::demo::estate::MARK;
use serde_json::Value;

use crate::page::Demo;
use crate::support::fixtures;

/// Pages of one kind that are looked at: the demo has a few hundred findings.
const OF_A_KIND: usize = 4;

/// A page of the demo is no larger than this.
const LARGEST: usize = 300 * 1024;

/// The paths that a page leads to, within the site.
fn links(page: &str) -> Vec<String> {
    let hrefs = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let plain = |href: &str| href.replace("&#x2f;", "/").replace("&amp;", "&").replace("&#x27;", "'");
    let within = hrefs.map(plain).filter(|href| href.starts_with('/'));
    within.map(|href| href.split('#').next().unwrap_or_default().to_owned()).filter(|href| !href.is_empty()).collect()
}

/// What kind of page a path is: its first part, and whether it is of one thing, a narrowed list or a list.
fn kind(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut parts = path.trim_start_matches('/').split('/');
    let first = parts.next().unwrap_or_default();
    let field = query.split('=').next().unwrap_or_default();
    format!("{first} {} {field}", if parts.next().is_some() { "one" } else { "list" })
}

/// Every page that links lead to from the first one, at most a few of each kind.
fn walked(demo: &Demo) -> BTreeMap<String, String> {
    let (mut pages, mut kinds) = (BTreeMap::new(), BTreeMap::<String, usize>::new());
    let mut waiting = vec!["/".to_owned()];
    while let Some(path) = waiting.pop() {
        // whether it is ready is for others to see
        if pages.contains_key(&path) || path == "/readyz" || path.ends_with(".css") || path.ends_with(".svg") {
            continue;
        }
        let count = kinds.entry(kind(&path)).or_default();
        *count += 1;
        if *count > OF_A_KIND {
            continue;
        }
        let page = demo.get(&path);
        if page.contains("<!doctype html>") {
            waiting.extend(links(&page));
        }
        pages.insert(path, page);
    }
    pages
}

#[test]
fn every_link_leads_to_a_page_in_the_same_frame_and_none_shows_a_secret() {
    let demo = Demo::start();
    let pages = walked(&demo);
    let kinds: BTreeSet<String> = pages.keys().map(|path| kind(path)).collect();
    for expected in [
        " list ",
        "findings list ",
        "findings one ",
        "connections list ",
        "connections one ",
        "credentials list ",
        "credentials one ",
        "providers list ",
        "providers one ",
        "sources list ",
        "scans list ",
        "mails list ",
    ] {
        assert!(kinds.contains(expected), "{expected:?} is missing among {kinds:?}");
    }
    for (path, page) in &pages {
        assert!(page.len() < LARGEST, "{path} has {} bytes", page.len());
        assert!(!page.contains(MARK) && !page.contains(&demo.token()), "a secret on {path}");
        if page.contains("<!doctype html>") {
            for part in ["Am I blind?", "aria-label=\"Pages\"", "<main id=\"main\"", "</footer>", "Scan now"] {
                assert!(page.contains(part), "{part} is not on {path}");
            }
            assert_eq!(page.matches("<h1").count(), 1, "{path}");
            assert_eq!(page.matches("aria-current=\"page\"").count(), 1, "{path}");
        }
    }
}

/// What `axe.py` says of these pages.
fn looked_at(demo: &Demo, paths: &[&str], more: &[&str]) -> Value {
    let script = Command::new(fixtures().parent().expect("the tests").join("axe")).output().expect("tests/axe");
    assert!(script.status.success(), "{}", String::from_utf8_lossy(&script.stderr));
    let script = String::from_utf8(script.stdout).expect("a path");
    let urls = paths.iter().map(|path| format!("http://any:{}@{}{path}", demo.token(), demo.page));
    let ran = Command::new("/usr/bin/python3")
        .arg(fixtures().join("axe.py"))
        .arg(script.trim())
        .args(more)
        .args(urls)
        .output()
        .expect("Python starts");
    let told = serde_json::from_slice(&ran.stdout).map_err(|_| String::from_utf8_lossy(&ran.stderr).into_owned());
    told.expect("what the checker found")
}

#[test]
fn no_page_keeps_anybody_out_light_or_dark_narrow_or_wide_with_or_without_a_mouse() {
    let demo = Demo::start();
    let pages = walked(&demo);
    // One of each kind; what is no page is for programs.
    let mut kinds = BTreeSet::new();
    let pages = pages.iter().filter(|(_, page)| page.contains("<!doctype html>")).map(|(path, _)| path.as_str());
    let paths: Vec<&str> = pages.filter(|path| !path.contains('?') && kinds.insert(kind(path))).collect();
    let paths: Vec<&str> =
        paths.into_iter().chain(["/findings?q=nobody", "/findings?state=wrong", "/nowhere"]).collect();
    assert!(paths.len() >= 15, "{paths:?}");
    let found = looked_at(&demo, &paths, &[]);
    assert_eq!(found["wrong"].as_array().map(Vec::len), Some(0), "{found:#}");
    assert_eq!(found["looked"].as_u64(), Some(4 * paths.len() as u64), "light and dark, narrow and wide");
}

#[test]
fn who_looks_for_what_keeps_people_out_finds_what_was_put_there() {
    let demo = Demo::start();
    let found = looked_at(&demo, &["/sources"], &["--plant"]);
    let wrong = found["wrong"].to_string();
    for rule in ["image-alt", "button-name", "color-contrast", "valid-lang"] {
        assert!(wrong.contains(rule), "{rule} was not found: {wrong}");
    }
}

#[test]
fn an_operator_decides_on_the_page_of_a_finding_without_script_and_reads_how_it_stands() {
    let demo = Demo::start();
    let list = demo.get("/api/v1/findings?state=open&limit=1");
    let (_, body) = list.split_once("\r\n\r\n").expect("a body");
    let open: Value = serde_json::from_str(body).expect("a list");
    let path = format!("/findings/{}", open["items"][0]["id"].as_str().expect("an open finding"));
    let ran = Command::new("/usr/bin/python3")
        .arg(fixtures().join("clicks.py"))
        .arg(format!("http://any:{}@{}{path}", demo.token(), demo.page))
        .args(["360", "-", "button[value=snooze]", "button[value=resume]"])
        .output()
        .expect("Python starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let met: Vec<Value> = serde_json::from_slice(&ran.stdout).expect("a list of pages");
    let note = |page: usize| met[page]["note"].as_str().expect("a text").to_owned();
    assert!(note(1).contains("it is snoozed: nobody is reminded before"), "{}", met[1]);
    assert!(note(2).contains("reminders come as its ladder says"), "{}", met[2]);
    for page in &met {
        assert_eq!((&page["overflow"], &page["complaints"]), (&0.into(), &serde_json::json!([])), "{page}");
    }
    assert_eq!(met[2]["place"], format!("{path}?done"), "{}", met[2]);
    let story = demo.get(&format!("/api/v1{path}/story"));
    assert!(story.contains("snoozed by the operator (http.token)"), "{story}");
}
