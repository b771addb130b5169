//! Which value a platform's word that "the secret leaked" is about.
//!
//! A row says `compromised_at` and shows a secret, but a platform need not clear the date when its customer rotates. So a date is
//! held against the instant from which the value is known to be the row's own: what leaked before that was another value,
//! and the new one is not under suspicion. The date then belongs to the value before, whose key may well still live.

use super::time::Timestamp;

/// From when a value is known to be its row's own, when it is first seen there at `now`: the date that the inventory
/// declares for it, else `now` where it took the place of another value. `None` where no other value is known to have been
/// there: any date is then about this one.
pub fn own_from(declared: Option<Timestamp>, took_over: bool, now: Timestamp) -> Option<Timestamp> {
    declared.or(took_over.then_some(now))
}

/// True where a leak at `compromised_at` is about the value that has been the row's own from `own_from` on. Within the very
/// second it is: platforms write whole seconds, and to warn of a good key costs less than to be silent about a leaked one.
pub fn is_about(compromised_at: Timestamp, own_from: Option<Timestamp>) -> bool {
    own_from.is_none_or(|from| compromised_at.as_secs() >= from.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::days;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn a_leak_is_about_the_value_that_the_row_had_then() {
        let second = std::time::Duration::from_secs(1);
        let fraction = std::time::Duration::from_millis(400);
        let (before, after) = (NOW - days(3), NOW + days(3));
        for (what, declared, took_over, leaked, about) in [
            ("the only value ever seen", None, false, before, true),
            ("rotated since, and the date was left standing", None, true, before, false),
            ("leaked after the rotation was seen", None, true, after, true),
            ("on the instant of the rotation", None, true, NOW, true),
            ("in the second of the rotation, whose fraction the platform drops", Some(NOW + fraction), true, NOW, true),
            ("set before it leaked, seen later", Some(NOW - days(4)), true, before, true),
            ("set after an earlier value had leaked", Some(NOW - days(2)), false, before, false),
            ("a second before it was set", Some(NOW), false, NOW - second, false),
        ] {
            assert_eq!(is_about(leaked, own_from(declared, took_over, NOW)), about, "{what}");
        }
    }
}
