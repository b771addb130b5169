//! What a form of the page says: pure.

use url::form_urlencoded;

use crate::domain::action::Act;
use crate::domain::time::{Timestamp, days};

/// The days for which the page offers quiet.
pub(super) const SNOOZES: [u32; 3] = [7, 14, 30];

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// to act on the finding
    Act(Act),
    /// to have the copy destroyed, without having said that they mean it
    Unsure,
    /// no more mails about low severities
    Mute,
    /// such mails after all
    Unmute,
    /// what a mail program sends by itself when its reader wants no more of such mails (RFC 8058)
    OneClick,
}

/// A form that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) wish: Wish,
    /// what the page put into its forms; empty where there is none
    pub(super) nonce: String,
}

/// Reads a form; `None` for what no page of ours sends.
pub(super) fn read(body: &[u8], now: Timestamp) -> Option<Sent> {
    let (mut act, mut span, mut nonce, mut sure, mut one_click) = (None, None, String::new(), false, false);
    for (name, value) in form_urlencoded::parse(body) {
        match &*name {
            "act" => act = Some(value.into_owned()),
            "days" => span = value.parse::<u32>().ok(),
            "nonce" => nonce = value.into_owned(),
            "sure" => sure = value == "yes",
            "List-Unsubscribe" => one_click = value == "One-Click",
            _ => return None,
        }
    }
    let wish = match (act.as_deref(), span) {
        (None, None) if one_click => Wish::OneClick,
        (Some("check"), None) => Wish::Act(Act::Check),
        (Some("reset"), None) => Wish::Act(Act::Reset),
        (Some("snooze"), Some(span)) => Wish::Act(Act::Snooze { until: now + days(u64::from(span)) }),
        (Some("resume"), None) => Wish::Act(Act::Resume),
        (Some("not-mine"), None) => Wish::Act(Act::NotMine),
        (Some("destroy"), None) if sure => Wish::Act(Act::Destroy),
        (Some("destroy"), None) => Wish::Unsure,
        (Some("compromised"), None) => Wish::Act(Act::Compromised),
        (Some("mute"), None) => Wish::Mute,
        (Some("unmute"), None) => Wish::Unmute,
        _ => return None,
    };
    Some(Sent { wish, nonce })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn our_own_forms_are_read_and_nothing_else() {
        let act = |act| Some(Wish::Act(act));
        for (body, expected) in [
            ("act=check&nonce=n", act(Act::Check)),
            ("act=reset&nonce=n", act(Act::Reset)),
            ("act=snooze&days=14&nonce=n", act(Act::Snooze { until: NOW + days(14) })),
            ("act=snooze&nonce=n", None),
            ("act=snooze&days=-1&nonce=n", None),
            ("act=snooze&days=x&nonce=n", None),
            ("act=resume&nonce=n", act(Act::Resume)),
            ("act=not-mine&nonce=n", act(Act::NotMine)),
            ("act=destroy&nonce=n", Some(Wish::Unsure)),
            ("act=destroy&sure=yes&nonce=n", act(Act::Destroy)),
            ("act=compromised&nonce=n", act(Act::Compromised)),
            ("act=mute&nonce=n", Some(Wish::Mute)),
            ("act=unmute&nonce=n", Some(Wish::Unmute)),
            ("act=acknowledge&days=7&nonce=n", None),
            ("act=check&days=7&nonce=n", None),
            ("act=check&more=7&nonce=n", None),
            ("nonce=n", None),
            ("", None),
        ] {
            assert_eq!(read(body.as_bytes(), NOW).map(|sent| sent.wish), expected, "{body}");
        }
        let one_click = read(b"List-Unsubscribe=One-Click", NOW).expect("RFC 8058");
        assert_eq!((one_click.wish, one_click.nonce.as_str()), (Wish::OneClick, ""));
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange(body in prop::collection::vec(any::<u8>(), 0..400)) {
            read(&body, NOW);
        }
    }
}
