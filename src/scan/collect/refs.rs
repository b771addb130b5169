//! Secrets that rows only name: followed at first sight, when the row changes (its `secret_version` above all), and at least
//! weekly, for a value may change behind its name.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
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
use crate::ports::refs::{RefError, Refs};

/// A reference whose row says nothing new is followed once more after so long.
const FOLLOWED_EVERY: Duration = days(7);
/// So many at a time.
const AT_ONCE: usize = 16;
/// After so many in a row whose keeper could not be asked, no more are asked for in this reading.
const UNREACHABLE_AT_MOST: u32 = 5;
/// After so many in a row that took too long, no more of this chunk are asked for. Those of the next one are: the trouble may
/// be these rows' own, and rows that fail at every scan are not to stand before all others.
const SLOW_AT_MOST: u32 = 5;

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
    let was_in_vain = |row: &Fresh| {
        let before = known.get(&row.record.connection_id);
        before.is_some_and(|before| before.digest == super::chunk::digest(reading, &row.record, Named::InVain))
    };
    let mut found = Following::over(reading).all(in_turn(&fresh, was_in_vain)).await;
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

/// One reference, and the places of the rows that name it.
struct Wanted<'f> {
    name: &'f str,
    rows: Vec<usize>,
    /// it was followed in vain before, for each of these rows
    again: bool,
}

/// The references of fresh rows, each once: first those that were not followed in vain before. Else the order is by chance,
/// so that none comes last every time.
fn in_turn(fresh: &[Fresh], was_in_vain: impl Fn(&Fresh) -> bool) -> Vec<Wanted<'_>> {
    let mut all: HashMap<&str, Wanted<'_>> = HashMap::new();
    for (index, row) in fresh.iter().enumerate().filter(|(_, row)| row.named != Named::No) {
        let name = row.record.secret_ref.as_deref().unwrap_or_default();
        let one = all.entry(name).or_insert(Wanted { name, rows: Vec::new(), again: true });
        one.rows.push(index);
        one.again &= was_in_vain(row);
    }
    let mut all = Vec::from_iter(all.into_values());
    all.sort_by_key(|one| one.again);
    all
}

/// The references of one chunk.
struct Following<'r> {
    refs: &'r dyn Refs,
    /// in the whole reading
    unreachable_in_a_row: &'r AtomicU32,
    slow_in_a_row: Cell<u32>,
}

impl<'r> Following<'r> {
    fn over<L, V>(reading: &'r Reading<'_, L, V>) -> Self {
        Self::new(reading.policy.refs, &reading.unreachable_in_a_row)
    }

    fn new(refs: &'r dyn Refs, unreachable_in_a_row: &'r AtomicU32) -> Self {
        Self { refs, unreachable_in_a_row, slow_in_a_row: Cell::default() }
    }

    /// By the place of each row.
    async fn all(&self, wanted: Vec<Wanted<'_>>) -> HashMap<usize, Result<Secret, RefError>> {
        let found = RefCell::new(HashMap::new());
        stream::iter(wanted)
            .for_each_concurrent(AT_ONCE, |wanted| {
                let found = &found;
                async move {
                    let one = self.one(wanted.name).await;
                    found.borrow_mut().extend(wanted.rows.into_iter().map(|index| (index, one.clone())));
                }
            })
            .await;
        found.into_inner()
    }

