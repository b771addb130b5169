//! The platform's side: keys that grow old and are replaced, some soon, some late, one never.

use std::fmt::Write as _;
use std::time::Duration;

use keysweep::demo::world::{KeyState, Simulated, World};
use keysweep::domain::time::{Timestamp, days, hours};

use super::script::Act;
use crate::support::hex;

/// The age at which a secret is stale.
pub const MAX_AGE: Duration = days(90);
/// How long after it was stale each connection's secret is replaced; `None` for never.
const REPLACED_AFTER: [Option<u64>; 10] =
    [Some(1), Some(4), Some(9), Some(16), Some(25), Some(33), Some(47), Some(64), Some(101), None];
/// The connection that is deleted, when, and when its key is refused at last.
const DELETED: usize = 9;
const DELETED_ON: Duration = days(400);
const REFUSED_ON: Duration = days(431);
/// So many customers, each with an owner.
const ACCOUNTS: usize = 4;

/// One secret of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// the connection's number
    pub connection: usize,
    /// counted from the story's beginning
    pub generation: u32,
    /// when it was set
    pub set_at: Timestamp,
    /// when another one took its place, or its connection was deleted; `None` for never
    pub until: Option<Timestamp>,
}

impl Key {
    /// From when on it is stale.
    pub fn stale_at(&self) -> Timestamp {
        self.set_at + MAX_AGE
    }

    fn secret(&self) -> String {
        format!("kit_{}", hex(&format!("key {} {}", self.connection, self.generation)))
    }
}

/// The platform's id of a connection.
pub fn connection_id(number: usize) -> String {
    format!("c{number}")
}

/// All that the platform will ever have.
pub struct Platform {
    start: Timestamp,
    keys: Vec<Key>,
}

impl Platform {
    /// The whole story, foreseen.
    pub fn foreseen(start: Timestamp, end: Timestamp) -> Self {
        let mut keys = Vec::new();
        for (connection, replaced_after) in REPLACED_AFTER.into_iter().enumerate() {
            // Some are weeks old when the story begins. None is set at a full hour.
            let mut set_at = start - days(11 * connection as u64) - Duration::from_secs(4_321);
            for generation in 0.. {
                let replaced = replaced_after.map(|after| set_at + MAX_AGE + days(after) + hours(connection as u64));
                let deleted = (connection == DELETED).then_some(start + DELETED_ON);
                keys.push(Key { connection, generation, set_at, until: replaced.or(deleted) });
                match replaced {
                    Some(next) if next < end => set_at = next,
                    _ => break,
                }
            }
        }
        Self { start, keys }
    }

    /// Every secret that there will ever be.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// When something happens on the platform or at the provider.
    pub fn acts(&self) -> Vec<(Timestamp, Act)> {
        let replaced = self.keys.iter().filter_map(|key| key.until);
        replaced.chain([self.start + REFUSED_ON]).map(|at| (at, Act::Platform)).collect()
    }

    /// Tells the provider what it accepts from `now` on: what is replaced is refused, what is deleted only later.
    pub fn tell(&self, provider: &World, now: Timestamp) {
        for key in self.keys.iter().filter(|key| key.set_at <= now) {
            let left_behind = key.connection == DELETED && now < self.start + REFUSED_ON;
            let is_live = left_behind || key.until.is_none_or(|until| now < until);
            provider.set(Simulated::Kit, None, &key.secret(), if is_live { KeyState::Live } else { KeyState::Refused });
        }
    }

    /// The connections as the platform lists them at `now`.
    pub fn connections(&self, now: Timestamp) -> String {
        let mut csv =
            "connection_id,account_id,provider,name,status,created_at,deleted_at,secret_set_at,created_by,secret\n"
                .to_owned();
        for number in 0..REPLACED_AFTER.len() {
            let known = self.keys.iter().filter(|key| key.connection == number && key.set_at <= now);
            let Some(key) = known.max_by_key(|key| key.generation) else { continue };
            let deleted = (number == DELETED && now >= self.start + DELETED_ON).then(|| self.start + DELETED_ON);
            let status = if deleted.is_some() { "deleted" } else { "active" };
            let (id, account) = (connection_id(number), number % ACCOUNTS);
            let deleted_at = deleted.map_or_else(String::new, |at| at.to_string());
            let (created_at, set_at, secret) = (self.start - days(300), key.set_at, key.secret());
            // writing to a String can't fail
            _ = writeln!(
                csv,
                "{id},a{account},kit,List {number},{status},{created_at},{deleted_at},{set_at},o{account},{secret}"
            );
        }
        csv
    }

    /// The people: an owner for each account.
    pub fn people() -> String {
        let rows = (0..ACCOUNTS).map(|number| format!("a{number},o{number},o{number}@example.org,owner,active,true\n"));
        "account_id,member_id,email,role,status,verified\n".to_owned() + &rows.collect::<String>()
    }
}
