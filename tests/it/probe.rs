//! `keysweep probe`: one credential, by hand.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::smtp::{also_smtp, closed_port};
use crate::support::relay::Relay;
use crate::support::{Ran, Site, hex, pair};

/// Runs `probe` with this on standard input.
fn probe(site: &Site, arguments: &[&str], input: &str) -> Ran {
    fed(site.command().arg("probe").args(arguments), input)
}

fn fed(command: &mut Command, input: &str) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It may have refused its arguments before it read anything.
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).ok();
    child.wait_with_output().expect("it ends").into()
}

#[test]
fn each_outcome_is_told_with_its_parts_and_an_exit_code_of_its_own() {
    let mut site = Site::new();
    let relay = Relay::start(site.folder.path());
    also_smtp(&site, &relay.address());
    let (key, secret) = pair("asked");
    let two_lines = format!("{key}\n{secret}\n");
    let rest = |verdict: &str, reason: Value, status: u64| json!({"protocol": "rest", "endpoint": "default", "verdict": verdict, "reason": reason, "status": status});
    let smtp = |verdict: &str, reason: Value, status: u64| json!({"protocol": "smtp", "endpoint": "relay", "verdict": verdict, "reason": reason, "status": status});
    let none = Value::Null;
    for (does, on_smtp, code, outcome, parts) in [
        ("accept", "", 0, json!(["accepted", null]), json!([rest("accepted", none.clone(), 200)])),
        ("limited", "", 0, json!(["limited", null]), json!([rest("limited", none.clone(), 401)])),
        (
            "refuse",
            "535 5.7.8 no",
            3,
            json!(["refused", null]),
            json!([rest("refused", none.clone(), 401), smtp("refused", none.clone(), 535)]),
        ),
        (
            "refuse",
            "235 2.7.0 yes",
            0,
            json!(["accepted", null]),
            json!([rest("refused", none.clone(), 401), smtp("accepted", none.clone(), 235)]),
        ),
        (
            "refuse",
            "454 4.7.0 later",
            4,
            json!(["partly_refused", "server_error"]),
            json!([rest("refused", none.clone(), 401), smtp("unknown", json!("server_error"), 454)]),
        ),
        ("fail", "", 4, json!(["unknown", "server_error"]), json!([rest("unknown", json!("server_error"), 500)])),
    ] {
        site.providers.set("mailjet", "asked", &key, &secret, does);
        relay.answer(on_smtp);
        let told = probe(&site, &["mailjet", "--format", "json"], &two_lines).exits(code).json();
        assert_eq!((json!([told["outcome"], told["reason"]]), &told["parts"]), (outcome, &parts), "{does} {on_smtp}");
        assert!(told["means"].as_str().is_some_and(|text| !text.is_empty()) && told["todo"].is_string(), "{told:#}");
        let ran = probe(&site, &["mailjet", "--key-id", &key], &format!("{secret}\n")).exits(code);
        assert!(ran.out.contains("default") && ran.out.contains("Mailjet"), "{}", ran.out);
        assert!(!format!("{ran:?}{told}").contains(&secret), "{does}");
    }
    assert!(relay.heard().iter().all(|line| line != "MAIL"));
    let ledger: Vec<_> = std::fs::read_dir(site.folder.path()).expect("the folder").flatten().collect();
    assert!(
        ledger.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("ledger.db")),
        "no ledger is made"
    );
}

#[test]
fn a_refusal_is_told_with_the_protocols_that_refused_and_those_that_were_left_out() {
    let mut site = Site::new();
    let (key, secret) = pair("asked");
    site.providers.set("mailjet", "asked", &key, &secret, "refuse");
    also_smtp(&site, &format!("smtp://127.0.0.1:{}", closed_port()));
    let ran = probe(&site, &["mailjet", "--key-id", &key], &secret).exits(4);
    assert!(
        ran.out.contains("refused this credential on REST; SMTP could not be asked: there was no connection"),
        "{}",
        ran.out
    );
    site.configure(&crate::support::Settings { mailjet: "protocols = [\"rest\"]".to_owned(), ..Default::default() });
    let ran = probe(&site, &["mailjet", "--key-id", &key], &secret).exits(3);
    assert!(ran.out.contains("SMTP was not asked: the operator's settings say so"), "{}", ran.out);
}

