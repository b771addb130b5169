//! Who is told (DESIGN.md 7).
