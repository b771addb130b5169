//! An invented estate of any size, the same each time.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Result;
use keysweep::domain::time::{Timestamp, days};

/// Connections of one account.
const PER_ACCOUNT: u64 = 4;
/// Ages are spread over so many days: a tenth is past Mailjet's 90.
const OLDEST: u64 = 100;

/// The order of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// as they were made
    Made,
    /// as if shuffled
    Shuffled,
}

/// What the estate is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estate {
    /// how many connections
    pub(crate) connections: u64,
    /// whether every tenth connection uses the credential of its neighbour
    pub(crate) shared: bool,
    /// from which the ages count back
    pub(crate) now: Timestamp,
}

impl Estate {
    /// Writes the connections. Their ids are in no order, as those of most platforms are.
    pub(crate) fn write_connections(&self, path: &Path, order: Order) -> Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        writeln!(out, "connection_id,account_id,provider,name,status,created_at,key_id,secret,created_by")?;
        let stride = if order == Order::Shuffled { coprime(self.connections) } else { 1 };
        for place in 0..self.connections {
            let number = place * stride % self.connections;
            let shares = self.shared && number % 10 == 9;
            let (key_id, secret) = credential(if shares { number - 1 } else { number });
            let account = number / PER_ACCOUNT;
            let id = mix(number);
            let since = self.now.as_secs() - i64::try_from(days(mix(number) % OLDEST).as_secs())?;
            let since = Timestamp::from_secs(since);
            writeln!(out, "{id:016x},a-{account},mailjet,Shop {number},active,{since},{key_id},{secret},m-{account}")?;
        }
        Ok(out.flush()?)
    }

    /// Writes an owner for every account.
    pub(crate) fn write_people(&self, path: &Path) -> Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        writeln!(out, "account_id,member_id,email,role,status")?;
        for account in 0..self.connections.div_ceil(PER_ACCOUNT) {
            writeln!(out, "a-{account},m-{account},owner-{account}@example.org,owner,active")?;
        }
        Ok(out.flush()?)
    }

    /// How many different credentials it has.
    pub(crate) fn credentials(&self) -> u64 {
        if self.shared { self.connections - self.connections / 10 } else { self.connections }
    }
}

/// A credential as Mailjet's look: two times 32 hex digits.
pub(crate) fn credential(number: u64) -> (String, String) {
    let half = |salt: u64| format!("{:016x}{:016x}", mix(number ^ salt), mix(mix(number) ^ salt));
    (half(0x6b65_7900_0000_0000), half(0x7365_6372_6574_0000))
}

/// A step through all rows that leaves none out and never looks like an order.
fn coprime(rows: u64) -> u64 {
    let shares_a_factor = |step: u64| {
        let (mut a, mut b) = (rows, step);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a != 1
    };
    let mut step = rows * 618 / 1000 + 1;
    while shares_a_factor(step) {
        step += 1;
    }
    step
}

/// `SplitMix64`: every number to another that looks like chance.
const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
