//! The operator's own mail templates and texts.

use std::path::{Path, PathBuf};

use super::problem::Fault;
use super::reader::{Log, Section};
use super::values::text;
use crate::mail::{OwnTemplates, ProviderTexts};
use crate::providers::Catalogue;

/// The folder of them, which are tried on every sample with the catalogue of this folder. What is wrong with a file is told
/// at its own place.
pub(super) fn templates(section: &Section<'_>, base: &Path, catalogue: Option<&Path>, log: &Log) -> Option<PathBuf> {
    let folder = section.find("templates", text).map(|path| base.join(path))?;
    // What is wrong with the catalogue has been told; the general words do for a trial.
    let catalogue = Catalogue::load(catalogue).or_else(|_| Catalogue::shipped()).ok();
    let providers = catalogue.iter().flat_map(Catalogue::iter);
    let words = providers.map(|provider| (provider.name.clone(), ProviderTexts::of(provider))).collect();
    if let Err(problems) = OwnTemplates::read(&folder, words) {
        for problem in problems {
            log.report_at(problem.place(), "mail.templates", Fault::new(problem.what, problem.todo));
        }
    }
    Some(folder)
}
