//! Blindness (DESIGN.md 4): when what a provider says at one endpoint is no longer a sight of the single key.
//!
//! A provider that turns everybody away, or answers nobody, tells nothing about any one of them. So each endpoint's recent
//! answers are judged together, before any of them is believed:
//!
//! | | among | it is |
//! |---|---|---|
//! | sighted | at least 5 credentials of 3 accounts, most unknown | blind |
//! | sighted | at least 5 formerly live credentials of 3 accounts, at least half refused or turned limited, in more than one account | blind |
//! | blind | the same, asked since, and formerly live ones are mostly accepted | sighted |
//! | blind | the operator's own credential is accepted | sighted |
//! | blind | 48 h of nothing but well-formed answers | sighted, and bulk refusals are believed for a week |
//! | blind | the operator says so | likewise |
//!
//! While an endpoint is blind its refusals don't count and its acceptances do.

mod answers;
mod sight;
mod window;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::answers::{formerly_live, said, sift};
pub use self::sight::{Blind, Change, Ending, Sight, State, Why};
pub use self::window::{Accounts, Answered, MOST, Said, Tally, Window};
use super::ids::ProviderName;

/// Fewer credentials than this are never judged together.
pub const CREDENTIALS: usize = 5;
/// Nor are those of fewer accounts.
pub const ACCOUNTS: usize = 3;

/// What is judged by itself: one endpoint of one protocol of one provider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// whose
    pub provider: ProviderName,
    /// the catalogue's name of the protocol: `rest`
    pub protocol: String,
    /// the catalogue's name of the endpoint: `default`
    pub endpoint: String,
}

/// `mailjet rest/default`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.provider, self.protocol, self.endpoint)
    }
}

#[cfg(test)]
mod tests;
