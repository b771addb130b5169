//! Secrets that an inventory only names (`secret_ref`, DESIGN.md 8).

use futures::future::LocalBoxFuture;

use crate::domain::secret::Secret;

/// Follows the references of one source, as far as its settings allow them.
pub trait Refs {
    /// False where the source's settings allow none at all: its rows are then taken for rows without a secret.
    fn are_allowed(&self) -> bool {
        true
    }

    /// The secret that a row's `secret_ref` names.
    fn follow<'a>(&'a self, reference: &'a str) -> LocalBoxFuture<'a, Result<Secret, RefError>>;
}

/// Why there is no secret behind a reference. Says neither the reference, which may itself be ciphertext, nor any part of
/// what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefError {
    /// the settings don't allow it, or it can't be understood
    #[error("{0}")]
    Refused(String),
    /// whoever keeps the secret says that there is none, or gives nothing that could be one
    #[error("{0}")]
    Missing(String),
    /// the answer did not come in time: that may be this one's own trouble, or that of whoever keeps the secret
    #[error("{0}")]
    Slow(String),
    /// whoever keeps the secrets can't be asked at this moment for any of them
    #[error("{0}")]
    Unreachable(String),
}

/// Of a source whose settings allow no references.
pub struct NoRefs;

impl Refs for NoRefs {
    fn are_allowed(&self) -> bool {
        false
    }

    fn follow<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, Result<Secret, RefError>> {
        let why = "this source's settings allow no references; see `secret_refs` in the manual";
        Box::pin(std::future::ready(Err(RefError::Refused(why.to_owned()))))
    }
}
