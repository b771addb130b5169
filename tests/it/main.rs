//! The integration tests: one binary, one module a promise.

#![expect(clippy::expect_used, reason = "a test and its helpers fail by panicking")]

mod estate;
mod house;
mod kill;
mod mail;
mod mail_server;
mod sigkill;
mod support;
