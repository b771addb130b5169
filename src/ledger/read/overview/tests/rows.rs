//! Rows as a test draws them.

use proptest::prelude::*;

use super::super::*;
use crate::domain::time::days;
use crate::ledger::estate::NOW;
use crate::ledger::read::MailState;

const PROVIDERS: [&str; 3] = ["mailjet", "kit", "gone"];

/// A row of each table, as a test draws it: numbers choose from closed lists.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) provider: usize,
    pub(super) status: usize,
    pub(super) oauth: bool,
    pub(super) liveness: usize,
    pub(super) unproven: bool,
    pub(super) placeholder: bool,
    pub(super) age: u64,
    pub(super) first_seen: bool,
    pub(super) ended: bool,
    /// the use is of the credential of this row
    pub(super) shares: usize,
    pub(super) account: i64,
    pub(super) rule: usize,
    pub(super) severity: usize,
    pub(super) open: bool,
    pub(super) mail: usize,
}

pub(super) fn row() -> impl Strategy<Value = Row> {
    let what =
        (0..3_usize, 0..4_usize, any::<bool>(), 0..5_usize, any::<bool>(), prop::bool::weighted(0.2), 0..500_u64);
    let how = (prop::bool::weighted(0.2), any::<bool>(), 0..30_usize, 1..3_i64, 0..9_usize, 0..4_usize, any::<bool>());
    (what, how, 0..7_usize).prop_map(|(what, how, mail)| {
        let (provider, status, oauth, liveness, unproven, placeholder, age) = what;
        let (first_seen, ended, shares, account, rule, severity, open) = how;
        Row {
            provider,
            status,
            oauth,
            liveness,
            unproven,
            placeholder,
            age,
            first_seen,
            ended,
            shares,
            account,
            rule,
            severity,
            open,
            mail,
        }
    })
}

impl Row {
    pub(super) fn provider(&self) -> ProviderName {
        ProviderName::new(PROVIDERS[self.provider])
    }

    pub(super) fn status(&self) -> ConnectionStatus {
        ConnectionStatus::ALL[self.status]
    }

    pub(super) fn liveness(&self) -> Liveness {
        Liveness::ALL[self.liveness]
    }

    pub(super) fn proven_dead(&self) -> bool {
        self.liveness() == Liveness::Dead || (self.liveness() == Liveness::Shredded && !self.unproven)
    }

    pub(super) fn since(&self) -> Timestamp {
        NOW - days(self.age)
    }

    pub(super) fn rule(&self) -> RuleName {
        RuleName::ALL[self.rule]
    }

    pub(super) fn severity(&self) -> Severity {
        Severity::ALL[self.severity]
    }

    pub(super) fn mail(&self) -> MailState {
        MailState::ALL[self.mail]
    }
}