#[test]
fn a_key_of_the_wrong_kind_is_told_as_such() {
    let mut site = Site::new();
    let key = "abcdefghij0123456789_K";
    site.providers.set_kind("convertkit", "key", "", key, "accept", "api_key");
    let ran = probe(&site, &["convertkit"], key).exits(0);
    assert!(ran.out.contains("API Key; what the platform needs is its API Secret"), "{}", ran.out);
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let site = Site::new();
    let secret = hex("pasted");
    for arguments in [
        vec!["mailjet", &secret],
        vec!["mailjet", "--secret", &secret],
        vec!["mailjet", "--format", "json", "--", &secret],
        vec![&secret],
        vec!["mailjet", &format!("--api-key={secret}")],
    ] {
        let ran = probe(&site, &arguments, "s3cret").exits(2);
        assert!(!format!("{ran:?}").contains(&secret), "{arguments:?}: {ran:?}");
    }
    let ran = probe(&site, &["mailjet", &secret], "").exits(2);
    assert!(ran.err.contains("standard input"), "{}", ran.err);
    assert!(site.providers.requests().is_empty());
}

#[test]
fn what_cannot_be_asked_about_is_a_question_put_wrongly() {
    let site = Site::new();
    for (arguments, input, word) in [
        (vec!["mailjett"], "s", "did you mean mailjet?"),
        (vec!["mailjet"], "", "no secret"),
        (vec!["mailjet"], "a\nb\nc", "two lines"),
        (vec!["mailjet"], "{\"secret\": 7}", "\"secret\" must be text"),
    ] {
        let ran = probe(&site, &arguments, input).exits(2);
        assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
    }
    let ran = probe(&site, &["mailjet"], &hex("alone")).exits(4);
    assert!(ran.out.contains("a part of the credential is missing") && ran.out.contains("--key-id"), "{}", ran.out);
}

#[test]
fn it_needs_no_configuration_and_no_master_key() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keysweep"));
    // Of a provider whose test address comes from the environment alone: nothing leaves this machine.
    command
        .env_clear()
        .env("KEYSWEEP__PROVIDERS__KIT__DANGEROUS_TEST_ENDPOINTS__REST", format!("http://127.0.0.1:{}", closed_port()))
        .current_dir(folder.path())
        .args(["probe", "kit", "--format", "json"]);
    let told = fed(&mut command, "kit_0123456789abcdef").exits(4).json();
    assert_eq!((told["outcome"].as_str(), told["reason"].as_str()), (Some("unknown"), Some("connect")));
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is written");
}

#[test]
fn an_address_that_is_not_the_providers_is_never_asked_and_told_everywhere() {
    let site = Site::new();
    let secret = hex("a token");
    for (base_url, reason, todo) in [
        (Some("https://169.254.169.254"), "bad_address", "Compare --base-url"),
        (Some("https://shop.api-us1.com.evil.example.org"), "bad_address", "Compare --base-url"),
        (Some("http://127.0.0.1:8080"), "bad_address", "Compare --base-url"),
        (None, "no_address", "Give --base-url"),
    ] {
        let mut arguments = vec!["activecampaign", "--format", "json"];
        arguments.extend(base_url.iter().flat_map(|base_url| ["--base-url", base_url]));
        let told = probe(&site, &arguments, &secret).exits(4).json();
        assert_eq!(
            (told["outcome"].as_str(), told["reason"].as_str()),
            (Some("unknown"), Some(reason)),
            "{base_url:?}"
        );
        assert!(told["todo"].as_str().is_some_and(|text| text.contains(todo)), "{told:#}");
    }
    site.connections(format!(
        "connection_id,account_id,provider,secret,base_url\n\
         inside,a1,activecampaign,{secret},https://10.0.0.1\nnowhere,a1,activecampaign,{secret}b,\n"
    ));
    let looked = site.run(&["inventory", "check", "main", "--format", "json"]).exits(0).json();
    let problems = looked["problems"].to_string();
    assert!(problems.contains("base_url: ActiveCampaign: it is not one of the provider's addresses"), "{problems}");
    assert!(problems.contains("base_url: ActiveCampaign: nothing says at which address"), "{problems}");
    let scan = site.scan();
    assert_eq!((scan.quarantined(), scan.count("unknown")), (Vec::new(), 2), "the rows go on, and nothing follows");
    assert!(
        scan.problems()
            .iter()
            .any(|problem| problem.contains("activecampaign: 2 of its credentials could not be asked"))
    );
    for (id, reason) in [("inside", "bad_address"), ("nowhere", "no_address")] {
        assert_eq!(site.credential(id)["unknown_reason"], reason);
        assert_eq!(site.liveness(id), "unverified");
    }
}
