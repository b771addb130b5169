//! The rules of DESIGN.md 6: pure functions from facts to a verdict.
