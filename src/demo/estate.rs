//! The platform's side of the story: eight customers, their connections and people, and what they do with them.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::world::{ConvertKitKind, KeyState, Simulated, World};
use crate::domain::time::{Timestamp, days, hours};

/// Stands in every secret of the demo: whatever holds these digits holds a secret.
pub const MARK: &str = "5ec2e7fa4e";

/// Customers.
const ACCOUNTS: usize = 8;
/// Connections at the beginning.
const CONNECTIONS: usize = 60;
const PROVIDERS: [&str; 3] = ["mailjet", "convertkit", "kit"];
const NAMES: [&str; 8] = ["Shop EU", "Shop US", "News", "Blog", "Events", "Academy", "Outlet", "Members"];

/// Everything that the platform would export.
#[derive(Debug)]
pub struct Estate {
    connections: Vec<Connection>,
    people: Vec<Person>,
}

/// One row of the connections' file, and the key behind it.
#[derive(Clone)]
pub struct Connection {
    /// the platform's id
    pub id: String,
    /// the customer's number, from 1
    pub account: usize,
    /// the catalogue's name
    pub provider: &'static str,
    /// for people
    pub name: &'static str,
    key: Option<Key>,
    created_at: Option<Timestamp>,
    secret_set_at: Option<Timestamp>,
    deleted_at: Option<Timestamp>,
    compromised_at: Option<Timestamp>,
    last_sync_at: Timestamp,
    used_for: &'static str,
    created_by: String,
}

#[derive(Clone)]
struct Key {
    at: Simulated,
    id: Option<String>,
    secret: String,
}

/// One row of the people's file.
#[derive(Debug)]
struct Person {
    account: usize,
    member: String,
    email: String,
    role: &'static str,
    status: &'static str,
    verified: bool,
}

/// How much the platform knows of a secret's age.
#[derive(Clone, Copy)]
enum Age {
    /// it was set so many days before the story
    Days(u64),
    /// nothing
    Unknown,
}

/// What is particular to the first connections; the rest is ordinary. Number, account, provider, name, age.
const CAST: [(usize, &str, &str, Age); 21] = [
    (1, "convertkit", "Shop EU", Age::Days(40)),
    (2, "convertkit", "News", Age::Days(50)),
    (3, "mailjet", "Blog", Age::Days(120)),
    (3, "mailjet", "Outlet", Age::Days(200)),
    (4, "mailjet", "Shop US", Age::Days(87)),
    (5, "mailjet", "Events", Age::Days(70)),
    (6, "convertkit", "Academy", Age::Unknown),
    (6, "kit", "Members", Age::Unknown),
    (7, "mailjet", "Shop EU", Age::Days(30)),
    (7, "mailjet", "Shop US", Age::Days(30)),
    (4, "convertkit", "Blog", Age::Days(20)),
    (5, "kit", "News", Age::Days(25)),
    (8, "kit", "Members", Age::Days(15)),
    (8, "kit", "Events", Age::Days(35)),
    (6, "mailjet", "Outlet", Age::Days(12)),
    (2, "kit", "Blog", Age::Days(45)),
    (1, "kit", "Academy", Age::Days(10)),
    (7, "kit", "Outlet", Age::Days(9)),
    (4, "convertkit", "Members", Age::Days(14)),
    (2, "mailjet", "Academy", Age::Days(22)),
    (3, "kit", "Academy", Age::Days(40)),
];

/// The connection whose key makes the whole way from live to shredded.
pub const HERO: &str = "c-01";
/// Deleted, and its key is never revoked.
pub const SURVIVOR: &str = "c-02";
/// Old from the beginning, until its owner resets the secret. Mailjet's SMTP goes on taking the old one for an hour: what
/// REST says alone proves nothing.
pub const ROTATED: &str = "c-03";
/// Deleted, and connected again with the same key.
pub const REUSED: &str = "c-11";
/// Its key is revoked while it is in use.
pub const BROKEN: &str = "c-12";
/// Its grant can't be asked for.
pub const GRANT: &str = "c-13";
/// Something in front of its provider answers instead.
pub const BLOCKED: &str = "c-14";
/// Its creator leaves.
pub const ORPHAN: &str = "c-15";
/// Deleted, dead, and accepted again.
pub const RETURNING: &str = "c-16";
/// Found in a public place, and rotated two days later.
pub const LEAKED: &str = "c-18";
/// Connected with the API Key instead of the API Secret.
const WRONG_KIND: &str = "c-19";
/// Its key sends mail as well.
const MIXED: &str = "c-20";
/// It stopped synchronising long before the story.
const IDLE: &str = "c-21";
/// The address of this customer's owner is not verified: nobody can be told of what is found there.
pub const UNREACHABLE: usize = 8;
/// Deleted when the story is over, for whoever scans then.
pub const LEFT: &str = "c-17";

