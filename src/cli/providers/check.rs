//! `providers check`: reads files, and has their rows judge their own examples.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::args::TextFormat;
use crate::cli::output::{plain, table};
use crate::cli::{CliError, Done, lists};
use crate::domain::catalogue::{Provider, Trial, try_out};
use crate::providers::catalogue::{CatalogueProblem, Examined, examine, files_of, text_of};

/// What one file came to.
struct Report {
    file: String,
    provider: Option<Provider>,
    problems: Vec<CatalogueProblem>,
}

/// Looks at files and folders of them, and prints what was found: all examples, and all that is wrong.
pub fn check(paths: &[PathBuf], format: TextFormat) -> Result<Done, CliError> {
    let mut reports = Vec::new();
    for path in paths {
        let named = path.display().to_string();
        let files = if path.is_dir() { files_of(path) } else { Ok(vec![path.clone()]) };
        match files {
            Ok(files) if files.is_empty() => reports.push(empty(named)),
            Ok(files) => reports.extend(files.iter().map(|file| look(file))),
            Err(error) => reports.push(Report { file: named, provider: None, problems: error.0 }),
        }
    }
    match format {
        TextFormat::Json => {
            let files: Vec<Value> = reports.iter().map(object).collect();
            lists::json(&json!({"ok": reports.iter().all(Report::is_good), "files": files}))?;
        }
        TextFormat::Table => reports.iter().try_for_each(show)?,
    }
    Ok(if reports.iter().all(Report::is_good) { Done::Ok } else { Done::Failed })
}

fn look(path: &Path) -> Report {
    let file = path.display().to_string();
    match text_of(path) {
        Ok(text) => {
            let Examined { provider, problems } = examine(&file, &text);
            Report { file, provider, problems }
        }
        Err(error) => Report { file, provider: None, problems: error.0 },
    }
}

fn empty(file: String) -> Report {
    let problem = CatalogueProblem {
        file: file.clone(),
        line: None,
        key: String::new(),
        what: "there is no file that ends with .toml in it".to_owned(),
        todo: "name the folder that holds your files".to_owned(),
    };
    Report { file, provider: None, problems: vec![problem] }
}

impl Report {
    const fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    fn trial(&self) -> Trial {
        self.provider.as_ref().map(try_out).unwrap_or_default()
    }
}

fn object(report: &Report) -> Value {
    let examples = report.trial().tried.into_iter().map(|tried| {
        json!({
            "at": tried.at, "name": tried.name, "status": tried.status, "content_type": tried.content_type,
            "expected": tried.expected.to_string(), "found": tried.found.to_string(), "ok": tried.holds(),
        })
    });
    let problems = report
        .problems
        .iter()
        .map(|problem| json!({"line": problem.line, "key": problem.key, "what": problem.what, "todo": problem.todo}));
    json!({
        "file": report.file, "provider": report.provider.as_ref().map(|provider| &provider.name), "ok": report.is_good(),
        "examples": examples.collect::<Vec<_>>(), "problems": problems.collect::<Vec<_>>(),
    })
}

fn show(report: &Report) -> Result<(), CliError> {
    let mut out = anstream::stdout();
    let trial = report.trial();
    if let Some(provider) = &report.provider {
        let held = trial.tried.iter().filter(|tried| tried.holds()).count();
        let verdict = if report.is_good() { "good" } else { "not good" };
        let (file, title) = (plain(&report.file), plain(&provider.title));
        writeln!(out, "{file}: {verdict}: {title}, {held} of {} examples as expected", trial.tried.len())?;
        let rows = trial.tried.iter().map(|tried| {
            let mark = if tried.holds() { "ok" } else { "WRONG" };
            let content_type = tried.content_type.as_deref().unwrap_or("-");
            let cells = [mark, &tried.name, &tried.status.to_string(), content_type];
            let verdicts = [tried.expected.to_string(), tried.found.to_string()];
            cells.into_iter().map(plain).chain(verdicts).collect()
        });
        writeln!(out, "{}", table(&["", "example", "status", "type", "expected", "found"], rows.collect()))?;
    }
    for problem in &report.problems {
        writeln!(out, "{}", plain(&problem.to_string()))?;
    }
    Ok(())
}
