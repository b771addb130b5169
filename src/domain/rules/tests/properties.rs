//! Judging only when it is due equals judging always.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::domain::outcome::Reason;
use crate::domain::policy::{Exemption, Exemptions, Scope, may_be_exempt};

const YEAR_MS: u64 = 400 * 86_400_000;

fn past() -> impl Strategy<Value = Timestamp> {
    (0..YEAR_MS).prop_map(|ms| START - Duration::from_millis(ms))
}

fn beliefs() -> impl Strategy<Value = Belief> {
    let shredding = select(vec![Shredding::Proven, Shredding::ProvenUnsettled, Shredding::Unproven]);
    let before = select(vec![Liveness::Unverified, Liveness::Live]);
    (
        select(Liveness::ALL.to_vec()),
        (option::of(past()), option::of(past()), option::of(past()), option::of(past()), option::of(past())),
        (option::of(before), option::of(shredding), any::<bool>(), any::<bool>()),
    )
        .prop_map(|(liveness, (since, accepted_at, refused_first, refused_last, unknown_since), rest)| {
            let (before, shredding, no_control, partly) = rest;
            Belief {
                liveness,
                since,
                accepted_at,
                refused_first,
                refused_last,
                unknown_since,
                before,
                shredding,
                no_control,
                partly: partly.then_some(Reason::Timeout),
                ..Belief::default()
            }
        })
}

fn credentials(id: i64) -> impl Strategy<Value = CredentialFacts> {
    let provenance = select(vec![Provenance::Declared, Provenance::FirstSeen]);
    let kind = select(vec![None, Some("api_key".to_owned()), Some("api_secret".to_owned())]);
    let compromise =
        option::weighted(0.1, past()).prop_map(|at| at.map(|at| Compromise { at, by: SaidBy::Operator, note: None }));
    (beliefs(), past(), provenance, any::<bool>(), any::<bool>(), kind, compromise).prop_map(
        move |(belief, secret_since, provenance, placeholder, held, kind, compromise)| CredentialFacts {
            kind,
            compromise,
            belief,
            secret_since,
            provenance,
            placeholder,
            held,
            ..credential(id)
        },
    )
}

fn uses(known: Vec<CredentialFacts>) -> impl Strategy<Value = UseFacts> {
    let ended_by = select(vec![EndedBy::Deleted, EndedBy::Absent, EndedBy::Replaced, EndedBy::Identified]);
    let open = select(vec![Count::None, Count::None, Count::One, Count::Many]);
    let compromised_at = option::weighted(0.1, past());
    (select(known), (past(), past(), option::of(past())), ended_by, open, any::<[bool; 4]>(), compromised_at).prop_map(
        |(credential, (since, until, ended_seen_at), ended_by, open, flags, compromised_at)| UseFacts {
            since,
            until: Some(until),
            ended_by: Some(ended_by),
            ended_seen_at,
            ended_at_first_sight: flags[0],
            first_run: flags[1],
            share: Share { open, left_behind: flags[2], compromised_at, mixed: flags[3] },
            ..open_use(credential)
        },
    )
}

fn subjects() -> impl Strategy<Value = Subject> {
    let known = (credentials(1), credentials(2), credentials(3)).prop_map(|(a, b, c)| vec![a, b, c]);
    let status = select(vec![ConnectionStatus::Active, ConnectionStatus::Paused, ConnectionStatus::Deleted]);
    let creator = select(vec![Creator::Unknown, Creator::Active, Creator::Suspended, Creator::Removed]);
    let auth = select(vec![Auth::Key, Auth::Key, Auth::Oauth]);
    let syncs = (option::of(past()), any::<bool>());
    // An address may be tried again long after the story began.
    let again_at = option::of((0..2 * YEAR_MS).prop_map(|ms| START + Duration::from_millis(ms)));
    let reach = option::of((any::<bool>(), again_at).prop_map(|(somebody, again_at)| Reach { somebody, again_at }));
    (known.prop_flat_map(|known| vec(uses(known), 1..5)), any::<bool>(), status, creator, auth, syncs, reach).prop_map(
        |(mut uses, last_is_open, status, creator, auth, (last_sync_at, syncs_are_told), reach)| {
            if let (true, Some(last)) = (last_is_open, uses.last_mut()) {
                (last.until, last.ended_by, last.ended_seen_at) = (None, None, None);
            }
            let mut subject = subject(status, uses);
            (subject.connection.creator, subject.connection.auth) = (creator, auth);
            (subject.connection.last_sync_at, subject.connection.syncs_are_told) = (last_sync_at, syncs_are_told);
            subject.reach = reach;
            subject
        },
    )
}

