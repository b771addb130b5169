//! The catalogue, the meaning of answers, and the prober that asks.

#[cfg(test)]
mod answer_tests;
pub mod catalogue;
#[cfg(test)]
mod catalogue_tests;
pub mod http;
#[cfg(test)]
mod http_tests;
pub mod reach;
pub mod retry_after;
mod route;

pub use catalogue::{Catalogue, CatalogueError};
pub use http::{HttpProber, ProberError, ProviderSettings};
