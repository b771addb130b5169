//! Which step of reminding comes when, as data (DESIGN.md 9).
