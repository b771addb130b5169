//! The event log's chain: one link for each committed chunk, over the link before it and everything that the new entries say,
//! under a key that the database doesn't have (DESIGN.md 12). Whoever changes, removes or inserts an entry without the key
//! breaks the chain there; whoever cuts off its end is found out by a head that was noted elsewhere.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::announce::Entry;

/// Entries that one link covers at most: what is held in memory to check it.
pub const LONGEST: usize = 1_000;

/// What commands log that do without the master key: the acts of an operator. Every other entry is written with its link.
pub const KEYLESS: [&str; 12] = [
    "credential.compromised",
    "credential.not_compromised",
    "finding.acknowledged",
    "finding.resumed",
    "finding.snoozed",
    "mail.baseline",
    "mail.brake_off",
    "mail.preview",
    "mail.ramp",
    "mail.released",
    "mail.unsuppressed",
    "provider.sighted",
];

/// What a link is made of: a keyed hash. Where something else stands in its place it is a forged one, that fits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Mac(Option<[u8; 32]>);

impl Mac {
    /// From the hash's bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Some(bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.map_or_else(|| "forged".to_owned(), |bytes| HEXLOWER.encode(&bytes)))
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

/// A text that is no head of a chain, or no link's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the head of a log: its number, a colon and 64 hex digits are expected, as `keysweep audit verify` prints them"
)]
pub struct NoHead;

/// As it is read from where it was written.
impl From<String> for Mac {
    fn from(hex: String) -> Self {
        Self(HEXLOWER.decode(hex.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()))
    }
}

/// One link. The last one is the chain's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// the last entry that it covers
    pub up_to: i64,
    /// over the link before it, and the entries since
    pub mac: Mac,
}

/// `NUMBER:HASH`, as it is logged, printed and typed.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.up_to, self.mac)
    }
}

impl FromStr for Link {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let (up_to, mac) = text.trim().split_once(':').ok_or(NoHead)?;
        let (up_to, mac) = (up_to.parse().map_err(|_| NoHead)?, Mac::from(mac.to_owned()));
        if mac.0.is_some() { Ok(Self { up_to, mac }) } else { Err(NoHead) }
    }
}

/// What the next link's hash is taken of. No two pasts have the same.
pub fn covered(before: Option<&Link>, entries: &[Entry]) -> Vec<u8> {
    let entries: Vec<_> = entries.iter().map(|e| json!([e.id, e.at.as_millis(), e.kind, e.subject, e.data])).collect();
    json!(["keysweep log v1", before.map(Link::to_string), entries]).to_string().into_bytes()
}

/// Why a log is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// a link doesn't fit what it covers
    #[error(
        "the log is not as it was written: an entry from {from} to {to} was changed, removed or inserted, or the link over \
         them was, or this is another ledger's key; compare with a backup"
    )]
    Link {
        /// the first entry that the link covers
        from: i64,
        /// the last one
        to: i64,
    },
    /// an entry has no link that was written with one
    #[error(
        "the log is not as it was written: no link covers entry {0}, which only a process that has the master key writes, \
         and with its link; it was inserted, or links were removed; compare with a backup"
    )]
    Stray(i64),
    /// the head that was noted elsewhere isn't in it
    #[error("the log is not the one whose head was noted: no link {0} is in it; it was cut off or rewritten since")]
    Head(Link),
    /// there are links, and the key that they were made with is gone
    #[error(
        "the log can't be verified: it has links, and the ledger's own key, which they were made with, is no longer in it; \
         compare with a backup"
    )]
    Key,
    /// findings have been opened, and no entry says so
    #[error("the log is empty, though findings have been opened: it was taken away; compare with a backup")]
    Emptied,
}

/// Goes along a chain, link by link, from its beginning.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    last: Option<Link>,
    noted: Option<Link>,
}

impl Verifier {
    /// One that looks for a head that was noted before, too.
    pub const fn looking_for(noted: Option<Link>) -> Self {
        Self { last: None, noted }
    }

    /// The last link that was found good.
    pub const fn last(&self) -> Option<Link> {
        self.last
    }

    /// The entry behind which the next link begins.
    pub fn after(&self) -> i64 {
        self.last.map_or(0, |link| link.up_to)
    }

