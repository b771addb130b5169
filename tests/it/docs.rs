//! What the documents say of the program, held against it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keysweep::domain::finding::RuleName;
use serde_json::{Value, json};

use crate::support::{MASTER_KEY, Settings, Site};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document that people read, with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = ["README.md", "migrations/README.md", "dashboards/README.md", "dashboards/metrics.md"]
        .map(|name| root().join(name))
        .to_vec();
    for folder in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).expect("a folder of documents");
        paths.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("a document"))).collect()
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    for (path, text) in documents() {
        let folder = path.parent().expect("a document lies in a folder");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        let pictures = text.split("src=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(link, _)| link);
        for link in links.chain(pictures).filter(|link| !link.starts_with("http")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { folder.join(file) };
            assert!(target.exists(), "{}: {link}", path.display());
            if !heading.is_empty() {
                let text = fs::read_to_string(&target).expect("a document");
                let anchor = |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                let found = text.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
                assert!(found, "{}: {link}", path.display());
            }
        }
    }
}

#[test]
fn every_file_that_the_documents_name_is_there() {
    const ROOMS: [&str; 7] = ["src/", "tests/", "config/", "docs/", "migrations/", "benches/", "dashboards/"];
    for (path, text) in documents() {
        let named = text.split('`').skip(1).step_by(2).filter(|word| ROOMS.iter().any(|room| word.starts_with(room)));
        for name in named.filter(|name| !name.contains(['*', ' ', '{'])) {
            assert!(root().join(name).exists(), "{}: {name}", path.display());
        }
    }
}

#[test]
fn the_readme_has_every_rule_in_order_and_no_other() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let (_, rules) = readme.split_once("## Rules").expect("a table of rules");
    let named: Vec<&str> =
        rules.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name).collect();
    assert_eq!(named, RuleName::ALL.map(RuleName::as_str));
}

#[test]
fn the_documents_name_only_commands_that_there_are() {
    for (path, text) in documents() {
        let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
        for line in blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("keysweep ")) {
            // without a remark, and without the file that it writes to
            let words: Vec<&str> = line.split(['#', '>']).next().unwrap_or(line).split_whitespace().collect();
            let ran = Command::new(env!("CARGO_BIN_EXE_keysweep")).args(words).arg("--help").output();
            assert!(ran.expect("the program starts").status.success(), "{}: keysweep {line}", path.display());
        }
    }
}

#[test]
fn the_example_is_a_good_configuration_and_every_row_of_it_is_understood() {
    let site = tempfile::tempdir().expect("a temporary folder");
    for entry in fs::read_dir(root().join("config/examples")).expect("the examples") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, site.path().join(path.file_name().expect("a name"))).expect("a copy");
    }
    fs::write(site.path().join("master_key"), MASTER_KEY).expect("a master key");
    let run = |arguments: &[&str]| {
        let program = Command::new(env!("CARGO_BIN_EXE_keysweep"))
            .env_clear()
            .env("CREDENTIALS_DIRECTORY", site.path())
            .env("KEYSWEEP__LEDGER__URL", format!("sqlite:{}", site.path().join("keysweep.db").display()))
            .arg("--config")
            .arg(site.path().join("keysweep.toml"))
            .args(arguments)
            .output()
            .expect("the program starts");
        assert_eq!((program.status.code(), String::from_utf8_lossy(&program.stderr).as_ref()), (Some(0), ""));
        program.stdout
    };
    run(&["config", "check"]);
    let looked: Value =
        serde_json::from_slice(&run(&["inventory", "check", "main", "--format", "json"])).expect("a document");
    let found = json!({
        "rows": looked["rows"], "people": looked["people"], "with_secret": looked["with_secret"],
        "problems": looked["problems"], "complete": looked["complete"],
    });
    assert_eq!(found, json!({"rows": 5, "people": 3, "with_secret": 4, "problems": [], "complete": true}));
}

