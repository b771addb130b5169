//! Settings that are secrets: where the value is, and how to get it when it is needed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::problem::Fault;
use crate::domain::secret::Secret;

/// The environment as a list of names and values: read once, by the composing side.
pub type Env = [(String, String)];

/// Where a secret setting is to be found. Printing it shows the place, never the value.
#[derive(Clone)]
pub struct SecretRef {
    setting: String,
    place: SecretPlace,
}

#[derive(Clone)]
enum SecretPlace {
    Env(String),
    File(PathBuf),
    Credential(String),
    Literal(Secret),
}

/// Why a secret setting has no value. Names the setting and what to do; says nothing of the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretRefError {
    /// the variable is not set
    #[error("{setting}: the environment variable {name} is not set; set it, or let {setting} name a file:PATH")]
    Unset {
        /// the setting
        setting: String,
        /// the variable
        name: String,
    },
    /// the file can't be read
    #[error("{setting}: {} can't be read: {source}; make it readable for keysweep, or correct {setting}", path.display())]
    Unreadable {
        /// the setting
        setting: String,
        /// the file
        path: PathBuf,
        /// why not
        source: io::Error,
    },
    /// not started by systemd, or without credentials
    #[error(
        "{setting}: there is no credential {name}, because CREDENTIALS_DIRECTORY is not set. A systemd unit with \
         LoadCredential={name}:PATH sets it; outside of the unit, say where that file is, as root: \
         CREDENTIALS_DIRECTORY=/etc/keysweep/credentials keysweep ..."
    )]
    NoCredentials {
        /// the setting
        setting: String,
        /// the credential
        name: String,
    },
    /// there is nothing but white space
    #[error("{setting}: {place} is empty; put the secret there")]
    Empty {
        /// the setting
        setting: String,
        /// where the value was looked for
        place: String,
    },
}

impl SecretRef {
    /// Reads `env:NAME`, `file:PATH` (relative to `base`), `cred:NAME` or a literal, the value of `setting`.
    pub(super) fn parse(setting: &str, text: &str, base: &Path) -> Result<Self, Fault> {
        let place = match text.split_once(':') {
            Some(("env", name)) => SecretPlace::Env(named(name, "env:NAME")?),
            Some(("file", path)) => SecretPlace::File(base.join(named(path, "file:PATH")?)),
            Some(("cred", name)) if name.contains('/') => {
                return Err(Fault::new("the name of a credential has no \"/\"", "write cred:NAME, or file:PATH"));
            }
            Some(("cred", name)) => SecretPlace::Credential(named(name, "cred:NAME")?),
            _ => SecretPlace::Literal(Secret::new(&named(text, "env:NAME, file:PATH or cred:NAME")?)),
        };
        Ok(Self { setting: setting.to_owned(), place })
    }

    /// Reads the place of a secret that is named on the command line, by `name`: a literal would be seen by every user of the
    /// machine.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub fn given(name: &str, text: &str, base: &Path) -> Result<Self, String> {
        match Self::parse(name, text, base) {
            Ok(given) if !given.is_literal() => Ok(given),
            Ok(_) => Err("give the place of the secret, not itself: env:NAME, file:PATH or cred:NAME".to_owned()),
            Err(fault) => Err(format!("{}; {}", fault.what, fault.todo)),
        }
    }

    /// Stands in where a problem was noted already, so that reading can go on.
    pub(super) fn nowhere() -> Self {
        Self { setting: String::new(), place: SecretPlace::Env(String::new()) }
    }

    /// Fetches the value, without the white space around it.
    ///
    /// # Errors
    /// Where the place can't be read or is empty; the error names the setting and what to do.
    pub fn resolve(&self, env: &Env) -> Result<Secret, SecretRefError> {
        let secret = match &self.place {
            SecretPlace::Literal(secret) => secret.clone(),
            SecretPlace::Env(name) => Secret::new(variable(env, name).ok_or_else(|| self.unset(name))?),
            SecretPlace::File(path) => self.file(path)?,
            SecretPlace::Credential(name) => {
                let folder = variable(env, "CREDENTIALS_DIRECTORY").ok_or_else(|| self.no_credentials(name))?;
                self.file(&Path::new(folder).join(name))?
            }
        };
        if secret.is_empty() {
            return Err(SecretRefError::Empty { setting: self.setting.clone(), place: self.to_string() });
        }
        Ok(secret)
    }

    /// The setting that holds it, as a dotted path.
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// True where the value itself stands in the configuration.
    pub fn is_literal(&self) -> bool {
        matches!(self.place, SecretPlace::Literal(_))
    }

    /// The value itself, where it stands in the configuration.
    pub(super) fn literal(&self) -> Option<&str> {
        match &self.place {
            SecretPlace::Literal(secret) => Some(secret.expose()),
            SecretPlace::Env(_) | SecretPlace::File(_) | SecretPlace::Credential(_) => None,
        }
    }

    /// The file that holds it, where the configuration names one by its path.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            SecretPlace::File(path) => Some(path),
            SecretPlace::Env(_) | SecretPlace::Credential(_) | SecretPlace::Literal(_) => None,
        }
    }

    fn file(&self, path: &Path) -> Result<Secret, SecretRefError> {
        let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|source| SecretRefError::Unreadable {
            setting: self.setting.clone(),
            path: path.to_owned(),
            source,
        })?;
        Ok(Secret::new(&text))
    }

    fn unset(&self, name: &str) -> SecretRefError {
        SecretRefError::Unset { setting: self.setting.clone(), name: name.to_owned() }
    }

    fn no_credentials(&self, name: &str) -> SecretRefError {
        SecretRefError::NoCredentials { setting: self.setting.clone(), name: name.to_owned() }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            SecretPlace::Env(name) => write!(f, "env:{name}"),
            SecretPlace::File(path) => write!(f, "file:{}", path.display()),
            SecretPlace::Credential(name) => write!(f, "cred:{name}"),
            SecretPlace::Literal(_) => f.write_str("[secret]"),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(super) fn variable<'e>(env: &'e Env, name: &str) -> Option<&'e str> {
    env.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn named(text: &str, form: &str) -> Result<String, Fault> {
    let text = text.trim();
    if text.is_empty() { Err(Fault::new("it names nothing", format!("write {form}"))) } else { Ok(text.to_owned()) }
}
