//! Simulated providers and an inbox on loopback.
