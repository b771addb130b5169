use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);
const POLICY: ActPolicy = ActPolicy { longest_pause: days(90), reset_window: hours(24), checks_per_day: 5 };

const OWNER: Member = Member {
    of_account: true,
    role: Role::Owner,
    status: PersonStatus::Active,
    verified: true,
    maker: false,
    disowned: false,
    checks: 0,
    checking: false,
};
const MAKER: Member = Member { role: Role::Member, maker: true, ..OWNER };

#[test]
fn a_reset_has_failed_where_the_key_was_accepted_since_the_end_of_its_window() {
    let over = NOW + hours(24);
    let belief = |liveness, accepted_at| Belief { liveness, accepted_at, ..Belief::default() };
    for (liveness, accepted_at, failed) in [
        (Liveness::Live, Some(over), true),
        (Liveness::Live, Some(over + hours(1)), true),
        (Liveness::Live, Some(over - hours(1)), false),
        (Liveness::Live, None, false),
        (Liveness::Unverified, None, false),
        (Liveness::Suspect, Some(over + hours(1)), false),
        (Liveness::Dead, Some(over + hours(1)), false),
        (Liveness::Shredded, Some(over + hours(1)), false),
    ] {
        assert_eq!(reset_failed(over, &belief(liveness, accepted_at)), failed, "{liveness:?} {accepted_at:?}");
    }
}

/// A key that was left behind and still works.
const LEFT: Matter = Matter {
    exempt: false,
    open: true,
    rule: RuleName::RevocationMissing,
    liveness: Liveness::Live,
    held: true,
    idle: true,
    alone: true,
    compromised: false,
    pause: None,
};
/// A key in use that is too old.
const STALE: Matter = Matter { rule: RuleName::SecretStale, idle: false, ..LEFT };

fn snooze(days_ahead: u64) -> Act {
    Act::Snooze { until: NOW + days(days_ahead) }
}

fn acknowledge(days_ahead: u64) -> Act {
    Act::Acknowledge { until: NOW + days(days_ahead) }
}

fn paused(why: Why, span: Duration) -> Option<Pause> {
    Some(Pause { why, until: NOW + span })
}

fn done(act: Act, member: Member, matter: Matter) -> Result<Change, Refusal> {
    decide(act, &Actor::Member(member), &matter, NOW, &POLICY)
}

fn by_operator(act: Act, matter: Matter) -> Result<Change, Refusal> {
    decide(act, &Actor::Operator, &matter, NOW, &POLICY)
}

