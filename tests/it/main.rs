//! The integration tests: one binary, one module a promise.

#![expect(clippy::expect_used, reason = "a test and its helpers fail by panicking")]

mod absence;
mod blindness;
mod bounces;
mod canary;
mod catalogue;
mod daemon;
mod dashboards;
mod demo;
mod docs;
mod doctor;
mod endpoints;
mod estate;
mod events;
mod fuzz;
mod house;
mod kill;
mod letters;
mod life;
mod links;
mod mail;
mod mail_server;
mod metrics;
mod months;
mod onslaught;
mod page;
mod postfix;
mod probe;
mod refs;
mod sessions;
mod setup;
mod share;
mod shell;
mod sigkill;
mod simulation;
mod smtp;
mod stage;
mod support;
mod telling;
mod unattended;
mod verdicts;
mod webhook;
