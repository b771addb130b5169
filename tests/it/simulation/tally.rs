//! What a simulation has covered, counted.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;

/// Counts by word.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// One more.
    pub fn add(&mut self, word: &str) {
        self.add_all(word, 1);
    }

    /// So many more.
    pub fn add_all(&mut self, word: &str, count: u64) {
        match self.0.get_mut(word) {
            Some(known) => *known += count,
            None => drop(self.0.insert(word.to_owned(), count)),
        }
    }

    /// All together.
    pub fn sum(&self) -> u64 {
        self.0.values().sum()
    }

    /// How many of this word.
    pub fn of(&self, word: &str) -> u64 {
        self.0.get(word).copied().unwrap_or(0)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(|(word, count)| format!("{word} {count}")).collect();
        f.write_str(&words.join(", "))
    }
}

/// Everything that was covered.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// seeds, in the order in which they were played
    pub seeds: Vec<u64>,
    /// virtual time, in days
    pub days: u64,
    /// credentials known to the ledger, summed over the seconds
    pub credential_seconds: u64,
    /// credentials ever known
    pub credentials: u64,
    /// scans, those that died included
    pub scans: u64,
    /// what went wrong, by kind
    pub faults: Counts,
    /// what probes said, by outcome
    pub verdicts: Counts,
    /// changes of liveness and other events, by kind
    pub events: Counts,
    /// checks of the invariants that had something to check, by invariant
    pub checked: Counts,
    /// documented limits that were needed to explain a verdict
    pub limits: Counts,
}

impl Tally {
    /// Credential-years.
    pub const fn years(&self) -> u64 {
        self.credential_seconds / (365 * 86_400)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.seeds.extend(other.seeds);
        self.days += other.days;
        self.credential_seconds += other.credential_seconds;
        self.credentials += other.credentials;
        self.scans += other.scans;
        for (mine, theirs) in [
            (&mut self.faults, other.faults),
            (&mut self.verdicts, other.verdicts),
            (&mut self.events, other.events),
            (&mut self.checked, other.checked),
            (&mut self.limits, other.limits),
        ] {
            theirs.0.iter().for_each(|(word, count)| mine.add_all(word, *count));
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seeds {:?}: {} days, {} scans, {} credentials over {} credential-years, {} faults, {} verdicts",
            self.seeds,
            self.days,
            self.scans,
            self.credentials,
            self.years(),
            self.faults.sum(),
            self.verdicts.sum()
        )?;
        writeln!(f, "  faults: {}", self.faults)?;
        writeln!(f, "  verdicts: {}", self.verdicts)?;
        writeln!(f, "  events: {}", self.events)?;
        writeln!(f, "  checked: {}", self.checked)?;
        write!(f, "  documented limits used: {}", self.limits)
    }
}