#[test]
fn an_owner_may_do_what_fits_the_finding() {
    let pending = Change::Pause(Pause { why: Why::Pending, until: NOW + hours(24) });
    let quiet = Change::Pause(Pause { why: Why::Snoozed, until: NOW + days(7) });
    for (what, act, matter, expected) in [
        ("check a live key", Act::Check, LEFT, Ok(Change::Check)),
        ("check a suspect", Act::Check, Matter { liveness: Liveness::Suspect, ..LEFT }, Ok(Change::Check)),
        ("check without a copy", Act::Check, Matter { held: false, ..LEFT }, Err(Refusal::NoCopy)),
        ("reset a key", Act::Reset, STALE, Ok(pending)),
        ("reset once more", Act::Reset, Matter { pause: paused(Why::Pending, hours(3)), ..STALE }, Ok(Change::Nothing)),
        (
            "reset after the window",
            Act::Reset,
            Matter { pause: paused(Why::Pending, Duration::ZERO), ..STALE },
            Ok(pending),
        ),
        ("reset while snoozed", Act::Reset, Matter { pause: paused(Why::Snoozed, days(9)), ..STALE }, Ok(pending)),
        (
            "reset what must be reconnected",
            Act::Reset,
            Matter { rule: RuleName::ConnectionBroken, ..STALE },
            Err(Refusal::Unfit),
        ),
        ("snooze", snooze(7), LEFT, Ok(quiet)),
        ("snooze for ever", snooze(91), LEFT, Err(Refusal::BadDate)),
        ("snooze into the past", Act::Snooze { until: NOW }, LEFT, Err(Refusal::BadDate)),
        ("snooze twice", snooze(7), Matter { pause: paused(Why::Snoozed, days(7)), ..LEFT }, Ok(Change::Nothing)),
        ("snooze for longer", snooze(7), Matter { pause: paused(Why::Snoozed, days(1)), ..LEFT }, Ok(quiet)),
        (
            "snooze what the operator knows of",
            snooze(7),
            Matter { pause: paused(Why::Acknowledged, days(1)), ..LEFT },
            Ok(Change::Nothing),
        ),
        ("acknowledge", acknowledge(7), LEFT, Err(Refusal::NotYours)),
        ("resume", Act::Resume, Matter { pause: paused(Why::Snoozed, days(7)), ..LEFT }, Ok(Change::Resume)),
        ("resume what never paused", Act::Resume, LEFT, Ok(Change::Nothing)),
        (
            "resume what the operator stopped",
            Act::Resume,
            Matter { pause: paused(Why::Acknowledged, days(7)), ..LEFT },
            Err(Refusal::NotYours),
        ),
        ("disown", Act::NotMine, LEFT, Ok(Change::Disown)),
        ("destroy", Act::Destroy, LEFT, Ok(Change::Destroy)),
        (
            "destroy twice",
            Act::Destroy,
            Matter { held: false, liveness: Liveness::Shredded, ..LEFT },
            Ok(Change::Nothing),
        ),
        ("destroy what is in use", Act::Destroy, STALE, Err(Refusal::Unfit)),
        ("destroy what others have too", Act::Destroy, Matter { alone: false, ..LEFT }, Err(Refusal::Unfit)),
        ("destroy what was never held", Act::Destroy, Matter { held: false, ..LEFT }, Err(Refusal::NoCopy)),
        ("report a leak", Act::Compromised, LEFT, Ok(Change::Compromise)),
        ("report it twice", Act::Compromised, Matter { compromised: true, ..LEFT }, Ok(Change::Nothing)),
        ("report a dead key", Act::Compromised, Matter { liveness: Liveness::Dead, ..LEFT }, Err(Refusal::Unfit)),
    ] {
        assert_eq!(done(act, OWNER, matter), expected, "{what}");
    }
}

#[test]
fn an_owners_word_is_all_that_there_is_of_a_left_key_that_nobody_can_ask_about() {
    let by_hand = Change::Pause(Pause { why: Why::Confirmed, until: NOW + days(36_525) });
    let pending = Change::Pause(Pause { why: Why::Pending, until: NOW + hours(24) });
    for (what, act, matter, expected) in [
        ("reset what can't be asked about", Act::Reset, Matter { held: false, ..LEFT }, Ok(by_hand)),
        (
            "reset it once more",
            Act::Reset,
            Matter { held: false, pause: paused(Why::Confirmed, days(9)), ..LEFT },
            Ok(Change::Nothing),
        ),
        (
            "snooze what was confirmed",
            snooze(7),
            Matter { pause: paused(Why::Confirmed, days(9)), ..LEFT },
            Ok(Change::Nothing),
        ),
        (
            "resume what was confirmed",
            Act::Resume,
            Matter { pause: paused(Why::Confirmed, days(9)), ..LEFT },
            Ok(Change::Resume),
        ),
        ("reset in use without a copy", Act::Reset, Matter { held: false, ..STALE }, Ok(pending)),
        (
            "reset a leaked key in use without a copy",
            Act::Reset,
            Matter { held: false, rule: RuleName::SecretCompromised, ..STALE },
            Ok(pending),
        ),
    ] {
        assert_eq!(done(act, OWNER, matter), expected, "{what}");
    }
    let maker = Member { role: Role::Member, maker: true, ..OWNER };
    assert_eq!(done(Act::Reset, maker, Matter { held: false, ..LEFT }), Ok(pending));
}

