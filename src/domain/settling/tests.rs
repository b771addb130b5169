use serde_json::{Map, json};

use super::*;
use crate::domain::belief::{Belief, Liveness};
use crate::domain::facts::{Count, CredentialFacts, Provenance, Share};
use crate::domain::finding::{Anew, Exempt, Severity};
use crate::domain::ids::{AccountId, CredentialId, FindingId, ProviderName, UseId};
use crate::domain::secret::Fingerprint;
use crate::domain::time::Timestamp;

const CONNECTION: ConnectionId = ConnectionId(7);
const CREDENTIAL: CredentialId = CredentialId(1);
const ACCOUNT: AccountId = AccountId(1);
const SINCE: Timestamp = Timestamp::from_secs(1_790_000_000);

fn ruling(rule: RuleName) -> Ruling {
    Ruling {
        rule,
        credential: CREDENTIAL,
        severity: Severity::High,
        since: SINCE,
        evidence: Map::from_iter([("max_age_days".to_owned(), json!(90))]),
        mailed: true,
        opens: true,
        exempt: None,
    }
}

/// An open finding, in its second opening, that says what [`ruling`] says.
fn finding(rule: RuleName) -> KnownFinding {
    let Ruling { rule, credential, severity, since, evidence, mailed, .. } = ruling(rule);
    KnownFinding {
        id: FindingId(40),
        rule,
        connection: CONNECTION,
        credential,
        account: ACCOUNT,
        open: true,
        opening: 2,
        severity,
        since,
        opened_at: SINCE,
        evidence,
        mailed,
        exempt: None,
    }
}

fn used(credential: CredentialId, ended_by: Option<EndedBy>, liveness: Liveness) -> UseFacts {
    UseFacts {
        id: UseId(credential.0),
        account: ACCOUNT,
        credential: CredentialFacts {
            id: credential,
            fingerprint: Fingerprint::try_from("0".repeat(64)).expect("64 digits"),
            provider: ProviderName::new("mailjet"),
            key_tail: String::new(),
            kind: None,
            compromise: None,
            placeholder: false,
            held: true,
            belief: Belief { liveness, ..Belief::default() },
            secret_since: SINCE,
            provenance: Provenance::Declared,
        },
        since: SINCE,
        until: ended_by.map(|_| SINCE),
        ended_by,
        ended_seen_at: ended_by.map(|_| SINCE),
        ended_at_first_sight: false,
        first_run: false,
        share: Share { open: Count::One, left_behind: false, compromised_at: None, mixed: false },
    }
}

fn settled(rulings: &[Ruling], known: &[KnownFinding]) -> Vec<FindingChange> {
    settle(CONNECTION, rulings, known, &[used(CREDENTIAL, None, Liveness::Live)])
}

#[test]
fn what_stays_as_it_is_changes_nothing() {
    assert_eq!(settled(&[ruling(RuleName::SecretStale)], &[finding(RuleName::SecretStale)]), []);
    let closed = KnownFinding { open: false, ..finding(RuleName::SecretDue) };
    assert_eq!(settled(&[], &[closed]), []);
}

#[test]
fn a_new_verdict_opens_for_the_first_time() {
    let changes = settled(&[ruling(RuleName::SecretStale)], &[finding(RuleName::SecretShared)]);
    let [FindingChange::Opened(opened), FindingChange::Closed { .. }] = changes.as_slice() else {
        panic!("{changes:?}");
    };
    assert_eq!((opened.connection, opened.credential, opened.opening), (CONNECTION, CREDENTIAL, 1));
}

#[test]
fn the_same_rule_on_another_credential_is_another_finding() {
    let other = Ruling { credential: CredentialId(2), ..ruling(RuleName::RevocationMissing) };
    let changes = settled(&[ruling(RuleName::RevocationMissing), other], &[finding(RuleName::RevocationMissing)]);
    assert!(matches!(changes.as_slice(), [FindingChange::Opened(opened)] if opened.credential == CredentialId(2)));
}

#[test]
fn a_finding_that_was_closed_begins_anew() {
    let closed = KnownFinding { open: false, ..finding(RuleName::SecretStale) };
    let changes = settled(&[ruling(RuleName::SecretStale)], &[closed]);
    let [FindingChange::Anew { id, opened, why: Anew::Reopened }] = changes.as_slice() else {
        panic!("{changes:?}");
    };
    assert_eq!((*id, opened.opening), (FindingId(40), 3));
}

