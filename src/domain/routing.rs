//! Who is told of a finding (DESIGN.md 7): the owners, the member who made the connection, nobody else.

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

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Reader = Reader {
        role: Role::Owner,
        status: PersonStatus::Active,
        verified: true,
        suppressed: false,
        disowned: false,
        muted: false,
        creator: false,
    };
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
}
