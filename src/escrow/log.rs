//! The key under which the event log's links are hashed.

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::Escrow;
use crate::domain::chain::Mac;
use crate::ports::notary::Notary;

/// Derived from the ledger's key, so that it outlives a change of the master key.
pub(super) const LABEL: &str = "log v1";

/// Vouches for the log of this ledger.
#[derive(Clone)]
pub struct LogKey(Hmac<Sha256>);

impl Escrow {
    /// Who vouches for this ledger's log.
    pub fn log_key(&self) -> LogKey {
        LogKey(self.log.clone())
    }
}

impl Notary for LogKey {
    fn mac(&self, bytes: &[u8]) -> Mac {
        Mac::new(self.0.clone().chain_update(bytes).finalize().into_bytes().into())
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[log key]")
    }
}
