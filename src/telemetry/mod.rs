//! Logs, metrics and progress.

pub mod logs;
pub mod metrics;
pub mod progress;
