//! The words of `ack` and `snooze`.

use std::time::Duration;

use clap::Args;

use super::{Form, time};
use crate::config::span;
use crate::domain::time::Timestamp;

/// Flags of `ack`.
#[derive(Clone, Debug, Args)]
pub struct AckArgs {
    /// A finding (F12); or a connection (its id, or SOURCE/ID) or credential (the last 12 digits of its fingerprint, or
    /// more), for all that is open about it
    pub id: String,
    /// Until when (RFC 3339, or a day) [default: for 30 days]
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "undo")]
    pub until: Option<Timestamp>,
    /// Has its reminders come again
    #[arg(long)]
    pub undo: bool,
    /// The form of the output
    #[command(flatten)]
    pub form: Form,
}

/// Flags of `snooze`.
#[derive(Clone, Debug, Args)]
pub struct SnoozeArgs {
    /// A finding (F12); or a connection (its id, or SOURCE/ID) or credential (the last 12 digits of its fingerprint, or
    /// more), for all that is open about it
    pub id: String,
    /// For how long, as in 14d
    #[arg(long = "for", value_name = "SPAN", value_parser = span, conflicts_with_all = ["undo", "until"])]
    pub span: Option<Duration>,
    /// Until when (RFC 3339, or a day)
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "undo")]
    pub until: Option<Timestamp>,
    /// Has its reminders come again
    #[arg(long)]
    pub undo: bool,
    /// The form of the output
    #[command(flatten)]
    pub form: Form,
}
