//! How lists are read page by page: orders, and the places where a page ends.

use std::fmt;

use crate::domain::finding::Severity;
use crate::domain::time::Timestamp;

/// In which order a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// by the ledger's number, which is the order in which it learnt of them
    Number,
    /// by the ledger's number, the greatest first
    Latest,
    /// findings by severity, and of the same severity those first that have held the longest
    Worst,
    /// findings by when they were opened, the last first
    Newest,
}

/// A place in a list: right behind a row that was shown. Written as a text that nobody has to understand; what was
/// written is read again by [`Cursor::parse`].
///
/// It names the row by what the list is sorted by, so that the next page costs as much as the first, and rows that come
/// and go in between move no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// behind this number
    Number(i64),
    /// before this number
    Latest(i64),
    /// behind this finding
    Worst {
        /// how bad it is
        severity: Severity,
        /// since when it holds
        since: Timestamp,
        /// its number
        id: i64,
    },
    /// before this finding
    Newest {
        /// when it was opened
        opened_at: Timestamp,
        /// its number
        id: i64,
    },
}

/// Why a text is no place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// it was never written by [`Cursor`]
    #[error(
        "this is no place in a list: take it as the page before gave it, or leave it out to begin with the first page"
    )]
    Unreadable,
    /// it was, for a list in another order
    #[error(
        "this is a place in a list that is sorted in another way: keep the order, or leave the place out to begin with the \
         first page"
    )]
    OtherOrder,
}

impl Cursor {
    /// Before the first row.
    pub const fn start(order: Order) -> Self {
        match order {
            Order::Number => Self::Number(0),
            Order::Latest => Self::Latest(i64::MAX),
            Order::Worst => {
                Self::Worst { severity: Severity::Critical, since: Timestamp::from_millis(i64::MIN), id: 0 }
            }
            Order::Newest => Self::Newest { opened_at: Timestamp::from_millis(i64::MAX), id: i64::MAX },
        }
    }

    /// The order of the list that it is a place in.
    pub const fn order(self) -> Order {
        match self {
            Self::Number(_) => Order::Number,
            Self::Latest(_) => Order::Latest,
            Self::Worst { .. } => Order::Worst,
            Self::Newest { .. } => Order::Newest,
        }
    }

    /// Reads a place in a list of this order, as [`Display`](fmt::Display) writes it.
    ///
    /// # Errors
    /// [`CursorError`], in words for whoever sent it.
    pub fn parse(text: &str, order: Order) -> Result<Self, CursorError> {
        let cursor = Self::read(text)?;
        if cursor.order() == order { Ok(cursor) } else { Err(CursorError::OtherOrder) }
    }

    /// Reads a place in a list of whichever order.
    ///
    /// # Errors
    /// [`CursorError::Unreadable`], in words for whoever sent it.
    pub fn read(text: &str) -> Result<Self, CursorError> {
        // One way to write each: what reads alike, such as `n007`, was written by somebody else.
        let same = |cursor: &Self| cursor.to_string() == text;
        Self::parts(text).filter(same).ok_or(CursorError::Unreadable)
    }

    fn parts(text: &str) -> Option<Self> {
        let mut parts = text.split('_');
        let kind = parts.next()?;
        let mut number = || parts.next()?.parse::<i64>().ok();
        Some(match kind {
            "n" => Self::Number(number()?),
            "l" => Self::Latest(number()?),
            "w" => {
                let rank = usize::try_from(number()?).ok()?;
                let severity = *Severity::ALL.get(rank)?;
                Self::Worst { severity, since: Timestamp::from_millis(number()?), id: number()? }
            }
            "o" => Self::Newest { opened_at: Timestamp::from_millis(number()?), id: number()? },
            _ => return None,
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(id) => write!(f, "n_{id}"),
            Self::Latest(id) => write!(f, "l_{id}"),
            Self::Worst { severity, since, id } => {
                write!(f, "w_{}_{}_{id}", *severity as i64, since.as_millis())
            }
            Self::Newest { opened_at, id } => write!(f, "o_{}_{id}", opened_at.as_millis()),
        }
    }
}

/// Some rows of a list, and where the rest begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// the rows
    pub rows: Vec<T>,
    /// where the next page begins; `None` where there is none
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// A page of at most `limit` from rows that were read up to one beyond it. `place` is where a row stands.
    pub(super) fn of(mut rows: Vec<T>, limit: usize, place: impl Fn(&T) -> Cursor) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(place);
        Self { rows, next }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_cursor() -> impl Strategy<Value = Cursor> {
        let severity = prop::sample::select(&Severity::ALL[..]);
        prop_oneof![
            any::<i64>().prop_map(Cursor::Number),
            any::<i64>().prop_map(Cursor::Latest),
            (severity, any::<i64>(), any::<i64>()).prop_map(|(severity, since, id)| Cursor::Worst {
                severity,
                since: Timestamp::from_millis(since),
                id
            }),
            (any::<i64>(), any::<i64>())
                .prop_map(|(at, id)| Cursor::Newest { opened_at: Timestamp::from_millis(at), id }),
        ]
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again_in_its_own_order_only(cursor in any_cursor()) {
            for order in [Order::Number, Order::Latest, Order::Worst, Order::Newest] {
                let read = Cursor::parse(&cursor.to_string(), order);
                let expected = if order == cursor.order() { Ok(cursor) } else { Err(CursorError::OtherOrder) };
                prop_assert_eq!(read, expected);
            }
        }

        #[test]
        fn anything_else_is_refused_and_never_misread(text in "[nlwo_0-9+ x-]{0,24}") {
            if let Ok(cursor) = Cursor::parse(&text, Order::Worst) {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }

    #[test]
    fn what_nobody_wrote_is_no_place() {
        for text in ["", "n", "n_", "n_1_2", "n_+1", "n_01", "w_9_1_1", "w_1_1", "x_1", "12", "n_99999999999999999999"]
        {
            assert_eq!(Cursor::parse(text, Order::Number), Err(CursorError::Unreadable), "{text}");
        }
    }
}
