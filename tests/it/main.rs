//! The integration tests: one binary, one module a promise.

#![expect(clippy::expect_used, reason = "a test and its helpers fail by panicking")]

mod demo;
mod house;
