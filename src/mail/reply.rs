//! What a mail server's answer means for the mail: pure.

use std::error::Error as _;

use lettre::transport::smtp::Error;

use crate::domain::bounce::Status;
use crate::ports::notify::SendError;

/// At which point of the dialogue the answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// MAIL, RSET and DATA: what is refused here is us
    Ours,
    /// RCPT: what is refused here may be the address
    Recipient,
    /// the message itself was written
    Message,
}

/// Sorts what went wrong at `step`.
pub(super) fn classify(step: Step, error: &Error) -> SendError {
    let Some(code) = error.status().map(u16::from) else {
        let text = broken(error);
        return match step {
            Step::Message => SendError::AfterData(text),
            Step::Ours | Step::Recipient => SendError::Server(text),
        };
    };
    refusal(step, code, &error.source().map(ToString::to_string).unwrap_or_default())
}

/// What the server's own refusal means.
fn refusal(step: Step, code: u16, text: &str) -> SendError {
    let said = presentable(&format!("{code} {text}"));
    match code {
        // The server announces that it closes the session: no mail is at fault, and none can follow in it.
        421 if step != Step::Message => SendError::Server(said),
        400..=499 => SendError::Later(said),
        // "Unable to route" is said of a look-up that failed: nobody's fault, and perhaps over in an hour.
        _ if Status::parse(text) == Some(Status(5, 4, 4)) => SendError::Later(said),
        _ if step == Step::Recipient && Status::parse(text).is_some_and(Status::names_the_recipient) => {
            SendError::Address(said)
        }
        _ => SendError::Ours(said),
    }
}

/// A reply as it may be kept: one line of at most 200 characters, without addresses.
pub(super) fn presentable(text: &str) -> String {
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if word.contains('@') { "[address]" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

/// A failed login in words: code and enhanced code only, since a server may quote the login back at us.
pub(super) fn login(error: &Error) -> SendError {
    let Some(code) = error.status() else {
        return SendError::Server(format!("login failed: {}", broken(error)));
    };
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    let enhanced = Status::parse(&text).map(|status| format!(" {status}"));
    SendError::Server(format!(
        "login refused ({code}{}): check user and password of the mail server",
        enhanced.unwrap_or_default()
    ))
}

/// A failure that isn't the server's own word.
fn broken(error: &Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source().and_then(std::error::Error::source);
    while let Some(inner) = cause {
        let inner_said = inner.to_string();
        if !said.contains(&inner_said) {
            said = format!("{said}: {inner_said}");
        }
        cause = inner.source();
    }
    presentable(&said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_its_holder_should_do() {
        use Step::{Message, Ours, Recipient};
        type Kind = fn(String) -> SendError;
        let table: [(Step, u16, &str, Kind); 20] = [
            (Recipient, 550, "5.1.1 no such user", SendError::Address),
            (Recipient, 553, "5.1.3 bad address syntax", SendError::Address),
            (Recipient, 550, "5.2.1 mailbox disabled", SendError::Address),
            (Recipient, 550, "5.1.10 null MX", SendError::Address),
            (Recipient, 550, "5.1.8 sender's domain not found", SendError::Ours),
            (Recipient, 550, "5.7.1 relaying denied", SendError::Ours),
            (Recipient, 550, "5.2.2 mailbox full", SendError::Ours),
            (Recipient, 550, "no such user", SendError::Ours),
            (Recipient, 550, "5.1.2 bad destination system", SendError::Address),
            (Recipient, 550, "5.1.7 bad sender's address", SendError::Ours),
            (Recipient, 550, "5.4.4 unable to route", SendError::Later),
            (Ours, 554, "5.4.4 unable to route", SendError::Later),
            (Message, 552, "5.3.4 message too big", SendError::Ours),
            (Recipient, 450, "4.2.0 greylisted", SendError::Later),
            (Recipient, 450, "5.1.1 contradicts itself", SendError::Later),
            (Recipient, 421, "4.3.2 shutting down", SendError::Server),
            (Ours, 550, "5.1.1 sender unknown", SendError::Ours),
            (Ours, 452, "4.3.1 no space", SendError::Later),
            (Message, 554, "5.6.0 content refused", SendError::Ours),
            (Message, 421, "4.3.2 not taken", SendError::Later),
        ];
        for (step, code, text, kind) in table {
            assert_eq!(refusal(step, code, text), kind(format!("{code} {text}")), "{step:?} {code} {text}");
        }
    }

    #[test]
    fn a_kept_reply_is_one_short_line_without_addresses() {
        assert_eq!(
            presentable("550 5.1.1 <someone@example.org>:\r\n unknown\u{1b}[31m"),
            "550 5.1.1 [address] unknown [31m"
        );
        assert_eq!(presentable(&"x".repeat(5000)).len(), 200);
    }
}