#[test]
fn growing_worse_begins_anew_and_getting_better_does_not() {
    let worse = Ruling { severity: Severity::Critical, ..ruling(RuleName::SecretStale) };
    let changes = settled(&[worse], &[finding(RuleName::SecretStale)]);
    assert!(matches!(
        changes.as_slice(),
        [FindingChange::Anew {
            opened: Opened { opening: 3, severity: Severity::Critical, .. },
            why: Anew::Worsened,
            ..
        }]
    ));
    let better = Ruling { severity: Severity::Medium, ..ruling(RuleName::SecretStale) };
    let changes = settled(&[better], &[finding(RuleName::SecretStale)]);
    assert!(matches!(changes.as_slice(), [FindingChange::Updated { severity: Severity::Medium, .. }]));
}

#[test]
fn what_is_accepted_as_it_grows_worse_is_told_as_accepted() {
    let word = Exempt {
        until: Timestamp::from_secs(1_800_000_000),
        reason: "known".to_owned(),
        by: None,
        terms: "account a-1".to_owned(),
    };
    let worse = Ruling { severity: Severity::Critical, exempt: Some(word), ..ruling(RuleName::SecretStale) };
    let changes = settled(&[worse], &[finding(RuleName::SecretStale)]);
    assert!(
        matches!(
            changes.as_slice(),
            [FindingChange::Exempted { opened: Opened { opening: 2, severity: Severity::Critical, .. }, .. }]
        ),
        "{changes:?}"
    );
}

#[test]
fn any_other_fact_is_an_update() {
    let said = || ruling(RuleName::SecretStale);
    for changed in [
        Ruling { since: Timestamp::from_secs(1), ..said() },
        Ruling { mailed: false, ..said() },
        Ruling { evidence: Map::new(), ..said() },
    ] {
        let changes = settled(&[changed], &[finding(RuleName::SecretStale)]);
        assert!(matches!(changes.as_slice(), [FindingChange::Updated { id: FindingId(40), .. }]), "{changes:?}");
    }
}

#[test]
fn settling_what_was_just_settled_changes_nothing_more() {
    let rulings = [ruling(RuleName::SecretStale), ruling(RuleName::SecretShared)];
    let opened = settled(&rulings, &[]).into_iter().map(|change| match change {
        FindingChange::Opened(opened) => opened,
        other => panic!("{other:?}"),
    });
    let known: Vec<_> = opened
        .map(|Opened { rule, connection, credential, opening, severity, since, evidence, mailed, exempt }| {
            let known = KnownFinding { id: FindingId(rule as i64), opened_at: since, ..finding(rule) };
            KnownFinding { connection, credential, opening, severity, since, evidence, mailed, exempt, ..known }
        })
        .collect();
    assert_eq!(known.len(), 2);
    assert_eq!(settled(&rulings, &known), []);
}

#[test]
fn what_moves_to_another_account_is_told_there_from_its_first_step() {
    let rulings = [ruling(RuleName::SecretStale)];
    let there = UseFacts { account: AccountId(2), ..used(CREDENTIAL, None, Liveness::Live) };
    let uses = [UseFacts { until: Some(SINCE), ended_by: Some(EndedBy::Identified), ..there.clone() }, there];
    let changes = settle(CONNECTION, &rulings, &[finding(RuleName::SecretStale)], &uses);
    let [FindingChange::Anew { id: FindingId(40), opened, why: Anew::Reopened }] = &changes[..] else {
        panic!("{changes:?}");
    };
    assert_eq!(opened.opening, 3);
    let moved = KnownFinding { account: AccountId(2), ..finding(RuleName::SecretStale) };
    assert_eq!(settle(CONNECTION, &rulings, &[moved], &uses), [], "and then it is as any other");
}

#[test]
fn a_finding_of_another_connection_is_left_alone() {
    let other = KnownFinding { connection: ConnectionId(8), ..finding(RuleName::SecretStale) };
    assert_eq!(settled(&[], &[other]), []);
}

