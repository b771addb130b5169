//! What a form of the page says: pure.

use url::form_urlencoded;

use super::body::Body;
use crate::domain::action::Act;
use crate::domain::time::{Timestamp, days};

/// The field of a one-click unsubscription.
const ONE_CLICK: &str = "List-Unsubscribe";

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

/// Reads what was sent; `None` for what neither a page of ours nor a mail program sends.
pub(super) fn read(body: &Body, now: Timestamp) -> Option<Sent> {
    match body {
        Body::Form(body) => form(body, now),
        Body::Parts(fields) => one_click(fields),
    }
}

/// Our own pages send no parts.
fn one_click(fields: &[(String, String)]) -> Option<Sent> {
    let is_meant = matches!(fields, [(name, value)] if name == ONE_CLICK && value == "One-Click");
    is_meant.then(|| Sent { wish: Wish::OneClick, nonce: String::new() })
}

fn form(body: &[u8], now: Timestamp) -> Option<Sent> {
    let (mut act, mut span, mut nonce, mut sure, mut one_click) = (None, None, String::new(), false, false);
    for (name, value) in form_urlencoded::parse(body) {
        match &*name {
            "act" => act = Some(value.into_owned()),
            "days" => span = value.parse::<u32>().ok(),
            "nonce" => nonce = value.into_owned(),
            "sure" => sure = value == "yes",
            ONE_CLICK => one_click = value == "One-Click",
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

    fn read_form(body: &[u8]) -> Option<Sent> {
        read(&Body::Form(body.to_vec().into()), NOW)
    }

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
            assert_eq!(read_form(body.as_bytes()).map(|sent| sent.wish), expected, "{body}");
        }
        let one_click = read_form(b"List-Unsubscribe=One-Click").expect("RFC 8058");
        assert_eq!((one_click.wish, one_click.nonce.as_str()), (Wish::OneClick, ""));
    }

    #[test]
    fn parts_are_read_where_they_are_the_one_field_of_a_one_click_unsubscription() {
        for (fields, is_read) in [
            (&[("List-Unsubscribe", "One-Click")][..], true),
            (&[("List-Unsubscribe", "one-click")], false),
            (&[("list-unsubscribe", "One-Click")], false),
            (&[("act", "mute")], false),
            (&[("List-Unsubscribe", "One-Click"), ("act", "mute")], false),
            (&[], false),
        ] {
            let parts = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let sent = read(&Body::Parts(parts), NOW);
            assert_eq!(sent, is_read.then(|| Sent { wish: Wish::OneClick, nonce: String::new() }), "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange(body in prop::collection::vec(any::<u8>(), 0..400)) {
            read_form(&body);
        }
    }
}
