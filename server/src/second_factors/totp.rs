//! Codes of authenticator apps (TOTP, RFC 6238): six digits, thirty seconds, SHA-1, which is what every app understands.

use crate::secrets::random;
use app::domain::time::Timestamp;
use base64::{Engine, engine::general_purpose::STANDARD};
use qrcode::{EcLevel, QrCode, render::svg::Color};
use std::fmt;
use totp_rs::{Builder, Totp, TotpError};

/// Bytes of a seed: 160 bits, as RFC 4226 recommends.
const SEED_BYTES: usize = 20;
/// How many steps of thirty seconds a clock may be off, either way (LT-07).
const SKEW_STEPS: u16 = 1;

/// The secret that an app and Roster share.
pub struct Seed([u8; SEED_BYTES]);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// A seed as people give it to their app.
pub struct SeedUrl {
    /// The address that the QR code holds.
    pub url: String,
    /// The QR code: an SVG, as a `data:` address.
    pub qr: String,
    /// The seed to be typed, in base 32.
    pub text: String,
}

impl Seed {
    /// A new one.
    pub fn new() -> Self {
        Self(random())
    }

    /// From what was sealed; `None` if it cannot be a seed.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// For sealing.
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn totp(&self) -> Builder {
        Builder::new().with_skew(SKEW_STEPS).with_secret(self.0)
    }

    /// The time step of this code, if it is one of now or of the step before or after.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let seconds = u64::try_from(now.0 / 1000).ok()?;
        let totp: Totp = self.totp().build().ok()?;
        totp.check(code, seconds).and_then(|step| i64::try_from(step).ok())
    }

    /// As it is given to an app. `issuer` is this Roster's host, `email` the user's address.
    ///
    /// # Errors
    /// None that is known: neither a host nor an address holds a colon, and the address is short enough for a QR code.
    pub fn url(&self, issuer: &str, email: &str) -> Result<SeedUrl, TotpError> {
        let totp = self.totp().with_issuer(Some(issuer.replace(':', " "))).with_account_name(email).build()?;
        let url = totp.to_url()?;
        let qr = QrCode::with_error_correction_level(url.as_bytes(), EcLevel::M)
            .map(|code| code.render::<Color<'_>>().module_dimensions(4, 4).build())
            .unwrap_or_default();
        let qr = format!("data:image/svg+xml;base64,{}", STANDARD.encode(qr));
        Ok(SeedUrl { url, qr, text: totp.secret().to_base32() })
    }
}

impl Default for Seed {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of RFC 6238's test vectors.
    const VECTOR: &[u8; 20] = b"12345678901234567890";

    #[test]
    fn lt_07_codes_are_those_of_rfc_6238() {
        let seed = Seed::from_bytes(VECTOR).unwrap();
        // The last six of the eight digits that the RFC lists.
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            assert_eq!(seed.step_of(code, Timestamp(seconds * 1000)), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn lt_07_a_clock_may_be_off_by_one_step_and_no_more() {
        let seed = Seed::from_bytes(VECTOR).unwrap();
        let at = |seconds: i64| seed.step_of("005924", Timestamp((1_234_567_890 + seconds) * 1000));
        assert!(at(0).is_some() && at(30).is_some() && at(-30).is_some());
        assert!(at(60).is_none() && at(-60).is_none());
    }

    #[test]
    fn lt_07_only_six_digits_are_a_code() {
        let seed = Seed::from_bytes(VECTOR).unwrap();
        for code in ["", "05924", "+05924", "00592４", "0059240", "005924 "] {
            assert_eq!(seed.step_of(code, Timestamp(1_234_567_890_000)), None, "{code}");
        }
    }

    #[test]
    fn an_app_gets_an_address_a_picture_and_a_text() {
        let shown = Seed::from_bytes(VECTOR).unwrap().url("roster.example.org", "ana+x@example.org").unwrap();
        assert_eq!(
            shown.url,
            "otpauth://totp/roster.example.org:ana%2Bx%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=roster.example.org"
        );
        assert!(shown.qr.starts_with("data:image/svg+xml;base64,") && shown.qr.len() > 1000);
        assert_eq!(shown.text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let longest = format!("{}@{}.example", "a".repeat(64), "b".repeat(170));
        assert!(Seed::new().url("roster.example.org", &longest).unwrap().qr.len() > 1000);
    }
}
