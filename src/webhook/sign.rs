//! The signature of Standard Webhooks (<https://www.standardwebhooks.com>), version `v1`: pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

const PREFIX: &str = "whsec_";
/// The specification asks for 24 to 64 bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A signing key, ready for use. Never printed.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    /// A sentence for the operator, without a word of the text.
    pub(super) fn parse(secret: &Secret) -> Result<Self, String> {
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
    pub(super) fn sign(&self, message_id: &str, at: Timestamp, body: &str) -> String {
        let signed = format!("{message_id}.{}.{body}", at.as_secs());
        let digest = self.0.clone().chain_update(signed.as_bytes()).finalize().into_bytes();
        format!("v1,{}", STANDARD.encode(digest))
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

    #[test]
    fn what_is_no_secret_is_refused_without_repeating_it() {
        for wrong in ["canary", "whsec_canary!", "whsec_Y2FuYXJ5"] {
            let Err(why) = Key::parse(&Secret::new(wrong)) else { panic!("no secret: {wrong}") };
            assert!(!why.contains("canary") && !why.contains("Y2Fu") && why.contains("openssl"), "{why}");
        }
    }
}
