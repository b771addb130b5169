//! Made-up mails, one for each thing that a mail can say: operators look at their templates with them, and every template
//! is tried on all of them before it is used.

mod facts;

use serde_json::json;

use facts::{after_mails, evidence, left_behind, mail, paged, refused_twice, settled, stale};

use crate::domain::belief::Belief;
use crate::domain::facts::{EndedBy, Provenance};
use crate::domain::finding::{RuleName, Severity};
use crate::domain::ids::{CredentialId, ProviderName};
use crate::domain::link::ActionLink;
use crate::domain::outcome::Reason;
use crate::domain::record::Auth;
use crate::domain::record::UsedFor;
use crate::domain::time::{Timestamp, days, hours};
use crate::ports::notify::{Audience, ClaimedMail, MailNotice};

/// The instant that the samples are told at: 21 September 2026, 14:13:20 UTC.
pub const SAMPLES_AT: Timestamp = Timestamp::from_secs(1_790_000_000);

const NOW: Timestamp = SAMPLES_AT;

/// One made-up mail.
#[derive(Clone, Debug)]
pub struct Sample {
    /// its name, in small letters and hyphens
    pub name: &'static str,
    /// what it shows
    pub shows: &'static str,
    /// the mail
    pub mail: ClaimedMail,
}

/// Every sample for a reader of this language, who lives in Berlin where it isn't English.
pub fn samples(language: &str) -> Vec<Sample> {
    let rules = RuleName::ALL.into_iter().map(|rule| (rule.as_str(), "one finding of this rule", mail(vec![of(rule)])));
    let mut all: Vec<(&'static str, &'static str, ClaimedMail)> = rules.collect();
    all.extend(situations());
    all.extend(readers());
    let sample = |(name, shows, mut mail): (&'static str, &'static str, ClaimedMail)| {
        mail.locale = Some(language.to_owned());
        mail.timezone = (language != "en").then(|| "Europe/Berlin".to_owned());
        Sample { name, shows, mail }
    };
    all.into_iter().map(sample).collect()
}

/// One finding, as this rule tells it.
fn of(rule: RuleName) -> MailNotice {
    let former = matches!(rule, RuleName::RevocationMissing | RuleName::RevocationUnproven);
    let mut notice = paged(if former { left_behind(1, "Old shop") } else { stale(1, "Shop EU") });
    notice.rule = rule;
    notice.severity = severity(rule);
    match rule {
        RuleName::SecretCompromised => notice.evidence = evidence(&json!({"compromised_at": "2026-09-19T08:00:00Z"})),
        RuleName::ConnectionOrphaned => notice.evidence = evidence(&json!({"cause": "creator_suspended"})),
        RuleName::RevocationUnproven => {
            notice.evidence = evidence(&json!({"reason": "no_copy"}));
            notice.held = false;
        }
        RuleName::ConnectionBroken => notice.belief = refused_twice(),
        RuleName::WrongKeyKind => {
            notice.provider = ProviderName::new("convertkit");
            notice.kind = Some("api_key".to_owned());
            notice.evidence = evidence(&json!({"kind": "api_key", "wanted_kind": "api_secret"}));
        }
        RuleName::SecretDue => notice.secret_since = NOW - days(80),
        RuleName::SecretAgeUnknown => {
            (notice.secret_since, notice.provenance) = (NOW - days(30), Provenance::FirstSeen);
        }
        RuleName::SecretShared => notice.sharers = 3,
        RuleName::MixedUse => notice.used_for = vec![UsedFor::Sync, UsedFor::Smtp],
        RuleName::ConnectionIdle => notice.evidence = evidence(&json!({"last_sync_at": "2026-06-01T08:00:00Z"})),
        _ => {}
    }
    notice
}

