//! Why a key can't be proven dead, in the reader's language: pure.

use super::clean::{self, instant};
use crate::domain::outcome::Reason;
use crate::ports::notify::MailNotice;

/// What stands in the way of a proof, without a full stop.
pub(super) fn unproven(notice: &MailNotice) -> String {
    let belief = &notice.belief;
    let detail = |reason: Option<Reason>| reason.map(|reason| format!(" ({})", plain(reason))).unwrap_or_default();
    let since = |at: Option<_>| at.map(|at| format!(" since {}", instant(at))).unwrap_or_default();
    match notice.evidence.get("reason").and_then(serde_json::Value::as_str) {
        Some("oauth") => "it is a grant (OAuth), which only the provider's own page can show as ended".to_owned(),
        Some("no_copy") => plain(Reason::NoCopy).to_owned(),
        Some("no_control") => format!(
            "it has been refused{}, but nothing shows that this is about the key itself",
            since(belief.refused_first)
        ),
        Some("protocol_unasked") => format!(
            "one way in refuses it{}, another could not be asked{}",
            since(belief.refused_first),
            detail(belief.partly)
        ),
        Some("unknown_too_long") => {
            format!("there has been no definite answer{}{}", since(belief.unknown_since), detail(belief.unknown_reason))
        }
        Some("unconfirmed") => {
            format!("it has been refused{}, but no second refusal has confirmed that yet", since(belief.refused_first))
        }
        Some(other) => clean::name(&other.replace('_', " ")),
        None => "the provider has given no definite answer".to_owned(),
    }
}

const fn plain(reason: Reason) -> &'static str {
    match reason {
        Reason::NoCopy => "no copy of the key is held, so nobody here can ask",
        Reason::NoProber => "there is no safe way to ask this provider",
        Reason::NoAddress => "nothing says at which of the provider's addresses this account lives",
        Reason::BadAddress => "the address that was given for this account is not one of the provider's",
        Reason::Blind => "the provider turns everybody away for the moment, so that it says nothing about the key",
        Reason::Blocked => "the provider blocks the question before it looks at the key",
        Reason::RateLimited => "the provider says that it is asked too often",
        Reason::Connect | Reason::Dns | Reason::Timeout | Reason::Tls => "the provider could not be reached",
        Reason::ServerError => "the provider answered with failures of its own",
        Reason::Garbled | Reason::Redirect | Reason::Unexpected | Reason::WrongPath => {
            "the provider's answers say nothing about the key"
        }
    }
}
