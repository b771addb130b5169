//! Lists: some rows, and where the rest begins.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::estate::ProviderRow;
use super::refused::Refused;
use crate::domain::record::Quarantined;
use crate::ledger::read::{
    ConnectionRow, CredentialRow, Cursor, EventRow, FindingRow, MailRow, Page, ProblemRow, ScanRow, SourceOverview,
};

/// What every list is answered with.
pub(super) type Listed<T> = Result<Json<List<T>>, Refused>;

/// Some rows of a list.
#[derive(Debug, Serialize)]
pub(super) struct List<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl<T> List<T> {
    /// All that there is.
    pub(super) const fn whole(items: Vec<T>) -> Json<Self> {
        Json(Self { items, next: None })
    }
}

impl<T> From<Page<T>> for List<T> {
    fn from(page: Page<T>) -> Self {
        Self { items: page.rows, next: page.next.as_ref().map(Cursor::to_string) }
    }
}

/// Says in the document what a [`List`] of each row is.
macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident of $row:ident,)*) => {$(
        $(#[$doc])*
        #[derive(ToSchema)]
        #[expect(dead_code, reason = "the document's name for a List: clients are generated with it")]
        pub(super) struct $name {
            /// the rows
            items: Vec<$row>,
            /// the `cursor` of the next page; `None` on the last
            next: Option<String>,
        }
    )*};
}

lists! {
    /// Some connections.
    ConnectionList of ConnectionRow,
    /// Some credentials.
    CredentialList of CredentialRow,
    /// Some entries of the event log.
    EventList of EventRow,
    /// Some findings.
    FindingList of FindingRow,
    /// Some mails.
    MailList of MailRow,
    /// Some providers.
    ProviderList of ProviderRow,
    /// What is wrong with sources.
    ProblemList of ProblemRow,
    /// Some rows that were set aside.
    QuarantinedList of Quarantined,
    /// Some scans.
    ScanList of ScanRow,
    /// Some sources.
    SourceList of SourceOverview,
}
