//! Which entry holds for whom, and until when.

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use std::collections::BTreeSet;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// The scope that names what `line` names: `account=a tag=x`.
fn scope(line: &str) -> Scope {
    let mut scope = Scope::default();
    for (what, name) in line.split_whitespace().filter_map(|word| word.split_once('=')) {
        match what {
            "connection" => scope.connection = Some(name.to_owned()),
            "account" => scope.account = Some(name.to_owned()),
            "tag" => scope.tag = Some(name.to_owned()),
            "provider" => scope.provider = Some(ProviderName::new(name)),
            "source" => scope.source = Some(name.to_owned()),
            other => panic!("{other}"),
        }
    }
    scope
}

/// A connection of everything that the scopes of these tests name, with the tags x and y.
fn fits_all<R>(look: impl FnOnce(&About<'_>) -> R) -> R {
    let (provider, tags) = (ProviderName::new("mailjet"), ["x".to_owned(), "y".to_owned()]);
    look(&About { source: "eu", account: "a", connection: "c", provider: &provider, tags: &tags })
}

fn limit(line: &str, count: u64) -> Override {
    Override { scope: scope(line), max_age: Some(days(count)), ..Override::default() }
}

fn applied(entries: Vec<Override>) -> RulePolicy {
    fits_all(|about| Overrides::new(entries).apply(about, &RulePolicy::default()).into_owned())
}

#[test]
fn a_connection_outranks_an_account_that_a_tag_that_a_provider_and_that_a_source() {
    let all = ["source=eu", "provider=mailjet", "tag=x", "account=a", "connection=c"];
    let mut ranked: Vec<(u8, String)> = (1_u8..32)
        .map(|named| {
            let line: Vec<&str> = (0..5).filter(|bit| named & (1 << bit) != 0).map(|bit| all[bit]).collect();
            (named, line.join(" "))
        })
        .collect();
    ranked.sort_by_key(|(named, _)| *named);
    for pair in ranked.windows(2) {
        let [(_, less), (_, more)] = pair else { panic!() };
        assert!(scope(less).rank() < scope(more).rank(), "{less} < {more}");
        // what is less particular doesn't matter, however strict it is and wherever it stands
        for entries in [vec![limit(less, 1), limit(more, 50)], vec![limit(more, 50), limit(less, 1)]] {
            let policy = applied(entries);
            assert_eq!((policy.max_age, policy.max_age_from), (days(50), Some(scope(more))), "{less} < {more}");
        }
    }
}

#[test]
fn of_two_tags_the_stricter_entry_holds_for_each_setting() {
    let entry = |tag: &str, count: u64| Override {
        scope: scope(&format!("tag={tag}")),
        max_age: Some(days(count)),
        warn_before: Some(days(count)),
        idle_after: Some(days(count)),
        history: Some(days(count)),
    };
    for entries in [vec![entry("x", 30), entry("y", 60)], vec![entry("y", 60), entry("x", 30)]] {
        let policy = applied(entries);
        assert_eq!((policy.max_age, policy.idle_after), (days(30), Some(days(30))));
        assert_eq!((policy.warn_before, policy.history), (days(60), days(60)));
        assert_eq!(policy.max_age_from, Some(scope("tag=x")));
    }
}

#[test]
fn each_setting_is_decided_for_itself_and_the_rest_stays() {
    let warn = Override { warn_before: Some(days(3)), ..limit("source=eu", 10) };
    let usual = RulePolicy::default();
    let policy = applied(vec![warn, limit("account=a", 200), limit("account=b", 1), limit("source=eu account=b", 1)]);
    assert_eq!((policy.max_age, policy.warn_before), (days(200), days(3)));
    assert_eq!((policy.history, policy.idle_after, policy.wanted_kind), (usual.history, None, None));
    assert_eq!(applied(vec![limit("account=b", 1)]), usual);
}

#[test]
fn everything_that_a_scope_names_has_to_fit() {
    for (line, fits) in [
        ("source=eu account=a tag=y provider=mailjet connection=c", true),
        ("source=us account=a", false),
        ("tag=z", false),
        ("tag=X", false),
        ("provider=kit tag=x", false),
        ("connection=d account=a", false),
    ] {
        assert_eq!(fits_all(|about| scope(line).covers(about)), fits, "{line}");
    }
    assert_eq!(scope("source=eu tag=x account=a").to_string(), r#"account "a", tag "x", source "eu""#);
}

fn exemption(line: &str, rules: &[RuleName], until: Timestamp) -> Exemption {
    let rules = rules.iter().copied().collect();
    Exemption { scope: scope(line), rules, reason: "known".to_owned(), until, by: None }
}

#[test]
fn an_exemption_holds_to_the_last_millisecond_before_its_end_and_not_at_it() {
    let end = NOW + days(3);
    let exemptions = Exemptions::new(vec![exemption("account=a", &[RuleName::SecretStale], end)]);
    let holds = |rule, at| fits_all(|about| exemptions.in_force(about, rule, at).is_some());
    let before = Timestamp::from_millis(end.as_millis() - 1);
    assert!(holds(RuleName::SecretStale, NOW) && holds(RuleName::SecretStale, before));
    assert!(!holds(RuleName::SecretStale, end) && !holds(RuleName::SecretDue, NOW));
}

#[test]
fn of_several_exemptions_the_one_that_holds_longest_is_named() {
    let rules = [RuleName::SecretStale];
    let (long, short) = (exemption("source=eu", &rules, NOW + days(9)), exemption("account=a", &rules, NOW + days(3)));
    for entries in [vec![long.clone(), short.clone()], vec![short.clone(), long.clone()]] {
        let exemptions = Exemptions::new(entries);
        let named = |at| fits_all(|about| exemptions.in_force(about, RuleName::SecretStale, at).cloned());
        assert_eq!(named(NOW), Some(long.clone()));
        assert_eq!(named(NOW + days(9)), None);
    }
}

#[test]
fn a_key_that_others_know_is_never_accepted_and_every_other_rule_may_be() {
    let refused: Vec<_> = RuleName::ALL.into_iter().filter(|rule| !may_be_exempt(*rule)).collect();
    assert_eq!(refused, [RuleName::SecretCompromised]);
}

#[test]
fn the_register_lists_every_exemption_with_how_it_stands_and_what_it_covers() {
    let rules = [RuleName::SecretStale, RuleName::MixedUse];
    let entries = [
        ("account=a", NOW + ENDS_SOON + days(1), Standing::InForce),
        ("account=b", NOW + ENDS_SOON, Standing::EndsSoon),
        ("account=c", NOW, Standing::Ended),
    ];
    let exemptions = Exemptions::new(entries.iter().map(|(line, end, _)| exemption(line, &rules, *end)).collect());
    let counted = BTreeMap::from([(r#"secret-stale, mixed-use of account "a""#.to_owned(), 7)]);
    let register = exemptions.register(&counted, NOW);
    let listed: Vec<_> = register.iter().map(|entry| (entry.standing, entry.findings)).collect();
    assert_eq!(listed, [(Standing::InForce, 7), (Standing::EndsSoon, 0), (Standing::Ended, 0)]);
}

fn scopes() -> impl Strategy<Value = Scope> {
    let name = |names: [&'static str; 2]| option::of(select(names.to_vec()).prop_map(str::to_owned));
    (
        name(["c", "d"]),
        name(["a", "b"]),
        name(["x", "y"]),
        option::of(select(vec!["mailjet", "kit"])),
        name(["eu", "us"]),
    )
        .prop_map(|(connection, account, tag, provider, source)| Scope {
            connection,
            account,
            tag,
            provider: provider.map(ProviderName::new),
            source,
        })
}

fn overrides() -> impl Strategy<Value = Override> {
    let span = || option::of((1_u64..5).prop_map(days));
    (scopes(), span(), span(), span(), span()).prop_map(|(scope, max_age, warn_before, idle_after, history)| Override {
        scope,
        max_age,
        warn_before,
        idle_after,
        history,
    })
}

proptest! {
    #[test]
    fn what_holds_depends_on_no_order_and_comes_from_the_highest_rank_that_sets_it(
        (entries, shuffled) in vec(overrides(), 0..8).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let policy = applied(entries.clone());
        prop_assert_eq!(&policy, &applied(shuffled));
        let fitting = entries.iter().filter(|entry| fits_all(|about| entry.scope.covers(about)));
        let setting: Vec<&Override> = fitting.filter(|entry| entry.max_age.is_some()).collect();
        let highest = setting.iter().map(|entry| entry.scope.rank()).max();
        let at_highest = setting.iter().filter(|entry| Some(entry.scope.rank()) == highest);
        let strictest = at_highest.filter_map(|entry| entry.max_age).min();
        prop_assert_eq!(policy.max_age, strictest.unwrap_or(RulePolicy::default().max_age));
        prop_assert_eq!(policy.max_age_from.map(|scope| scope.rank()), highest);
    }

    #[test]
    fn scopes_of_one_rank_that_cover_one_connection_differ_in_nothing_but_tags(one in scopes(), other in scopes()) {
        let both = fits_all(|about| one.covers(about) && other.covers(about));
        if both && one.rank() == other.rank() {
            let tag = one.tag.clone();
            prop_assert_eq!(one, Scope { tag, ..other });
        }
    }

    #[test]
    fn a_finding_is_exempt_exactly_while_one_of_its_exemptions_holds_whatever_their_order(
        (entries, shuffled) in vec(
            (scopes(), btree_set(select(RuleName::ALL.to_vec()), 1..5), 0_u64..10_000),
            0..6,
        ).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        rule in select(RuleName::ALL.to_vec()),
        ms in 0_u64..10_000,
    ) {
        let exemptions = |entries: Vec<(Scope, BTreeSet<RuleName>, u64)>| {
            let entry = |(scope, rules, ms)| {
                let until = NOW + Duration::from_millis(ms);
                Exemption { scope, rules, reason: "known".to_owned(), until, by: None }
            };
            Exemptions::new(entries.into_iter().map(entry).collect())
        };
        let now = NOW + Duration::from_millis(ms);
        let (one, other) = (exemptions(entries), exemptions(shuffled));
        fits_all(|about| {
            let holds = |entry: &Exemption| entry.scope.covers(about) && entry.rules.contains(&rule) && now < entry.until;
            prop_assert_eq!(one.in_force(about, rule, now).is_some(), one.iter().any(holds));
            prop_assert_eq!(one.in_force(about, rule, now), other.in_force(about, rule, now));
            Ok(())
        })?;
    }
}
