//! Mail that came back, and what a report of it (RFC 3464) says of its address.

/// An enhanced status code (RFC 3463): class, subject and detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16, pub u16, pub u16);

impl Status {
    /// Reads what a text begins with; what follows behind white space is a remark.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split_whitespace().next()?.split('.').map(|part| part.parse().ok());
        let status = Self(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(status)
    }

    /// True for codes that speak of the recipient: 5.1.x or 5.2.1. Not 5.1.7 and 5.1.8, which find fault with the
    /// *sender's* address: believing them would suppress everybody over one mistake of ours.
    pub const fn names_the_recipient(self) -> bool {
        matches!(self, Self(5, 1, detail) if !matches!(detail, 7 | 8)) || matches!(self, Self(5, 2, 1))
    }

    /// True for what may be otherwise tomorrow: 4.x.x, a full mailbox, and "unable to route", which is said of a look-up
    /// that failed.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self(4, ..) | Self(5, 2, 2) | Self(5, 4, 4))
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What a report says of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// true where it was given up; false for delayed, relayed, expanded, delivered, and whatever else there may be
    pub failed: bool,
    /// why, where it is said
    pub status: Option<Status>,
    /// what the server said, as it may be kept: one short line without addresses
    pub said: String,
}

/// Whose fault it is that a mail came back, from what follows least to what follows most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// nobody's: it may be otherwise tomorrow
    Passing,
    /// ours, as far as anybody can tell: our reputation, our mail
    Ours,
    /// there is no such address any more
    Address,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 3] = [Self::Passing, Self::Ours, Self::Address];

    /// The one word, as the ledger has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Ours => "ours",
            Self::Address => "address",
        }
    }

    /// The fault of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == word)
    }

    /// A failure without a code finds fault with nobody: that it is not the address's is the safe reading.
    fn of(status: Option<Status>) -> Self {
        match status {
            Some(status) if status.names_the_recipient() => Self::Address,
            Some(status) if status.may_pass() => Self::Passing,
            _ => Self::Ours,
        }
    }
}

/// That a mail came back, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// whose fault it is
    pub fault: Fault,
    /// the code, where there is one
    pub status: Option<Status>,
    /// what was said, as it may be kept
    pub said: String,
}

/// What a report comes to for the one address that a mail of ours is to. An address that hands on to several may be told
/// of more than once: as long as anybody may still get the mail it has not come back, and the mildest of the failures
/// counts. `None` where it has not come back.
pub fn failure(told: &[Told]) -> Option<Failure> {
    if told.iter().any(|told| !told.failed) {
        return None;
    }
    let mildest = told.iter().min_by_key(|told| Fault::of(told.status))?;
    let said = match mildest.status {
        Some(status) if mildest.said.is_empty() => status.to_string(),
        _ => mildest.said.clone(),
    };
    Some(Failure { fault: Fault::of(mildest.status), status: mildest.status, said })
}

/// What the ledger knows of a mail that a report speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// true while a sender holds it: what becomes of it is not known yet
    pub held: bool,
    /// why it came back before
    pub returned: Option<Fault>,
    /// whether the reader's address is the one that it was sent to
    pub same_address: bool,
}

/// What follows from a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// the address is left alone, and what the mail said is told to the next in line
    Suppress,
    /// the reader has another address by now: what the mail said is told there
    TellAgain,
    /// it is noted with the mail
    Note(Fault),
    /// nothing: it was known
    Nothing,
    /// it is to be handled later: the mail is just being sent
    Wait,
}

/// What follows from this failure. What was handled before has no second effect; that an address is gone counts also
/// where the mail came back before for a lesser reason.
pub const fn consequence(known: Known, fault: Fault) -> Consequence {
    match (fault, known.returned) {
        (_, Some(Fault::Address)) | (Fault::Passing | Fault::Ours, Some(_)) => Consequence::Nothing,
        _ if known.held => Consequence::Wait,
        (Fault::Address, _) if known.same_address => Consequence::Suppress,
        (Fault::Address, _) => Consequence::TellAgain,
        (fault, None) => Consequence::Note(fault),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(failed: bool, status: &str) -> Told {
        Told { failed, status: Status::parse(status), said: format!("said {status}") }
    }

    #[test]
    fn a_code_says_whose_fault_it_is() {
        for (status, fault) in [
            ("5.1.1", Fault::Address),
            ("5.1.10 null MX", Fault::Address),
            ("5.2.1 (disabled)", Fault::Address),
            ("5.1.7", Fault::Ours),
            ("5.1.8", Fault::Ours),
            ("5.7.1", Fault::Ours),
            ("5.0.0", Fault::Ours),
            ("5.2.2", Fault::Passing),
            ("5.4.4", Fault::Passing),
            ("4.4.7", Fault::Passing),
            ("4.1.1", Fault::Passing),
            ("", Fault::Ours),
            ("5.1", Fault::Ours),
            ("5.1.1.1", Fault::Ours),
        ] {
            assert_eq!(failure(&[told(true, status)]).map(|failure| failure.fault), Some(fault), "{status}");
        }
    }

    #[test]
    fn as_long_as_anybody_may_get_it_a_mail_has_not_come_back() {
        assert_eq!(failure(&[told(true, "5.1.1"), told(false, "2.0.0")]), None);
        assert_eq!(failure(&[told(false, "4.4.1")]), None);
        assert_eq!(failure(&[]), None);
        let mixed = failure(&[told(true, "5.1.1"), told(true, "5.2.2")]).unwrap();
        assert_eq!((mixed.fault, mixed.said.as_str()), (Fault::Passing, "said 5.2.2"), "the mildest counts");
    }

    #[test]
    fn what_follows_from_a_report() {
        use Consequence::{Note, Nothing, Suppress, TellAgain, Wait};
        use Fault::{Address, Ours, Passing};
        for (held, returned, same_address, fault, expected) in [
            (false, None, true, Address, Suppress),
            (false, None, false, Address, TellAgain),
            (false, None, true, Ours, Note(Ours)),
            (false, None, false, Passing, Note(Passing)),
            (false, Some(Passing), true, Address, Suppress),
            (false, Some(Address), true, Address, Nothing),
            (false, Some(Address), true, Ours, Nothing),
            (false, Some(Ours), true, Passing, Nothing),
            (true, None, true, Address, Wait),
            (true, None, true, Passing, Wait),
            (true, Some(Address), true, Address, Nothing),
        ] {
            let known = Known { held, returned, same_address };
            assert_eq!(consequence(known, fault), expected, "{known:?} {fault:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_handled_is_not_handled_again(same_address: bool, first in 0..3_usize, second in 0..3_usize) {
            let (first, second) = (Fault::ALL[first], Fault::ALL[second]);
            let known = Known { held: false, returned: Some(first), same_address };
            let again = consequence(known, second);
            prop_assert_eq!(again == Consequence::Nothing, !(second == Fault::Address && first != Fault::Address));
        }

        #[test]
        fn any_text_is_a_status_or_none(text in "\\PC*") {
            if let Some(status) = Status::parse(&text) {
                prop_assert_eq!(Status::parse(&status.to_string()), Some(status));
            }
        }
    }
}