#[test]
fn a_closed_finding_says_why() {
    use EndedBy::{Absent, Deleted, Identified, Replaced};
    use Liveness::{Dead, Live};
    use RuleName::{ConnectionBroken, RevocationMissing, SecretStale};
    for (rule, ended_by, liveness, expected) in [
        (SecretStale, None, Live, "cleared"),
        (SecretStale, None, Dead, "dead"),
        (SecretStale, Some(Replaced), Live, "rotated"),
        (SecretStale, Some(Identified), Live, "cleared"),
        (SecretStale, Some(Deleted), Live, "ended"),
        (SecretStale, Some(Absent), Live, "ended"),
        (RevocationMissing, Some(Deleted), Dead, "dead"),
        (RevocationMissing, Some(Deleted), Live, "cleared"),
        (RevocationMissing, Some(Replaced), Live, "cleared"),
        (ConnectionBroken, None, Live, "cleared"),
        (ConnectionBroken, Some(Replaced), Dead, "rotated"),
        (ConnectionBroken, Some(Deleted), Dead, "ended"),
    ] {
        let changes = settle(CONNECTION, &[], &[finding(rule)], &[used(CREDENTIAL, ended_by, liveness)]);
        assert_eq!(changes, [FindingChange::Closed { id: FindingId(40), why: expected }], "{rule} {ended_by:?}");
    }
}

#[test]
fn a_ruling_that_opens_nothing_keeps_what_is_open_and_leaves_closed_what_is_closed() {
    let ruling = Ruling { opens: false, ..ruling(RuleName::RevocationMissing) };
    assert_eq!(settle(CONNECTION, std::slice::from_ref(&ruling), &[], &[]), []);
    let Ruling { rule, credential, severity, since, evidence, mailed, .. } = ruling.clone();
    let open = KnownFinding {
        id: FindingId(1),
        rule,
        connection: CONNECTION,
        credential,
        account: ACCOUNT,
        open: true,
        opening: 1,
        severity,
        since,
        opened_at: since,
        evidence,
        mailed,
        exempt: None,
    };
    let closed = KnownFinding { open: false, ..open.clone() };
    assert_eq!(settle(CONNECTION, std::slice::from_ref(&ruling), &[open], &[]), []);
    assert_eq!(settle(CONNECTION, &[ruling], &[closed], &[]), []);
}

fn accepted() -> Exempt {
    Exempt {
        until: Timestamp::from_secs(1_800_000_000),
        reason: "it moves in March".to_owned(),
        by: None,
        terms: "secret-stale of account \"a-1\"".to_owned(),
    }
}

#[test]
fn a_finding_is_exempt_in_its_opening_and_begins_anew_when_it_no_longer_is() {
    let open = || finding(RuleName::SecretStale);
    let exempt = || KnownFinding { exempt: Some(accepted()), ..open() };
    let said = |exempt: Option<Exempt>| Ruling { exempt, ..ruling(RuleName::SecretStale) };
    let other = || Exempt { until: Timestamp::from_secs(1_900_000_000), ..accepted() };

    let changes = settled(&[said(Some(accepted()))], &[open()]);
    assert!(
        matches!(&changes[..], [FindingChange::Exempted { opened: Opened { opening: 2, exempt: Some(_), .. }, .. }]),
        "{changes:?}"
    );
    assert_eq!(settled(&[said(Some(accepted()))], &[exempt()]), [], "it stays as it is");
    let changes = settled(&[said(Some(other()))], &[exempt()]);
    assert!(matches!(&changes[..], [FindingChange::Exempted { opened, .. }] if opened.exempt == Some(other())));
    let changes = settled(&[said(None)], &[exempt()]);
    assert!(
        matches!(
            &changes[..],
            [FindingChange::Anew { opened: Opened { opening: 3, exempt: None, .. }, why: Anew::ExemptionEnded, .. }]
        ),
        "{changes:?}"
    );
    assert!(matches!(&settled(&[], &[exempt()])[..], [FindingChange::Closed { .. }]));
    let closed = KnownFinding { open: false, ..open() };
    let changes = settled(&[said(Some(accepted()))], &[closed]);
    assert!(
        matches!(&changes[..], [FindingChange::Anew { opened, why: Anew::Reopened, .. }] if opened.exempt.is_some())
    );
}
