//! The integration tests: one binary, one module a promise.

#![expect(clippy::expect_used, reason = "a test and its helpers fail by panicking")]

mod absence;
mod demo;
mod estate;
mod house;
mod life;
mod mail;
mod mail_server;
mod setup;
mod support;
mod verdicts;
