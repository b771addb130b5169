//! Logs and progress.
