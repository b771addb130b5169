//! The signature of Standard Webhooks (<https://www.standardwebhooks.com>), version `v1`: of what we send, and of what we
//! are sent.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::secret::Secret;
use super::time::{Timestamp, minutes};

const PREFIX: &str = "whsec_";
/// The specification asks for 24 to 64 bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// How far the instant at which a message was sent may be from ours, either way: the specification's own. What was overheard
/// can be sent again for no longer than that.
pub const TOLERANCE: Duration = minutes(5);
/// A list of more signatures is nobody's rotation.
const MOST_SIGNATURES: usize = 16;

/// A message as its headers present it.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `webhook-id`: the same for every try
    pub id: &'a str,
    /// `webhook-timestamp`: of this try, in whole seconds since 1970
    pub timestamp: &'a str,
    /// `webhook-signature`: a list with spaces between
    pub signatures: &'a str,
    /// the body as it came
    pub body: &'a [u8],
}

/// A signing key, ready for use. Never printed.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    /// A sentence for the operator, without a word of the text.
    pub fn parse(secret: &Secret) -> Result<Self, String> {
        let todo = "make one with `echo whsec_$(openssl rand -base64 32)`";
        let encoded = secret.expose().strip_prefix(PREFIX);
        let encoded = encoded.ok_or_else(|| format!("a signing secret begins with {PREFIX:?}; {todo}"))?;
        let bytes = zeroize::Zeroizing::new(
            STANDARD.decode(encoded).map_err(|_| format!("what follows {PREFIX:?} is not base64; {todo}"))?,
        );
        if !LENGTHS.contains(&bytes.len()) {
            return Err(format!("a signing secret has 24 to 64 bytes, this one has {}; {todo}", bytes.len()));
        }
        let key = Hmac::new_from_slice(&bytes).map_err(|_| format!("this can't be a key; {todo}"))?;
        Ok(Self(key))
    }

    /// The value of the header `webhook-signature`.
    pub fn sign(&self, message_id: &str, at: Timestamp, body: &str) -> String {
        format!("v1,{}", STANDARD.encode(self.digest(message_id, &at.as_secs().to_string(), body.as_bytes())))
    }

    /// Whether one of the signatures is this key's, of this very message. It takes as long whichever of them is wrong, and
    /// wherever.
    pub fn verifies(&self, message: &Signed<'_>) -> bool {
        let wanted = self.digest(message.id, message.timestamp, message.body);
        let given = message.signatures.split_ascii_whitespace().take(MOST_SIGNATURES);
        let given = given.filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
        given.fold(false, |found, one| found | bool::from(one.as_slice().ct_eq(&wanted)))
    }

    fn digest(&self, message_id: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in [message_id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Signed<'_> {
    /// Whether it was sent just now, by its own account. Signed like the rest, so nobody else can say so.
    pub fn is_of(&self, now: Timestamp) -> bool {
        let Ok(sent) = self.timestamp.parse::<u32>() else { return false };
        let sent = Timestamp::from_secs(i64::from(sent));
        sent.since(now) <= TOLERANCE && now.since(sent) <= TOLERANCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_specifications() {
        // The example of the specification's own libraries.
        let Ok(key) = Key::parse(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")) else {
            panic!("a good secret")
        };
        let at = Timestamp::from_secs(1_614_265_330);
        let signed = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    fn key(secret: &str) -> Key {
        Key::parse(&Secret::new(secret)).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The message of the specification's example.
    const MESSAGE: Signed<'static> = Signed {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: "1614265330",
        signatures: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        body: br#"{"test": 2432232314}"#,
    };

    #[test]
    fn a_signature_is_believed_where_every_byte_that_it_covers_is_as_it_was() {
        let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let ours = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let among = format!("v1a,{good} v1,AAAA v2,AAAA {good}");
        let late = format!("{}{good}", "v1,AAAA ".repeat(16));
        for (what, message, believed) in [
            ("as it was", MESSAGE, true),
            ("among others", Signed { signatures: &among, ..MESSAGE }, true),
            ("behind too many", Signed { signatures: &late, ..MESSAGE }, false),
            ("none", Signed { signatures: "", ..MESSAGE }, false),
            ("of another version", Signed { signatures: &good.replace("v1", "v2"), ..MESSAGE }, false),
            ("cut", Signed { signatures: &good[..20], ..MESSAGE }, false),
            ("another id", Signed { id: "msg_other", ..MESSAGE }, false),
            ("another instant", Signed { timestamp: "1614265331", ..MESSAGE }, false),
            ("another body", Signed { body: br#"{"test": 2432232315}"#, ..MESSAGE }, false),
        ] {
            assert_eq!(ours.verifies(&message), believed, "{what}");
        }
        assert!(!key("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").verifies(&MESSAGE), "another key");
    }

    #[test]
    fn a_message_is_believed_for_five_minutes_either_way() {
        let sent = Timestamp::from_secs(1_614_265_330);
        for (now, believed) in [
            (sent, true),
            (sent + TOLERANCE, true),
            (sent - TOLERANCE, true),
            (sent + TOLERANCE + Duration::from_secs(1), false),
            (sent - TOLERANCE - Duration::from_secs(1), false),
        ] {
            assert_eq!(MESSAGE.is_of(now), believed, "{now}");
        }
        for timestamp in ["", "soon", "-1614265330", "1614265330.0", "99999999999999999999"] {
            assert!(!Signed { timestamp, ..MESSAGE }.is_of(sent), "{timestamp}");
        }
    }

    #[test]
    fn what_is_no_secret_is_refused_without_repeating_it() {
        for wrong in ["canary", "whsec_canary!", "whsec_Y2FuYXJ5"] {
            let Err(why) = Key::parse(&Secret::new(wrong)) else { panic!("no secret: {wrong}") };
            assert!(!why.contains("canary") && !why.contains("Y2Fu") && why.contains("openssl"), "{why}");
        }
    }
}