    /// Takes the next link with the entries that it covers; `None` where one of them is none that could have been written.
    ///
    /// # Errors
    /// [`Broken::Link`] where its hash is not theirs.
    pub fn take(
        &mut self,
        link: Link,
        entries: Option<&[Entry]>,
        mac: impl FnOnce(&[u8]) -> Mac,
    ) -> Result<(), Broken> {
        let reaches = |entries: &&[Entry]| entries.last().is_some_and(|entry| entry.id == link.up_to);
        let fits = |entries| mac(&covered(self.last.as_ref(), entries)) == link.mac;
        if !entries.filter(reaches).is_some_and(fits) {
            return Err(Broken::Link { from: self.after() + 1, to: link.up_to });
        }
        self.last = Some(link);
        self.noted = self.noted.filter(|noted| *noted != link);
        Ok(())
    }

    /// The end of the chain.
    ///
    /// # Errors
    /// [`Broken::Head`] where the noted head was not among the links.
    pub const fn end(self) -> Result<Option<Link>, Broken> {
        match self.noted {
            Some(noted) => Err(Broken::Head(noted)),
            None => Ok(self.last),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Map;
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::domain::time::Timestamp;

    fn mac(bytes: &[u8]) -> Mac {
        Mac::new(Sha256::digest(bytes).into())
    }

    fn entry(id: i64, word: &str) -> Entry {
        let data = Map::from_iter([("word".to_owned(), word.into())]);
        Entry { id, at: Timestamp::from_secs(id), kind: "k".to_owned(), subject: "s".to_owned(), data }
    }

    /// Chunks of entries, each with its link.
    fn chained(chunks: &[Vec<Entry>]) -> Vec<(Link, Vec<Entry>)> {
        let mut last = None;
        let link = |entries: &Vec<Entry>| {
            let up_to = entries.last().expect("an entry").id;
            let link = Link { up_to, mac: mac(&covered(last.as_ref(), entries)) };
            last = Some(link);
            (link, entries.clone())
        };
        chunks.iter().map(link).collect()
    }

    fn verified(chain: &[(Link, Vec<Entry>)], noted: Option<Link>) -> Result<Option<Link>, Broken> {
        let mut verifier = Verifier::looking_for(noted);
        for (link, entries) in chain {
            verifier.take(*link, Some(entries), mac)?;
        }
        verifier.end()
    }

    fn chunks(words: &[Vec<String>]) -> Vec<Vec<Entry>> {
        let mut id = 0;
        let mut next = |word: &String| {
            id += 1;
            entry(id, word)
        };
        words.iter().map(|chunk| chunk.iter().map(&mut next).collect()).collect()
    }

    proptest! {
        #[test]
        fn a_log_as_it_was_written_is_good_and_any_change_to_an_entry_is_found(
            words in prop::collection::vec(prop::collection::vec("[a-z]{0,3}", 1..4), 1..5),
            which in any::<prop::sample::Index>(),
            how in 0..4,
        ) {
            let chain = chained(&chunks(&words));
            let head = chain.last().map(|(link, _)| *link);
            prop_assert_eq!(verified(&chain, head), Ok(head));
            let mut forged = chain.clone();
            let chunk = which.index(forged.len());
            let entries = &mut forged[chunk].1;
            match how {
                0 => entries[0].subject.push('x'),
                1 => entries[0].at = Timestamp::from_secs(77),
                2 => { entries.remove(0); }
                _ => entries.insert(0, entry(999, "forged")),
            }
            let found = verified(&forged, None);
            prop_assert!(matches!(found, Err(Broken::Link { .. })), "{found:?}");
        }

        #[test]
        fn a_link_that_is_taken_out_is_found_and_a_cut_end_by_its_head(
            words in prop::collection::vec(prop::collection::vec("[a-z]{0,3}", 1..4), 2..5),
        ) {
            let chain = chained(&chunks(&words));
            let head = chain.last().map(|(link, _)| *link);
            let found = verified(&chain[1..], None);
            prop_assert!(matches!(found, Err(Broken::Link { .. })), "{found:?}");
            let cut = &chain[..chain.len() - 1];
            prop_assert!(verified(cut, None).is_ok(), "nothing in it tells");
            prop_assert_eq!(verified(cut, head), Err(Broken::Head(head.expect("a link"))));
        }
    }

    #[test]
    fn a_head_is_read_as_it_is_printed() {
        let link = Link { up_to: 42, mac: mac(b"x") };
        assert_eq!(link.to_string().parse(), Ok(link));
        for wrong in ["", "42", "42:", "x:00", "42:zz", ":"] {
            assert_eq!(wrong.parse::<Link>(), Err(NoHead), "{wrong:?}");
        }
    }
}