/// Two connections with one key.
const SHARED: (&str, &str) = ("c-09", "c-10");

impl Estate {
    /// The estate as it is when the story begins. The same every time but for its dates.
    pub fn seeded(start: Timestamp) -> Self {
        let mut connections: Vec<Connection> = (1..=CONNECTIONS).map(|number| seeded(number, start)).collect();
        let shared = connections.iter().find(|c| c.id == SHARED.0).and_then(|c| c.key.clone());
        for connection in &mut connections {
            match connection.id.as_str() {
                id if id == SHARED.1 => connection.key.clone_from(&shared),
                GRANT => connection.key = None,
                ORPHAN => connection.created_by = format!("member-{}", connection.account),
                MIXED => connection.used_for = "sync smtp",
                IDLE => connection.last_sync_at = start - days(26),
                _ => {}
            }
        }
        let people = (1..=ACCOUNTS).flat_map(|account| {
            ["owner", "member"].map(|role| Person {
                account,
                member: format!("{role}-{account}"),
                email: format!("{role}@shop-{account}.example.org"),
                role,
                status: "active",
                verified: account != UNREACHABLE,
            })
        });
        Self { connections, people: people.collect() }
    }

    /// Customers and connections, for the first sentence.
    pub fn size(&self) -> (usize, usize, usize) {
        (ACCOUNTS, self.connections.len(), self.people.len())
    }

    /// Makes every key known to its provider. One provider's firewall stands before the key of [`BLOCKED`].
    pub fn make_known(&self, world: &World) {
        for connection in &self.connections {
            let state = if connection.id == BLOCKED { KeyState::HtmlForbidden } else { KeyState::Live };
            connection.set(world, state);
        }
    }

    /// The connection of that id; an id that isn't there is a mistake of the script.
    pub fn get(&self, id: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.id == id)
    }

    /// Marks a connection deleted on the platform. Its provider doesn't hear of it.
    pub fn delete(&mut self, id: &str, now: Timestamp) {
        self.change(id, |connection| connection.deleted_at = Some(now));
    }

    /// Gives a connection a new secret, at the provider, which refuses the old one from now on (Mailjet over REST alone), and on the platform.
    pub fn rotate(&mut self, id: &str, world: &World, now: Timestamp) {
        self.change(id, |connection| {
            connection.set(world, KeyState::Refused);
            if let Some(Key { at: Simulated::Mailjet, id: Some(id), secret }) = &connection.key {
                world.linger(id, secret);
            }
            let fresh = key(connection.provider, &format!("{} again", connection.id));
            if let (Some(known), Some(fresh)) = (&mut connection.key, fresh) {
                known.secret = fresh.secret; // a reset keeps the public half
            }
            connection.secret_set_at = Some(now);
            connection.set(world, KeyState::Live);
        });
    }

    /// Connects a deleted connection's key again, as a connection of its own.
    pub fn reconnect(&mut self, id: &str, now: Timestamp) {
        let id_of_new = format!("c-{:02}", self.connections.len() + 1);
        let Some(old) = self.get(id).cloned() else { return };
        let new = Connection { id: id_of_new, created_at: Some(now), secret_set_at: None, deleted_at: None, ..old };
        self.connections.push(new);
    }

    /// The platform learns that others know a connection's key.
    pub fn leak(&mut self, id: &str, now: Timestamp) {
        self.change(id, |connection| connection.compromised_at = Some(now));
    }

    /// The customer's owner shows that their address is theirs.
    pub fn verify(&mut self, account: usize) {
        let owners = self.people.iter_mut().filter(|person| person.account == account && person.role == "owner");
        owners.for_each(|owner| owner.verified = true);
    }

    /// A member leaves the customer's team.
    pub fn remove(&mut self, member: &str) {
        for person in self.people.iter_mut().filter(|person| person.member == member) {
            person.status = "removed";
        }
    }

    /// The file of connections.
    pub fn connections_csv(&self) -> String {
        let mut csv = String::from(
            "connection_id,account_id,provider,name,status,created_at,deleted_at,secret_set_at,key_id,secret,auth,created_by,\
             compromised_at,last_sync_at,used_for\n",
        );
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        for c in &self.connections {
            let status = if c.deleted_at.is_some() { "deleted" } else { "active" };
            let (created, deleted, set) = (time(c.created_at), time(c.deleted_at), time(c.secret_set_at));
            let (key_id, secret) = c.key.as_ref().map_or(("", ""), |k| (k.id.as_deref().unwrap_or(""), &k.secret));
            let auth = if c.key.is_some() { "key" } else { "oauth" };
            let (leaked, synced) = (time(c.compromised_at), c.last_sync_at);
            // No cell has a comma or a quote; writing to a String can't fail.
            _ = writeln!(
                csv,
                "{},acct-{},{},{},{status},{created},{deleted},{set},{key_id},{secret},{auth},{},{leaked},{synced},{}",
                c.id, c.account, c.provider, c.name, c.created_by, c.used_for
            );
        }
        csv
    }

    /// The file of people.
    pub fn people_csv(&self) -> String {
        let mut csv = String::from("account_id,member_id,email,role,status,verified\n");
        for p in &self.people {
            _ = writeln!(csv, "acct-{},{},{},{},{},{}", p.account, p.member, p.email, p.role, p.status, p.verified);
        }
        csv
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.connections.iter_mut().find(|connection| connection.id == id) {
            change(connection);
        }
    }
}

