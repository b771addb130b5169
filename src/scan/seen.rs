//! One bit for each dense id: all that a snapshot keeps in memory of the rows that it has shown.

/// Which ids a snapshot has shown. It dies with the process, which is right: a cut-short read implies nothing.
#[derive(Debug, Default)]
pub(super) struct Seen {
    words: Vec<u64>,
}

impl Seen {
    /// Room for ids up to `greatest`; it grows for newer ones.
    pub(super) fn up_to(greatest: i64) -> Self {
        Self { words: vec![0; slot(greatest).0 + 1] }
    }

    /// Notes an id. Returns false where it had been noted before.
    pub(super) fn insert(&mut self, id: i64) -> bool {
        let (word, bit) = slot(id);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let fresh = self.words[word] & bit == 0;
        self.words[word] |= bit;
        fresh
    }

    /// Whether an id was noted.
    pub(super) fn contains(&self, id: i64) -> bool {
        let (word, bit) = slot(id);
        self.words.get(word).is_some_and(|w| w & bit != 0)
    }
}

fn slot(id: i64) -> (usize, u64) {
    let id = usize::try_from(id).unwrap_or(0);
    (id / 64, 1 << (id % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_fresh_once_and_room_grows() {
        let mut seen = Seen::up_to(10);
        for id in [0, 1, 10, 63, 64, 1_000_000] {
            assert!(!seen.contains(id));
            assert!(seen.insert(id));
            assert!(!seen.insert(id));
            assert!(seen.contains(id));
        }
        assert!(!seen.contains(2));
        assert!(!seen.contains(5_000_000));
    }
}
