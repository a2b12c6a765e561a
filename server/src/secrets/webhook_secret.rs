//! The secret of a webhook, and what is signed with it, as Standard Webhooks has it: HMAC-SHA256 over id, time and body (LT-10).

use super::random;
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use std::fmt;

const PREFIX: &str = "whsec_";
/// Bytes of chance: 256 bits, of the 192 to 512 that the specification allows.
const SECRET_BYTES: usize = 32;

/// What signs the deliveries of a webhook. It is shown once; the database holds it sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// A new one, from the operating system's generator.
    pub fn new() -> Self {
        Self(random::<SECRET_BYTES>().to_vec())
    }

    /// The one of these bytes.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be sealed.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text that a receiver is given.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The signature of a message, sent at this time in seconds: `v1,` and 256 bits.
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let signed = format!("{id}.{timestamp}.{body}");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), signed.as_bytes());
        format!("v1,{}", STANDARD.encode(tag))
    }
}

impl Default for WebhookSecret {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lt_10_a_signature_is_the_one_of_the_specification() {
        let secret = WebhookSecret::from_bytes(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        assert_eq!(secret.reveal(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn lt_10_a_secret_is_another_each_time_and_in_no_log() {
        let (one, other) = (WebhookSecret::new(), WebhookSecret::new());
        assert!(one != other && one.reveal().len() == 50);
        assert_eq!(format!("{one:?}"), "WebhookSecret(…)");
    }
}
