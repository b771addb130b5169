//! Where mail leaves: one URL, read into what the transport needs.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::domain::secret::Secret;

/// How long one step of the dialogue may take before the server counts as gone.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// A mail server, and how to reach, secure and log in to it.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// name or address of the server; the name is what its certificate must show
    pub host: String,
    /// its port
    pub port: u16,
    /// how the session is secured
    pub security: Security,
    /// user and password, if the server wants a login
    pub login: Option<(String, Secret)>,
    /// the name given in EHLO; `None` for this machine's
    pub hello: Option<String>,
    /// the longest that connecting, the handshake or one command may take
    pub timeout: Duration,
    /// a PEM file with a root that is trusted beside the system's
    pub extra_root: Option<PathBuf>,
}

/// How a session is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// not at all: for loopback, or a trusted network
    None,
    /// STARTTLS, and no mail without it
    StartTls,
    /// TLS from the first byte
    Tls,
}

impl SmtpSettings {
    /// Reads `smtp://[user:password@]host[:port][?tls=none|starttls|required|tls][&tls_ca=/path.pem]` or `smtps://...`.
    ///
    /// Without `tls`, `smtp://` means no TLS on loopback and STARTTLS anywhere else. User and password are percent-encoded.
    ///
    /// # Errors
    /// A sentence for the operator, which never repeats the URL: it may hold a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let url =
            Url::parse(url.trim()).map_err(|error| format!("not a URL ({error}); percent-encode user and password"))?;
        let host = url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()).unwrap_or_default();
        if host.is_empty() {
            return Err("the URL names no host".to_owned());
        }
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("nothing may follow host and port but `?tls=` and `tls_ca=`".to_owned());
        }
        let options = Options::read(&url)?;
        let security = security(url.scheme(), options.tls.as_deref(), is_loopback(&host))?;
        let login = login(&url)?;
        if login.is_some() && security == Security::None && !is_loopback(&host) {
            return Err("a login would cross the network in clear: use `?tls=starttls` or `smtps://`".to_owned());
        }
        let port = url.port().unwrap_or(match security {
            Security::None => 25,
            Security::StartTls => 587,
            Security::Tls => 465,
        });
        Ok(Self { host, port, security, login, hello: None, timeout: STEP_TIMEOUT, extra_root: options.tls_ca })
    }
}

#[derive(Default)]
struct Options {
    tls: Option<String>,
    tls_ca: Option<PathBuf>,
}

impl Options {
    fn read(url: &Url) -> Result<Self, String> {
        let mut options = Self::default();
        for (key, value) in url.query_pairs() {
            match key.as_ref() {
                "tls" if options.tls.is_none() => options.tls = Some(value.into_owned()),
                "tls_ca" if options.tls_ca.is_none() => options.tls_ca = Some(PathBuf::from(value.as_ref())),
                "tls" | "tls_ca" => return Err(format!("`{key}` is given twice")),
                _ => return Err("unknown option behind `?`; there are `tls` and `tls_ca`".to_owned()),
            }
        }
        Ok(options)
    }
}

fn security(scheme: &str, tls: Option<&str>, loopback: bool) -> Result<Security, String> {
    match (scheme, tls) {
        ("smtps", None | Some("tls")) | ("smtp", Some("tls")) => Ok(Security::Tls),
        ("smtps", Some(_)) => Err("`smtps://` is TLS from the first byte; for STARTTLS write `smtp://`".to_owned()),
        ("smtp", Some("starttls" | "required")) => Ok(Security::StartTls),
        ("smtp", Some("none")) => Ok(Security::None),
        ("smtp", None) => Ok(if loopback { Security::None } else { Security::StartTls }),
        ("smtp", Some("opportunistic")) => {
            Err("opportunistic TLS protects from nobody who can strip it: use `starttls`, or `none` and mean it"
                .to_owned())
        }
        ("smtp", Some(_)) => Err("`tls` is none, starttls, required or tls".to_owned()),
        _ => Err("the URL begins with `smtp://` or `smtps://`".to_owned()),
    }
}

