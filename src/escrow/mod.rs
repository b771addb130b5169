//! Fingerprints, and sealed copies of secrets.
//!
//! Two keys, with two lives. The **master key** is the operator's; it seals copies and can be replaced ([`Escrow::rekey`]).
//! The **ledger key** is random, made once with the ledger, kept in it wrapped under the master key, and never replaced:
//! a fingerprint under another key could not be recomputed once its secret is shredded.
//!
//! Every use of a key goes through one derived for that use alone, so that no two algorithms share one.

pub mod entropy;
mod keys;
mod links;
mod log;
mod seal;
#[cfg(test)]
mod tests;

use chacha20poly1305::XChaCha20Poly1305;
use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use self::entropy::Entropy;
use self::keys::LedgerKey;
pub use self::keys::{MasterKey, MasterKeyError, Wrapped};
use crate::domain::ids::ProviderName;
use crate::domain::secret::{Fingerprint, Secret};
use crate::ports::{Vault, VaultError};

/// The escrow of one ledger, unlocked: [`Vault`] for the stages.
///
/// Hash states are prepared once and cloned for every use, which halves the cost of a fingerprint.
pub struct Escrow {
    ledger_key: LedgerKey,
    fingerprints: Hmac<Sha256>,
    placeholders: Hmac<Sha256>,
    digests: Hmac<Sha256>,
    links: Hmac<Sha256>,
    log: Hmac<Sha256>,
    returns: Hmac<Sha256>,
    cipher: XChaCha20Poly1305,
    key_id: String,
    entropy: Entropy,
}

/// Why an escrow could not be made or unlocked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EscrowError {
    /// the ledger belongs to another master key
    #[error(
        "this ledger was made with the master key {expected}, but escrow.master_key is {got}; give the right key, or \
         start with another ledger (the id of a key is a hash of it and says nothing about it)"
    )]
    WrongKey {
        /// the id of the key that wrapped the ledger key
        expected: String,
        /// the id of the key that was given
        got: String,
    },
    /// the wrapped key is not as it was written
    #[error("the wrapped key in the ledger is damaged; restore the ledger from a backup")]
    Damaged,
    /// the new key can't be made or sealed
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Escrow {
    /// Makes the random key of a new ledger. The second value goes into the ledger's meta table, and is all that
    /// [`Escrow::unlock`] needs beside the master key.
    ///
    /// # Errors
    /// [`EscrowError::Vault`].
    pub fn create(master: &MasterKey, entropy: Entropy) -> Result<(Self, Wrapped), EscrowError> {
        let ledger_key = LedgerKey::random(entropy)?;
        let wrapped = ledger_key.wrap(master, entropy)?;
        Ok((Self::assemble(ledger_key, master, entropy), wrapped))
    }

    /// Opens the escrow of a ledger that exists.
    ///
    /// # Errors
    /// [`EscrowError::WrongKey`] where the ledger was made with another master key; never a silent new key.
    /// [`EscrowError::Damaged`] where the wrapped key is not as it was written.
    pub fn unlock(master: &MasterKey, wrapped: &Wrapped, entropy: Entropy) -> Result<Self, EscrowError> {
        Ok(Self::assemble(LedgerKey::unwrap(wrapped, master)?, master, entropy))
    }

    /// The same ledger under a new master key: its escrow, and what replaces the wrapped key in the ledger. Sealed
    /// copies follow one by one through [`Escrow::reseal`].
    ///
    /// # Errors
    /// [`EscrowError::Vault`].
    pub fn rekey(&self, new_master: &MasterKey) -> Result<(Self, Wrapped), EscrowError> {
        let wrapped = self.ledger_key.wrap(new_master, self.entropy)?;
        Ok((Self::assemble(self.ledger_key.clone(), new_master, self.entropy), wrapped))
    }

    /// A copy sealed here, sealed anew for the escrow `to`; base64, of the same length.
    ///
    /// # Errors
    /// As for [`Vault::open`] and [`Vault::seal`].
    pub fn reseal(&self, fingerprint: &Fingerprint, sealed: &str, to: &Self) -> Result<String, VaultError> {
        to.seal(fingerprint, &self.open(fingerprint, sealed)?)
    }

    /// The id of the master key: 16 hex digits that say nothing about the key.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    fn assemble(ledger_key: LedgerKey, master: &MasterKey, entropy: Entropy) -> Self {
        Self {
            fingerprints: ledger_key.derive("fingerprint v1"),
            placeholders: ledger_key.derive("placeholder v1"),
            digests: ledger_key.derive("row digest v1"),
            links: ledger_key.derive("link v1"),
            log: ledger_key.derive(log::LABEL),
            returns: ledger_key.derive("return path v1"),
            cipher: seal::cipher(&master.derive("seal v1")),
            key_id: master.id(),
            ledger_key,
            entropy,
        }
    }

    fn bound_to(&self, fingerprint: &Fingerprint) -> Vec<u8> {
        [fingerprint.as_str().as_bytes(), self.key_id.as_bytes()].concat()
    }
}

impl Vault for Escrow {
    fn fingerprint(&self, provider: &ProviderName, key_id: Option<&str>, secret: &Secret) -> Fingerprint {
        keyed(&self.fingerprints, [provider.as_str(), key_id.unwrap_or(""), secret.expose()])
    }

    fn placeholder(&self, source: &str, connection: &str, version: Option<&str>) -> Fingerprint {
        keyed(&self.placeholders, [source, connection, version.unwrap_or("")])
    }

    fn digest(&self, facts: &[u8]) -> String {
        let full = self.digests.clone().chain_update(facts).finalize().into_bytes();
        HEXLOWER.encode(&full[..16])
    }

    fn seal(&self, fingerprint: &Fingerprint, secret: &Secret) -> Result<String, VaultError> {
        let padded = seal::pad(secret.expose().as_bytes());
        seal::seal(&self.cipher, &self.bound_to(fingerprint), padded, self.entropy)
    }

    fn open(&self, fingerprint: &Fingerprint, sealed: &str) -> Result<Secret, VaultError> {
        let plain: Zeroizing<Vec<u8>> =
            seal::open(&self.cipher, &self.bound_to(fingerprint), sealed).ok_or(VaultError::Unopenable)?;
        let text = seal::unpad(&plain).and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.map(Secret::new).ok_or(VaultError::Unopenable)
    }
}

/// Trimmed fields, each behind its length, so that no shift of a boundary gives the same input.
fn keyed(state: &Hmac<Sha256>, fields: [&str; 3]) -> Fingerprint {
    let mut mac = state.clone();
    for field in fields.map(str::trim) {
        mac.update(&(field.len() as u64).to_le_bytes());
        mac.update(field.as_bytes());
    }
    Fingerprint::from_bytes(&mac.finalize().into_bytes().into())
}
