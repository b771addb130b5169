//! When a credential is next looked at.
