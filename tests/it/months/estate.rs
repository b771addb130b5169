//! The estate of the months: foreseen, so that what must follow can be reckoned beside it.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{Datelike as _, Timelike as _, Weekday};
use chrono_tz::Tz;
use keysweep::demo::world::{KeyState, Simulated, World};
use keysweep::domain::time::{Timestamp, days, hours};

use crate::support::hex;
use crate::unattended::script::at;

/// When the story begins: a Monday.
pub const START: Timestamp = Timestamp::from_secs(1_788_739_200); // 2026-09-07T00:00:00Z
/// When it ends: clocks have changed in four zones by then.
pub const END: Timestamp = Timestamp::from_secs(1_804_464_000); // 2027-03-08T00:00:00Z
/// The operator's own address.
pub const CONTACT: &str = "security@example.org";
/// An address that two owners share.
pub const SHARED: &str = "both@example.org";
/// The hours of the day and the days of the week on which mail may come, as `[mail]` has it.
pub const OPEN: std::ops::Range<u32> = 8..20;

const ACCOUNTS: usize = 36;
const MAX_AGE: Duration = days(90);
const ZONES: [Option<Tz>; 6] = [
    Some(Tz::Europe__Berlin),
    Some(Tz::America__New_York),
    Some(Tz::Asia__Kolkata),
    Some(Tz::Australia__Sydney),
    Some(Tz::America__Santiago),
    None,
];
/// Whose clocks are gone by where a reader's own are not known.
pub const ZONE: Tz = Tz::UTC;

/// The accounts whose owners share an address.
const SHARING: [usize; 2] = [4, 5];
/// The account whose owner can't be told.
const UNVERIFIED: usize = 9;
/// The account with more stale secrets than a mail lists, which all grow twice as old at once.
const CROWDED: usize = 12;
/// So many they are.
pub const CROWD: usize = 30;
/// The account in which a member made a connection.
const WITH_MEMBER: usize = 7;

/// Somebody who may be written to.
pub struct Person {
    /// the platform's id of the account
    pub account: String,
    /// the platform's id of the person
    pub member: String,
    /// where they are written to; of two people it may be the same
    pub email: String,
    /// their own clocks
    pub zone: Option<Tz>,
    verified: bool,
    owner: bool,
}

/// One secret of one connection.
pub struct Key {
    /// the platform's id of the connection; people read `List ID`
    pub connection: String,
    account: String,
    maker: String,
    set_at: Timestamp,
    /// when another one took its place, or its connection was deleted; `None` for never
    until: Option<Timestamp>,
    deleted: bool,
    /// from when on the provider refuses it
    refused_at: Option<Timestamp>,
}

/// Everybody and everything that there will ever be.
pub struct Estate {
    /// the people
    pub people: Vec<Person>,
    /// the secrets
    pub keys: Vec<Key>,
}

impl Estate {
    /// The whole story, foreseen.
    pub fn foreseen() -> Self {
        let mut estate = Self { people: people(), keys: Vec::new() };
        (0..ACCOUNTS).for_each(|account| estate.grow_old(account));
        (0..8).for_each(|number| estate.leave_behind(number, number * 3 + 1, [5, 25, 40, 75][number % 4]));
        estate.leave_behind(8, UNVERIFIED, 1_000);
        // The crowd begins anew, as critical, on a Friday evening: the look of Saturday sees it.
        let crowd = at("2026-11-27T20:00:00Z") - MAX_AGE - MAX_AGE;
        (0..CROWD).for_each(|number| estate.stays(&format!("m{number:03}"), CROWDED, crowd));
        // That Friday afternoon somebody's evening has begun already.
        estate.stays("f002", 2, at("2026-11-27T15:00:00Z") - MAX_AGE);
        estate.stays("f001", 1, at("2026-11-27T10:00:00Z") - MAX_AGE);
        // Due at the run before the mail server is busy over an evening in Berlin.
        estate.stays("f000", 0, at("2026-10-14T13:00:00Z") - MAX_AGE);
        estate
    }

    /// A secret that grows stale, one account after the other; some are replaced soon, some late, some never.
    fn grow_old(&mut self, number: usize) {
        let place = if number == SHARING[1] { SHARING[0] } else { number };
        let spread = Duration::from_secs(number as u64 * 7_919 % 86_400);
        let later = if number == SHARING[1] { hours(5) } else { Duration::ZERO };
        let set_at = START - days(15) - MAX_AGE + days(5 * place as u64) + spread + later;
        let replaced = match number % 3 {
            _ if SHARING.contains(&number) => None,
            0 => Some(set_at + MAX_AGE + days(12)),
            1 => Some(set_at + MAX_AGE + days(45)),
            _ => None,
        };
        let connection = format!("c{number:03}");
        self.keys.push(key(&connection, number, set_at, replaced));
        self.keys.extend(replaced.map(|at| key(&connection, number, at, None)));
    }

    fn stays(&mut self, connection: &str, account: usize, set_at: Timestamp) {
        self.keys.push(key(connection, account, set_at, None));
    }

    /// A key that goes on living when its connection is deleted, for so many days.
    fn leave_behind(&mut self, number: usize, account: usize, lives_on: u64) {
        let deleted = START + days(12 + 14 * number as u64) + hours(7 * number as u64 % 24);
        let mut left = key(&format!("d{number:03}"), account, deleted - days(30), Some(deleted));
        (left.deleted, left.refused_at) = (true, Some(deleted + days(lives_on)));
        if account == WITH_MEMBER {
            left.maker = format!("m{account}");
        }
        self.keys.push(left);
    }

