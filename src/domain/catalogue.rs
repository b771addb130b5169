//! The types of the provider catalogue.
