//! The operator's own templates and texts: a folder of files that go before the shipped ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::render::{HTML, MailSettings, ProviderTexts, Sender, TEXT, Templates, fault};
use super::samples::{SAMPLES_AT, samples};
use super::texts::{Languages, TextProblem};
use crate::domain::ids::ProviderName;

/// More than this is no template.
const LONGEST: u64 = 1024 * 1024;

/// Where the variables are listed.
const MANUAL: &str = "docs/mail-templates.md lists what there is";

/// Templates and texts that go before the shipped ones; the default has none.
#[derive(Clone, Debug)]
pub struct OwnTemplates {
    /// sources by name, each with the file that it came from
    templates: BTreeMap<&'static str, (String, String)>,
    languages: Languages,
}

impl OwnTemplates {
    /// The shipped texts alone.
    ///
    /// # Errors
    /// Where a file of this build is wrong; a test keeps that from happening.
    pub fn none() -> Result<Self, Vec<TextProblem>> {
        Ok(Self { templates: BTreeMap::new(), languages: Languages::read(&[])? })
    }

    /// Reads a folder and fills every sample with it, in every language and with these words of the catalogue. Hidden
    /// files are left out.
    ///
    /// # Errors
    /// Everything that is wrong with the folder and its files: then none of them is used.
    pub fn read(folder: &Path, providers: BTreeMap<ProviderName, ProviderTexts>) -> Result<Self, Vec<TextProblem>> {
        let mut files = files_of(folder)?;
        let mut templates = BTreeMap::new();
        for name in [TEXT, HTML] {
            if let Some(found) = files.remove(name) {
                templates.insert(name, found);
            }
        }
        let (mut texts, mut problems) = (Vec::new(), Vec::new());
        for (name, (file, text)) in files {
            match name.strip_suffix(".toml").filter(|tag| is_tag(tag)) {
                Some(tag) => texts.push((tag.to_ascii_lowercase(), file, text)),
                None => problems.push(problem(
                    file,
                    "it is no template and no file of texts".to_owned(),
                    &format!("name it {TEXT}, {HTML}, or by a language such as de.toml; or take it out"),
                )),
            }
        }
        let languages = Languages::read(&texts).map_err(|found| [std::mem::take(&mut problems), found].concat())?;
        let own = Self { templates, languages };
        problems.extend(own.faults(providers));
        if problems.is_empty() { Ok(own) } else { Err(problems) }
    }

    /// Sources by name.
    pub(super) fn templates(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.templates.iter().map(|(name, (_, source))| (*name, source.clone()))
    }

    /// Every language.
    pub(super) const fn languages(&self) -> &Languages {
        &self.languages
    }

    /// What happens to every sample: each fault once.
    fn faults(&self, providers: BTreeMap<ProviderName, ProviderTexts>) -> Vec<TextProblem> {
        let mut problems: Vec<TextProblem> = Vec::new();
        let templates = Sender::parse("keysweep@localhost")
            .and_then(|from| Templates::new(MailSettings::new(from, providers), self.clone()));
        let templates = match templates {
            Ok(templates) => templates,
            // A template that can't even be read says so for itself, with its line.
            Err(_) => return self.unreadable(),
        };
        for language in templates.languages() {
            for sample in samples(language) {
                let digest = templates.digest(&sample.mail, SAMPLES_AT);
                for (name, (file, _)) in &self.templates {
                    if let Err(error) = templates.fill(name, &digest, true) {
                        let what = format!("{} (sample {}, language {language})", fault(&error), sample.name);
                        let line = error.line();
                        if !problems.iter().any(|known| known.file == *file && known.line == line) {
                            problems.push(TextProblem { line, ..problem(file.clone(), what, MANUAL) });
                        }
                    }
                }
            }
        }
        problems
    }

    fn unreadable(&self) -> Vec<TextProblem> {
        let mut problems = Vec::new();
        for (name, (file, source)) in &self.templates {
            let mut alone = minijinja::Environment::new();
            if let Err(error) = alone.add_template(name, source) {
                let todo = "write it in the language of Jinja; the shipped template is a beginning";
                problems.push(TextProblem { line: error.line(), ..problem(file.clone(), fault(&error), todo) });
            }
        }
        problems
    }
}

fn is_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let main = parts.next().unwrap_or_default();
    (2..=3).contains(&main.len())
        && main.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn problem(file: String, what: String, todo: &str) -> TextProblem {
    TextProblem { file, line: None, what, todo: todo.to_owned() }
}

/// The files of a folder by name, each with its path for people and its contents.
fn files_of(folder: &Path) -> Result<BTreeMap<String, (String, String)>, Vec<TextProblem>> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        vec![problem(
            path.display().to_string(),
            format!("it can't be read: {error}"),
            "let keysweep read it, or take it away",
        )]
    };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        let length = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?.len();
        if length > LONGEST {
            return Err(unreadable(
                &path,
                &std::io::Error::other("it is longer than a mebibyte, so it is no template"),
            ));
        }
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        files.insert(name, (path.display().to_string(), text));
    }
    Ok(files)
}
