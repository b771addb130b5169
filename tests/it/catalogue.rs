//! The catalogue as its operator meets it: `providers …`, files of one's own, and providers that are connected by permission.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use chrono::TimeDelta;
use keysweep::domain::catalogue::try_out;
use keysweep::providers::Catalogue;
use serde_json::{Value, json};

use crate::estate::Estate;
use crate::support::ago;

/// The whole file that the documentation shows.
fn documented() -> String {
    let page = include_str!("../../docs/adding-a-provider.md");
    let (_, rest) = page.split_once("## A whole file").expect("a heading");
    let (_, rest) = rest.split_once("```toml\n").expect("a file");
    rest.split_once("\n```").expect("its end").0.to_owned()
}

/// A provider on loopback: what it answers by the key that is presented, and every key that was.
struct Acme {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Acme {
    /// Accepts `ak_` keys that begin with `ak_a`, and refuses all others in its own envelope.
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let head: Vec<String> = BufReader::new(stream.try_clone().expect("a stream"))
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let bearer =
                    |line: &String| line.to_lowercase().strip_prefix("authorization: bearer ").map(str::to_owned);
                let key = head.iter().find_map(bearer).unwrap_or_default();
                let (status, body) = match key.starts_with("ak_a") {
                    true => ("200 OK", r#"{"id":"1"}"#),
                    false => ("401 Unauthorized", r#"{"error":{"code":"invalid_key"}}"#),
                };
                seen.lock().expect("no panic").push(format!("{} {key}", head.first().map_or("", String::as_str)));
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                // A client that has gone has its answer.
                _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

const PEOPLE: &[[&str; 5]] = &[["a", "owner", "owner", "active", "true"]];

/// What the one owner is told once mail may leave: the text of the one mail, its lines joined.
fn mailed(estate: &Estate) -> String {
    let preview = estate.run(&["mail", "preview", "--format", "json"]).exits(0).json();
    assert_eq!(preview["people"], json!(1), "{preview:#}");
    estate.release();
    estate.notify();
    let mails = estate.mails();
    assert_eq!(mails.len(), 1, "{mails:#?}");
    mails[0].text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_documented_file_is_good_and_says_what_the_page_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("acme.toml");
    fs::write(&path, documented()).expect("a file");
    let estate = Estate::new();
    let named = path.to_str().expect("a path");
    let checked = estate.run(&["providers", "check", named, "--format", "json"]).exits(0).json();
    assert_eq!((&checked["ok"], &checked["files"][0]["provider"]), (&json!(true), &json!("acme")));
    let examples = checked["files"][0]["examples"].as_array().expect("examples");
    assert!(examples.len() >= 5 && examples.iter().all(|example| example["ok"] == true), "{examples:#?}");
    let table = estate.run(&["providers", "check", folder.path().to_str().expect("a path")]).exits(0);
    assert!(table.out.contains("acme.toml: good: Acme, 5 of 5 examples as expected"), "{}", table.out);
}

#[test]
fn a_provider_of_ones_own_is_read_asked_judged_and_told_of() {
    let acme = Acme::start();
    let estate = Estate::new();
    let rest = format!(
        "[catalogue]\ndirectory = \"own\"\n[providers.acme]\npace = \"unpaced\"\ndangerous_test_endpoints = {{ rest = \"{}\" }}",
        acme.address
    );
    estate.configure(&format!("smtp://{}", estate.inbox.address()), "", &rest);
    fs::create_dir(estate.path("own")).expect("a folder");
    estate.write("own/acme.toml", &documented());
    estate.people(PEOPLE);
    let (good, set_at, deleted_at) =
        (format!("ak_a{}", "0".repeat(31)), ago(TimeDelta::days(30)), ago(TimeDelta::days(2)));
    estate.write(
        "connections.csv",
        &format!(
            "connection_id,account_id,provider,region,status,deleted_at,secret_set_at,secret\n\
             left,a,acme,us,deleted,{deleted_at},{set_at},{good}\n\
             refused,a,acme,us,active,,{set_at},ak_b{}\n",
            "0".repeat(31)
        ),
    );
    let checked = estate.run(&["config", "check"]).exits(0);
    assert!(
        checked.out.contains("acme is described by ") && checked.out.contains(": acme, activecampaign"),
        "{}",
        checked.out
    );
    let looked = estate.run(&["inventory", "check", "main", "--format", "json"]).exits(0).json();
    assert_eq!(looked["problems"], json!([]), "both look like keys of Acme");

    let scan = estate.run(&["scan", "--format", "json"]).exits(0).json();
    let findings: Vec<_> = scan["findings"].as_array().expect("findings").iter().collect();
    let in_words = |f: &&Value| format!("{} {} {}", f["rule"], f["connection_id"], f["liveness"]).replace('"', "");
    assert_eq!(findings.iter().map(in_words).collect::<Vec<_>>(), ["revocation-missing left live"], "{scan:#}");
    let asked = acme.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].starts_with("GET /v1/account?fields=id HTTP/1.1 ak_"), "{asked:?}");

    let told = mailed(&estate);
    for words in [
        "Acme",
        "did not change anything at Acme",
        "open Settings, API keys, and delete the API key.",
        "https://app.acme.example/settings/keys",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let exported = estate.run(&["providers", "list", "--format", "json"]).exits(0).json();
    let files: Vec<_> = exported.as_array().expect("a list").iter().map(|p| (&p["name"], &p["file"])).collect();
    assert_eq!(files.len(), 23);
    assert!(
        files[0].0 == "acme" && files[0].1.as_str().is_some_and(|file| file.ends_with("own/acme.toml")),
        "{files:?}"
    );
}

#[test]
fn a_bad_file_of_ones_own_is_a_problem_of_the_configuration_with_file_line_and_hint() {
    let estate = Estate::new();
    estate.configure("smtp://127.0.0.1:1", "", "[catalogue]\ndirectory = \"own\"");
    let refused = estate.run(&["scan"]).exits(78);
    assert!(refused.err.contains("own: it can't be read"), "{}", refused.err);
    fs::create_dir(estate.path("own")).expect("a folder");
    estate.write("own/acme.toml", &documented().replace("overlap = true ", "overlpa = true "));
    for verb in [&["config", "check"][..], &["scan"], &["doctor"], &["providers", "list"]] {
        let refused = estate.run(verb).exits(78);
        let said = format!("{}{}", refused.out, refused.err);
        assert!(said.contains("own/acme.toml:36") && said.contains("did you mean \"overlap\"?"), "{verb:?}: {said}");
    }
    // Examples are tried whenever a file is read.
    let untrue = documented()
        .replace("verdict = \"limited\"\ndisputed", "verdict = \"unknown\"\nreason = \"blocked\"\ndisputed");
    estate.write("own/acme.toml", &untrue);
    let refused = estate.run(&["config", "check"]).exits(78);
    assert!(
        refused.err.contains("\"a sending key\" should be limited, and the rows say unknown(blocked)"),
        "{}",
        refused.err
    );
}

#[test]
fn a_file_of_ones_own_takes_a_shipped_ones_place_and_everybody_says_so() {
    let estate = Estate::new();
    estate.configure("smtp://127.0.0.1:1", "", "[catalogue]\ndirectory = \"own\"");
    fs::create_dir(estate.path("own")).expect("a folder");
    let kit =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/providers/kit.toml")).expect("a file");
    estate.write("own/kit.toml", &kit.replace("max_days = 90", "max_days = 30"));
    let checked = estate.run(&["config", "check"]).exits(0);
    assert!(checked.out.contains("own/kit.toml instead of the shipped file"), "{}", checked.out);
    let shown = estate.run(&["providers", "show", "kit", "--format", "json"]).exits(0).json();
    assert_eq!(shown["provider"]["age"]["max_days"], json!(30));
    assert!(shown["file"].as_str().is_some_and(|file| file.contains("own/kit.toml (instead of")), "{}", shown["file"]);
}

#[test]
fn check_tells_files_apart_and_exits_with_one() {
    let estate = Estate::new();
    estate.write("good.toml", &documented());
    estate.write("bad.toml", &documented().replace("status = 401\ncontent_type = \"json\"\n", "status = 401\n"));
    let ran = estate
        .run(&["providers", "check", "good.toml", "bad.toml", "missing.toml", "--format", "json"])
        .exits(1)
        .json();
    let good: Vec<_> = ran["files"].as_array().expect("files").iter().map(|file| &file["ok"]).collect();
    assert_eq!((good, &ran["ok"]), (vec![&json!(true), &json!(false), &json!(false)], &json!(false)));
    let problem = &ran["files"][1]["problems"][0];
    assert_eq!(problem["key"], "protocol[0].probe[0].answer[1]", "{problem:#}");
    assert!(problem["line"].as_u64().is_some_and(|line| line > 80), "{problem:#}");
    let table = estate.run(&["providers", "check", "bad.toml"]).exits(1);
    assert!(table.out.contains("bad.toml:") && table.out.contains("own envelope"), "{}", table.out);
    estate.run(&["providers", "check"]).exits(2);
}

#[test]
fn show_has_every_row_with_its_example_and_source_and_list_has_every_provider() {
    let estate = Estate::new();
    let list = estate.run(&["providers", "list"]).exits(0).out;
    let shown = estate.run(&["providers", "show", "Mailjet"]).exits(0).out;
    for words in ["mailjet", "hubspot", "permission (OAuth)", "shipped"] {
        assert!(list.contains(words), "{words}: {list}");
    }
    for words in [
        "GET /v3/REST/contactslist?Limit=1",
        "Basic {key_id}:{secret}",
        "[R] ",
        "disputed: ",
        "unproven",
        "535",
        "smtp://in-v3.mailjet.com:587",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    for provider in Catalogue::shipped().expect("the catalogue").iter() {
        let name = provider.name.as_str();
        let shown = estate.run(&["providers", "show", name, "--format", "json"]).exits(0).json();
        assert_eq!((&shown["file"], &shown["provider"]["name"]), (&json!("shipped"), &json!(name)));
        assert!(list.contains(name), "{name}: {list}");
    }
    let unknown = estate.run(&["providers", "show", "mailjte"]).exits(2);
    assert!(unknown.err.contains("did you mean \"mailjet\"?"), "{}", unknown.err);
}

/// A row of HubSpot that says nothing of `auth`, and one of Mailchimp that says `key`.
fn permissions(estate: &Estate, status: &str, token: &str) {
    let (made, deleted) = (ago(TimeDelta::days(300)), ago(TimeDelta::hours(1)));
    let deleted = if status == "deleted" { deleted.as_str() } else { "" };
    estate.write(
        "connections.csv",
        &format!(
            "connection_id,account_id,provider,name,status,created_at,deleted_at,auth,secret\n\
             grant,a,hubspot,CRM,{status},{made},{deleted},,{token}\n"
        ),
    );
}

#[test]
fn a_connection_by_permission_is_never_asked_about_and_its_end_is_told_with_the_providers_own_steps() {
    let estate = Estate::new();
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port");
    nobody.set_nonblocking(true).expect("a listener");
    let address = nobody.local_addr().expect("an address");
    estate.configure(
        &format!("smtp://{}", estate.inbox.address()),
        "",
        &format!("[providers.hubspot]\ndangerous_test_endpoints = {{ rest = \"http://{address}\" }}"),
    );
    estate.people(PEOPLE);
    for token in ["token-of-noon", "token-of-one", "pat-eu1-00000000-0000-0000-0000-000000000000"] {
        permissions(&estate, "active", token);
        let scan = estate.run(&["scan", "--format", "json"]).exits(0).json();
        assert_eq!((&scan["findings"], &scan["quarantined"]), (&json!([]), &json!([])), "{scan:#}");
    }
    let connections = estate.run(&["connections", "list", "--format", "json"]).exits(0).json();
    assert_eq!(connections.as_array().map(Vec::len), Some(1));
    let credentials = estate.run(&["credentials", "list", "--format", "json"]).exits(0).json();
    assert_eq!(
        credentials.as_array().map(Vec::len),
        Some(1),
        "a token that comes and goes is no credential: {credentials:#}"
    );

    permissions(&estate, "deleted", "token-of-two");
    let scan = estate.run(&["scan", "--format", "json"]).exits(0).json();
    let found: Vec<_> = scan["findings"].as_array().expect("findings").iter().collect();
    assert_eq!(found.len(), 1, "{scan:#}");
    assert_eq!((&found[0]["rule"], &found[0]["evidence"]["reason"]), (&json!("revocation-unproven"), &json!("oauth")));
    let told = mailed(&estate);
    for words in
        ["Connected Apps", "uninstall it", "That ends every connection that the platform has to this HubSpot account"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("Private Apps"), "nothing of keys: {told}");
    assert!(nobody.accept().is_err(), "HubSpot was never called");
}

/// Every example of every shipped file, as a page for reviewers.
fn verdicts() -> String {
    let mut page = "# Verdicts\n\n\
        What each example of each shipped catalogue file comes to. This page is made from the files (`config/providers`); a test\n\
        holds it against them, and `KEYSWEEP_WRITE_VERDICTS=1 cargo nextest run verdicts` writes it anew. A row that is *disputed*\n\
        rests on sources that disagree: none of those refuses. What no row of a file names is `unknown`, and marked \"no row\".\n"
        .to_owned();
    let catalogue = Catalogue::shipped().expect("the catalogue");
    for provider in catalogue.iter() {
        page.push_str(&format!(
            "\n## {}\n\n| over | example | status | type | outcome | why |\n|---|---|---|---|---|---|\n",
            provider.title
        ));
        let mut tried = try_out(provider).tried.into_iter();
        for protocol in &provider.protocols {
            let rows = protocol.probes.iter().flat_map(|probe| {
                let of = |example: &keysweep::domain::catalogue::Example| {
                    let content_type = example.content_type.as_deref();
                    let (_, row) = keysweep::domain::catalogue::classify(
                        &probe.answers,
                        example.status,
                        content_type,
                        example.body.as_bytes(),
                    );
                    let row = row.map(|row| &probe.answers[row]);
                    row.map(|row| (row.source.to_string(), row.disputed.is_some()))
                };
                probe.examples.iter().map(of).collect::<Vec<_>>()
            });
            let replies = protocol.reply_examples.iter().map(|example| {
                let (_, row) =
                    keysweep::domain::catalogue::classify_reply(&protocol.replies, example.code, &example.text);
                let row = row.map(|row| &protocol.replies[row]);
                row.map(|row| (row.source.to_string(), row.disputed.is_some()))
            });
            for why in rows.chain(replies).collect::<Vec<_>>() {
                let tried = tried.next().expect("an example");
                let labels = |source: &str| {
                    let labels =
                        source.split('[').skip(1).filter_map(|part| part.split_once(']')).map(|(label, _)| label);
                    labels.collect::<Vec<_>>().join(", ")
                };
                let why = match why {
                    Some((source, true)) => format!("*disputed*; {}", labels(&source)),
                    Some((source, false)) => labels(&source),
                    None => "no row".to_owned(),
                };
                page.push_str(&format!(
                    "| {} | {} | {} | {} | {} | {why} |\n",
                    protocol.name,
                    tried.name.replace('|', "/"),
                    tried.status,
                    tried.content_type.as_deref().unwrap_or("-"),
                    tried.found
                ));
            }
        }
    }
    page
}

#[test]
fn the_page_of_verdicts_is_the_one_that_the_files_make() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verdicts.md");
    let made = verdicts();
    if std::env::var_os("KEYSWEEP_WRITE_VERDICTS").is_some() {
        fs::write(&path, &made).expect("a page that can be written");
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(made.lines()).find(|(is, should)| is != should);
    assert!(
        page == made,
        "docs/verdicts.md is old: KEYSWEEP_WRITE_VERDICTS=1 cargo nextest run verdicts ({differs:?})"
    );
}

#[test]
fn credentials_of_another_shape_are_told_by_inventory_check_and_taken_all_the_same() {
    let estate = Estate::new();
    estate.people(PEOPLE);
    estate.write(
        "connections.csv",
        "connection_id,account_id,provider,key_id,secret\n\
         cut,a,mailjet,0123456789abcdef0123456789abcdef,0123-hushhush\n\
         half,a,mailjet,,0123456789abcdef0123456789abcdef\n\
         public,a,klaviyo,,AbC123\n",
    );
    let looked: Value = estate.run(&["inventory", "check", "main", "--format", "json"]).exits(0).json();
    let problems: Vec<&str> = looked["problems"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let [cut, half, public] = problems.as_slice() else { panic!("{problems:#?}") };
    assert!(cut.starts_with("row 2: secret: Mailjet: ") && cut.contains("32 letters and digits"), "{cut}");
    assert!(half.starts_with("row 3: key_id: Mailjet: there is none"), "{half}");
    assert!(public.starts_with("row 4: secret: Klaviyo: ") && public.contains("public API key"), "{public}");
    assert!(!problems.concat().contains("hush"), "{problems:#?}");
    assert_eq!((&looked["would"]["new"], &looked["would"]["quarantined"]), (&json!(3), &json!(0)));
}
