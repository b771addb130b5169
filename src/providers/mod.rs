//! The catalogue, the meaning of answers, and the prober that asks.

mod address;
#[cfg(test)]
mod address_tests;
#[cfg(test)]
mod answer_tests;
pub mod catalogue;
#[cfg(test)]
mod catalogue_tests;
#[cfg(test)]
mod dial_tests;
mod http;
#[cfg(test)]
mod http_tests;
mod patterns;
pub mod prober;
pub mod reach;
mod route;
pub mod settings;
mod share;
mod smtp;
#[cfg(test)]
mod smtp_tests;
mod tls;
mod turn;

pub use crate::net::{NoDial, is_public, retry_after};
pub use address::misplaced;
pub use catalogue::{Catalogue, CatalogueError};
pub use prober::CatalogueProber;
pub use settings::{ProberError, ProviderSettings};
