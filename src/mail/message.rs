//! A mail's parts and headers as one message.

use std::time::{Duration, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, SinglePart};
use sha2::{Digest as _, Sha256};
use url::Host;

use super::render::{MailSettings, Parts};
use crate::domain::link::ActionLink;
use crate::domain::record::Address;
use crate::domain::time::Timestamp;
use crate::ports::notify::ClaimedMail;

/// Puts a message together.
///
/// # Errors
/// A sentence for the operator that names no address: that for answers can't stand in a header.
pub(super) fn message(
    mail: &ClaimedMail,
    settings: &MailSettings,
    parts: Parts,
    now: Timestamp,
) -> Result<Message, String> {
    let date = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
    let message = Message::builder()
        .from(settings.from.mailbox().clone())
        .subject(parts.subject)
        .date(date)
        .message_id(Some(mail.message_id.clone()));
    let message = match address(&mail.address, "recipient") {
        Ok(to) => message.to(to),
        // The transport is the one to refuse it, as it refuses any address: then it is suppressed, and the next in line is
        // told. The envelope is the transport's own as well; lettre wants one.
        Err(_) => header(message, "To", "undisclosed-recipients:;").envelope(nobody(settings)?),
    };
    let message = header(message, "Auto-Submitted", "auto-generated");
    let mut message = header(message, "Content-Language", &parts.language);
    if let Some(reply_to) = &settings.reply_to {
        message = message.reply_to(address(reply_to, "reply")?);
    }
    if let Some(latest) = mail.references.last() {
        message = message.in_reply_to(latest.clone()).references(mail.references.join(" "));
    }
    if let Some(link) = mail.unsubscribe.as_ref().map(ActionLink::expose).filter(|link| is_plain(link)) {
        message = header(message, "List-Unsubscribe", &format!("<{link}>"));
        // RFC 8058: a POST of this ends it, a GET shows a page.
        message = header(message, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
    }
    let body = MultiPart::alternative()
        .boundary(boundary(&mail.message_id))
        .singlepart(SinglePart::plain(parts.text))
        .singlepart(SinglePart::html(parts.html));
    message.multipart(body).map_err(|error| format!("the mail can't be put together: {error}"))
}

/// A header whose value is plain ASCII: it goes as it stands, however long it is.
fn header(message: MessageBuilder, name: &'static str, value: &str) -> MessageBuilder {
    let name = HeaderName::new_from_ascii_str(name);
    message.raw_header(HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned()))
}

/// True for an address that can stand between angle brackets in a header: RFC 2369 wants nothing else there.
fn is_plain(link: &str) -> bool {
    link.len() < 900 && link.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"'))
}

fn address(address: &Address, whose: &str) -> Result<Mailbox, String> {
    let email = spelt(address).ok_or_else(|| format!("the {whose}'s address can't stand in a header"))?;
    Ok(Mailbox::new(None, email))
}

/// An address as mail servers know it: a domain beyond ASCII by its A-labels (RFC 5891), which every server takes. `None` for
/// what SMTP can't carry.
pub(super) fn spelt(address: &Address) -> Option<lettre::Address> {
    let (local, domain) = address.expose().rsplit_once('@')?;
    match Host::parse(domain) {
        Ok(Host::Domain(labels)) if !domain.is_ascii() => lettre::Address::new(local, labels).ok(),
        _ => lettre::Address::new(local, domain).ok(),
    }
}

fn nobody(settings: &MailSettings) -> Result<Envelope, String> {
    let from = settings.from.mailbox().email.clone();
    Envelope::new(Some(from.clone()), vec![from]).map_err(|error| format!("the mail can't be put together: {error}"))
}

/// Fixed by the Message-ID, so that a mail sent again is the same mail. `=_` never occurs in quoted-printable or
/// base64, and nobody who names a connection can guess the rest.
fn boundary(message_id: &str) -> String {
    let digest = Sha256::digest(message_id.as_bytes());
    format!("=_{}", HEXLOWER.encode(&digest[..12]))
}
