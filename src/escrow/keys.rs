//! The master key, the ledger key, and how the one is wrapped under the other.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::entropy::{Entropy, NoEntropy};
use super::{EscrowError, seal};
use crate::domain::secret::Secret;
use crate::ports::VaultError;

const WRAP: &[u8] = b"keysweep ledger key";

/// The operator's key: 32 bytes, wiped when dropped, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

/// Why a text is not a master key. Says how to make one, and nothing about the text but its length.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MasterKeyError {
    /// there is no text
    #[error("the master key is empty; make one with `openssl rand -base64 32`")]
    Missing,
    /// not base64 of the standard alphabet
    #[error("the master key is not base64; make one with `openssl rand -base64 32`")]
    NotBase64,
    /// base64 of too few or too many bytes
    #[error("the master key has {0} bytes instead of 32; make one with `openssl rand -base64 32`")]
    Length(usize),
}

impl MasterKey {
    /// Reads 32 bytes of base64.
    ///
    /// # Errors
    /// Where the text is empty, not base64, or not of 32 bytes.
    pub fn parse(text: &Secret) -> Result<Self, MasterKeyError> {
        if text.is_empty() {
            return Err(MasterKeyError::Missing);
        }
        let bytes = Zeroizing::new(STANDARD.decode(text.expose()).map_err(|_| MasterKeyError::NotBase64)?);
        match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(key) => Ok(Self(key)),
            Err(_) => Err(MasterKeyError::Length(bytes.len())),
        }
    }

    /// 16 hex digits by which people and ledgers tell master keys apart. They say nothing about the key.
    pub fn id(&self) -> String {
        let hash = Sha256::new().chain_update(b"keysweep master key").chain_update(self.0).finalize();
        HEXLOWER.encode(&hash[..8])
    }

    pub(super) fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        derived(&self.0, label)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[master key {}]", self.id())
    }
}

/// The ledger key as the ledger keeps it. Worthless without the master key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrapped {
    /// the id of the master key that wraps it
    pub key_id: String,
    /// base64 of nonce and ciphertext
    pub wrapped: String,
}

/// The random key under every fingerprint of one ledger.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct LedgerKey([u8; 32]);

impl LedgerKey {
    pub(super) fn random(entropy: Entropy) -> Result<Self, EscrowError> {
        let mut key = Zeroizing::new([0; 32]);
        entropy(key.as_mut_slice()).map_err(|NoEntropy| VaultError::NoRandomness)?;
        Ok(Self(*key))
    }

    pub(super) fn wrap(&self, master: &MasterKey, entropy: Entropy) -> Result<Wrapped, EscrowError> {
        let key_id = master.id();
        let cipher = seal::cipher(&master.derive("wrap v1"));
        let wrapped = seal::seal(&cipher, &bound_to(&key_id), Zeroizing::new(self.0.to_vec()), entropy)?;
        Ok(Wrapped { key_id, wrapped })
    }

    pub(super) fn unwrap(wrapped: &Wrapped, master: &MasterKey) -> Result<Self, EscrowError> {
        let got = master.id();
        if wrapped.key_id != got {
            return Err(EscrowError::WrongKey { expected: wrapped.key_id.clone(), got });
        }
        let cipher = seal::cipher(&master.derive("wrap v1"));
        let plain = seal::open(&cipher, &bound_to(&got), &wrapped.wrapped).ok_or(EscrowError::Damaged)?;
        <[u8; 32]>::try_from(plain.as_slice()).map(Self).map_err(|_| EscrowError::Damaged)
    }

    /// A hash state under a key derived for one use.
    pub(super) fn derive(&self, label: &str) -> Hmac<Sha256> {
        keyed(&derived(&self.0, label))
    }
}

fn bound_to(key_id: &str) -> Vec<u8> {
    [WRAP, key_id.as_bytes()].concat()
}

fn derived(key: &[u8; 32], label: &str) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(keyed(key).chain_update(b"keysweep ").chain_update(label).finalize().into_bytes().into())
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // A key that is shorter than a block stands before zeros (RFC 2104).
    let mut block = Zeroizing::new([0; 64]);
    block[..key.len()].copy_from_slice(key);
    Hmac::new((&*block).into())
}
