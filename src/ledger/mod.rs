//! The only room with our SQL.
//!
//! [`Ledger`] is one SQLite file or one schema of a PostgreSQL database. Each stage reaches it through its port in
//! [`crate::ports`]; what a port calls a batch is one statement here. Four habits hold everywhere in this room:
//!
//! - Rows travel in as one JSON bind that the database takes apart, and out as packed pages, one result row with a JSON
//!   list of rows: each row that crosses to SQLite's thread, or the network, by itself costs more than its own work.
//! - The text of a statement is a constant, put together for both databases from the same parts (`sql.rs`), and every
//!   method is written once, against a session with either (`session.rs`).
//! - Whoever writes has the right to write from the first statement on, so that no transaction fails half-way because
//!   another one wrote in between.
//! - One process writes. Those who only look open the ledger read-only, beside it.

#[macro_use]
mod sql;
#[cfg(test)]
#[macro_use]
mod place;

mod act;
mod announce;
mod chain;
mod collect;
mod compromise;
mod copy;
mod due;
mod escrow;
#[cfg(test)]
mod estate;
mod events;
mod failure;
mod judge;
mod keymates;
mod link;
mod look;
mod meta;
mod notify;
mod packed;
mod probe;
mod prune;
pub mod read;
mod rekey;
mod running;
mod scans;
mod session;
mod sight;
mod store;
#[cfg(test)]
mod tests;
mod turn;
mod wanted;

pub use link::{Checked, Followed, Linked, NotNow};
pub use look::{Found, Holder, Look};
pub use prune::Pruned;
pub use rekey::Rekeyed;
pub use store::{Ledger, OpenError};
