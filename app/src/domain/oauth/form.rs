//! Setting a provider up, as typed.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest URL, id, secret and text of the form, in characters.
pub const MAX_TEXT_CHARS: u32 = 2000;

/// The form of a login method.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "each field is the one of the configuration with its name")]
pub struct ConfigurationForm {
    /// The method's id; empty for a new one.
    pub method: String,
    /// The key of the preset.
    pub preset: String,
    /// The text on the button.
    pub name: String,
    /// The whole issuer; empty where its parts are given.
    pub issuer: String,
    pub issuer_tenant: String,
    pub issuer_domain: String,
    pub issuer_server: String,
    pub issuer_realm: String,
    /// Where the discovery document is, if not under the issuer.
    pub discovery_url: String,
    pub authorization_url: String,
    pub token_url: String,
    pub user_info_url: String,
    pub client_id: String,
    /// Write-only; empty keeps the one there is (OA-17).
    pub client_secret: String,
    /// The secret that was typed before an error, sealed for whoever typed it, where scripting is off. It stands in for an empty one.
    pub kept: String,
    pub client_authentication: String,
    /// Separated by spaces.
    pub scopes: String,
    /// One `name=value` a line.
    pub parameters: String,
    pub identifier: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub email_policy: String,
    /// `yes` to allow invitations without an identifier (R67).
    pub first_sign_in: String,
}

impl fmt::Debug for ConfigurationForm {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigurationForm")
            .field("method", &self.method)
            .field("preset", &self.preset)
            .finish_non_exhaustive()
    }
}
