//! The facts that samples are made of.

use serde_json::{Map, Value};

use super::NOW;
use crate::domain::belief::{Belief, Liveness};
use crate::domain::facts::{EndedBy, Provenance};
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{CredentialId, FindingId, MailId, NoticeId, PersonId, ProviderName};
use crate::domain::link::ActionLink;
use crate::domain::record::{Address, Auth, UsedFor};
use crate::domain::secret::Fingerprint;
use crate::domain::time::{days, hours};
use crate::ports::notify::{Audience, ClaimedMail, MailNotice};

/// A mail to the owner of an account.
pub(super) fn mail(notices: Vec<MailNotice>) -> ClaimedMail {
    ClaimedMail {
        id: MailId(1),
        message_id: "<mail-1.0@example.org>".to_owned(),
        person: PersonId(1),
        address: Address::example(),
        deliverable: true,
        locale: None,
        timezone: None,
        audience: Audience::Account,
        account: "acct-1".to_owned(),
        unsubscribe: None,
        attempts: 0,
        maybe_sent: false,
        references: Vec::new(),
        earlier: 0,
        notices,
    }
}

/// The same after so many earlier ones.
pub(super) fn after_mails(earlier: u32, mail: ClaimedMail) -> ClaimedMail {
    let references = (1..=earlier).map(|number| format!("<mail-0.{number}@example.org>")).collect();
    ClaimedMail { references, earlier, ..mail }
}

/// A key in use that is too old.
pub(super) fn stale(id: i64, name: &str) -> MailNotice {
    MailNotice {
        id: NoticeId(id),
        finding: FindingId(id),
        step: 0,
        closing: false,
        current: true,
        link: None,
        account: "acct-1".to_owned(),
        rule: RuleName::SecretStale,
        severity: Severity::High,
        since: NOW - days(7),
        evidence: Map::new(),
        connection: format!("conn-{id}"),
        name: Some(name.to_owned()),
        auth: Auth::Key,
        provider: ProviderName::new("mailjet"),
        credential: CredentialId(id),
        fingerprint: Fingerprint::from_bytes(&std::array::from_fn(|at| if at == 31 { id.to_le_bytes()[0] } else { 0 })),
        key_tail: "c0de".to_owned(),
        kind: None,
        belief: Belief { liveness: Liveness::Live, accepted_at: Some(NOW - hours(20)), ..Belief::default() },
        held: true,
        secret_since: NOW - days(97),
        provenance: Provenance::Declared,
        ended_by: None,
        until: None,
        reset_at: None,
        reminded: true,
        sharers: 1,
        running_jobs: 0,
        used_for: vec![UsedFor::Sync],
    }
}

/// A key whose connection was deleted, and that still works.
pub(super) fn left_behind(id: i64, name: &str) -> MailNotice {
    MailNotice {
        rule: RuleName::RevocationMissing,
        severity: Severity::Critical,
        since: NOW - days(3),
        provider: ProviderName::new("convertkit"),
        key_tail: String::new(),
        ended_by: Some(EndedBy::Deleted),
        until: Some(NOW - days(3)),
        sharers: 0,
        provenance: Provenance::Connected,
        secret_since: NOW - days(40),
        ..stale(id, name)
    }
}

/// A key that was left behind and is proven dead since.
pub(super) fn settled(id: i64, name: &str) -> MailNotice {
    MailNotice {
        closing: true,
        provider: ProviderName::new("mailjet"),
        key_tail: "c0de".to_owned(),
        belief: refused_twice(),
        ..left_behind(id, name)
    }
}

/// The same with a page of its own.
pub(super) fn paged(notice: MailNotice) -> MailNotice {
    let link = ActionLink::new(format!("https://keys.example.org/a/sample-token-{}", notice.finding));
    MailNotice { link: Some(link), ..notice }
}

/// Refused, and again two hours later, on both ways in.
pub(super) fn refused_twice() -> Belief {
    Belief {
        liveness: Liveness::Dead,
        refused_first: Some(NOW - hours(26)),
        refused_last: Some(NOW - hours(24)),
        refused_on: vec!["rest".to_owned(), "smtp".to_owned()],
        died_at: Some(NOW - hours(24)),
        ..Belief::default()
    }
}

/// An object as evidence; anything else is none.
pub(super) fn evidence(of: &Value) -> Map<String, Value> {
    of.as_object().cloned().unwrap_or_default()
}
