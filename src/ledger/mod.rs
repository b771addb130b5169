//! The only room with our SQL.
