//! `mail sample`: made-up mails, as the templates in force lay them out.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::args::{Form, TextFormat};
use super::output::table;
use super::{CliError, Done, lists};
use crate::app::{AppError, sample_templates};
use crate::config::Settings;
use crate::domain::spelling::nearest;
use crate::mail::Templates;
use crate::mail::samples::{SAMPLES_AT, Sample, samples};
use crate::providers::Catalogue;

/// `mail sample …`.
#[derive(Clone, Debug, Args)]
pub struct SampleArgs {
    /// Which one; without it all are listed
    name: Option<String>,
    /// The reader's language
    #[arg(long, value_name = "TAG", default_value = "en")]
    language: String,
    /// Its HTML instead of its text
    #[arg(long)]
    html: bool,
    /// Writes the sample, or all of them, into this folder instead: NAME.TAG.txt and NAME.TAG.html
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// The form of the output
    #[command(flatten)]
    form: Form,
}

/// Lists the samples, prints one, or writes them into a folder. Nothing is sent and no ledger is needed.
pub fn run(args: &SampleArgs, settings: &Settings) -> Result<Done, CliError> {
    let catalogue = Catalogue::load(settings.catalogue.directory.as_deref()).map_err(AppError::from)?;
    let templates = sample_templates(settings, &catalogue)?;
    let languages = templates.languages();
    if !languages.contains(&args.language.as_str()) {
        let what = format!("there are no texts in {:?}; there are: {}", args.language, languages.join(", "));
        return Err(CliError::Other(what));
    }
    let mut chosen = samples(&args.language);
    if let Some(name) = &args.name {
        let known: Vec<&str> = chosen.iter().map(|sample| sample.name).collect();
        let meant = nearest(name, known.iter().copied()).map(|meant| format!(" Did you mean {meant:?}?"));
        chosen.retain(|sample| sample.name == name);
        if chosen.is_empty() {
            let hint = meant.unwrap_or_else(|| " `keysweep mail sample` lists them.".to_owned());
            return Err(CliError::Other(format!("there is no sample {name:?}.{hint}")));
        }
    }
    match (&args.to, &args.name) {
        (Some(folder), _) => write(&templates, &chosen, args, folder)?,
        (None, _) if args.form.format == TextFormat::Json => document(&templates, &chosen)?,
        (None, Some(_)) => print(&templates, &chosen, args.html)?,
        (None, None) => list(&templates, &chosen)?,
    }
    Ok(Done::Ok)
}

fn list(templates: &Templates, chosen: &[Sample]) -> Result<(), CliError> {
    let mut rows = Vec::new();
    for sample in chosen {
        let parts = templates.parts(&sample.mail, SAMPLES_AT).map_err(CliError::Other)?;
        rows.push(vec![sample.name.to_owned(), sample.shows.to_owned(), parts.subject]);
    }
    writeln!(anstream::stdout(), "{}", table(&["sample", "shows", "subject"], rows))?;
    Ok(())
}

/// All that there is of each, with both of its texts.
fn document(templates: &Templates, chosen: &[Sample]) -> Result<(), CliError> {
    let mut all = Vec::new();
    for sample in chosen {
        let parts = templates.parts(&sample.mail, SAMPLES_AT).map_err(CliError::Other)?;
        all.push(json!({
            "sample": sample.name, "shows": sample.shows, "subject": parts.subject, "text": parts.text, "html": parts.html,
        }));
    }
    lists::json(&all).map(drop)
}

fn print(templates: &Templates, chosen: &[Sample], html: bool) -> Result<(), CliError> {
    for sample in chosen {
        let parts = templates.parts(&sample.mail, SAMPLES_AT).map_err(CliError::Other)?;
        if html {
            write!(anstream::stdout(), "{}", parts.html)?;
        } else {
            write!(anstream::stdout(), "Subject: {}\n\n{}", parts.subject, parts.text)?;
        }
    }
    Ok(())
}

fn write(templates: &Templates, chosen: &[Sample], args: &SampleArgs, folder: &Path) -> Result<(), CliError> {
    fs::create_dir_all(folder)?;
    for sample in chosen {
        let parts = templates.parts(&sample.mail, SAMPLES_AT).map_err(CliError::Other)?;
        let name = format!("{}.{}", sample.name, args.language);
        fs::write(folder.join(format!("{name}.txt")), format!("Subject: {}\n\n{}", parts.subject, parts.text))?;
        fs::write(folder.join(format!("{name}.html")), parts.html)?;
    }
    writeln!(anstream::stderr(), "{} samples are in {}", chosen.len(), folder.display())?;
    Ok(())
}