impl Connection {
    /// Lets the provider answer about this connection's key in this way from now on.
    pub fn set(&self, world: &World, state: KeyState) {
        match &self.key {
            Some(key) if self.id == WRONG_KIND => {
                world.set_convertkit(&key.secret, ConvertKitKind::ApiKey, state);
            }
            Some(key) => {
                world.set(key.at, key.id.as_deref(), &key.secret, state);
            }
            None => {}
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("id", &self.id).finish_non_exhaustive() // the rest holds a secret
    }
}

fn seeded(number: usize, start: Timestamp) -> Connection {
    let ordinary = || {
        let age = 3 + (number as u64 * 7) % 45; // none of them comes near a limit while the story lasts
        (1 + number % ACCOUNTS, PROVIDERS[number % 3], NAMES[number % 7], Age::Days(age))
    };
    let (account, provider, name, age) = CAST.get(number - 1).copied().unwrap_or_else(ordinary);
    let id = format!("c-{number:02}");
    let set = match age {
        Age::Days(count) => Some(start - days(count)),
        Age::Unknown => None,
    };
    Connection {
        key: key(provider, &id),
        id,
        account,
        provider,
        name,
        created_at: set,
        secret_set_at: set,
        deleted_at: None,
        compromised_at: None,
        last_sync_at: start - hours(1),
        used_for: "",
        created_by: format!("owner-{account}"),
    }
}

/// A key in the provider's form that nobody can take for a real one, and the same every time.
fn key(provider: &str, label: &str) -> Option<Key> {
    let hex = HEXLOWER.encode(&Sha256::digest(label.as_bytes()));
    let at = Simulated::named(provider)?;
    let (id, secret) = match at {
        Simulated::Mailjet => (Some(format!("fa4e{}", &hex[..28])), format!("{MARK}{}", &hex[28..50])),
        Simulated::ConvertKit => (None, format!("{MARK}{}", &hex[..12])),
        Simulated::Kit => (None, format!("kit_{MARK}{}", &hex[..22])),
    };
    Some(Key { at, id, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn every_secret_carries_the_mark_and_the_estate_is_the_same_every_time() {
        let estate = Estate::seeded(START);
        let keys = estate.connections.iter().filter_map(|connection| connection.key.as_ref());
        assert!(keys.clone().all(|key| key.secret.contains(MARK)));
        assert!(keys.filter_map(|key| key.id.as_deref()).all(|id| id.len() == 32 && !id.contains(MARK)));
        assert_eq!(estate.connections_csv(), Estate::seeded(START).connections_csv());
    }

    #[test]
    fn a_rotated_secret_is_another_under_the_same_public_half() {
        let key_of = |estate: &Estate| estate.get(ROTATED).and_then(|c| c.key.clone()).unwrap();
        let mut estate = Estate::seeded(START);
        let before = key_of(&estate);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { estate.rotate(ROTATED, &World::start().await.unwrap(), START) });
        let after = key_of(&estate);
        assert_eq!(before.id, after.id);
        assert_ne!(before.secret, after.secret);
    }

    #[test]
    fn a_reconnected_key_is_the_same_under_another_id() {
        let mut estate = Estate::seeded(START);
        estate.delete(REUSED, START);
        estate.reconnect(REUSED, START);
        let (old, new) = (estate.get(REUSED).unwrap(), estate.connections.last().unwrap());
        assert_ne!(old.id, new.id);
        assert_eq!(old.key.as_ref().unwrap().secret, new.key.as_ref().unwrap().secret);
        assert!(new.deleted_at.is_none());
    }
}