    /// When something happens on the platform or at the provider.
    pub fn changes(&self) -> Vec<Timestamp> {
        self.keys.iter().flat_map(|key| [Some(key.set_at), key.until, key.refused_at]).flatten().collect()
    }

    /// Tells the provider what it accepts at `now`.
    pub fn tell(&self, provider: &World, now: Timestamp) {
        for key in self.keys.iter().filter(|key| key.set_at <= now) {
            let is_live = key.refused_at.is_none_or(|refused| now < refused);
            provider.set(Simulated::Kit, None, &key.secret(), if is_live { KeyState::Live } else { KeyState::Refused });
        }
    }

    /// The connections as the platform lists them at `now`.
    pub fn connections(&self, now: Timestamp) -> String {
        let mut csv =
            "connection_id,account_id,provider,name,status,created_at,deleted_at,secret_set_at,created_by,secret\n"
                .to_owned();
        for key in self.keys.iter().filter(|key| key.set_at <= now) {
            let over = key.until.filter(|until| *until <= now);
            if over.is_some() && !key.deleted {
                continue; // replaced: the row shows the next one
            }
            let Key { connection: id, account, maker, set_at, .. } = key;
            let (status, deleted_at) = over.map_or(("active", String::new()), |at| ("deleted", at.to_string()));
            let (created_at, secret) = (START - days(300), key.secret());
            // writing to a String can't fail
            _ = writeln!(
                csv,
                "{id},{account},kit,List {id},{status},{created_at},{deleted_at},{set_at},{maker},{secret}"
            );
        }
        csv
    }

    /// The people as the platform lists them.
    pub fn listed_people(&self) -> String {
        let mut csv = "account_id,member_id,email,role,status,verified,timezone\n".to_owned();
        for Person { account, member, email, zone, verified, owner } in &self.people {
            let (role, zone) = (if *owner { "owner" } else { "member" }, zone.map_or("", |zone| zone.name()));
            _ = writeln!(csv, "{account},{member},{email},{role},active,{verified},{zone}");
        }
        csv
    }

    /// Whose clocks an address goes by.
    pub fn zone_of(&self, email: &str) -> Tz {
        self.people.iter().find(|person| person.email == email).and_then(|person| person.zone).unwrap_or(ZONE)
    }

    /// The addresses that are told of a connection; none where nobody can be.
    pub fn told_of(&self, account: &str, connection: &str) -> Vec<&str> {
        let makers = self.keys.iter().filter(|key| key.connection == connection).map(|key| key.maker.as_str());
        let makers: Vec<&str> = makers.collect();
        let of_account = self.people.iter().filter(|person| person.account == account && person.verified);
        let told = of_account.filter(|person| person.owner || makers.contains(&person.member.as_str()));
        told.map(|person| person.email.as_str()).collect()
    }

    /// When the secret that a connection had at `at` was refused or replaced after that.
    pub fn over_at(&self, connection: &str, at: Timestamp) -> Option<Timestamp> {
        let of_connection = self.keys.iter().filter(|key| key.connection == connection);
        of_connection.filter_map(|key| key.refused_at).filter(|refused| *refused > at).min()
    }
}

impl Key {
    fn secret(&self) -> String {
        format!("kit_{}", hex(&format!("key {} {}", self.connection, self.set_at)))
    }
}

fn key(connection: &str, account: usize, set_at: Timestamp, replaced: Option<Timestamp>) -> Key {
    Key {
        connection: connection.to_owned(),
        account: format!("a{account}"),
        maker: format!("o{account}"),
        set_at,
        until: replaced,
        deleted: false,
        refused_at: replaced,
    }
}

fn people() -> Vec<Person> {
    let owner = |number: usize| Person {
        account: format!("a{number}"),
        member: format!("o{number}"),
        email: if SHARING.contains(&number) { SHARED.to_owned() } else { format!("o{number}@example.org") },
        zone: if SHARING.contains(&number) { ZONES[0] } else { ZONES[number % ZONES.len()] },
        verified: number != UNVERIFIED,
        owner: true,
    };
    let member = Person {
        member: format!("m{WITH_MEMBER}"),
        email: format!("m{WITH_MEMBER}@example.org"),
        zone: Some(Tz::Pacific__Auckland),
        owner: false,
        ..owner(WITH_MEMBER)
    };
    (0..ACCOUNTS).map(owner).chain([member]).collect()
}

/// Whether mail may come then, by these clocks.
pub fn is_open(at: Timestamp, zone: Tz) -> bool {
    let local = at.to_datetime().with_timezone(&zone);
    !matches!(local.weekday(), Weekday::Sat | Weekday::Sun) && OPEN.contains(&local.hour())
}

/// The first minute from `at` on at which mail may come: minute by minute, as a child would find it.
pub fn opens(at: Timestamp, zone: Tz) -> Timestamp {
    let minute = Duration::from_secs(60);
    let mut open = at;
    while !is_open(open, zone) {
        open = Timestamp::from_secs(open.as_secs().div_euclid(60) * 60) + minute;
    }
    open
}
