//! Events: whatever their order, and whatever is read meanwhile, the same is known in the end; and nothing is acknowledged that
//! is not in the ledger.

/// Names the tests of a module, which take a kind of ledger, and runs each on both.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::Kind::Sqlite).await; })*
        }
        mod on_postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::Kind::Postgres).await; })*
        }
    };
}

mod estate;
mod order;
mod place;
mod program;
mod readings;