#[test]
fn what_the_configuration_accepts_an_operator_neither_prolongs_nor_ends() {
    let exempt = Matter { exempt: true, pause: paused(Why::Acknowledged, days(60)), ..STALE };
    for act in [snooze(7), acknowledge(7), Act::Resume] {
        assert_eq!(by_operator(act, exempt), Err(Refusal::Exempt), "{act:?}");
        assert!(by_operator(act, Matter { exempt: false, ..exempt }).is_ok(), "{act:?}");
    }
    assert_eq!(by_operator(Act::Resume, Matter { open: false, ..exempt }), Err(Refusal::Over));
    assert_eq!(done(snooze(7), OWNER, exempt), Ok(Change::Nothing), "to people it is as acknowledged");
}

#[test]
fn an_operators_name_is_one_line_that_is_not_too_long() {
    let of = |name: &str| OperatorName::new(name).map(|name| name.as_str().to_owned());
    assert_eq!(of(" alice-laptop "), Some("alice-laptop".to_owned()));
    assert_eq!(of(&"é".repeat(64)), Some("é".repeat(64)));
    for none in ["", "  ", "two\nlines", "bell\u{7}", &"x".repeat(65)] {
        assert_eq!(of(none), None, "{none:?}");
    }
}

#[test]
fn the_maker_may_do_what_the_owner_may_but_for_destroying_the_copy_and_keeping_mail_from_the_owner() {
    for act in EVERY {
        let is_the_owners = matches!(act, Act::Destroy | Act::Snooze { .. });
        let expected = if is_the_owners { Err(Refusal::NotYours) } else { done(act, OWNER, LEFT) };
        assert_eq!(done(act, MAKER, LEFT), expected, "{act:?}");
    }
}

#[test]
fn the_operator_snoozes_acknowledges_and_resumes_and_has_the_last_word() {
    let until = NOW + days(30);
    let acknowledged = Change::Pause(Pause { why: Why::Acknowledged, until });
    assert_eq!(by_operator(acknowledge(30), LEFT), Ok(acknowledged));
    assert_eq!(
        by_operator(acknowledge(30), Matter { pause: paused(Why::Snoozed, days(50)), ..LEFT }),
        Ok(acknowledged)
    );
    let known = Matter { pause: paused(Why::Acknowledged, days(9)), ..LEFT };
    assert_eq!(by_operator(snooze(30), known), Ok(Change::Pause(Pause { why: Why::Snoozed, until })));
    assert_eq!(by_operator(Act::Resume, known), Ok(Change::Resume));
    for act in [Act::Check, Act::Reset, Act::NotMine, Act::Destroy, Act::Compromised] {
        assert_eq!(by_operator(act, LEFT), Err(Refusal::NotYours), "{act:?}");
    }
}

#[test]
fn a_day_has_so_many_checks_and_one_that_waits_is_not_asked_again() {
    assert_eq!(done(Act::Check, Member { checks: 4, ..OWNER }, LEFT), Ok(Change::Check));
    assert_eq!(done(Act::Check, Member { checks: 5, ..OWNER }, LEFT), Err(Refusal::TooOften));
    assert_eq!(done(Act::Check, Member { checks: 5, checking: true, ..OWNER }, LEFT), Ok(Change::Nothing));
}

#[test]
fn what_was_disowned_can_be_taken_back_and_not_disowned_again() {
    let disowned = Member { disowned: true, ..OWNER };
    assert_eq!(done(Act::NotMine, disowned, LEFT), Ok(Change::Nothing));
    assert_eq!(done(Act::Resume, disowned, LEFT), Ok(Change::Resume));
}

#[test]
fn every_reason_for_quiet_is_read_back() {
    for why in Why::ALL {
        assert_eq!(Why::parse(why.as_str()), Some(why));
    }
    assert_eq!(Why::parse("tired"), None);
}

