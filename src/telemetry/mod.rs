//! Logs and progress.

pub mod logs;
pub mod progress;
