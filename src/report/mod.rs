//! What the ledger says, told: the story of a credential to people, findings with their evidence to auditors. Reads models of
//! the ledger, and writes text; the terminal and the page say the same.

pub mod cases;
pub mod cells;
pub mod exemptions;
pub mod form;
mod log;
pub mod nhi;
pub mod ocsf;
pub mod own;
pub mod pack;
pub mod paper;
pub mod story;
pub mod table;
pub mod text;
pub mod whom;
pub mod words;

use serde_json::Value;

/// What programs are told of a read model.
pub fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}
