//! Sources of inventory: files, databases and a platform's own interface to records and problems.
//!
//! | module | what it knows |
//! |---|---|
//! | `refs` | secrets that rows only name |
//! | `source` | a source of any kind |
//! | `sql` | a source of one or two queries to the platform's database |
//! | `http` | a source of one or two lists over HTTP, page by page |
//! | `file` | a source of one or two files, read as one snapshot |
//! | `lane` | one file, from its first byte to the proof that it was read whole |
//! | `frames` | where a record begins and ends, in bounded memory |
//! | `table`, `lines` | CSV and JSON Lines: a record's bytes to the contract's fields |
//! | `cells`, `values` | the contract's fields by name, and how each kind of value is read |
//! | `connection`, `person` | the fields to checked records |
//! | `event` | the body of an event: one row, or the end of one |

mod cells;
mod connection;
mod event;
mod file;
mod frames;
pub mod http;
mod lane;
mod lines;
mod person;
pub mod refs;
mod source;
mod sql;
mod table;
#[cfg(test)]
mod tests;
mod values;

pub use event::EventBody;
pub use file::{FileKind, FileSnapshot, FileSource};
pub use source::{AnySnapshot, Changes, Keys, Source};
pub use sql::{Address, Protection, SqlSettings, SqlSnapshot, SqlSource};
