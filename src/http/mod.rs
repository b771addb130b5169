//! The operator's listener: health, metrics, the first page, and the API ([`api`]) with "scan now"; and the public one ([`public`]), where people's
//! links lead.
//!
//! It reads and it rings: it starts work by ringing the bell and never calls a stage. Everything but health needs the
//! token of `[http]`. It speaks plain HTTP/1.1, for the loopback address or for a proxy that speaks TLS before it.

pub mod access;
mod acts;
pub mod api;
pub mod health;
mod known;
pub mod ops;
pub mod page;
mod problem;
pub mod public;
pub mod server;
#[cfg(test)]
mod tests;
mod told;
