//! Raw files to checked settings: all problems at once, with key, line and what to do.