const fn severity(rule: RuleName) -> Severity {
    match rule {
        RuleName::SecretCompromised | RuleName::RevocationMissing => Severity::Critical,
        RuleName::SecretReused | RuleName::ConnectionOrphaned | RuleName::SecretStale => Severity::High,
        RuleName::RevocationUnproven
        | RuleName::ConnectionBroken
        | RuleName::WrongKeyKind
        | RuleName::OwnerUnreachable => Severity::Medium,
        RuleName::SecretDue
        | RuleName::SecretAgeUnknown
        | RuleName::SecretShared
        | RuleName::MixedUse
        | RuleName::ConnectionIdle => Severity::Low,
    }
}

/// What one finding's facts can change about the sentences, and several findings in one mail.
fn situations() -> Vec<(&'static str, &'static str, ClaimedMail)> {
    let busy = MailNotice {
        sharers: 3,
        running_jobs: 2,
        used_for: vec![UsedFor::Smtp, UsedFor::Transactional],
        ..paged(stale(1, "Shop EU"))
    };
    let uncatalogued = MailNotice { provider: ProviderName::new("acme"), ..paged(left_behind(1, "Old shop")) };
    let reset = MailNotice { step: 1, reset_at: Some(NOW - days(1) - hours(1)), ..paged(left_behind(1, "Old shop")) };
    let leaked = MailNotice {
        rule: RuleName::SecretCompromised,
        severity: Severity::Critical,
        provider: ProviderName::new("kit"),
        evidence: evidence(&json!({"compromised_at": "2026-09-19T08:00:00Z"})),
        ..paged(left_behind(1, "Old shop"))
    };
    let alive = left_behind(1, "Old shop");
    let belief = Belief { revived_at: alive.belief.accepted_at, ..alive.belief.clone() };
    let again = MailNotice { belief, ..paged(alive) };
    let many: Vec<MailNotice> = (1..=28).map(|id| paged(stale(id, &format!("Shop {id}")))).collect();
    let undo = MailNotice { provider: ProviderName::new("kit"), ..settled(2, "Old outlet") };
    vec![
        (
            "no-page",
            "a key without a page of its own: the button leads to the provider",
            mail(vec![stale(1, "Shop EU")]),
        ),
        ("in-use", "what to mind: shared, SMTP, transactional mail, a running import", mail(vec![busy])),
        ("replaced", "a former key after it was replaced", mail(vec![paged(replaced(1))])),
        ("leaked-after", "a key that others know, and whose connection is deleted", mail(vec![leaked])),
        ("alive-again", "a key that was refused and answers again", mail(vec![again])),
        ("doubtful", "keys that may have died since, each for another reason", mail(doubtful())),
        ("unproven", "every reason why a key can't be proven dead", mail(unproven())),
        ("uncatalogued", "a provider whose file was taken out of the catalogue", mail(vec![uncatalogued])),
        ("several", "several findings, the worst first, some about one key", mail(several())),
        ("over-25", "more findings than a mail lists", mail(many)),
        (
            "reset-failed",
            "a key that was to be reset, and that still works once the window is over",
            after_mails(1, mail(vec![reset])),
        ),
        (
            "reminder",
            "a second reminder",
            after_mails(2, mail(vec![MailNotice { step: 2, ..paged(stale(1, "Shop EU")) }])),
        ),
        ("settled", "a key that is proven dead", mail(vec![settled(1, "Old shop")])),
        ("settled-several", "several of them", mail(vec![settled(1, "Old shop"), undo])),
        (
            "settled-beside",
            "one beside what is still open",
            mail(vec![paged(stale(2, "Shop EU")), settled(1, "Old shop")]),
        ),
    ]
}

