//! Parsers and classifiers, fed with what chance makes of a corpus: no panic, and no secret in an error.
//!
//! The same targets run under libFuzzer for as long as one likes: `docs/testing.md`.

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::targets::{CANARY, TARGETS, Target};

/// The setting that says how many inputs each target gets.
const SETTING: &str = "KEYSWEEP_FUZZ";
/// How many it gets with every run of the tests.
const USUAL: u32 = 400;
/// What tends to upset readers of text.
const TOKENS: [&[u8]; 34] = [
    b"\"",
    b"'",
    b",",
    b";",
    b":",
    b"=",
    b".",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"#",
    b"/",
    b"*",
    b"-",
    b"1",
    b"-1",
    b"18446744073709551616",
    b"1e400",
    b"null",
    b"true",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\xc3",
    b"connection_id",
    CANARY.as_bytes(),
];

/// One change of the bytes. Places count in parts of the whole, so that they mean something in any input.
#[derive(Clone, Debug)]
enum Edit {
    /// these bytes are put in
    Insert(u16, Vec<u8>),
    /// so many bytes are taken out
    Remove(u16, usize),
    /// a byte becomes another
    Change(u16, u8),
    /// so many bytes are repeated right behind themselves
    Repeat(u16, usize),
    /// the rest is cut off
    Cut(u16),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let at = |part: u16| bytes.len() * usize::from(part) / usize::from(u16::MAX);
        match self {
            Self::Insert(part, fresh) => {
                let at = at(*part);
                bytes.splice(at..at, fresh.iter().copied());
            }
            Self::Remove(part, count) => {
                let at = at(*part);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Self::Change(part, byte) => {
                let at = at(*part);
                if let Some(old) = bytes.get_mut(at) {
                    *old = *byte;
                }
            }
            Self::Repeat(part, count) => {
                let at = at(*part);
                let copy = bytes[at..(at + count).min(bytes.len())].to_vec();
                bytes.splice(at..at, copy);
            }
            Self::Cut(part) => bytes.truncate(at(*part)),
        }
    }
}

fn edits() -> impl Strategy<Value = Edit> {
    let token = select(TOKENS.to_vec()).prop_map(<[u8]>::to_vec);
    prop_oneof![
        4 => (any::<u16>(), token).prop_map(|(part, token)| Edit::Insert(part, token)),
        1 => (any::<u16>(), vec(any::<u8>(), 1..8)).prop_map(|(part, bytes)| Edit::Insert(part, bytes)),
        2 => (any::<u16>(), 1_usize..40).prop_map(|(part, count)| Edit::Remove(part, count)),
        2 => any::<(u16, u8)>().prop_map(|(part, byte)| Edit::Change(part, byte)),
        1 => (any::<u16>(), 1_usize..60).prop_map(|(part, count)| Edit::Repeat(part, count)),
        1 => any::<u16>().prop_map(Edit::Cut),
    ]
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let entries = fs::read_dir(&folder).expect("a corpus for every target");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file of the corpus").path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(&path).expect("a file of the corpus"))).collect()
}

/// Everything in the corpus as it is, and then what chance makes of it. A failing input is told whole, as small as it gets.
fn feed(name: &str, target: Target) {
    let corpus = corpus(name);
    corpus.iter().for_each(|(_, bytes)| target(bytes));
    let wanted = std::env::var(SETTING).ok();
    let cases = wanted.as_ref().map_or(USUAL, |cases| cases.parse().expect("KEYSWEEP_FUZZ is a number of inputs"));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    // Every run of the tests meets the same inputs; whoever asks for more gets others each time.
    let mut runner = match wanted {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let seeds: Vec<Vec<u8>> = corpus.into_iter().map(|(_, bytes)| bytes).collect();
    let inputs = (select(seeds), vec(edits(), 0..8));
    let ran = runner.run(&inputs, |(mut bytes, edits)| {
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        let told = String::from_utf8_lossy(&bytes).into_owned();
        let held = std::panic::catch_unwind(|| target(&bytes));
        prop_assert!(held.is_ok(), "{name} fails for {told:?}");
        Ok(())
    });
    assert!(ran.is_ok(), "{}", ran.err().map(|error| error.to_string()).unwrap_or_default());
}

macro_rules! fed {
    ($($test:ident: $target:literal,)*) => {
        $(
            #[test]
            fn $test() {
                let (name, target) = TARGETS.into_iter().find(|(name, _)| *name == $target).expect("a target");
                feed(name, target);
            }
        )*

        #[test]
        fn every_target_is_fed_here_and_by_the_fuzzer() {
            assert_eq!(TARGETS.map(|(name, _)| name), [$($target),*]);
            let manifest = include_str!("../../fuzz/Cargo.toml");
            for (name, _) in TARGETS {
                assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "fuzz/Cargo.toml has no {name}");
            }
        }
    };
}

fed! {
    an_answer_without_a_row_is_unknown_whatever_it_says: "answers",
    a_reply_without_a_row_is_unknown_whatever_it_says: "replies",
    any_catalogue_file_is_read_or_refused_in_words: "catalogue",
    any_csv_of_connections_is_read_or_refused_without_telling_a_secret: "connections_csv",
    any_json_of_connections_is_read_or_refused_without_telling_a_secret: "connections_jsonl",
    any_answer_over_http_is_read_or_refused_without_telling_a_secret: "connections_http",
    any_csv_of_people_is_read_or_refused: "people_csv",
    any_json_of_people_is_read_or_refused: "people_jsonl",
    any_configuration_is_read_or_refused_without_telling_a_secret: "config",
    any_schedule_fires_in_the_future_or_is_refused: "cron",
    any_date_that_is_read_is_written_as_the_same: "dates",
    any_duration_is_read_or_refused: "durations",
    any_retry_after_is_a_wait_or_nothing: "retry_after",
    whatever_comes_back_is_taken_apart_and_what_is_kept_names_nobody: "bounces",
    the_body_of_an_event_is_read_or_refused_in_words: "events",
}
