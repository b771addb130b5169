//! The only room with our SQL.
//!
//! [`Ledger`] is one SQLite database. Each stage reaches it through its port in [`crate::ports`]; what a port calls a
//! batch is one statement here. Three habits hold everywhere in this room:
//!
//! - Rows travel in as one JSON bind that `json_each` takes apart, and out as packed pages, one result row with a JSON
//!   list of rows: each row that crosses to SQLite's thread by itself costs more than its own work.
//! - The text of a statement is a constant.
//! - Whoever writes begins with the write lock (see [`Ledger::open`]), so that no transaction fails half-way because
//!   another one wrote in between.

mod collect;
mod due;
mod escrow;
#[cfg(test)]
mod estate;
mod judge;
mod look;
mod meta;
mod notify;
mod packed;
mod probe;
pub mod read;
mod running;
mod scans;
mod store;
#[cfg(test)]
mod tests;

pub use look::{Found, Holder, Look};
pub use store::{Ledger, OpenError};
