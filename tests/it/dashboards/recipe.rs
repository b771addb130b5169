//! The README's way to see the demo's three weeks, done as it stands there.

use std::env::{join_paths, split_paths};
use std::path::Path;
use std::process::{Command, Stdio};

use super::prometheus::Prometheus;
use super::text;

/// A query that is true where there are samples from so long ago: the first is of eight in the morning of the day that is
/// twenty days back, at whatever hour this runs.
const FROM_THE_BEGINNING: &str = "count(keysweep_findings_open offset 19d12h) >bool 0";

/// The lines of the block of the README that has this in it.
fn block(of: &str) -> Vec<String> {
    let readme = text("README.md");
    let mut blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
    let block = blocks.find(|block| block.contains(of)).expect("the recipe");
    block.lines().map(str::to_owned).collect()
}

#[test]
fn the_readmes_recipe_shows_all_of_the_demos_weeks() {
    let folder = tempfile::Builder::new().prefix("keysweep-it-").tempdir().expect("a temporary folder");
    let ours = Path::new(env!("CARGO_BIN_EXE_keysweep")).parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = join_paths([ours].into_iter().chain(split_paths(&path))).expect("folders");
    let mut lines = block("promtool tsdb");
    let last = lines.pop().expect("a last line");
    for line in &lines {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(folder.path()).env_clear().env("PATH", &path).stdin(Stdio::null());
        let output = shell.output().expect("a shell");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(last.starts_with("prometheus "), "{last}");
    let prometheus = Prometheus::by_hand(&last, folder);
    assert_eq!(prometheus.query(FROM_THE_BEGINNING), Ok(vec![1.0]), "nothing of the first days: {last}");
}