/// What stands behind each `before` in a text, up to white space or a sign that ends a path.
fn behind<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    let ends = |c: char| c.is_whitespace() || "\"`);:,".contains(c);
    text.split(before).skip(1).map(|rest| rest.split(ends).next().unwrap_or_default()).collect()
}

/// Who follows the README and then takes the unit must go on with one ledger and one master key.
#[test]
fn the_readme_the_example_and_the_unit_name_the_same_places() {
    let read = |name: &str| fs::read_to_string(root().join(name)).expect("a document");
    let (readme, example, unit) =
        (read("README.md"), read("config/examples/keysweep.toml"), read("config/examples/keysweep.service"));
    let documents = [&readme, &example, &unit, &read("docs/operating.md"), &read("config/examples/platform.toml")];
    for text in documents {
        for ledger in behind(text, "sqlite:").into_iter().filter(|path| path.starts_with('/')) {
            assert_eq!(ledger, "/var/lib/keysweep/keysweep.db");
        }
        let named = behind(text, "/etc/keysweep/credentials/").into_iter().chain(behind(text, "> credentials/"));
        for name in named.chain(behind(text, "\"cred:")) {
            assert!(["master_key", "master_key.new", "smtp_url", "http_token", "NAME"].contains(&name), "{name}");
        }
    }
    for (text, said) in [
        (&example, "\nurl = \"sqlite:/var/lib/keysweep/keysweep.db\"\n"),
        (&example, "\nmaster_key = \"cred:master_key\"\n"),
        (&unit, "\nLoadCredential=master_key:/etc/keysweep/credentials/master_key\n"),
        (&unit, "\nStateDirectory=keysweep\n"),
        (&readme, "> credentials/master_key)\nexport CREDENTIALS_DIRECTORY=/etc/keysweep/credentials\n"),
    ] {
        assert!(text.contains(said), "{said}");
    }
    // What is not set in the example is not wanted by the unit: systemd starts nothing without a file that it is to load.
    for optional in ["smtp_url", "http_token"] {
        assert!(unit.contains(&format!("\n#LoadCredential={optional}:")), "{optional}");
        let is_set = |line: &str| !line.starts_with('#') && line.contains(&format!("cred:{optional}"));
        assert!(!example.lines().any(is_set) && example.contains(&format!("cred:{optional}")), "{optional}");
    }
}

#[test]
fn a_spreadsheet_is_read_by_the_recipe_of_the_documents() {
    let text = fs::read_to_string(root().join("docs/inventories.md")).expect("the document");
    let (_, recipe) = text.split_once("**A spreadsheet.**").expect("the recipe");
    let (_, recipe) = recipe.split_once("```\n").expect("its command");
    let (command, recipe) = recipe.split_once("```").expect("the command's end");
    let (_, recipe) = recipe.split_once("```toml\n").expect("its source");
    let (source, _) = recipe.split_once("```").expect("the source's end");
    let site = Site::new();
    // as spreadsheets write it: with a mark of the order of bytes, and with line ends of two characters
    let rows = [
        "\u{feff}Integration,Customer,Service,Title,Connected on,Key,Secret key",
        "c-1,a-1,Mailjet,\"News, spring\",2026-01-31T09:30:00Z,00000000000000000000000000000001,0123456789abcdef0123456789abcdef",
        "c-2,a-1,Kit,,2026-02-01T00:00:00Z,,kit_0123456789abcdef",
    ];
    fs::write(site.path("export.csv"), rows.map(|row| format!("{row}\r\n")).concat()).expect("an export");
    let ran = Command::new("sh").args(["-c", command]).current_dir(site.path("")).output().expect("a shell");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    site.configure(&Settings { rest: source.to_owned(), ..Settings::default() });
    let looked = site.run(&["inventory", "check", "sheet", "--format", "json"]).exits(0).json();
    let found = json!({
        "rows": looked["rows"], "with_secret": looked["with_secret"], "problems": looked["problems"],
        "new": looked["would"]["new"], "complete": looked["complete"],
    });
    assert_eq!(found, json!({"rows": 2, "with_secret": 2, "problems": [], "new": 2, "complete": true}));
}
