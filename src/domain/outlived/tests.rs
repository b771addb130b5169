use proptest::prelude::*;

use super::*;
use crate::domain::liveness::{Context, after_probe};
use crate::domain::outcome::{Outcome, Reason};
use crate::domain::time::{hours, minutes};

const T0: Timestamp = Timestamp::from_secs(1_790_000_000);
/// The grace and the gap of [`policy`] together.
const WAIT: Duration = hours(4);

fn policy() -> LivenessPolicy {
    LivenessPolicy {
        grace: Some(hours(2)),
        confirm_gap: hours(2),
        one_secret_per_key: true,
        ..LivenessPolicy::default()
    }
}

fn secret(belief: &Belief) -> Keymate<'_> {
    let idle_since = Some(T0);
    Keymate { belief, first_seen_at: Some(T0), region: None, base_url: None, held: false, idle_since }
}

/// Let in since the beginning, and last after so long.
fn live(last: Duration) -> Belief {
    Belief { liveness: Liveness::Live, since: Some(T0), accepted_at: Some(T0 + last), ..Belief::default() }
}

/// Destroyed while it was still let in.
fn shredded() -> Belief {
    Belief { liveness: Liveness::Shredded, shredding: Some(Shredding::Unproven), ..live(Duration::ZERO) }
}

fn suspect() -> Belief {
    Belief {
        liveness: Liveness::Suspect,
        before: Some(Liveness::Live),
        refused_first: Some(T0 + minutes(5)),
        partly: Some(Reason::Connect),
        ..live(Duration::ZERO)
    }
}

#[test]
fn a_newer_secret_proves_an_older_one_dead_once_both_were_known_for_longer_than_the_grace() {
    let short = Duration::from_millis(1);
    for (accepted, expected) in [
        (Duration::ZERO, Word::NotBefore(T0 + WAIT)),
        (WAIT - short, Word::NotBefore(T0 + WAIT)),
        (WAIT, Word::Dead(T0 + WAIT)),
        (hours(300), Word::Dead(T0 + hours(300))),
    ] {
        for old in [shredded(), suspect(), Belief::default()] {
            let new = live(accepted);
            assert_eq!(judge(&secret(&old), &secret(&new), &policy()), expected, "{old:?}");
        }
    }
}

#[test]
fn nothing_is_concluded_where_anything_speaks_against_it() {
    let (old, new) = (shredded(), live(hours(10)));
    let word = |old: &Keymate<'_>, new: &Keymate<'_>| judge(old, new, &policy());
    assert_eq!(word(&secret(&old), &secret(&new)), Word::Dead(T0 + hours(10)));
    let many = LivenessPolicy { one_secret_per_key: false, ..policy() };
    assert_eq!(judge(&secret(&old), &secret(&new), &many), Word::Nothing, "old and new live side by side there");
    // The provider let the older one in when it was too late for a replaced one.
    for late in [WAIT, hours(11)] {
        let let_in = Belief { accepted_at: Some(T0 + late), ..shredded() };
        assert_eq!(word(&secret(&let_in), &secret(&new)), Word::Nothing, "{late:?}");
    }
    for doubtful in [
        Belief { limited: true, ..live(hours(10)) },
        Belief { liveness: Liveness::Suspect, ..live(hours(10)) },
        Belief { liveness: Liveness::Shredded, ..live(hours(10)) },
        Belief::default(),
    ] {
        assert_eq!(word(&secret(&old), &secret(&doubtful)), Word::Nothing, "{doubtful:?}");
    }
    let place = |region, base_url| Keymate { region, base_url, ..secret(&new) };
    let old_at = Keymate { region: Some("eu"), base_url: Some("https://a.example.org"), ..secret(&old) };
    assert_eq!(word(&old_at, &place(Some("us"), None)), Word::Nothing, "two accounts of two regions");
    assert_eq!(word(&old_at, &place(None, Some("https://b.example.org"))), Word::Nothing);
    assert_eq!(word(&old_at, &place(Some("EU"), None)), Word::Dead(T0 + hours(10)));
    assert_eq!(word(&old_at, &place(None, None)), Word::Dead(T0 + hours(10)));
}

#[test]
fn what_came_later_is_known_from_then_and_who_was_let_in_anew_from_then() {
    let (old, new) = (shredded(), live(hours(10)));
    let later = |at| Keymate { first_seen_at: Some(T0 + at), ..secret(&old) };
    assert_eq!(judge(&later(hours(6)), &secret(&new), &policy()), Word::Dead(T0 + hours(10)));
    assert_eq!(judge(&later(hours(7)), &secret(&new), &policy()), Word::NotBefore(T0 + hours(11)));
    let anew = Belief { since: Some(T0 + hours(9)), ..live(hours(10)) };
    assert_eq!(judge(&secret(&old), &secret(&anew), &policy()), Word::NotBefore(T0 + hours(13)));
    let unseen = Belief { liveness: Liveness::Shredded, shredding: Some(Shredding::Unproven), ..Belief::default() };
    let unseen = Keymate { first_seen_at: None, ..secret(&unseen) };
    assert_eq!(judge(&unseen, &secret(&new), &policy()), Word::Nothing, "nobody knows since when it is there");
}

