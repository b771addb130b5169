//! The positive control (DESIGN.md 4): a refusal counts for more where the same endpoint has lately let *another*
//! credential of the same source in. Which endpoint, where several refuse, says decision 38.

use std::time::Duration;

use super::belief::Belief;
use super::blindness::CREDENTIALS;
use super::ids::CredentialId;
use super::outcome::{Part, Verdict};
use super::time::{Timestamp, days, hours};

/// An acceptance is a control for so long.
pub const HOLDS: Duration = hours(24);

/// A place that let nobody of the source in for so long is none where its credentials live.
pub const LIVES: Duration = days(7);

/// Where a control is needed, so that the refusals of an answer count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needed<'p> {
    /// at each of these places
    Each(Vec<&'p Part>),
    /// at one of them
    Any(Vec<&'p Part>),
}

impl<'p> Needed<'p> {
    /// For a credential that gets this answer. `lingers`: the provider lets replaced values in for a while; `last_let_in`:
    /// when it last let anybody of the source in at the place of a part.
    ///
    /// Where it is known to live, that place alone must be well: what another one says to those who live there says nothing for
    /// it. One that was never let in might live wherever others of its source do. A protocol where values only linger is no
    /// such place: those who are let in there are on their way out.
    pub fn of(
        belief: &Belief,
        parts: &'p [Part],
        lingers: bool,
        now: Timestamp,
        last_let_in: impl Fn(&Part) -> Option<Timestamp>,
    ) -> Self {
        let refused = || parts.iter().filter(|part| part.verdict == Verdict::Refused);
        if let Some(home) = refused().find(|part| belief.home.as_ref().is_some_and(|home| part.is_at(home))) {
            return Self::Each(vec![home]);
        }
        if belief.accepted_at.is_some() && belief.home.is_none() {
            return Self::Any(refused().collect()); // let in before it was kept where
        }
        let first = refused().next().map(|part| part.protocol.as_str());
        let may_live = |part: &&Part| !lingers || Some(part.protocol.as_str()) == first;
        let lives = |part: &&Part| last_let_in(part).is_some_and(|at| now.since(at) <= LIVES);
        let places: Vec<&Part> = refused().filter(may_live).filter(lives).collect();
        if places.is_empty() { Self::Any(refused().collect()) } else { Self::Each(places) }
    }

    /// The places.
    pub fn places(&self) -> &[&'p Part] {
        let (Self::Each(places) | Self::Any(places)) = self;
        places
    }

    /// Whether it is there.
    pub fn is_met(&self, has_control: impl Fn(&Part) -> bool) -> bool {
        match self {
            Self::Each(places) => !places.is_empty() && places.iter().all(|part| has_control(part)),
            Self::Any(places) => places.iter().any(|part| has_control(part)),
        }
    }
}

/// Whether the operator's own credential speaks for one that was never let in, of a source with so many refused ones at the
/// provider. It shows that the provider lets keys in, not that this source's rows are read rightly: where nobody of a source was
/// ever let in and several were refused, a wrongly mapped column is likelier than that all of them are dead (decision 46).
pub const fn own_speaks_for(source_was_let_in: bool, refused: u64) -> bool {
    source_was_let_in || refused < CREDENTIALS as u64
}

/// The last acceptances at one endpoint: by whom, and the last one by anybody else. Two are enough to answer for every
/// credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// the credential that was accepted last; `None` for the operator's own
    pub credential: Option<CredentialId>,
    /// when
    pub at: Timestamp,
    /// when another than that was last accepted
    pub other_at: Option<Timestamp>,
}

impl Accepted {
    /// The first acceptance.
    pub const fn first(credential: Option<CredentialId>, at: Timestamp) -> Self {
        Self { credential, at, other_at: None }
    }

    /// With one more acceptance. An older one than is known changes nothing.
    #[must_use]
    pub fn then(self, credential: Option<CredentialId>, at: Timestamp) -> Self {
        if at < self.at {
            return self;
        }
        let other_at = if credential == self.credential { self.other_at } else { Some(self.at) };
        Self { credential, at, other_at }
    }

