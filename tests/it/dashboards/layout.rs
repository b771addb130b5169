//! What an operator sees: nothing overlaps, everything has a name and a place in the README, every link leads somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{BOARDS, Board, WIDTH, text};

#[test]
fn panels_lie_side_by_side_and_none_over_another() {
    for board in Board::all() {
        let mut taken = BTreeSet::new();
        for item in board.items() {
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| item["gridPos"][side].as_u64().expect("a number"));
            assert!(x + w <= WIDTH && w > 0 && h > 0, "{}: {}", board.name, item["title"]);
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{}: {} lies over another", board.name, item["title"]);
            }
        }
    }
}

#[test]
fn ids_and_titles_are_there_once() {
    for board in Board::all() {
        let ids: BTreeSet<u64> = board.items().iter().map(|item| item["id"].as_u64().expect("an id")).collect();
        assert_eq!(ids.len(), board.items().len(), "{}", board.name);
        let kinds: BTreeSet<_> =
            board.panels().map(|panel| (panel.kind().to_owned(), panel.title().to_owned())).collect();
        assert_eq!(kinds.len(), board.panels().count(), "{}: a title twice", board.name);
    }
}

#[test]
fn the_readme_says_which_question_each_panel_answers() {
    let readme = text("README.md");
    for board in Board::all() {
        let heading = format!("### {}{}", board.name[..1].to_uppercase(), &board.name[1..]);
        let section = readme.split("\n### ").find(|section| heading.ends_with(section.lines().next().unwrap_or("?")));
        let section = section.unwrap_or_else(|| panic!("no {heading}"));
        let named: BTreeSet<&str> = section.split('*').skip(1).step_by(2).collect();
        let shown: BTreeSet<&str> =
            board.items().iter().filter(|i| i["type"] != "row").filter_map(|i| i["title"].as_str()).collect();
        assert_eq!(named, shown, "{}", board.name);
    }
}

/// The headings of the runbooks, as a link names them.
fn runbooks() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbooks.md");
    let text = fs::read_to_string(path).expect("the runbooks");
    text.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_lowercase).collect()
}

#[test]
fn every_link_to_a_runbook_leads_to_one() {
    let runbooks = runbooks();
    for board in Board::all() {
        for panel in board.panels() {
            for link in panel.json["links"].as_array().into_iter().flatten() {
                let url = link["url"].as_str().expect("an address");
                let heading =
                    url.strip_prefix("${docs}/runbooks.md#").unwrap_or_else(|| panic!("{}: {url}", panel.name()));
                assert!(runbooks.contains(heading), "{}: {url}", panel.name());
                assert_eq!(link["title"].as_str().map(str::to_lowercase).as_deref(), Some(heading), "{}", panel.name());
            }
        }
    }
}

#[test]
fn each_dashboard_leads_to_the_others_to_the_runbooks_and_to_the_page() {
    for board in Board::all() {
        let links = board.json["links"].as_array().expect("links");
        let tagged = |link: &Value| link["type"] == "dashboards" && link["tags"] == board.json["tags"];
        assert!(links.iter().any(tagged), "{}: by tag", board.name);
        for url in ["${docs}/runbooks.md", "${page}/"] {
            assert!(links.iter().any(|link| link["url"] == url), "{}: {url}", board.name);
        }
    }
}

#[test]
fn a_click_on_a_column_leads_to_a_dashboard_of_ours_and_keeps_the_data_source() {
    let mut clicks = 0;
    for board in Board::all() {
        for panel in board.panels() {
            let overrides = panel.json["fieldConfig"]["overrides"].as_array().into_iter().flatten();
            let properties = overrides.flat_map(|one| one["properties"].as_array().into_iter().flatten());
            for link in properties.filter(|property| property["id"] == "links").map(|property| &property["value"][0]) {
                let url = link["url"].as_str().expect("an address");
                let (board, query) =
                    url.strip_prefix("/d/keysweep-").and_then(|rest| rest.split_once('?')).expect("a dashboard");
                assert!(BOARDS.contains(&board) && query.ends_with("${datasource:queryparam}"), "{url}");
                clicks += 1;
            }
        }
    }
    assert!(clicks > 3, "{clicks}");
}