#[test]
fn who_can_be_asked_and_was_not_refused_answers_for_itself() {
    let new = live(hours(10));
    let silent = |since| Belief { unknown_since: Some(T0 + since), ..live(Duration::ZERO) };
    for (belief, held, idle, dead) in [
        (live(Duration::ZERO), true, true, false),
        (Belief::default(), true, true, false),
        (live(Duration::ZERO), false, true, true),
        (suspect(), true, true, true),
        (suspect(), true, false, true), // its connection is broken
        (silent(hours(6)), true, true, true),
        (silent(hours(7)), true, true, false),
        (silent(hours(1)), true, false, false),
    ] {
        let old = Keymate { held, idle_since: idle.then_some(T0), ..secret(&belief) };
        let is_dead = matches!(judge(&old, &secret(&new), &policy()), Word::Dead(_));
        assert_eq!(is_dead, dead, "{belief:?}, held {held}, idle {idle}");
    }
}

#[test]
fn a_destroyed_one_is_proven_then_and_a_held_one_dead_and_both_say_by_what() {
    let outlived = Outlived { at: T0 + hours(9), by: None };
    let now = T0 + hours(10);
    let shredded = proven(&shredded(), outlived.clone(), now);
    assert!(shredded.is_proven_dead());
    assert_eq!((shredded.liveness, shredded.since), (Liveness::Shredded, Some(T0)), "it was destroyed when it was");
    let suspect = proven(&suspect(), outlived.clone(), now);
    assert_eq!((suspect.liveness, suspect.since, suspect.before), (Liveness::Dead, Some(now), None));
    for belief in [shredded, suspect] {
        assert_eq!((belief.died_at, belief.outlived), (Some(now), Some(outlived.clone())));
        assert_eq!(belief.accepted_at, Some(T0), "what the provider said stays known");
    }
}

#[test]
fn a_dead_one_that_is_let_in_again_is_live_and_nothing_outlives_it_any_more() {
    let dead = proven(&suspect(), Outlived { at: T0 + hours(9), by: None }, T0 + hours(10));
    let ctx = Context { now: T0 + hours(20), idle_since: None, control: true, clock_suspect: false };
    let again = after_probe(&dead, Outcome::Accepted, &ctx, &policy()).belief;
    assert_eq!((again.liveness, &again.outlived), (Liveness::Live, &None));
    let new = live(hours(400));
    let gone = Keymate { held: false, ..secret(&again) };
    assert_eq!(judge(&gone, &secret(&new), &policy()), Word::Nothing);
}

/// What happens at one instant of a key's life.
#[derive(Clone, Debug)]
enum Turn {
    /// its secret is reset
    Reset,
    /// keysweep sees one of its secrets, or asks about it: which one, and whether the answer gets lost
    Look { which: usize, lost: bool },
}

fn turn() -> impl Strategy<Value = (u64, Turn)> {
    let turn = prop_oneof![
        1 => Just(Turn::Reset),
        6 => (0..4_usize, prop::bool::weighted(0.2)).prop_map(|(which, lost)| Turn::Look { which, lost }),
    ];
    (0..200_u64, turn)
}

proptest! {
    /// The provider is a model: the newest secret is let in everywhere, a replaced one for two hours over SMTP.
    #[test]
    fn whoever_is_called_dead_is_never_let_in_again(turns in prop::collection::vec(turn(), 1..80), held in any::<bool>()) {
        let policy = policy();
        let mut now = T0;
        // of each secret: until when it was the only one, when keysweep first saw it, what it believes
        let mut secrets: Vec<(Option<Timestamp>, Option<Timestamp>, Belief)> = vec![(None, None, Belief::default())];
        for (wait, turn) in turns {
            now = now + minutes(wait);
            match turn {
                Turn::Reset => {
                    if let Some(last) = secrets.last_mut() {
                        last.0 = Some(now);
                    }
                    secrets.push((None, None, Belief::default()));
                }
                Turn::Look { which, lost } => {
                    let which = which % secrets.len();
                    let (replaced, seen, belief) = &mut secrets[which];
                    let is_let_in = replaced.is_none_or(|at| now.since(at) < hours(2));
                    let outcome = match (lost, is_let_in) {
                        (true, _) => Outcome::PartlyRefused(Reason::Connect),
                        (false, true) => Outcome::Accepted,
                        (false, false) => Outcome::Refused,
                    };
                    seen.get_or_insert(now);
                    let ctx = Context { now, idle_since: None, control: false, clock_suspect: false };
                    *belief = after_probe(belief, outcome, &ctx, &policy).belief;
                }
            }
            for (place, (replaced, seen, belief)) in secrets.iter().enumerate() {
                for (other, (_, other_seen, other_belief)) in secrets.iter().enumerate() {
                    let (Some(seen), Some(other_seen), true) = (seen, other_seen, place != other) else { continue };
                    let old = Keymate { first_seen_at: Some(*seen), held, ..secret(belief) };
                    let new = Keymate { first_seen_at: Some(*other_seen), ..secret(other_belief) };
                    if let Word::Dead(_) = judge(&old, &new, &policy) {
                        prop_assert!(replaced.is_some_and(|at| now.since(at) >= hours(2)), "{place} by {other}: {secrets:?}");
                    }
                }
            }
        }
    }
}
