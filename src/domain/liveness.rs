//! The state machine of DESIGN.md 4.
