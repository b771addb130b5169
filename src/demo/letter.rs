//! A caught mail, taken apart for people: headers, text, HTML. Reads what our own transport writes, not any mail.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A mail's readable parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letter {
    /// the header lines as they were sent, without the body's own
    pub headers: String,
    /// the subject in one line
    pub subject: String,
    /// when it was sent, as its header has it
    pub date: String,
    /// the plain text, decoded
    pub text: String,
    /// the same as HTML, decoded
    pub html: String,
}

impl Letter {
    /// Takes a mail apart. What isn't there stays empty.
    pub fn read(raw: &[u8]) -> Self {
        let mail = String::from_utf8_lossy(raw).replace("\r\n", "\n");
        let (headers, body) = mail.split_once("\n\n").unwrap_or((&mail, ""));
        let unfolded = headers.replace("\n ", " ").replace("\n\t", " ");
        let mut letter = Self {
            headers: headers.to_owned(),
            date: header(&unfolded, "date").unwrap_or_default().to_owned(),
            subject: header(&unfolded, "subject").unwrap_or_default().to_owned(),
            ..Self::default()
        };
        let boundary = header(&unfolded, "content-type")
            .and_then(|kind| kind.split_once("boundary=\""))
            .and_then(|(_, rest)| rest.split_once('"'));
        let Some((boundary, _)) = boundary else {
            letter.text = body.to_owned();
            return letter;
        };
        for part in body.split(&format!("--{boundary}")) {
            let Some((headers, content)) = part.split_once("\n\n") else { continue };
            let content = decoded(header(headers, "content-transfer-encoding"), content);
            match header(headers, "content-type") {
                Some(kind) if kind.starts_with("text/html") => letter.html = content,
                Some(kind) if kind.starts_with("text/plain") => letter.text = content,
                _ => {}
            }
        }
        letter
    }
}

fn header<'a>(headers: &'a str, name: &str) -> Option<&'a str> {
    let fields = headers.lines().filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(field, _)| field.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn decoded(encoding: Option<&str>, content: &str) -> String {
    let bytes = match encoding {
        Some("quoted-printable") => quoted_printable(content),
        Some("base64") => {
            let joined: String = content.split_whitespace().collect();
            STANDARD.decode(joined).unwrap_or_default()
        }
        _ => content.as_bytes().to_vec(),
    };
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}

fn quoted_printable(content: &str) -> Vec<u8> {
    let joined = content.replace("=\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| *first == b'=') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_found_and_decoded_whatever_their_encoding() {
        let raw = "Subject: Two\r\n words\r\nContent-Type: multipart/alternative; boundary=\"=_b\"\r\n\r\n\
                   --=_b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
                   caf=C3=A9 and =\r\nmore=3D\r\n\
                   --=_b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
                   PHA+aGk8\r\nL3A+\r\n--=_b--\r\n";
        let letter = Letter::read(raw.as_bytes());
        assert_eq!(letter.subject, "Two words");
        assert_eq!(letter.text.trim_end(), "café and more=");
        assert_eq!(letter.html, "<p>hi</p>");
    }

    #[test]
    fn a_mail_without_parts_is_its_text() {
        assert_eq!(Letter::read(b"Subject: s\r\n\r\nhello\r\n").text, "hello\n");
    }
}
