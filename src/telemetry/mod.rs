//! Logs, metrics, traces and progress.

pub mod logs;
pub mod metrics;
pub mod progress;
pub mod traces;
