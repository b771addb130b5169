//! Fingerprints, and sealed copies of secrets.
