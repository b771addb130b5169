//! Who can vouch for the event log.

use crate::domain::chain::Mac;

/// Takes keyed hashes for the links of the log's chain.
pub trait Notary: Send + Sync + std::fmt::Debug {
    /// The hash of these bytes.
    fn mac(&self, bytes: &[u8]) -> Mac;
}