    /// Whether another credential than this one was accepted within [`HOLDS`] before `now`, and not before `since`: where
    /// everybody is turned away since then, an acceptance from before says nothing for this one's refusals.
    pub fn holds_for(&self, credential: CredentialId, since: Option<Timestamp>, now: Timestamp) -> bool {
        let at = if self.credential == Some(credential) { self.other_at } else { Some(self.at) };
        at.is_some_and(|at| now.since(at) <= HOLDS && since.is_none_or(|since| at >= since))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn part(protocol: &str, endpoint: &str, verdict: Verdict) -> Part {
        Part { protocol: protocol.to_owned(), endpoint: endpoint.to_owned(), verdict, status: None }
    }

    fn lives_at(protocol: &str, endpoint: &str) -> Belief {
        let mut belief = Belief { accepted_at: Some(NOON), ..Belief::default() };
        belief.let_in_over(&[part(protocol, endpoint, Verdict::Accepted)], false);
        belief
    }

    #[test]
    fn a_control_is_needed_where_the_credential_lives_or_where_others_of_its_source_do() {
        let before_homes = Belief { accepted_at: Some(NOON), ..Belief::default() };
        let never = Belief::default();
        let two = [["rest", "default"], ["classic", "default"]];
        let three = [["rest", "default"], ["rest", "us"], ["smtp", "relay"]];
        // belief, refused at, whether values linger, who of the source lives where, each or any, and where
        type Case<'a> = (Belief, &'a [[&'a str; 2]], bool, &'a [(&'a str, u64)], bool, &'a [&'a str]);
        let cases: [Case<'_>; 10] = [
            (lives_at("classic", "default"), &two, false, &[("rest/default", 0)], true, &["classic/default"]),
            (lives_at("rest", "us"), &three, true, &[("rest/default", 0)], true, &["rest/us"]),
            (before_homes, &two, false, &[("rest/default", 0)], false, &["rest/default", "classic/default"]),
            (
                never.clone(),
                &two,
                false,
                &[("rest/default", 0), ("classic/default", 1)],
                true,
                &["rest/default", "classic/default"],
            ),
            (never.clone(), &two, false, &[("rest/default", 0), ("classic/default", 8)], true, &["rest/default"]),
            (never.clone(), &three, true, &[("rest/default", 0), ("smtp/relay", 0)], true, &["rest/default"]),
            (never.clone(), &three, true, &[("rest/default", 0), ("rest/us", 7)], true, &["rest/default", "rest/us"]),
            (never.clone(), &three, true, &[], false, &["rest/default", "rest/us", "smtp/relay"]),
            (never, &two[..1], false, &[], false, &["rest/default"]),
            // its place is not asked any more, by the settings or a new catalogue file
            (lives_at("rest", "eu"), &two, false, &[("rest/default", 0)], true, &["rest/default"]),
        ];
        for (belief, refused, lingers, lives, each, places) in cases {
            let parts: Vec<Part> = refused.iter().map(|[p, e]| part(p, e, Verdict::Refused)).collect();
            let name = |part: &Part| format!("{}/{}", part.protocol, part.endpoint);
            let now = NOON + days(30);
            let last = |part: &Part| {
                let found = lives.iter().find(|(place, _)| *place == name(part));
                found.map(|(_, ago)| now - days(*ago))
            };
            let needed = Needed::of(&belief, &parts, lingers, now, last);
            let told: Vec<String> = needed.places().iter().map(|part| name(part)).collect();
            assert_eq!(
                (matches!(needed, Needed::Each(_)), told),
                (each, places.iter().map(ToString::to_string).collect()),
                "{refused:?} {lives:?}"
            );
            assert!(needed.is_met(|_| true) && !needed.is_met(|_| false));
            let first_only = |part: &Part| name(part) == places[0];
            assert_eq!(needed.is_met(first_only), !each || places.len() == 1);
        }
        assert!(!Needed::of(&Belief::default(), &[], false, NOON, |_| None).is_met(|_| true), "nobody refused");
    }

    #[test]
    fn a_home_moves_with_its_credential_but_not_to_where_replaced_values_linger() {
        use Verdict::{Accepted, Refused};
        let smtp = [part("rest", "default", Refused), part("smtp", "relay", Accepted)];
        let us = [part("rest", "default", Refused), part("rest", "us", Accepted)];
        let classic = [part("rest", "default", Refused), part("classic", "default", Accepted)];
        let home = |belief: &Belief| belief.home.as_ref().map(|home| format!("{}/{}", home.protocol, home.endpoint));
        for (parts, lingers, expected) in
            [(&smtp, true, "rest/default"), (&us, true, "rest/us"), (&classic, false, "classic/default")]
        {
            let mut belief = lives_at("rest", "default");
            belief.let_in_over(parts, lingers);
            assert_eq!(home(&belief).as_deref(), Some(expected));
        }
        let mut unknown = Belief::default();
        unknown.let_in_over(&smtp, true);
        assert_eq!(home(&unknown), None);
    }

    #[test]
    fn the_operators_own_credential_does_not_speak_for_a_source_that_is_turned_away_whole() {
        for (source_was_let_in, refused, speaks) in
            [(false, 0, true), (false, 4, true), (false, 5, false), (false, 1_000_000, false), (true, 1_000_000, true)]
        {
            assert_eq!(own_speaks_for(source_was_let_in, refused), speaks, "{source_was_let_in} {refused}");
        }
    }

    #[test]
    fn a_credential_is_not_its_own_control() {
        let own = Accepted::first(Some(CredentialId(1)), NOON);
        assert!(!own.holds_for(CredentialId(1), None, NOON));
        assert!(own.holds_for(CredentialId(2), None, NOON));
        let both = own.then(Some(CredentialId(2)), NOON + hours(1)).then(Some(CredentialId(1)), NOON + hours(2));
        assert!(both.holds_for(CredentialId(1), None, NOON + hours(2)));
        assert!(!both.holds_for(CredentialId(1), None, NOON + hours(26)));
    }

    #[test]
    fn an_acceptance_is_a_control_for_a_day_to_the_millisecond() {
        let control = Accepted::first(None, NOON);
        assert!(control.holds_for(CredentialId(1), None, NOON + HOLDS));
        assert!(!control.holds_for(CredentialId(1), None, NOON + HOLDS + Duration::from_millis(1)));
    }

    #[test]
    fn an_acceptance_from_before_the_first_refusal_says_nothing_for_the_second() {
        let control = Accepted::first(None, NOON);
        let refused = NOON + Duration::from_millis(1);
        assert!(!control.holds_for(CredentialId(1), Some(refused), NOON + hours(1)));
        assert!(control.then(None, refused).holds_for(CredentialId(1), Some(refused), NOON + hours(1)));
    }

    proptest! {
        #[test]
        fn two_acceptances_answer_as_well_as_all_of_them(
            heard in prop::collection::vec((1_i64..4, 0_u64..10), 1..20),
            asker in 1_i64..4,
            later in 0_u64..40,
        ) {
            let (mut now, mut all, mut kept) = (NOON, Vec::new(), None::<Accepted>);
            for (credential, wait) in heard {
                now = now + hours(wait);
                let credential = CredentialId(credential);
                all.push((credential, now));
                kept = Some(kept.map_or_else(
                    || Accepted::first(Some(credential), now),
                    |kept| kept.then(Some(credential), now),
                ));
            }
            let now = now + hours(later);
            let expected = all.iter().any(|(c, at)| *c != CredentialId(asker) && now.since(*at) <= HOLDS);
            prop_assert_eq!(kept.is_some_and(|kept| kept.holds_for(CredentialId(asker), None, now)), expected);
        }
    }
}
