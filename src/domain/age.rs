//! How old a secret is, and how that is known (DESIGN.md 5).
