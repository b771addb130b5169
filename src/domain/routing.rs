//! Who is told of a finding (DESIGN.md 9): the owners and the member who made the connection; where neither can be told,
//! and at a set step of the ladder, the operator's security contact; nobody else.

use super::record::{PersonStatus, Role};

/// Somebody who might be told of a finding on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    /// their role in the connection's account
    pub role: Role,
    /// whether they may be written to
    pub status: PersonStatus,
    /// whether the platform has verified the address
    pub verified: bool,
    /// true while a permanent refusal suppresses the address
    pub suppressed: bool,
    /// true where they have said that this finding is not theirs
    pub disowned: bool,
    /// true where the finding is of low severity, and they want no mail about such
    pub muted: bool,
    /// true for the person who made the connection
    pub creator: bool,
}

/// True for every owner who can be reached, and for a member who can be reached and made the connection.
///
/// A member can delete only what they made, so the mail would be of no use to any other.
pub fn is_told(reader: &Reader) -> bool {
    let reachable = reader.status == PersonStatus::Active && reader.verified && !reader.suppressed;
    let willing = !reader.disowned && !reader.muted;
    reachable && willing && (reader.role == Role::Owner || reader.creator)
}

/// Who is told of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route<P> {
    /// the people of the account, in the order given
    pub people: Vec<P>,
    /// the security contact, where there is one and it is their turn
    pub contact: Option<P>,
    /// true where somebody would have been told who wants no mail about low severities: then nobody takes their place
    pub muted: bool,
}

impl<P> Route<P> {
    /// True where somebody ought to be told and nobody can be.
    pub const fn is_nowhere(&self) -> bool {
        self.people.is_empty() && self.contact.is_none() && !self.muted
    }
}

/// Who of these is told. `contact` is the security contact, where there is one that may be written to; `escalated` is
/// true where the step is theirs as well.
pub fn route<P>(readers: impl IntoIterator<Item = (P, Reader)>, contact: Option<P>, escalated: bool) -> Route<P> {
    let (mut people, mut muted) = (Vec::new(), false);
    for (who, reader) in readers {
        if is_told(&reader) {
            people.push(who);
        } else {
            muted |= is_told(&Reader { muted: false, ..reader });
        }
    }
    let contact = contact.filter(|_| escalated || (people.is_empty() && !muted));
    Route { people, contact, muted }
}

#[cfg(test)]
impl Reader {
    /// An account owner who may be told.
    pub const OWNER: Self = Self {
        role: Role::Owner,
        status: PersonStatus::Active,
        verified: true,
        suppressed: false,
        disowned: false,
        muted: false,
        creator: false,
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWNER: Reader = Reader::OWNER;
    const CREATOR: Reader = Reader { role: Role::Member, creator: true, ..OWNER };

    #[test]
    fn owners_and_the_member_who_made_the_connection_are_told_and_nobody_else() {
        assert!(is_told(&OWNER));
        assert!(is_told(&Reader { creator: true, ..OWNER }));
        assert!(is_told(&CREATOR));
        assert!(!is_told(&Reader { creator: false, ..CREATOR }));
    }

    #[test]
    fn nobody_is_told_who_may_not_be_written_to() {
        for reader in [OWNER, CREATOR] {
            for unreachable in [
                Reader { status: PersonStatus::Suspended, ..reader },
                Reader { status: PersonStatus::Removed, ..reader },
                Reader { verified: false, ..reader },
                Reader { suppressed: true, ..reader },
                Reader { disowned: true, ..reader },
                Reader { muted: true, ..reader },
            ] {
                assert!(!is_told(&unreachable), "{unreachable:?}");
            }
        }
    }

    #[test]
    fn the_security_contact_is_told_where_nobody_else_can_be_and_at_a_set_step() {
        let suppressed = Reader { suppressed: true, ..OWNER };
        for (readers, escalated, expected) in [
            (vec![(1, OWNER)], false, (vec![1], None)),
            (vec![(1, OWNER)], true, (vec![1], Some(9))),
            (vec![(1, suppressed), (2, CREATOR)], false, (vec![2], None)),
            (vec![(1, suppressed)], false, (vec![], Some(9))),
            (vec![], true, (vec![], Some(9))),
        ] {
            let route = route(readers.clone(), Some(9), escalated);
            assert_eq!((route.people, route.contact), expected, "{readers:?} {escalated}");
        }
        assert!(route([(1, suppressed)], None, true).is_nowhere());
        let muted = route([(1, Reader { muted: true, ..OWNER })], Some(9), false);
        assert!(muted.people.is_empty() && muted.contact.is_none() && !muted.is_nowhere(), "their wish is no trouble");
        let disowned = route([(1, Reader { disowned: true, ..OWNER })], Some(9), false);
        assert_eq!(disowned.contact, Some(9), "somebody's it is");
    }

    fn readers() -> impl Strategy<Value = Reader> {
        let statuses = [PersonStatus::Active, PersonStatus::Suspended, PersonStatus::Removed];
        let roles = prop::sample::select(vec![Role::Owner, Role::Member]);
        (roles, prop::sample::select(statuses.to_vec()), any::<[bool; 5]>()).prop_map(|(role, status, flags)| {
            let [verified, suppressed, disowned, muted, creator] = flags;
            Reader { role, status, verified, suppressed, disowned, muted, creator }
        })
    }

    proptest! {
        #[test]
        fn whoever_may_be_told_is_told_and_somebody_is_wherever_there_is_a_contact(
            all in prop::collection::vec(readers(), 0..6),
            has_contact: bool,
            escalated: bool,
        ) {
            let contact = has_contact.then_some(99);
            let route = route(all.iter().copied().enumerate(), contact, escalated);
            for (number, reader) in all.iter().enumerate() {
                prop_assert_eq!(route.people.contains(&number), is_told(reader));
            }
            for told in &route.people {
                prop_assert!(all[*told].status == PersonStatus::Active && all[*told].verified && !all[*told].suppressed);
            }
            let would_be = all.iter().any(|reader| is_told(&Reader { muted: false, ..*reader }));
            prop_assert_eq!(route.is_nowhere(), !has_contact && !would_be);
            prop_assert_eq!(route.contact.is_some(), has_contact && (escalated || !would_be));
        }
    }
}
