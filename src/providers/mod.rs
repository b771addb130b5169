//! The catalogue, the meaning of answers, and the prober that asks.

pub mod catalogue;

pub use catalogue::{Catalogue, CatalogueError};
