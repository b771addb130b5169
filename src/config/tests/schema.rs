//! The schema takes what the reader takes, and no key that it doesn't.

use serde_json::{Map, Value as Json};

use super::super::schema::{schema, whole_manual};
use super::super::tree::{Node, Value};
use super::*;

fn document(text: &str) -> Json {
    let table = tree::parse(text, |_| tree::Origin::Default).unwrap_or_else(|_| panic!("TOML: {text}"));
    object(&table)
}

fn object(table: &tree::Table) -> Json {
    Json::Object(table.iter().map(|(key, node)| (key.clone(), json(node))).collect::<Map<_, _>>())
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Table(table) => object(table),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Text(text) | Value::Other(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Flag(flag) => (*flag).into(),
    }
}

fn refused(text: &str) -> Vec<String> {
    let validator = jsonschema::validator_for(&schema(&KNOWN)).unwrap();
    validator.iter_errors(&document(text)).map(|error| error.to_string()).collect()
}

#[test]
fn the_schema_takes_the_manual_and_every_setting_in_it() {
    for text in [MANUAL, &whole_manual(), MINIMAL] {
        assert_eq!(refused(text), [""; 0]);
    }
    for text in [
        "[[inventory]]\nname = \"a\"\nevents_secret = [\"env:A\", \"env:B\"]",
        "[providers.kit]\npace = \"1/s\"",
        "[[policy.exempt]]\naccount = \"a\"",
    ] {
        assert_eq!(refused(text), [""; 0], "{text}");
    }
}

#[test]
fn the_schema_refuses_every_key_that_the_reader_refuses() {
    for text in [
        "hold = \"none\"",
        "[escrw]",
        "[escrow]\nhld = \"none\"",
        "[[inventory]]\nnme = \"a\"",
        "[providers.kit]\npce = \"1/s\"",
    ] {
        assert!(!refused(text).is_empty(), "{text}");
    }
    assert!(!refused("[mail]\nramp_size = \"many\"").is_empty(), "a text is no number");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config/invalid");
    let mut count = 0;
    for case in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let expected = fs::read_to_string(case.with_extension("expect.txt")).unwrap_or_default();
        let is_of_a_file = case.extension().is_some_and(|extension| extension == "toml");
        if is_of_a_file && expected.contains("there is no such setting") && !case.with_extension("env").exists() {
            assert!(!refused(&fs::read_to_string(&case).unwrap()).is_empty(), "{}", case.display());
            count += 1;
        }
    }
    assert!(count > 0);
}
