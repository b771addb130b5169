//! Words in, command out.