/// Other readers, and names that mean harm.
fn readers() -> Vec<(&'static str, &'static str, ClaimedMail)> {
    let of_account =
        |id, account: &str| MailNotice { account: account.to_owned(), ..paged(left_behind(id, "Old shop")) };
    let contact = ClaimedMail {
        audience: Audience::SecurityContact,
        account: String::new(),
        ..mail(vec![of_account(1, "acct-1"), of_account(2, "acct-2")])
    };
    let low = MailNotice { severity: Severity::Low, ..paged(of(RuleName::SecretShared)) };
    let unsubscribe = Some(ActionLink::new("https://keys.example.org/u/sample-token".to_owned()));
    let hostile = "<b>\"Pay\"</b> now\r\nBcc: x@evil.example \u{202e}{{ platform }} {title} https://evil.example/a";
    let named = MailNotice {
        connection: hostile.to_owned(),
        kind: Some("<i>kind</i>".to_owned()),
        ..paged(left_behind(1, hostile))
    };
    vec![
        ("security-contact", "the operator's security contact, told of two accounts", contact),
        ("unsubscribe", "only low severities: such mails can be ended", ClaimedMail { unsubscribe, ..mail(vec![low]) }),
        ("hostile", "names that mean harm", ClaimedMail { account: hostile.to_owned(), ..mail(vec![named]) }),
        ("nothing", "everything was settled before it left", mail(Vec::new())),
    ]
}

fn replaced(id: i64) -> MailNotice {
    MailNotice { ended_by: Some(EndedBy::Replaced), ..left_behind(id, "Shop EU") }
}

fn doubtful() -> Vec<MailNotice> {
    let accepted_at = Some(NOW - days(2));
    let unconfirmed = Belief {
        accepted_at,
        refused_first: Some(NOW - hours(3)),
        refused_last: Some(NOW - hours(3)),
        ..Belief::default()
    };
    let unasked = Belief { accepted_at, unknown_since: Some(NOW - days(1)), ..Belief::default() };
    let blind = Belief { unknown_reason: Some(Reason::Blind), ..unasked.clone() };
    let left_out = Belief { left_out: vec!["smtp".to_owned()], ..refused_twice() };
    vec![
        paged(MailNotice { belief: unconfirmed, ..left_behind(1, "Refused") }),
        paged(MailNotice { belief: unasked, ended_by: Some(EndedBy::Absent), ..left_behind(2, "Unasked") }),
        paged(MailNotice { belief: blind, ended_by: None, until: None, ..left_behind(3, "Blind") }),
        paged(MailNotice { belief: left_out, ..left_behind(4, "Partly asked") }),
        paged(MailNotice { held: false, key_tail: String::new(), ..replaced(5) }),
    ]
}

fn unproven() -> Vec<MailNotice> {
    let reasons =
        ["no_copy", "oauth", "no_control", "protocol_unasked", "unknown_too_long", "unconfirmed", "a\r\nnew_reason"];
    let notice = |(id, reason): (i64, &str)| {
        let mut notice = MailNotice {
            rule: RuleName::RevocationUnproven,
            severity: Severity::Medium,
            evidence: evidence(&json!({ "reason": reason })),
            auth: if reason == "oauth" { Auth::Oauth } else { Auth::Key },
            ..paged(left_behind(id, "Doubtful"))
        };
        if reason == "oauth" {
            (notice.held, notice.belief) = (false, Belief::default());
        }
        if id > 2 {
            notice.belief.refused_first = Some(NOW - days(8));
            notice.belief.partly = Some(Reason::Timeout);
            notice.belief.unknown_since = Some(NOW - days(9));
            notice.belief.unknown_reason = Some(Reason::Blocked);
        }
        notice
    };
    (1..).zip(reasons).map(notice).collect()
}

fn several() -> Vec<MailNotice> {
    let shared = |id, name| MailNotice {
        rule: RuleName::SecretShared,
        severity: Severity::Low,
        credential: CredentialId(7),
        sharers: 3,
        used_for: vec![UsedFor::Smtp, UsedFor::Transactional],
        ..paged(stale(id, name))
    };
    let broken = MailNotice {
        rule: RuleName::ConnectionBroken,
        severity: Severity::Medium,
        running_jobs: 1,
        belief: refused_twice(),
        ..paged(stale(5, "Outlet"))
    };
    vec![
        shared(2, "North"),
        MailNotice { running_jobs: 2, ..paged(stale(1, "Shop EU")) },
        shared(3, "South"),
        broken,
        shared(4, "West"),
        paged(left_behind(6, "Old shop")),
        MailNotice { credential: CredentialId(6), ..paged(left_behind(7, "Old twin")) },
    ]
}