fn policies() -> impl Strategy<Value = RulePolicy> {
    let span = || (0..YEAR_MS).prop_map(Duration::from_millis);
    (span(), span(), span(), span(), option::of(span())).prop_map(
        |(max_age, warn_before, unproven_after, history, idle_after)| RulePolicy {
            max_age,
            max_age_from: None,
            warn_before,
            unproven_after,
            history,
            idle_after,
            wanted_kind: Some("api_secret".to_owned()),
        },
    )
}

fn exemptions() -> impl Strategy<Value = Exemptions> {
    let acceptable: Vec<RuleName> = RuleName::ALL.into_iter().filter(|rule| may_be_exempt(*rule)).collect();
    let rules = proptest::collection::btree_set(select(acceptable), 1..6);
    let until = (0..2 * YEAR_MS).prop_map(|ms| START + Duration::from_millis(ms));
    let source = select(vec!["main", "another"]);
    let exemption = (rules, until, source).prop_map(|(rules, until, source)| Exemption {
        scope: Scope { source: Some(source.to_owned()), ..Scope::default() },
        rules,
        reason: "known".to_owned(),
        until,
        by: None,
    });
    vec(exemption, 0..4).prop_map(Exemptions::new)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn judging_when_it_is_due_equals_judging_always(
        subject in subjects(),
        policy in policies(),
        exemptions in exemptions(),
        mut instants in vec(0..2 * YEAR_MS, 1..20),
    ) {
        let policy = Policy { exemptions, ..Policy::same(policy) };
        let (mut rulings, mut judge_at) = (judge(&subject, &policy, START), next_change(&subject, &policy, START));
        instants.sort_unstable();
        for now in instants.into_iter().map(|ms| START + Duration::from_millis(ms)) {
            // the last instant before a boundary is the hardest to get right
            while let Some(due) = judge_at && due <= now {
                prop_assert_eq!(&rulings, &judge(&subject, &policy, ms_before(due)));
                (rulings, judge_at) = (judge(&subject, &policy, due), next_change(&subject, &policy, due));
                prop_assert!(judge_at.is_none_or(|next| next > due));
            }
            prop_assert_eq!(&rulings, &judge(&subject, &policy, now));
        }
    }

    #[test]
    fn a_ruling_is_the_only_one_of_its_rule_on_its_credential(subject in subjects(), policy in policies()) {
        let rulings = judge(&subject, &Policy::same(policy.clone()), START);
        let mut subjects: Vec<_> = rulings.iter().map(|ruling| (ruling.rule, ruling.credential)).collect();
        subjects.sort_unstable();
        subjects.dedup();
        prop_assert_eq!(subjects.len(), rulings.len());
        prop_assert!(rulings.iter().all(|ruling| ruling.since <= START));
    }

    #[test]
    fn a_ruling_is_as_bad_as_its_rule_may_find(subject in subjects(), policy in policies()) {
        for ruling in judge(&subject, &Policy::same(policy.clone()), START) {
            prop_assert!(severities(ruling.rule).contains(&ruling.severity), "{ruling:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_a_former_credential_that_is_proven_dead(subject in subjects(), policy in policies()) {
        for ruling in judge(&subject, &Policy::same(policy.clone()), START) {
            let used = subject.uses.iter().find(|used| used.credential.id == ruling.credential).expect("its use");
            let proven = used.credential.belief.is_proven_dead();
            if ruling.rule != RuleName::OwnerUnreachable {
                prop_assert_eq!(proven, ruling.rule == RuleName::ConnectionBroken);
            }
        }
    }

    #[test]
    fn a_silenced_rule_never_speaks_beside_its_silencer(subject in subjects(), policy in policies(), ms in 0..2 * YEAR_MS) {
        let rulings = judge(&subject, &Policy::same(policy.clone()), START + Duration::from_millis(ms));
        for ruling in &rulings {
            let louder = rule(ruling.rule).silent_if;
            let beside = rulings.iter().filter(|other| other.credential == ruling.credential);
            prop_assert!(beside.into_iter().all(|other| !louder.contains(&other.rule)), "{rulings:?}");
        }
    }

    #[test]
    fn nobody_to_tell_is_said_exactly_where_something_is_to_be_told(subject in subjects(), policy in policies()) {
        let rulings = judge(&subject, &Policy::same(policy.clone()), START);
        let unreachable = subject.reach.is_some_and(|reach| !reach.is_given(START));
        let to_tell = rulings.iter().any(|ruling| ruling.mailed);
        let said = rulings.iter().any(|ruling| ruling.rule == RuleName::OwnerUnreachable);
        prop_assert_eq!(said, unreachable && to_tell);
    }
}
