//! Signals and exit codes.
