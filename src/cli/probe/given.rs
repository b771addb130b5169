//! The credential, as it is given: lines, a JSON object, or answers to prompts.

use std::io::{self, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::Value;
use tokio::sync::oneshot;
use zeroize::{Zeroize as _, Zeroizing};

use crate::cli::CliError;
use crate::domain::secret::Secret;

/// More than any credential is; the rest is not read.
const LONGEST: u64 = 64 * 1024;

/// A credential, and what is known of where it lives.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) key_id: Option<String>,
    pub(super) secret: Secret,
    pub(super) region: Option<String>,
    pub(super) base_url: Option<String>,
}

impl Given {
    /// What flags say comes before what the input says.
    pub(super) fn or(self, key_id: &Option<String>, region: &Option<String>, base_url: &Option<String>) -> Self {
        Self {
            key_id: key_id.clone().or(self.key_id),
            region: region.clone().or(self.region),
            base_url: base_url.clone().or(self.base_url),
            ..self
        }
    }

    const fn of(key_id: Option<String>, secret: Secret) -> Self {
        Self { key_id, secret, region: None, base_url: None }
    }
}

/// Everything that comes through standard input.
pub(super) async fn piped() -> Result<Given, CliError> {
    let text = reading(|| {
        let mut text = Zeroizing::new(Vec::new());
        io::stdin().lock().take(LONGEST).read_to_end(&mut text)?;
        Ok(text)
    });
    parse(&text.await?).map_err(CliError::Usage)
}

/// Asks on the terminal; what is typed as the secret is not shown. `public` is what the public half is called, where it is
/// still to be asked for.
pub(super) async fn prompted(public: Option<&str>, secret: &str) -> Result<Given, CliError> {
    let key_id = match public {
        Some(title) => {
            write!(io::stderr(), "{title}: ")?;
            let line = text(&reading(line).await?).map_err(CliError::Usage)?.trim().to_owned();
            Some(line).filter(|line| !line.is_empty())
        }
        None => None,
    };
    write!(io::stderr(), "{secret} (it is not shown): ")?;
    let typed = {
        let _hidden = Hidden::begin()?;
        reading(line).await?
    };
    writeln!(io::stderr())?; // the one that was typed was not shown either
    Ok(Given::of(key_id, Secret::new(text(&typed).map_err(CliError::Usage)?)))
}

/// The bytes that `read` brings, on a thread of its own: a runtime would wait for it even after Ctrl-C.
async fn reading(
    read: impl FnOnce() -> io::Result<Zeroizing<Vec<u8>>> + Send + 'static,
) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || sender.send(read()).ok());
    let read = receiver.await.map_err(|_| CliError::Other("standard input can't be read".to_owned()))?;
    Ok(read?)
}

fn line() -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::new());
    // Byte by byte and without a buffer of the library's own, which nobody would wipe.
    for byte in io::stdin().lock().take(LONGEST).bytes() {
        match byte? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    Ok(line)
}

/// A terminal that doesn't show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        tcsetattr(io::stdin(), OptionalActions::Now, &self.0).ok();
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    str::from_utf8(bytes).map_err(|_| "standard input is not text (UTF-8)".to_owned())
}

/// One line, two lines, or an object. No error repeats what was read.
fn parse(bytes: &[u8]) -> Result<Given, String> {
    let text = text(bytes)?.trim_start_matches('\u{feff}').trim();
    if text.starts_with('{') {
        return object(text);
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next(), lines.next()) {
        (secret, None, _) => Ok(Given::of(None, Secret::new(secret.unwrap_or_default()))),
        (Some(key_id), Some(secret), None) => Ok(Given::of(Some(key_id.to_owned()), Secret::new(secret))),
        _ => {
            Err("standard input has more than two lines: write the secret alone, or the public half before it"
                .to_owned())
        }
    }
}

fn object(text: &str) -> Result<Given, String> {
    let mut given = Given::of(None, Secret::new(""));
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return Err("standard input begins like a JSON object and is none".to_owned());
    };
    for (name, value) in fields {
        let Value::String(mut value) = value else {
            return Err(format!("the field {name:?} must be text"));
        };
        match name.as_str() {
            "secret" => {
                given.secret = Secret::new(&value);
                value.zeroize();
            }
            "key_id" => given.key_id = Some(value),
            "region" => given.region = Some(value),
            "base_url" => given.base_url = Some(value),
            _ => {
                return Err(
                    "an object may have the fields secret, key_id, region and base_url, and no other".to_owned()
                );
            }
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_and_objects_are_understood_and_nothing_else() {
        for (text, key_id, secret) in [
            ("s3cret\n", None, "s3cret"),
            ("\u{feff}s3cret", None, "s3cret"),
            ("  key  \r\n  s3cret \r\n\r\n", Some("key"), "s3cret"),
            (r#"{"secret": "s3cret", "key_id": "key"}"#, Some("key"), "s3cret"),
            ("", None, ""),
            ("{}", None, ""),
        ] {
            let given = parse(text.as_bytes()).unwrap();
            assert_eq!((given.key_id.as_deref(), given.secret.expose()), (key_id, secret), "{text:?}");
        }
        let placed = parse(br#"{"secret": "s", "region": "us", "base_url": "https://a.example.org"}"#).unwrap();
        assert_eq!((placed.region.as_deref(), placed.base_url.as_deref()), (Some("us"), Some("https://a.example.org")));
        for text in ["a\nb\nc", "{\"secret\": 1}", "{\"secret\"", "{\"password\": \"s\"}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(parse(b"\xff\xfe").is_err());
    }

    proptest! {
        #[test]
        fn no_error_repeats_what_was_read(secret in "[a-z0-9]{20}", before in "[{\\[\"]{0,2}", after in "[}:,\n\"0-9]{0,6}") {
            let text = format!("{before}{secret}{after}\n{secret}\n{secret}");
            if let Err(error) = parse(text.as_bytes()) {
                prop_assert!(!error.contains(&secret), "{}", error);
            }
        }
    }
}
