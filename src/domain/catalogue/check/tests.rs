use super::*;

/// A small good file over HTTP and SMTP, with a row of each verdict.
const GOOD: &str = r#"
name = "example"
title = "Example"
[credential]
key_id = { title = "API key" }
secret = { title = "secret" }
source = "[I] a test"
[[credential.kind]]
name = "full"
title = "full key"
wanted = true
[limits]
requests = 1
per_seconds = 1
in_flight = 1
account = { requests = 1, per_seconds = 60 }
source = "[I] a test"
[age]
max_days = 90
why = "so"
source = "[I] a test"
[rotation]
overlap = true
one_secret_per_key = false
self_service = true
why = "so"
source = "[I] a test"
[[protocol]]
name = "rest"
title = "REST"
kind = "http"
[[protocol.endpoint]]
name = "default"
base = "https://{customer}.api.example.com"
customer = { secret = '-([a-z]+)$', suffixes = [".api.example.com"] }
source = "[I] a test"
[[protocol.probe]]
key_kind = "full"
path = "/v1/account"
auth = { basic = ["{key_id}", "{secret}"] }
source = "[I] a test"
[[protocol.probe.answer]]
status = 200
json = [{ at = "/account" }]
verdict = "accepted"
source = "[D] a test"
[[protocol.probe.answer]]
status = 401
content_type = "json"
json = [{ at = "/error" }]
verdict = "refused"
source = "[D] a test"
[[protocol.probe.answer]]
status = 403
content_type = "application/json"
json = [{ at = "/error" }]
verdict = "limited"
source = "[D] a test"
[[protocol.probe.answer]]
status = 418
verdict = "unknown"
reason = "blocked"
source = "[D] a test"
[[protocol.probe.example]]
name = "good"
status = 200
body = '{"account":1}'
verdict = "accepted"
[[protocol.probe.example]]
name = "bad"
status = 401
content_type = "application/json"
body = '{"error":1}'
verdict = "refused"
[[protocol.probe.example]]
name = "limited"
status = 403
content_type = "application/json"
body = '{"error":1}'
verdict = "limited"
[[protocol.probe.example]]
name = "odd"
status = 418
verdict = "unknown"
reason = "blocked"
[[protocol]]
name = "smtp"
title = "SMTP"
kind = "smtp"
[[protocol.endpoint]]
name = "relay"
base = "smtp://smtp.example.com:587"
source = "[I] a test"
[[protocol.reply]]
code = 235
verdict = "accepted"
source = "[D] a test"
[[protocol.example]]
name = "good"
code = 235
verdict = "accepted"
[remedies]
path = "Settings"
link = "https://example.com/settings"
old_value = "dies"
breaks = "things"
source = "[I] a test"
[remedies.steps]
stale = ["a"]
deleted-alive = ["a"]
replaced-alive = ["a"]
orphaned = ["a"]
shared = ["a"]
broken = ["a"]
compromised = ["a"]
compromised-ended = ["a"]
wrong-kind = ["a"]
unproven = ["a"]
"#;

/// What is wrong with the good file once `from` is `to`: where, and all in one text.
fn faults(from: &str, to: &str) -> Vec<(String, String)> {
    let bad = GOOD.replacen(from, to, 1);
    assert!(from.is_empty() || bad != GOOD, "the case {from:?} must change the file");
    let provider = toml::from_str(&bad).unwrap();
    check(&provider).into_iter().map(|fault| (fault.at, format!("{}; {}", fault.what, fault.todo))).collect()
}

#[test]
fn a_good_file_has_no_fault() {
    assert_eq!(faults("", ""), []);
}