fn login(url: &Url) -> Result<Option<(String, Secret)>, String> {
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err("a password without a user".to_owned()),
        (_, None) => Err("a user without a password".to_owned()),
        (user, Some(password)) => {
            let login = (percent_decoded(user), percent_decoded(password));
            match login {
                (Some(user), Some(password)) => Ok(Some((user, Secret::new(&password)))),
                _ => Err("user or password is not well percent-encoded UTF-8".to_owned()),
            }
        }
    }
}

/// `None` for a `%` without two hex digits, or for what isn't UTF-8. A `+` stays a `+`.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None; // from_str_radix would take a sign
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_means_what_it_says() {
        use Security::{None, StartTls, Tls};
        for (url, host, port, security) in [
            ("smtp://127.0.0.1:2525", "127.0.0.1", 2525, None),
            ("smtp://localhost", "localhost", 25, None),
            ("smtp://[::1]:2525", "::1", 2525, None),
            ("smtp://mail.example.org", "mail.example.org", 587, StartTls),
            ("smtp://mail.example.org:25?tls=none", "mail.example.org", 25, None),
            ("smtp://mail.example.org?tls=required", "mail.example.org", 587, StartTls),
            ("smtp://mail.example.org/?tls=tls", "mail.example.org", 465, Tls),
            ("smtps://mail.example.org", "mail.example.org", 465, Tls),
            ("smtp://localhost?tls=starttls", "localhost", 587, StartTls),
        ] {
            let settings = SmtpSettings::parse(url).expect(url);
            assert_eq!((settings.host.as_str(), settings.port, settings.security), (host, port, security), "{url}");
        }
    }

    #[test]
    fn user_and_password_are_percent_decoded() {
        let url = "smtp://user%40example.org:p%2Fa+%3Aword@mail.example.org?tls_ca=/etc/ca.pem";
        let settings = SmtpSettings::parse(url).expect("a good URL");
        let (user, password) = settings.login.expect("a login");
        assert_eq!((user.as_str(), password.expose()), ("user@example.org", "p/a+:word"));
        assert_eq!(settings.extra_root, Some(PathBuf::from("/etc/ca.pem")));
    }

    #[test]
    fn what_is_unsafe_or_contradictory_is_refused_without_repeating_it() {
        for (url, word) in [
            ("smtp://u:canary@mail.example.org?tls=none", "in clear"),
            ("smtp://u:canary@mail.example.org?tls=opportunistic", "opportunistic"),
            ("smtps://u:canary@mail.example.org?tls=none", "first byte"),
            ("smtp://u:canary@mail.example.org?tls=canary", "none, starttls"),
            ("smtp://u:canary@mail.example.org?canary=1", "unknown option"),
            ("smtp://u:canary@mail.example.org?tls=tls&tls=none", "twice"),
            ("smtp://u:canary%zz@mail.example.org", "percent-encoded"),
            ("smtp://u:canary%+5@mail.example.org", "percent-encoded"),
            ("smtp://:canary@mail.example.org", "without a user"),
            ("smtp://canary@mail.example.org", "without a password"),
            ("smtp://u:canary/@mail.example.org", "not a URL"),
            ("smtp://mail.example.org/canary", "nothing may follow"),
            ("http://u:canary@mail.example.org", "begins with"),
            ("canary", "not a URL"),
        ] {
            let error = SmtpSettings::parse(url).expect_err(url);
            assert!(error.contains(word) && !error.contains("canary"), "{url}: {error}");
        }
    }

    #[test]
    fn a_login_in_clear_is_allowed_on_loopback_only() {
        assert!(SmtpSettings::parse("smtp://u:p@127.0.0.1").is_ok());
        assert!(SmtpSettings::parse("smtp://u:p@localhost.example.org?tls=none").is_err());
    }

    proptest! {
        #[test]
        fn a_percent_encoded_text_is_read_back(text in "\\PC*") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(percent_decoded(&encoded), Some(text));
        }
    }
}
