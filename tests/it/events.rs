//! Events: whatever their order, and whatever is read meanwhile, the same is known in the end; and nothing is acknowledged that
//! is not in the ledger.

mod order;
mod place;
mod program;
mod readings;
