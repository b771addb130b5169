//! What a row of the inventory changes (DESIGN.md 3).
