//! Mails to whoever runs keysweep: a test mail, and what their endpoints are told by mail.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};

use super::render::Sender;
use crate::domain::record::Address;
use crate::domain::time::Timestamp;

/// A test mail for the wire. `id` makes its Message-ID its own.
///
/// # Errors
/// As for [`plain_mail`].
pub fn test_mail(from: &Sender, to: &Address, id: u64, now: Timestamp) -> Result<Vec<u8>, String> {
    let text = "Somebody who runs keysweep had it send this mail, to see that its mails arrive.\n\n\
                It says nothing of any key, and there is nothing to do.\n";
    plain_mail(from, to, &format!("keysweep.test.{id:016x}"), "keysweep: a test mail", text.to_owned(), now)
}

/// A mail to somebody who runs keysweep: text alone. `id` is the Message-ID's part before the `@`.
///
/// # Errors
/// A sentence for the operator: the address can't stand in a header.
pub fn plain_mail(
    from: &Sender,
    to: &Address,
    id: &str,
    subject: &str,
    text: String,
    now: Timestamp,
) -> Result<Vec<u8>, String> {
    let to = to.expose().parse().map_err(|_| "the address can't stand in a header".to_owned())?;
    let sender = from.mailbox();
    let since = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
    let message = Message::builder()
        .from(sender.clone())
        .to(Mailbox::new(None, to))
        .subject(subject)
        .date(UNIX_EPOCH + since)
        .message_id(Some(format!("<{id}@{}>", sender.email.domain())))
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(text);
    message.map(|message| message.formatted()).map_err(|error| format!("the mail can't be put together: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_who_it_is_from_and_asks_for_nothing() {
        let from = Sender::parse("Key hygiene <keys@example.org>").unwrap();
        let to = Address::parse("ops@example.org").unwrap();
        let mail = test_mail(&from, &to, 7, Timestamp::from_secs(1_790_000_000)).unwrap();
        let mail = String::from_utf8(mail).unwrap();
        for line in ["To: ops@example.org", "Message-ID: <keysweep.test.0000000000000007@example.org>", "nothing to do"]
        {
            assert!(mail.contains(line), "{line} in {mail}");
        }
    }
}
