//! What comes back, read: a message's token and what its report says (RFC 3464), in any bytes. Pure.

use mail_parser::{Message, MessageParser, MimeHeaders as _};

use super::reply::presentable;
use crate::domain::bounce::{Status, Told};
use crate::domain::verp::ReturnPath;

/// Headers that say to whom a message was delivered, the surest first. Not those of the mail that it may enclose.
const RECIPIENT_HEADERS: [&str; 4] = ["delivered-to", "x-original-to", "envelope-to", "to"];
/// A report is to one address; whoever writes to so many is not a mail server.
const TOKENS_AT_MOST: usize = 8;
/// A mail of ours is to one address; a list behind it may be told of, but not without end.
const TOLD_AT_MOST: usize = 100;

/// A message that came to the return path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// what stands where our addresses have their token, in the order of how far the place is to be trusted
    pub tokens: Vec<String>,
    /// what it says of the recipients; `None` where it is no report
    pub told: Option<Vec<Told>>,
}

/// Reads a message. Whatever can't be read says nothing.
pub fn read(raw: &[u8], path: &ReturnPath) -> Incoming {
    let Some(message) = MessageParser::default().parse(raw) else { return Incoming::default() };
    Incoming { tokens: tokens(&message, path), told: told(&message) }
}

/// The boundary after whose last line a message of several parts is whole; `None` where it has only one.
pub(super) fn boundary(raw: &[u8]) -> Option<String> {
    let message = MessageParser::default().parse_headers(raw)?;
    message.content_type()?.attribute("boundary").map(str::to_owned)
}

fn tokens(message: &Message<'_>, path: &ReturnPath) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for name in RECIPIENT_HEADERS {
        let values = message.headers_raw().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        for word in values.flat_map(|(_, value)| value.split(|c: char| c.is_whitespace() || "<>,;:\"()".contains(c))) {
            if let Some(token) = path.token_in(word)
                && tokens.len() < TOKENS_AT_MOST
                && !tokens.iter().any(|known| known.eq_ignore_ascii_case(token))
            {
                tokens.push(token.to_owned());
            }
        }
    }
    tokens
}

fn told(message: &Message<'_>) -> Option<Vec<Told>> {
    let kind = message.content_type()?;
    let is_report = kind.ctype().eq_ignore_ascii_case("multipart")
        && kind.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"))
        && kind.attribute("report-type").is_some_and(|report| report.eq_ignore_ascii_case("delivery-status"));
    if !is_report {
        return None;
    }
    let status = message.parts.iter().find(|part| {
        part.content_type().is_some_and(|kind| {
            let subtype = kind.subtype().unwrap_or_default().to_ascii_lowercase();
            // The second is the same where addresses may be of any script (RFC 6533).
            kind.ctype().eq_ignore_ascii_case("message")
                && ["delivery-status", "global-delivery-status"].contains(&subtype.as_str())
        })
    })?;
    Some(recipients(&String::from_utf8_lossy(status.contents())))
}

/// The groups of fields that speak of a recipient: each has an action. The first group, of the whole message, has none.
fn recipients(text: &str) -> Vec<Told> {
    let mut all = Vec::new();
    let mut group: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            all.extend(recipient(&std::mem::take(&mut group)));
            if all.len() == TOLD_AT_MOST {
                break;
            }
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = group.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            group.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    all
}

fn recipient(group: &[(String, String)]) -> Option<Told> {
    let field = |name: &str| group.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let action = field("action")?;
    let said = field("diagnostic-code").unwrap_or_default();
    // `smtp; 550 5.1.1 …`: whose words they are is no part of them.
    let said = said.split_once(';').map_or(said, |(_, said)| said);
    Some(Told {
        failed: action.split_whitespace().next().is_some_and(|action| action.eq_ignore_ascii_case("failed")),
        status: field("status").and_then(Status::parse),
        said: presentable(said),
    })
}
