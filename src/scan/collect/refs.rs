//! Secrets that rows only name: followed at first sight, when the row changes (its `secret_version` above all), and at least
//! weekly, for a value may change behind its name.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;

use super::Reading;
use super::chunk::Fresh;
use crate::domain::policy::Hold;
use crate::domain::record::{Auth, ConnectionRecord, FieldProblem};
use crate::domain::secret::Secret;
use crate::domain::time::{Timestamp, days};
use crate::ports::Vault;
use crate::ports::collect::KnownRow;
use crate::ports::refs::RefError;

/// A reference whose row says nothing new is followed once more after so long.
const FOLLOWED_EVERY: Duration = days(7);
/// So many at a time.
const AT_ONCE: usize = 16;
/// After so many in a row that could not be asked for, no more are in this reading: each could cost a timeout.
const UNREACHABLE_AT_MOST: u32 = 5;

/// What a row's digest holds of its reference, beside its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// the row shows its secret itself, or has none to look for
    No,
    /// followed in this week of the row's own
    InWeek(i64),
    /// could not be followed: no other digest is the same, so that the next reading tries again
    InVain,
}

/// What a row asks for at `now`. Rows take turns over the week.
pub(super) fn named<L, V>(reading: &mut Reading<'_, L, V>, record: &ConnectionRecord, now: Timestamp) -> Named {
    let asks = record.secret.is_none() && record.secret_ref.is_some() && record.auth == Some(Auth::Key);
    if !asks || reading.policy.hold == Hold::None {
        return Named::No;
    }
    if !reading.policy.refs.are_allowed() {
        reading.names_in_vain = true;
        return Named::No;
    }
    Named::InWeek(week(&record.connection_id, now))
}

impl Named {
    /// As bytes of the digest: none where it says nothing.
    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::No => Vec::new(),
            Self::InWeek(week) => week.to_le_bytes().to_vec(),
            Self::InVain => vec![0],
        }
    }
}

/// The number of the week that a row is in: each has its own hour in which its week begins.
fn week(connection_id: &str, now: Timestamp) -> i64 {
    let length = FOLLOWED_EVERY.as_secs().cast_signed();
    // FNV-1a: ids that follow one another are to lie far apart.
    let mixed = connection_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |mixed, byte| (mixed ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let offset = (mixed % length.unsigned_abs()).cast_signed();
    (now.as_secs() + offset).div_euclid(length)
}

/// Fetches the secrets that fresh rows name. One that can't be had is a remark, and the row goes on without a secret: what is
/// known of its connection stays. A row of which that was all the news is left out.
pub(super) async fn follow<L, V: Vault>(
    reading: &mut Reading<'_, L, V>,
    fresh: Vec<Fresh>,
    known: &HashMap<String, KnownRow>,
) -> Vec<Fresh> {
    if fresh.iter().all(|row| row.named == Named::No) {
        return fresh;
    }
    let mut found = Following::over(reading).all(&fresh).await;
    let mut kept = Vec::with_capacity(fresh.len());
    for (index, mut row) in fresh.into_iter().enumerate() {
        match found.remove(&index) {
            None => {}
            Some(Ok(secret)) => row.take_secret(reading, secret),
            Some(Err(error)) => {
                reading.sum.unfollowed += 1;
                reading
                    .dropped(row.row, vec![FieldProblem { field: "secret_ref".to_owned(), reason: error.to_string() }]);
                row.named = Named::InVain;
                row.digest = super::chunk::digest(reading, &row.record, Named::InVain);
                if known.get(&row.record.connection_id).is_some_and(|before| before.digest == row.digest) {
                    continue;
                }
            }
        }
        kept.push(row);
    }
    kept
}

/// The references of one chunk.
struct Following<'r> {
    refs: &'r dyn crate::ports::refs::Refs,
    in_a_row: &'r AtomicU32,
}

impl<'r> Following<'r> {
    fn over<L, V>(reading: &'r Reading<'_, L, V>) -> Self {
        Self { refs: reading.policy.refs, in_a_row: &reading.unreachable_in_a_row }
    }

    /// By the row's place among the fresh ones. The same reference is followed once.
    async fn all(&self, fresh: &[Fresh]) -> HashMap<usize, Result<Secret, RefError>> {
        let mut rows: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, row) in fresh.iter().enumerate().filter(|(_, row)| row.named != Named::No) {
            rows.entry(row.record.secret_ref.as_deref().unwrap_or_default()).or_default().push(index);
        }
        let names: HashSet<&str> = rows.keys().copied().collect();
        let found = RefCell::new(HashMap::new());
        stream::iter(names)
            .for_each_concurrent(AT_ONCE, |name| {
                let (rows, found) = (&rows, &found);
                async move {
                    let one = self.one(name).await;
                    found.borrow_mut().extend(rows[name].iter().map(|index| (*index, one.clone())));
                }
            })
            .await;
        found.into_inner()
    }

    async fn one(&self, reference: &str) -> Result<Secret, RefError> {
        if self.in_a_row.load(Ordering::Relaxed) >= UNREACHABLE_AT_MOST {
            let why = "not asked for: others could not be had just before; the next scan tries again";
            return Err(RefError::Unreachable(why.to_owned()));
        }
        let found = self.refs.follow(reference).await;
        match found {
            Err(RefError::Unreachable(_)) => _ = self.in_a_row.fetch_add(1, Ordering::Relaxed),
            Ok(_) | Err(_) => self.in_a_row.store(0, Ordering::Relaxed),
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_reference_comes_up_once_in_a_week(id in "[a-z0-9-]{1,40}", start in 0_i64..4_000_000_000) {
            let at = |day: u64| week(&id, Timestamp::from_secs(start) + days(day));
            prop_assert_eq!(at(7), at(0) + 1);
            let new_weeks = (0..7).filter(|day| at(day + 1) != at(*day)).count();
            prop_assert_eq!(new_weeks, 1);
        }
    }

    #[test]
    fn rows_take_turns_over_the_week() {
        let now = Timestamp::from_secs(1_790_000_000);
        let turns = |day: u64| {
            (0..700).filter(move |n| {
                week(&format!("conn-{n}"), now + days(day)) != week(&format!("conn-{n}"), now + days(day + 1))
            })
        };
        for day in 0..7 {
            let count = turns(day).count();
            assert!((30..=200).contains(&count), "{count} of 700 on day {day}");
        }
    }
}
