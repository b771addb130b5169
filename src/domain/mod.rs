//! The pure middle: no input or output, no clock, no randomness, no async. It knows nobody.

pub mod age;
pub mod announce;
pub mod belief;
pub mod blindness;
pub mod cadence;
pub mod catalogue;
pub mod clock;
pub mod compromise;
pub mod control;
pub mod diff;
pub mod facts;
pub mod finding;
pub mod ids;
pub mod ladder;
pub mod link;
pub mod liveness;
pub mod outcome;
pub mod policy;
pub mod record;
pub mod remedy;
pub mod routing;
pub mod rules;
pub mod secret;
pub mod settling;
pub mod spelling;
pub mod time;
