//! Sources of inventory: files to records and problems.
