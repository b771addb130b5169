//! The stages collect, probe and judge.
