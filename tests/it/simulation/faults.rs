//! What goes wrong, at random.

use std::collections::BTreeMap;
use std::time::Duration;

use keysweep::domain::ids::ProviderName;
use keysweep::domain::outcome::Reason;
use keysweep::domain::time::{Timestamp, days, hours, minutes};

use super::dice::Dice;
use super::world::{PROVIDERS, World};

/// One question that gets no proper answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// no answer in time
    Timeout,
    /// no connection
    Connect,
    /// the name doesn't resolve
    Dns,
    /// no secure connection
    Tls,
    /// the connection breaks
    Reset,
    /// only half of the body arrives, and nobody notices
    HalfBody,
    /// bytes that mean nothing
    Garbage,
    /// a page of somebody in between, with 200
    Portal,
    /// a firewall's 401
    Wall401,
    /// a firewall's 403
    Wall403,
    /// 429
    TooMany,
    /// 429 with a wait
    TooManyFor,
    /// 500
    Internal,
    /// 503 with a wait
    Overloaded,
    /// 404 where the path is right
    NotFound,
    /// 302
    Redirect,
    /// an answer of the provider's own that says nothing of the key
    Awkward,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Timeout,
        Self::Connect,
        Self::Dns,
        Self::Tls,
        Self::Reset,
        Self::HalfBody,
        Self::Garbage,
        Self::Portal,
        Self::Wall401,
        Self::Wall403,
        Self::TooMany,
        Self::TooManyFor,
        Self::Internal,
        Self::Overloaded,
        Self::NotFound,
        Self::Redirect,
        Self::Awkward,
    ];

    /// Where no answer comes at all, why.
    pub const fn silent(self) -> Option<Reason> {
        match self {
            Self::Timeout => Some(Reason::Timeout),
            Self::Connect => Some(Reason::Connect),
            Self::Dns => Some(Reason::Dns),
            Self::Tls => Some(Reason::Tls),
            Self::Reset => Some(Reason::Connect),
            _ => None,
        }
    }

    /// For the tally.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connect => "no connection",
            Self::Dns => "no name",
            Self::Tls => "no TLS",
            Self::Reset => "reset",
            Self::HalfBody => "half a body",
            Self::Garbage => "garbage",
            Self::Portal => "a portal's 200",
            Self::Wall401 => "a firewall's 401",
            Self::Wall403 => "a firewall's 403",
            Self::TooMany => "429",
            Self::TooManyFor => "429 with a wait",
            Self::Internal => "500",
            Self::Overloaded => "503 with a wait",
            Self::NotFound => "404",
            Self::Redirect => "a redirect",
            Self::Awkward => "an awkward answer",
        }
    }
}

/// How much goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct Troubles {
    /// of a thousand answers, so many are faulty
    pub answers: u64,
    /// of a thousand scans, so many die
    pub deaths: u64,
    /// of a thousand readings of the main source, so many fail somehow
    pub readings: u64,
    /// of a thousand mails, so many meet a fault
    pub mails: u64,
    /// a provider is down about once in so many days; 0 for never
    pub outage_days: u64,
    /// a provider refuses everybody about once in so many days; 0 for never
    pub bulk_days: u64,
    /// a single key is refused for some minutes about so often a day, all keys together
    pub strays_per_day: u64,
    /// our clock is wrong about once in so many days; 0 for never
    pub clock_days: u64,
    /// keysweep doesn't run at all for a while about once in so many days; 0 for never
    pub pause_days: u64,
}

impl Troubles {
    /// Everything, often.
    pub const ALL: Self = Self {
        answers: 80,
        deaths: 60,
        readings: 60,
        mails: 80,
        outage_days: 25,
        bulk_days: 40,
        strays_per_day: 6,
        clock_days: 20,
        pause_days: 60,
    };

    /// Nothing at all.
    pub const NONE: Self = Self {
        answers: 0,
        deaths: 0,
        readings: 0,
        mails: 0,
        outage_days: 0,
        bulk_days: 0,
        strays_per_day: 0,
        clock_days: 0,
        pause_days: 0,
    };
}

