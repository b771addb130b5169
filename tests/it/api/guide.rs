//! The guide's examples, run as they stand.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Api;

#[test]
fn every_example_of_the_guide_works_as_it_stands() {
    let api = Api::start();
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    let guide = fs::read_to_string(guide).expect("docs/api.md");
    let blocks = guide.split("```sh\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let examples: Vec<(&str, &str)> = blocks.filter(|(block, _)| block.contains("curl ")).collect();
    assert!(examples.len() >= 4, "the guide has examples");
    let folder = tempfile::tempdir().expect("a folder");
    for (example, behind) in examples {
        let ran = Command::new("sh")
            .args(["-eu", "-c", example])
            .env("KEYSWEEP", format!("http://{}", api.0.page))
            .env("TOKEN", api.0.token())
            .current_dir(folder.path())
            .output()
            .expect("a shell");
        let out = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && !out.is_empty(), "{example}{out}{}", String::from_utf8_lossy(&ran.stderr));
        // What the guide shows right behind an example is a part of what comes.
        let shown = behind.strip_prefix("\n```json\n").and_then(|rest| rest.split_once("```"));
        for line in shown.map_or("", |(shown, _)| shown).lines() {
            let part = line.trim().trim_end_matches(',');
            assert!(part.len() < 3 || part == "..." || out.contains(part), "{example}{part} is not in {out}");
        }
    }
}
