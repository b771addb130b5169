//! The catalogue: one file a provider. Those that are shipped are embedded; the operator's own are read from a folder.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::catalogue::Provider;
use crate::domain::ids::ProviderName;

mod folder;
mod lines;
mod read;

pub use folder::{files_of, read_file, text_of};
pub use read::{Examined, examine, read};

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../config/providers/", $name, ".toml")))),*]
    };
}

/// The shipped files, by the provider's name.
const FILES: [(&str, &str); 22] = shipped![
    "activecampaign",
    "aweber",
    "brevo",
    "campaignmonitor",
    "constantcontact",
    "convertkit",
    "drip",
    "elasticemail",
    "getresponse",
    "hubspot",
    "kit",
    "klaviyo",
    "mailchimp",
    "mailerlite",
    "mailgun",
    "mailjet",
    "moosend",
    "omnisend",
    "postmark",
    "resend",
    "sendgrid",
    "sparkpost",
];

/// All that is known of providers.
#[derive(Clone, Debug)]
pub struct Catalogue {
    entries: BTreeMap<ProviderName, Entry>,
    version: String,
}

/// One provider, and whose file it is in.
#[derive(Clone, Debug)]
struct Entry {
    provider: Provider,
    origin: Origin,
}

/// Whose file a provider is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// ours, in this build
    Shipped,
    /// the operator's own
    Operator {
        /// as people find it
        file: String,
        /// true where it took the place of a shipped one
        replaces: bool,
    },
}

/// One thing that is wrong with a catalogue file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueProblem {
    /// the file, as it was named
    pub file: String,
    /// the line, counted from 1; `None` where it is about the file as a whole
    pub line: Option<usize>,
    /// the key as a dotted path; empty where it is about no one key
    pub key: String,
    /// what is wrong
    pub what: String,
    /// what to do
    pub todo: String,
}

impl CatalogueProblem {
    /// `FILE:LINE`, or `FILE`.
    pub fn place(&self) -> String {
        self.line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }
}

impl std::fmt::Display for CatalogueProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let colon = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{}: {}{colon}{}; {}", self.place(), self.key, self.what, self.todo)
    }
}

/// Catalogue files that can't be used, with everything that is wrong with them. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueError(pub Vec<CatalogueProblem>);

impl std::fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for CatalogueError {}

impl Catalogue {
    /// The shipped catalogue.
    ///
    /// # Errors
    /// Where a file of this build is wrong; a test keeps that from happening.
    pub fn shipped() -> Result<Self, CatalogueError> {
        let mut catalogue = Self { entries: BTreeMap::new(), version: String::new() };
        for (name, text) in FILES {
            catalogue.add(read(&format!("{name}.toml"), text)?, text, Origin::Shipped);
        }
        Ok(catalogue)
    }

    /// The shipped catalogue with the operator's own files over it, where there is a folder of them. A file whose provider
    /// is shipped takes its place.
    ///
    /// # Errors
    /// Everything that is wrong with the folder and its files: then none of them is used.
    pub fn load(folder: Option<&Path>) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::shipped()?;
        let Some(folder) = folder else { return Ok(catalogue) };
        let mut problems = Vec::new();
        for path in files_of(folder)? {
            let file = path.display().to_string();
            match read_file(&path) {
                Ok((provider, text)) => match catalogue.origin(&provider.name) {
                    Some(Origin::Operator { file: other, .. }) => {
                        problems.push(CatalogueProblem {
                            file,
                            line: None,
                            key: "name".to_owned(),
                            what: format!("{} is in {other} as well", provider.name),
                            todo: "keep one of the two".to_owned(),
                        });
                    }
                    shipped => {
                        let replaces = shipped.is_some();
                        catalogue.add(provider, &text, Origin::Operator { file, replaces });
                    }
                },
                Err(error) => problems.extend(error.0),
            }
        }
        if problems.is_empty() { Ok(catalogue) } else { Err(CatalogueError(problems)) }
    }

    fn add(&mut self, provider: Provider, text: &str, origin: Origin) {
        self.version.push_str(text);
        self.entries.insert(provider.name.clone(), Entry { provider, origin });
    }

    /// One provider.
    pub fn get(&self, name: &ProviderName) -> Option<&Provider> {
        self.entries.get(name).map(|entry| &entry.provider)
    }

    /// Whose file a provider is in.
    pub fn origin(&self, name: &ProviderName) -> Option<&Origin> {
        self.entries.get(name).map(|entry| &entry.origin)
    }

    /// Every provider, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.entries.values().map(|entry| &entry.provider)
    }

    /// Every name.
    pub fn names(&self) -> Vec<&str> {
        self.entries.keys().map(ProviderName::as_str).collect()
    }

    /// What the operator's own files change, a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let remark = |(name, entry): (&ProviderName, &Entry)| match &entry.origin {
            Origin::Shipped => None,
            Origin::Operator { file, replaces: true } => {
                Some(format!("{name} is described by {file} instead of the shipped file"))
            }
            Origin::Operator { file, replaces: false } => Some(format!("{name} is described by {file}")),
        };
        self.entries.iter().filter_map(remark).collect()
    }

    /// Everything that the files say: what was judged under another text is due again.
    pub fn text(&self) -> &str {
        &self.version
    }
}