/// What is changed into what, where the fault is then told, and with which words.
const HARM: &[(&str, &str, &str, &str)] = &[
    ("name = \"example\"", "name = \"Ex ample\"", "name", "lower-case"),
    ("title = \"Example\"", "title = \" \"", "title", "empty"),
    ("in_flight = 1", "in_flight = 0", "limits.in_flight", "1 or more"),
    ("account = { requests = 1,", "account = { requests = 0,", "limits.account.requests", "1 or more"),
    ("max_days = 90", "max_days = 0", "age.max_days", "1 or more"),
    ("wanted = true", "wanted = false", "credential.kind[0].wanted", "no kind is wanted"),
    ("key_kind = \"full\"", "key_kind = \"ful\"", "protocol[0].probe[0].key_kind", "no kind \"ful\""),
    ("link = \"https://", "link = \"http://", "remedies.link", "https://"),
    ("breaks = \"things\"", "breaks = \"\"", "remedies.breaks", "empty"),
    ("shared = [\"a\"]", "shared = []", "remedies.steps.shared", "step by step"),
    ("title = \"Example\"", "title = \"E\"\nconnects_by = \"oauth\"", "remedies.oauth", "disconnects"),
    ("name = \"smtp\"", "name = \"rest\"", "protocol[1].name", "another protocol"),
    ("kind = \"smtp\"", "kind = \"smtp\"\npace = { requests = 0, per_seconds = 1 }", "protocol[1].pace", "1 or more"),
    ("kind = \"http\"", "kind = \"http\"\npace = { requests = 1, per_seconds = 1 }", "protocol[0].pace", "[limits]"),
    ("kind = \"smtp\"", "kind = \"http\"", "protocol[1]", "probes"),
    (
        "base = \"smtp://smtp.example.com:587\"",
        "base = \"smtp://127.0.0.1:587\"",
        "protocol[1].endpoint[0].base",
        "by name",
    ),
    ("https://{customer}.api", "http://{customer}.api", "protocol[0].endpoint[0].base", "https://"),
    ("{customer}.api.example.com\"", "{customer}.api.example.com:81\"", "protocol[0].endpoint[0].base", "port"),
    (
        "{customer}.api.example.com\"",
        "{secret}.api.example.com\"",
        "protocol[0].endpoint[0].base",
        "out of the address",
    ),
    ("{customer}.api.example.com\"", "api.example.com\"", "protocol[0].endpoint[0].base", "belong together"),
    ("'-([a-z]+)$'", "'-[a-z]+$'", "protocol[0].endpoint[0].customer.secret", "group"),
    ("[\".api.example.com\"]", "[\".com\"]", "protocol[0].endpoint[0].customer.suffixes", "choose whom we ask"),
    ("[\".api.example.com\"]", "[\"example.com\"]", "protocol[0].endpoint[0].customer.suffixes", "choose whom we ask"),
    ("[\".api.example.com\"]", "[]", "protocol[0].endpoint[0].customer.suffixes", "choose whom we ask"),
    ("secret = '-([a-z]+)$', ", "", "protocol[0].endpoint[0].customer", "no place to look"),
    ("path = \"/v1/account\"", "path = \"v1\"", "protocol[0].probe[0].path", "slash"),
    ("path = \"/v1/account\"", "path = \"/v1?key={secret}\"", "protocol[0].probe[0].path", "queries"),
    ("[\"{key_id}\", \"{secret}\"]", "[\"{key_id}\", \"x\"]", "protocol[0].probe[0].auth", "{secret}"),
    ("key_id = { title = \"API key\" }", "", "protocol[0].probe[0].auth", "credential.key_id"),
    ("path = \"/v1", "headers = [[\"a b\", \"c\"]]\npath = \"/v1", "protocol[0].probe[0].headers", "hyphens"),
    ("path = \"/v1", "when_secret = \"(\"\npath = \"/v1", "protocol[0].probe[0].when_secret", "regular"),
    ("json = [{ at = \"/account\" }]\n", "", "protocol[0].probe[0].answer[0]", "any page can say 200"),
    (
        "json = [{ at = \"/error\" }]\nverdict = \"refused\"",
        "verdict = \"refused\"",
        "protocol[0].probe[0].answer[1]",
        "own envelope",
    ),
    ("status = 401\ncontent_type = \"json\"\n", "status = 401\n", "protocol[0].probe[0].answer[1]", "own envelope"),
    (
        "verdict = \"refused\"",
        "verdict = \"refused\"\ndisputed = \"x\"",
        "protocol[0].probe[0].answer[1]",
        "nobody is called dead",
    ),
    ("at = \"/error\"", "at = \"error\"", "protocol[0].probe[0].answer[1].json[0].at", "pointer"),
    (
        "at = \"/error\"",
        "at = \"/error\", absent = true, is = \"string\"",
        "protocol[0].probe[0].answer[1].json[0]",
        "absent",
    ),
    (
        "content_type = \"json\"",
        "content_type = \"Application/JSON\"",
        "protocol[0].probe[0].answer[1].content_type",
        "lower case",
    ),
    ("reason = \"blocked\"\nsource", "source", "protocol[0].probe[0].answer[3]", "belongs to unknown"),
    (
        "verdict = \"unknown\"\nreason = \"blocked\"\n[[protocol]]",
        "verdict = \"unknown\"\n[[protocol]]",
        "protocol[0].probe[0].example[3]",
        "belongs to unknown",
    ),
];