const EVERY: [Act; 8] = [
    Act::Check,
    Act::Reset,
    Act::Snooze { until: Timestamp::from_secs(1_790_000_000 + 86_400) },
    Act::Acknowledge { until: Timestamp::from_secs(1_790_000_000 + 86_400) },
    Act::Resume,
    Act::NotMine,
    Act::Destroy,
    Act::Compromised,
];

fn members() -> impl Strategy<Value = Member> {
    let statuses = prop::sample::select(vec![PersonStatus::Active, PersonStatus::Suspended, PersonStatus::Removed]);
    let roles = prop::sample::select(vec![Role::Owner, Role::Member]);
    (any::<[bool; 5]>(), roles, statuses, 0_u32..8).prop_map(|(flags, role, status, checks)| {
        let [of_account, verified, maker, disowned, checking] = flags;
        Member { of_account, role, status, verified, maker, disowned, checks, checking }
    })
}

fn matters() -> impl Strategy<Value = Matter> {
    let rules = prop::sample::select(RuleName::ALL.to_vec());
    let states = prop::sample::select(Liveness::ALL.to_vec());
    let pause = prop::option::of((prop::sample::select(Why::ALL.to_vec()), -200_i64..200));
    (any::<[bool; 6]>(), rules, states, pause).prop_map(|(flags, rule, liveness, pause)| {
        let [open, held, idle, alone, compromised, exempt] = flags;
        let pause = pause.map(|(why, hours)| Pause { why, until: Timestamp::from_secs(NOW.as_secs() + hours * 3600) });
        Matter { open, rule, liveness, held, idle, alone, compromised, exempt, pause }
    })
}

proptest! {
    #[test]
    fn who_may_not_act_changes_nothing_whatever_the_act(
        act in prop::sample::select(EVERY.to_vec()), member in members(), matter in matters(),
    ) {
        let reachable = member.status == PersonStatus::Active && member.verified && member.of_account;
        if !reachable || (member.role != Role::Owner && !member.maker) {
            prop_assert_eq!(done(act, member, matter), Err(Refusal::NotYours));
        }
    }

    #[test]
    fn nothing_is_done_about_what_is_settled(
        act in prop::sample::select(EVERY.to_vec()), member in members(), matter in matters(),
    ) {
        let settled = Matter { open: false, ..matter };
        prop_assert!(done(act, member, settled).is_err());
        prop_assert!(by_operator(act, settled).is_err());
    }

    #[test]
    fn every_pause_but_an_owners_word_for_what_cant_be_asked_has_an_end_within_the_longest(
        act in prop::sample::select(EVERY.to_vec()), member in members(), matter in matters(), ahead in 0_u64..400,
    ) {
        let act = match act {
            Act::Snooze { .. } => snooze(ahead),
            Act::Acknowledge { .. } => acknowledge(ahead),
            other => other,
        };
        for change in [done(act, member, matter), by_operator(act, matter)] {
            if let Ok(Change::Pause(Pause { why: Why::Confirmed, .. })) = change {
                prop_assert!(act == Act::Reset && member.role == Role::Owner && !matter.held);
            } else if let Ok(Change::Pause(pause)) = change {
                prop_assert!(pause.until > NOW && pause.until <= NOW + POLICY.longest_pause);
            }
        }
    }

    #[test]
    fn a_copy_is_destroyed_only_for_an_owner_of_what_nothing_uses_and_nobody_else_has(
        member in members(), matter in matters(),
    ) {
        if done(Act::Destroy, member, matter) == Ok(Change::Destroy) {
            prop_assert!(member.may_act() && member.role == Role::Owner);
            prop_assert!(matter.open && matter.held && matter.idle && matter.alone);
        }
    }

    #[test]
    fn a_pause_that_was_made_is_made_once(
        act in prop::sample::select(EVERY.to_vec()), member in members(), matter in matters(),
    ) {
        if let Ok(Change::Pause(pause)) = done(act, member, matter) {
            prop_assert_eq!(done(act, member, Matter { pause: Some(pause), ..matter }), Ok(Change::Nothing));
        }
    }
}
