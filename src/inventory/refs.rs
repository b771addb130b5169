//! Secrets that rows only name: `file:` below a folder, `vault:` of HashiCorp's KV version 2, and `encrypted:` text that a
//! command of the operator's decrypts (DESIGN.md 8). Only what a source's settings allow is ever followed: a row comes from
//! the platform, and a customer may have had a hand in it.

mod command;
mod file;
mod vault;

use futures::future::LocalBoxFuture;

use crate::domain::secret::Secret;
use crate::ports::refs::{RefError, Refs};

pub use self::command::Decryptor;
pub use self::file::Folder;
pub use self::vault::{Vault, VaultPlace};

/// Nothing longer is a key: it would be a mistake, or an attack on memory.
const LONGEST: usize = 64 * 1024;

/// What one source's rows may name.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// files below this folder
    pub files: Option<Folder>,
    /// secrets of this Vault
    pub vault: Option<Vault>,
    /// texts that this command decrypts
    pub command: Option<Decryptor>,
}

impl Refs for Allowed {
    fn are_allowed(&self) -> bool {
        self.files.is_some() || self.vault.is_some() || self.command.is_some()
    }

    fn follow<'a>(&'a self, reference: &'a str) -> LocalBoxFuture<'a, Result<Secret, RefError>> {
        Box::pin(async move {
            match (reference.split_once(':'), self) {
                (Some(("file", name)), Self { files: Some(folder), .. }) => folder.read(name).await,
                (Some(("vault", path)), Self { vault: Some(vault), .. }) => vault.read(path).await,
                (Some(("encrypted", text)), Self { command: Some(command), .. }) => command.decrypt(text).await,
                (Some(("file", _)), _) => Err(not_allowed("file", "files")),
                (Some(("vault", _)), _) => Err(not_allowed("vault", "vault")),
                (Some(("encrypted", _)), _) => Err(not_allowed("encrypted", "command")),
                _ => Err(RefError::Refused(self.unknown())),
            }
        })
    }
}

impl Allowed {
    /// The same, for one reading: what it learns of who keeps the secrets holds as long.
    #[must_use]
    pub fn for_a_reading(&self) -> Self {
        Self { vault: self.vault.as_ref().map(Vault::anew), ..self.clone() }
    }

    /// What can't be used as the settings say, by the key of `secret_refs`. Nothing is followed.
    pub async fn unusable(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if let Some(Err(why)) = self.files.as_ref().map(Folder::check) {
            found.push(("secret_refs.files", why));
        }
        if let Some(vault) = &self.vault
            && let Err(why) = vault.check().await
        {
            found.push(("secret_refs.vault.url", why));
        }
        if let Some(Err(why)) = self.command.as_ref().map(Decryptor::check) {
            found.push(("secret_refs.command", why));
        }
        found
    }

    /// The reference itself is not shown: it may be a secret in the wrong column.
    fn unknown(&self) -> String {
        let forms = [
            ("file:NAME", self.files.is_some()),
            ("vault:PATH#FIELD", self.vault.is_some()),
            ("encrypted:TEXT", self.command.is_some()),
        ];
        let forms: Vec<&str> = forms.into_iter().filter_map(|(form, is_on)| is_on.then_some(form)).collect();
        format!("is not of a form that this source's settings allow: {}", forms.join(", "))
    }
}

fn not_allowed(scheme: &str, key: &str) -> RefError {
    RefError::Refused(format!(
        "begins with {scheme:?}, which this source's settings don't allow; see secret_refs.{key}"
    ))
}

/// The secret in what was found.
fn secret(found: &[u8]) -> Result<Secret, RefError> {
    let missing = |what: &str| RefError::Missing(format!("leads to {what}"));
    if found.len() > LONGEST {
        return Err(missing("more than 64 KiB, which is no key"));
    }
    let text = std::str::from_utf8(found).map_err(|_| missing("something that isn't UTF-8"))?;
    let secret = Secret::new(text);
    if secret.is_empty() {
        return Err(missing("nothing but white space"));
    }
    if secret.expose().chars().any(char::is_control) {
        return Err(missing("something with control characters or several lines; a key is one line"));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests;
