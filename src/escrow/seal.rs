//! XChaCha20-Poly1305 over padded text, as base64 of nonce and ciphertext.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::entropy::{Entropy, NoEntropy};
use crate::ports::VaultError;

const NONCE: usize = 24;
const BLOCK: usize = 64;
const LENGTH: usize = 4;

pub(super) fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

/// Seals in place: the buffer that held the plain text holds the ciphertext when it is dropped.
pub(super) fn seal(
    cipher: &XChaCha20Poly1305,
    bound_to: &[u8],
    mut text: Zeroizing<Vec<u8>>,
    entropy: Entropy,
) -> Result<String, VaultError> {
    let mut nonce = [0; NONCE];
    entropy(&mut nonce).map_err(|NoEntropy| VaultError::NoRandomness)?;
    let tag = cipher
        .encrypt_inout_detached(&XNonce::from(nonce), bound_to, text.as_mut_slice().into())
        .map_err(|_| VaultError::TooLong)?;
    Ok(STANDARD.encode([nonce.as_slice(), text.as_slice(), tag.as_slice()].concat()))
}

/// The plain text; `None` where it was sealed under another key, bound to something else, or is damaged.
pub(super) fn open(cipher: &XChaCha20Poly1305, bound_to: &[u8], sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(STANDARD.decode(sealed).ok()?);
    if bytes.len() < NONCE {
        return None;
    }
    let nonce: [u8; NONCE] = bytes.get(..NONCE)?.try_into().ok()?;
    bytes.drain(..NONCE);
    cipher.decrypt_in_place(&XNonce::from(nonce), bound_to, &mut *bytes).ok()?;
    Some(bytes)
}

/// The length, the secret, and zeros up to a multiple of 64 bytes: copies of like secrets look alike. The buffer is
/// made at its full size, so that growing it leaves no unwiped copy behind.
pub(super) fn pad(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(Vec::with_capacity((LENGTH + secret.len()).next_multiple_of(BLOCK)));
    let length = u32::try_from(secret.len()).unwrap_or(u32::MAX);
    padded.extend_from_slice(&length.to_le_bytes());
    padded.extend_from_slice(secret);
    let full = padded.len().next_multiple_of(BLOCK);
    padded.resize(full, 0);
    padded
}

/// What [`pad`] was given.
pub(super) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<LENGTH>()?;
    rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)
}