    async fn one(&self, reference: &str) -> Result<Secret, RefError> {
        if self.unreachable_in_a_row.load(Ordering::Relaxed) >= UNREACHABLE_AT_MOST {
            let why = "not asked for: others could not be had just before; the next scan tries again";
            return Err(RefError::Unreachable(why.to_owned()));
        }
        if self.slow_in_a_row.get() >= SLOW_AT_MOST {
            let why = "not asked for: others took too long just before; the next scan tries again";
            return Err(RefError::Slow(why.to_owned()));
        }
        let found = self.refs.follow(reference).await;
        match found {
            Err(RefError::Unreachable(_)) => _ = self.unreachable_in_a_row.fetch_add(1, Ordering::Relaxed),
            Err(RefError::Slow(_)) => self.slow_in_a_row.set(self.slow_in_a_row.get() + 1),
            Ok(_) | Err(RefError::Refused(_) | RefError::Missing(_)) => {
                self.unreachable_in_a_row.store(0, Ordering::Relaxed);
                self.slow_in_a_row.set(0);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use futures::future::{LocalBoxFuture, ready};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::ProviderName;

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

    /// Keeps what its name says, and notes who was asked for.
    #[derive(Default)]
    struct Keeper(RefCell<Vec<String>>);

    impl Refs for Keeper {
        fn follow<'a>(&'a self, reference: &'a str) -> LocalBoxFuture<'a, Result<Secret, RefError>> {
            self.0.borrow_mut().push(reference.to_owned());
            Box::pin(ready(match reference.split('-').next() {
                Some("shut") => Err(RefError::Unreachable("it is shut".to_owned())),
                Some("slow") => Err(RefError::Slow("it took too long".to_owned())),
                Some("none") => Err(RefError::Missing("there is none".to_owned())),
                _ => Ok(Secret::new("kit_0123")),
            }))
        }
    }

    fn chunk(names: &[&str]) -> Vec<Fresh> {
        let row = |(row, name): (u64, &&str)| {
            let mut record = ConnectionRecord::bare(&format!("c-{row}"), "a", ProviderName::new("kit"));
            record.secret_ref = Some((*name).to_owned());
            let named = Named::InWeek(1);
            Fresh { row, record, named, digest: String::new(), fingerprint: None, known: None, dates: None }
        };
        (0..).zip(names).map(row).collect()
    }

    /// How many of a chunk were asked for, and how many were had.
    async fn asked(keeper: &Keeper, in_a_row: &AtomicU32, names: &[&str]) -> (usize, usize) {
        keeper.0.take();
        let fresh = chunk(names);
        let following = Following::new(keeper, in_a_row);
        let found = following.all(in_turn(&fresh, |_| false)).await;
        assert_eq!(found.len(), names.len(), "each has its answer");
        (keeper.0.take().len(), found.values().filter(|found| found.is_ok()).count())
    }

    #[tokio::test]
    async fn trouble_of_the_way_ends_the_following_of_a_reading_and_trouble_of_one_reference_does_not() {
        let (keeper, good) = (Keeper::default(), ["good-1", "good-2"]);
        for (word, in_first, had_later) in [("none", 20, 2), ("slow", 5, 2), ("shut", 5, 0)] {
            let in_a_row = AtomicU32::default();
            let bad: Vec<String> = (0..20).map(|n| format!("{word}-{n}")).collect();
            let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
            assert_eq!(asked(&keeper, &in_a_row, &bad).await, (in_first, 0), "{word}");
            assert_eq!(asked(&keeper, &in_a_row, &good).await, (had_later, had_later), "{word}");
        }
    }

    #[tokio::test]
    async fn what_was_followed_in_vain_has_its_turn_after_what_was_not() {
        let names: Vec<String> = (0..40).map(|n| format!("slow-{n}")).chain(["good-1".to_owned()]).collect();
        let fresh = chunk(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let slow = |row: &Fresh| row.record.secret_ref.as_deref().is_some_and(|name| name.starts_with("slow"));
        let wanted = in_turn(&fresh, slow);
        assert_eq!((wanted[0].name, wanted[0].rows.as_slice(), wanted.len()), ("good-1", [40].as_slice(), 41));
        let keeper = Keeper::default();
        let in_a_row = AtomicU32::default();
        let following = Following::new(&keeper, &in_a_row);
        let mut found = following.all(wanted).await;
        assert!(found.remove(&40).is_some_and(|found| found.is_ok()));
    }
}
