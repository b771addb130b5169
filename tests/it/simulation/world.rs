//! What is really so: keys and what their providers do with them, customers and their people, and what the platform lists.

use std::collections::{BTreeMap, HashMap};

use keysweep::domain::ids::ProviderName;
use keysweep::domain::record::{PersonStatus, RecordStatus, Role};
use keysweep::domain::time::{Timestamp, days};

use super::acts::Later;
use super::dice::Dice;

/// The providers of the world, and how many of ten keys are theirs.
pub const PROVIDERS: [(&str, u64); 3] = [("mailjet", 5), ("convertkit", 2), ("kit", 3)];
/// Every secret holds this, so that one search finds any of them.
pub const MARK: &str = "c0ffee5ec4e7";
/// The source whose column of secrets is mapped wrongly: the provider accepts nothing of what it lists.
pub const MISMAPPED: &str = "mismapped";
/// The source that is mapped as it should be.
pub const MAIN: &str = "main";
/// Connections of the wrongly mapped source.
const MISMAPPED_ROWS: usize = 6;

/// What the provider does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// lets it in
    Alive,
    /// lets it in and allows it nothing that is asked
    Limited,
    /// refuses it for a while, and will let it in again
    Suspended,
    /// refuses it for good
    Revoked,
}

/// A key at a provider.
#[derive(Clone, Debug)]
pub struct Key {
    /// whose
    pub provider: ProviderName,
    /// the public half
    pub key_id: Option<String>,
    /// the secret
    pub secret: String,
    /// the region, as the platform lists it
    pub region: Option<&'static str>,
    /// the one endpoint of REST that knows it
    pub home: &'static str,
    /// when the value was made
    pub set_at: Timestamp,
    /// what the provider does with it
    pub standing: Standing,
    /// since when it does that
    pub since: Timestamp,
    /// to when SMTP still lets it in after it was revoked
    pub smtp_until: Option<Timestamp>,
    /// when it was last suspended
    pub suspended_at: Option<Timestamp>,
    /// the platform took something else for it: the provider doesn't know the value
    pub misread: bool,
}

impl Key {
    /// What this endpoint of the protocol does with the key.
    pub fn at(&self, protocol: &str, endpoint: &str, now: Timestamp) -> Standing {
        if self.misread || (protocol == "rest" && endpoint != self.home) {
            return Standing::Revoked;
        }
        match self.standing {
            Standing::Revoked if protocol == "smtp" && self.smtp_until.is_some_and(|until| now < until) => {
                Standing::Alive
            }
            standing => standing,
        }
    }

    /// Whether any way in lets it in.
    pub fn is_accepted(&self, now: Timestamp) -> bool {
        let is_in = |standing| matches!(standing, Standing::Alive | Standing::Limited);
        is_in(self.at("rest", self.home, now)) || (self.has_smtp() && is_in(self.at("smtp", "relay", now)))
    }

    /// Whether the provider lets it in over SMTP as well.
    pub fn has_smtp(&self) -> bool {
        self.provider.as_str() == "mailjet"
    }
}

/// A customer.
#[derive(Clone, Debug)]
pub struct Account {
    /// the platform's id
    pub id: String,
    /// owner first
    pub members: Vec<Member>,
    /// true once somebody of them could not be written to
    pub changed: bool,
}

/// Somebody of a customer.
#[derive(Clone, Debug)]
pub struct Member {
    /// the platform's id
    pub id: String,
    /// owner or member
    pub role: Role,
    /// whether they may be written to
    pub status: PersonStatus,
    /// whether the platform's list shows them at all
    pub listed: bool,
}

impl Member {
    /// Their address.
    pub fn email(&self) -> String {
        format!("{}@example.org", self.id)
    }
}

/// A connection as the platform has it.
#[derive(Clone, Debug)]
pub struct Link {
    /// the platform's id
    pub id: String,
    /// the source that lists it
    pub source: &'static str,
    /// whose, by number
    pub account: usize,
    /// what the platform says of it
    pub status: RecordStatus,
    /// whether the platform's list shows it at all
    pub listed: bool,
    /// when it was made
    pub created_at: Timestamp,
    /// when it was deleted
    pub deleted_at: Option<Timestamp>,
    /// its key, by number
    pub key: usize,
    /// who made it
    pub created_by: String,
}

impl Link {
    /// In use, as the platform sees it.
    pub fn is_open(&self) -> bool {
        self.listed && self.status != RecordStatus::Deleted
    }
}

/// One connection's use of one key.
#[derive(Clone, Debug)]
pub struct Span {
    /// the connection, by number
    pub link: usize,
    /// the customer, by number
    pub account: usize,
    /// the key, by number
    pub key: usize,
    /// when it really ended
    pub ended: Option<Timestamp>,
    /// whether the platform's list showed it to a scan while it was open
    pub shown: bool,
}

/// Everything that is really so.
#[derive(Debug)]
pub struct World {
    /// the present instant, really
    pub now: Timestamp,
    /// every key that there ever was
    pub keys: Vec<Key>,
    /// every customer
    pub accounts: Vec<Account>,
    /// every connection that there ever was
    pub links: Vec<Link>,
    /// every use that there ever was
    pub spans: Vec<Span>,
    /// the open use of each connection
    pub open: BTreeMap<usize, usize>,
    pub(super) by_secret: HashMap<String, usize>,
    pub(super) dice: Dice,
    pub(super) agenda: BTreeMap<(Timestamp, u64), Later>,
    pub(super) planned: u64,
    pub(super) acts_per_day: u64,
    seed: u64,
}

