//! Simulated providers and an inbox on loopback.

pub mod inbox;
pub mod world;
