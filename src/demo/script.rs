//! What people and providers do, and when. What keysweep makes of it is its own affair.

use std::time::Duration;

use super::estate::{
    BLOCKED, BROKEN, Estate, GRANT, HERO, LEAKED, ORPHAN, RETURNING, REUSED, ROTATED, SURVIVOR, UNREACHABLE,
};
use super::world::{KeyState, Simulated, World};
use crate::domain::time::{Timestamp, days};

/// Somebody does something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// an owner deletes a connection on the platform, and thinks no further
    Delete(&'static str),
    /// an owner makes a key worthless at its provider
    Revoke(&'static str),
    /// a provider suspends a customer, and their key with them
    Suspend(&'static str),
    /// a provider takes the customer back, and the key works as before
    Lift(&'static str),
    /// an owner resets a secret and gives the platform the new one
    Rotate(&'static str),
    /// Mailjet's SMTP lets go of the secrets that were reset, this connection's among them
    LetGo(&'static str),
    /// the platform learns that others know a key
    Leak(&'static str),
    /// an owner verifies their address on the platform
    Verify(usize),
    /// an owner connects a deleted connection's key again
    Reconnect(&'static str),
    /// the creator of a connection leaves the team
    Leave(&'static str),
    /// a provider is out of order
    Down(Simulated),
    /// a provider is in order again
    Up(Simulated),
    /// nobody does anything, but keysweep looks: a confirmation is due
    Look,
}

/// Day, hour, minute and act, in order. Scans come by themselves.
const SCRIPT: [(u64, u64, u64, Act); 25] = [
    (2, 9, 30, Act::Delete(HERO)),
    (2, 11, 0, Act::Delete(SURVIVOR)),
    (2, 16, 0, Act::Delete(BLOCKED)),
    (3, 10, 0, Act::Delete(GRANT)),
    (3, 18, 0, Act::Verify(UNREACHABLE)),
    (4, 10, 15, Act::Revoke(HERO)),
    (4, 15, 0, Act::Look),
    (5, 9, 0, Act::Leave(ORPHAN)),
    (5, 12, 0, Act::Revoke(BROKEN)),
    (5, 15, 0, Act::Look),
    (6, 9, 0, Act::Delete(REUSED)),
    (7, 9, 0, Act::Reconnect(REUSED)),
    (8, 6, 0, Act::Down(Simulated::ConvertKit)),
    (8, 18, 0, Act::Up(Simulated::ConvertKit)),
    (9, 10, 0, Act::Rotate(ROTATED)),
    (9, 10, 30, Act::Look),
    (9, 11, 15, Act::LetGo(ROTATED)),
    (10, 9, 0, Act::Delete(RETURNING)),
    (11, 9, 0, Act::Suspend(RETURNING)),
    (11, 15, 0, Act::Look),
    (12, 9, 0, Act::Leak(LEAKED)),
    (13, 9, 0, Act::Lift(RETURNING)),
    (13, 15, 0, Act::Look),
    (14, 10, 0, Act::Rotate(LEAKED)),
    (14, 15, 0, Act::Look),
];

/// The day of the first scan is day 1.
pub(super) const DAYS: u64 = 21;

/// Everything that happens from `midnight` of day 1 to `end`, in order: acts, and scans every six hours from 08:00 of day 1.
pub(super) fn until(end: Timestamp, midnight: Timestamp) -> Vec<(Timestamp, Option<Act>)> {
    let at =
        |day: u64, hour: u64, minute: u64| midnight + days(day - 1) + Duration::from_secs(hour * 3600 + minute * 60);
    let acts = SCRIPT.iter().map(|(day, hour, minute, act)| (at(*day, *hour, *minute), Some(*act)));
    let scans = (1..=DAYS + 1).flat_map(|day| [2, 8, 14, 20].map(|hour| (at(day, hour, 0), None)));
    let first = at(1, 8, 0);
    let mut all: Vec<_> = acts.chain(scans).filter(|(when, _)| (first..=end).contains(when)).collect();
    all.sort_by_key(|(when, _)| *when);
    all
}

impl Act {
    /// True where a scan follows at once.
    pub(super) const fn is_look(self) -> bool {
        matches!(self, Self::Look)
    }

    /// Lets it happen to the platform and to the providers.
    pub(super) fn happen(self, estate: &mut Estate, world: &World, now: Timestamp) {
        match self {
            Self::Delete(id) => estate.delete(id, now),
            Self::Rotate(id) => estate.rotate(id, world, now),
            Self::Reconnect(id) => estate.reconnect(id, now),
            Self::LetGo(_) => world.stop_lingering(),
            Self::Leak(id) => estate.leak(id, now),
            Self::Verify(account) => estate.verify(account),
            Self::Revoke(id) | Self::Suspend(id) => set(estate, id, world, KeyState::Refused),
            Self::Lift(id) => set(estate, id, world, KeyState::Live),
            Self::Leave(id) => {
                if let Some(member) = estate.get(id).map(|connection| format!("member-{}", connection.account)) {
                    estate.remove(&member);
                }
            }
            Self::Down(provider) => world.set_all(provider, Some(KeyState::ServerError)),
            Self::Up(provider) => world.set_all(provider, None),
            Self::Look => {}
        }
    }

    /// What a bystander would say; `title` gives a provider's name as people write it.
    pub(super) fn words(self, estate: &Estate, title: impl Fn(&str) -> String) -> Option<String> {
        let named = |id: &str| {
            let connection = estate.get(id)?;
            let (name, account) = (connection.name, connection.account);
            Some((format!("\"{name}\" ({id}, acct-{account})"), title(connection.provider), account))
        };
        Some(match self {
            Self::Delete(id) => {
                let (name, provider, account) = named(id)?;
                format!("the owner of acct-{account} deletes {name} on the platform; nobody tells {provider}")
            }
            Self::Revoke(id) => {
                let (name, provider, account) = named(id)?;
                format!("the owner of acct-{account} makes the key of {name} worthless at {provider}")
            }
            Self::Suspend(id) => {
                let (name, provider, account) = named(id)?;
                format!("{provider} suspends acct-{account} for an unpaid bill, and the key of {name} with it")
            }
            Self::Lift(id) => {
                let (name, provider, account) = named(id)?;
                format!("acct-{account} pays: {provider} takes the key of {name} as before")
            }
            Self::Rotate(id) => {
                let (name, provider, account) = named(id)?;
                format!("the owner of acct-{account} resets the secret of {name} at {provider} and pastes the new one")
            }
            Self::LetGo(id) => {
                let (name, provider, _) = named(id)?;
                format!("{provider}'s SMTP, an hour after its API, lets go of the old secret of {name}")
            }
            Self::Reconnect(id) => {
                let (name, _, account) = named(id)?;
                format!("the owner of acct-{account} connects anew with the key that {name} had left behind")
            }
            Self::Verify(account) => {
                format!("the owner of acct-{account} confirms their address on the platform at last")
            }
            Self::Leak(id) => {
                let (name, _, _) = named(id)?;
                format!("somebody finds the key of {name} in a public place, and the platform hears of it")
            }
            Self::Leave(id) => {
                let (name, _, account) = named(id)?;
                format!("member-{account}, who made {name}, leaves the team")
            }
            Self::Down(provider) => format!("{} begins to answer 503 to everything", title(provider.name())),
            Self::Up(provider) => format!("{} is itself again", title(provider.name())),
            Self::Look => return None,
        })
    }
}

fn set(estate: &Estate, id: &str, world: &World, state: KeyState) {
    if let Some(connection) = estate.get(id) {
        connection.set(world, state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_in_order_and_nothing_lies_beyond_the_end() {
        let midnight = Timestamp::from_secs(1_790_035_200);
        let end = midnight + days(DAYS - 1) + Duration::from_secs(60);
        let all = until(end, midnight);
        assert!(all.is_sorted_by_key(|(at, _)| *at));
        assert!(all.iter().all(|(at, _)| *at <= end));
        assert_eq!(all.iter().filter(|(_, act)| act.is_some()).count(), SCRIPT.len(), "the whole script fits");
    }
}