/// What is wrong at the moment.
#[derive(Debug)]
pub struct Weather {
    /// how much goes wrong
    pub troubles: Troubles,
    /// providers that give nobody a proper answer: how, and until when
    pub outages: BTreeMap<ProviderName, (Fault, Timestamp)>,
    /// providers that refuse everybody: since when and until when
    pub bulk: BTreeMap<ProviderName, (Timestamp, Timestamp)>,
    /// keys that are refused by mistake until then
    pub strays: BTreeMap<usize, Timestamp>,
    /// how far our clock is off, in milliseconds, and until when
    pub clock: Option<(i64, Timestamp)>,
    dice: Dice,
}

/// Stray refusals end before a refusal could be confirmed.
pub const STRAY_AT_MOST: Duration = minutes(50);

impl Weather {
    /// A clear sky.
    pub fn new(seed: u64, troubles: Troubles) -> Self {
        let (outages, bulk, strays) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { troubles, outages, bulk, strays, clock: None, dice: Dice::of(&[seed, 2]) }
    }

    /// From here on nothing goes wrong any more.
    pub fn clear(&mut self) {
        self.troubles = Troubles::NONE;
        self.outages.clear();
        self.bulk.clear();
        self.strays.clear();
        self.clock = None;
    }

    /// How far our clock is off.
    pub fn offset(&self) -> i64 {
        self.clock.map_or(0, |(offset, _)| offset)
    }

    /// What is over ends, and new troubles begin, in the time from `before` to the world's now. Returns what began, for the
    /// tally, and whether our clock was moved. A key can be refused by mistake only where `at_peace` says so.
    pub fn change(
        &mut self,
        world: &World,
        before: Timestamp,
        at_peace: impl Fn(usize) -> bool,
    ) -> (Vec<&'static str>, bool) {
        let (now, mut began) = (world.now, Vec::new());
        let passed = now.since(before);
        self.outages.retain(|_, (_, until)| *until > now);
        self.bulk.retain(|_, (_, until)| *until > now);
        self.strays.retain(|_, until| *until > now);
        for (name, _) in PROVIDERS {
            let name = ProviderName::new(name);
            if self.begins(self.troubles.outage_days, passed) {
                let fault = *self.dice.pick(&Fault::ALL);
                let until = now + self.dice.span(minutes(20), days(3));
                self.outages.entry(name.clone()).or_insert((fault, until));
                began.push("a provider's outage");
            }
            if self.begins(self.troubles.bulk_days, passed) {
                let until = now + self.dice.span(hours(1), hours(100));
                self.bulk.entry(name).or_insert((now, until));
                began.push("a provider's bulk refusals");
            }
        }
        // A stray refusal that nobody asks about is none: they begin right before a scan.
        let strays = self.troubles.strays_per_day * u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        for _ in 0..(strays + self.dice.below(86_400_000)) / 86_400_000 {
            let key = self.dice.index(world.keys.len());
            let until = now + self.dice.span(minutes(1), STRAY_AT_MOST);
            if at_peace(key) && world.keys[key].is_accepted(now) {
                self.strays.entry(key).or_insert(until);
            }
        }
        let moved = self.move_clock(now, passed);
        if moved && self.clock.is_some() {
            began.push("our clock is wrong");
        }
        (began, moved)
    }

    /// How long keysweep stays away now, if it does.
    pub fn pause(&mut self, passed: Duration) -> Option<Duration> {
        self.begins(self.troubles.pause_days, passed).then(|| self.dice.span(hours(6), days(6)))
    }

    fn move_clock(&mut self, now: Timestamp, passed: Duration) -> bool {
        if self.clock.is_some_and(|(_, until)| until <= now) {
            self.clock = None;
            return true;
        }
        if self.clock.is_some() || !self.begins(self.troubles.clock_days, passed) {
            return false;
        }
        let far = *self.dice.pick(&[hours(1), hours(5), days(1), days(31), days(365)]);
        let millis = i64::try_from(far.as_millis()).unwrap_or(0);
        let offset = if self.dice.per_mille(500) { millis } else { -millis };
        self.clock = Some((offset, now + self.dice.span(minutes(10), days(2))));
        true
    }

    fn begins(&mut self, once_in_days: u64, passed: Duration) -> bool {
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        once_in_days > 0 && self.dice.below(once_in_days * 86_400_000) < millis
    }
}

/// Whether this one answer is faulty, and how. The same question at the same instant always meets the same fate.
pub fn of_answer(troubles: &Troubles, asked: &[u64]) -> Option<Fault> {
    let mut dice = Dice::of(asked);
    dice.per_mille(troubles.answers).then(|| *dice.pick(&Fault::ALL))
}
