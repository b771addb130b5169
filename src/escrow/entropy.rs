//! The one room for randomness.

/// Fills a buffer with bytes that nobody can guess. Tests pass their own.
pub type Entropy = fn(&mut [u8]) -> Result<(), NoEntropy>;

/// The machine gives no randomness, which it does only in the first moments after it was switched on.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no randomness to be had")]
pub struct NoEntropy;

/// The operating system's randomness.
///
/// # Errors
/// [`NoEntropy`] where the system refuses; the same call may succeed later.
#[expect(clippy::disallowed_methods, reason = "this is the one room for randomness")]
pub fn system(buffer: &mut [u8]) -> Result<(), NoEntropy> {
    getrandom::fill(buffer).map_err(|_| NoEntropy)
}