impl World {
    /// An estate of so many connections at this instant.
    pub fn new(seed: u64, connections: usize, acts_per_day: u64, now: Timestamp) -> Self {
        let mut world = Self {
            now,
            keys: Vec::new(),
            accounts: Vec::new(),
            links: Vec::new(),
            spans: Vec::new(),
            open: BTreeMap::new(),
            by_secret: HashMap::new(),
            dice: Dice::new(seed),
            agenda: BTreeMap::new(),
            planned: 0,
            acts_per_day,
            seed,
        };
        for _ in 0..(connections / 4).max(3) {
            world.add_account();
        }
        for _ in 0..connections {
            world.connect_anew();
        }
        for _ in 0..MISMAPPED_ROWS {
            let account = world.dice.index(world.accounts.len());
            let key = world.add_key("kit");
            world.keys[key].misread = true;
            world.add_link(MISMAPPED, account, key);
        }
        world
    }

    /// The key of that secret.
    pub fn key_of(&self, secret: &str) -> Option<usize> {
        self.by_secret.get(secret).copied()
    }

    pub(super) fn add_account(&mut self) -> usize {
        let number = self.accounts.len();
        let member = |nth: u64| Member {
            id: format!("m{number}-{nth}"),
            role: if nth == 0 { Role::Owner } else { Role::Member },
            status: PersonStatus::Active,
            listed: true,
        };
        let members = (0..=self.dice.below(3)).map(member).collect();
        self.accounts.push(Account { id: format!("a{number}"), members, changed: false });
        number
    }

    pub(super) fn some_provider(&mut self) -> &'static str {
        let mut throw = self.dice.below(PROVIDERS.iter().map(|(_, share)| share).sum());
        for (name, share) in PROVIDERS {
            if throw < share {
                return name;
            }
            throw -= share;
        }
        PROVIDERS[0].0
    }

    /// A new key that its provider lets in.
    pub(super) fn add_key(&mut self, provider: &str) -> usize {
        let number = self.keys.len();
        let mut throws = Dice::of(&[self.seed, number as u64]);
        let digits = format!("{:016x}{:016x}", throws.throw(), throws.throw());
        let secret = match provider {
            // Mailjet's are 32 hex digits, and so are these.
            "mailjet" => format!("{MARK}{}", &digits[..20]),
            // A third look like ConvertKit's other kind of key: those are asked in two ways.
            "convertkit" if throws.per_mille(333) => format!("{MARK}{}", &digits[..10]),
            "convertkit" => format!("{MARK}{}", &digits[..31]),
            _ => format!("kit_{MARK}{}", &digits[..20]),
        };
        let us = provider == "mailjet" && throws.per_mille(200);
        let region = (provider == "mailjet" && throws.per_mille(500)).then_some(if us { "us" } else { "eu" });
        self.by_secret.insert(secret.clone(), number);
        self.keys.push(Key {
            provider: ProviderName::new(provider),
            key_id: (provider == "mailjet").then(|| digits.chars().rev().collect()),
            secret,
            region,
            home: if us { "us" } else { "default" },
            set_at: self.now,
            standing: if throws.per_mille(60) { Standing::Limited } else { Standing::Alive },
            since: self.now,
            smtp_until: None,
            suspended_at: None,
            misread: false,
        });
        number
    }

    pub(super) fn add_link(&mut self, source: &'static str, account: usize, key: usize) -> usize {
        let number = self.links.len();
        let members: Vec<String> = self.accounts[account].members.iter().map(|member| member.id.clone()).collect();
        let created_by = self.dice.pick(&members).clone();
        self.links.push(Link {
            id: format!("c{number}"),
            source,
            account,
            status: RecordStatus::Active,
            listed: true,
            created_at: self.now,
            deleted_at: None,
            key,
            created_by,
        });
        self.begin(number, key);
        number
    }

    /// A new connection: with a key of its own, or with one that its customer has already.
    pub(super) fn connect_anew(&mut self) {
        let account = self.dice.index(self.accounts.len());
        let of_account = self.spans.iter().filter(|span| span.account == account).map(|span| span.key);
        let theirs: Vec<usize> = of_account.filter(|key| !self.keys[*key].misread).collect();
        let key = if !theirs.is_empty() && self.dice.per_mille(120) {
            *self.dice.pick(&theirs)
        } else {
            let provider = self.some_provider();
            let key = self.add_key(provider);
            // Some were made long before the platform got them.
            let before = days(self.dice.below(80));
            self.keys[key].set_at = self.now - before;
            key
        };
        self.add_link(MAIN, account, key);
    }

    pub(super) fn begin(&mut self, link: usize, key: usize) {
        self.end(link);
        self.links[link].key = key;
        self.open.insert(link, self.spans.len());
        let account = self.links[link].account;
        self.spans.push(Span { link, account, key, ended: None, shown: false });
    }

    pub(super) fn end(&mut self, link: usize) {
        if let Some(span) = self.open.remove(&link) {
            self.spans[span].ended = Some(self.now);
        }
    }

    pub(super) fn set(&mut self, key: usize, standing: Standing) {
        let now = self.now;
        let throws = self.dice.below(90);
        let key = &mut self.keys[key];
        if key.standing == standing {
            return;
        }
        if standing == Standing::Revoked && key.has_smtp() && key.standing != Standing::Suspended {
            // "for more than an hour"
            key.smtp_until = Some(now + std::time::Duration::from_secs(3600 + 60 * throws));
        }
        (key.standing, key.since) = (standing, now);
    }
}