#[test]
fn what_would_do_harm_is_a_fault_at_its_key() {
    const PROBE: &str = "protocol[0].probe[0]";
    for (from, to, at, word) in HARM {
        let found = faults(from, to);
        assert!(found.iter().any(|(place, words)| place == at && words.contains(word)), "{to:?}: {found:?}");
    }
    for status in [429, 500, 503, 302] {
        let found = faults("status = 401\ncontent_type", &format!("status = {status}\ncontent_type"));
        let at = format!("{PROBE}.answer[1].status");
        assert!(found.iter().any(|(place, _)| *place == at), "{status}: {found:?}");
    }
}

/// Steps for values of one kind, in English and where there is a language in that as well.
fn with_steps_of(kind: &str, german: &str) -> Vec<(String, String)> {
    let own = |at: &str, more: &str, steps: &str| {
        format!("[{at}]\npath = \"p\"\nold_value = \"o\"\nbreaks = \"b\"\n{more}[{at}.steps]\n{steps}")
    };
    let all: String = Situation::ALL.map(|situation| format!("{} = [\"a\"]\n", situation.as_str())).concat();
    let more = "link = \"https://example.com\"\nsource = \"[I] a test\"\n";
    let english = own(&format!("remedies.kind.{kind}"), more, "stale = [\"a\"]\n");
    let whole = format!("{GOOD}{english}{}{}", own("texts.de", "", &all), own("texts.de.kind.full", "", german));
    check(&toml::from_str(&whole).unwrap()).into_iter().map(|fault| (fault.at, fault.what)).collect()
}

#[test]
fn steps_for_a_kind_of_value_are_for_one_that_there_is_and_the_same_in_every_language() {
    assert_eq!(with_steps_of("full", "stale = [\"a\"]\n"), []);
    let unknown = with_steps_of("ful", "stale = [\"a\"]\n");
    assert!(unknown.iter().any(|(at, what)| at == "remedies.kind.ful" && what.contains("no kind")), "{unknown:?}");
    let other = with_steps_of("full", "shared = [\"a\"]\n");
    assert!(other.iter().any(|(at, what)| at == "texts.de.kind.full" && what.contains("go with")), "{other:?}");
    let none = with_steps_of("full", "");
    assert!(none.iter().any(|(at, _)| at == "texts.de.kind.full.steps"), "{none:?}");
}

#[test]
fn an_answer_without_an_envelope_may_turn_away_only_where_it_was_recorded() {
    let bare = "status = 401\nempty = true\nverdict = \"refused\"\nsource = \"[L] a test\"\n[[protocol.probe.answer]]\nstatus = 401";
    let example = "[[protocol.probe.example]]\nname = \"bare\"\nstatus = 401\nverdict = \"refused\"\n";
    for (label, allowed) in [("R", true), ("D", false), ("C", false), ("G", false)] {
        let text = GOOD.replacen("status = 401", &bare.replace("[L]", &format!("[{label}]")), 1);
        let text =
            text.replacen("[[protocol]]\nname = \"smtp\"", &format!("{example}[[protocol]]\nname = \"smtp\""), 1);
        let found = check(&toml::from_str(&text).unwrap());
        assert_eq!(found.is_empty(), allowed, "{label}: {found:?}");
    }
}

#[test]
fn an_example_that_the_rows_judge_otherwise_is_a_fault_and_so_is_a_row_without_one() {
    let limited = "body = '{\"error\":1}'\nverdict = \"limited\"";
    let found = faults(limited, "body = '{}'\nverdict = \"limited\"");
    let [(at, words), (row, _)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((at.as_str(), row.as_str()), ("protocol[0].probe[0].example[2]", "protocol[0].probe[0].answer[2]"));
    assert!(words.starts_with("\"limited\" should be limited, and the rows say unknown(blocked)"), "{words}");
    let unshown = faults("name = \"odd\"\nstatus = 418", "name = \"odd\"\nstatus = 403");
    assert!(unshown.iter().any(|(at, _)| at == "protocol[0].probe[0].answer[3]"), "{unshown:?}");
}
