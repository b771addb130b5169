//! keysweep finds stale and left-behind API keys, tells their owners, and proves that they are dead.
//!
//! # The map of the house
//!
//! Data comes in on the left, rules are pure in the middle, the world is at the edges. Arrows point inwards.
//!
//! | room | what it knows |
//! |---|---|
//! | [`domain`] | pure: the nouns, the diff, liveness, age, rules, findings, ladder, mail plan; knows nobody |
//! | [`ports`] | the few traits that the stages need |
//! | [`config`] | raw file to checked settings, all problems at once |
//! | [`inventory`] | sources: files to records and problems |
//! | [`providers`] | catalogue to requests, answers to outcomes; the HTTP prober, pace |
//! | [`escrow`] | fingerprint, seal, open |
//! | [`ledger`] | the only room with our SQL: write batches and read models |
//! | [`mail`] | rendering (pure) and transport |
//! | [`report`] | what the ledger says, told: stories for people, evidence for auditors |
//! | [`scan`] | the stages collect, probe, judge |
//! | `net` | which addresses may be dialled |
//! | [`webhook`] | signed messages to the operator's own endpoints |
//! | [`notify`] | plan and deliver, to people and to endpoints |
//! | [`schedule`] | crontab's five fields to instants, and which job is due when; pure |
//! | [`http`] | the operator's listener: health, metrics, the page, the API, "scan now" |
//! | [`telemetry`] | logs, metrics and progress |
//! | [`demo`] | simulated providers and an inbox |
//! | [`app`], [`lifecycle`], [`cli`] | the composing side: may know everyone, nobody knows it |

pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod escrow;
pub mod http;
pub mod inventory;
pub mod ledger;
pub mod lifecycle;
pub mod mail;
mod net;
pub mod notify;
pub mod ports;
pub mod providers;
pub mod report;
pub mod scan;
pub mod schedule;
pub mod telemetry;
pub mod webhook;
