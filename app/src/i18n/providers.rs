//! What the settings of login methods say: presets, and why a test did not pass.

use super::{Locale, text};
use crate::domain::oauth::{Fault, Preset};

/// The name of a preset: the provider's own, or what stands for any other.
pub fn preset_name(locale: Locale, preset: Preset) -> &'static str {
    match (preset, preset.brand()) {
        (_, Some(brand)) => brand,
        (Preset::OpenId, None) => text!(locale, methods.preset_openid),
        (_, None) => text!(locale, methods.preset_oauth),
    }
}

/// Where to register a client at a provider.
pub fn preset_line(locale: Locale, preset: Preset) -> &'static str {
    match preset {
        Preset::Google => text!(locale, methods.line_google),
        Preset::Microsoft => text!(locale, methods.line_microsoft),
        Preset::GitHub => text!(locale, methods.line_github),
        Preset::GitLab => text!(locale, methods.line_gitlab),
        Preset::Okta => text!(locale, methods.line_okta),
        Preset::Auth0 => text!(locale, methods.line_auth0),
        Preset::Keycloak => text!(locale, methods.line_keycloak),
        Preset::OpenId => text!(locale, methods.line_openid),
        Preset::OAuth => text!(locale, methods.line_oauth),
    }
}

/// What went wrong at a provider, and what to do.
pub fn fault_text(locale: Locale, fault: Fault) -> String {
    match fault {
        Fault::AddressRefused => text!(locale, methods.fault_address_refused),
        Fault::Unreachable => text!(locale, methods.fault_unreachable),
        Fault::Tls => text!(locale, methods.fault_tls),
        Fault::TimedOut => text!(locale, methods.fault_timed_out),
        Fault::CircuitOpen => text!(locale, methods.fault_circuit_open),
        Fault::TooLarge => text!(locale, methods.fault_too_large),
        Fault::Redirected => text!(locale, methods.fault_redirected),
        Fault::Discovery => text!(locale, methods.fault_discovery),
        Fault::DiscoveryEndpoint => text!(locale, methods.fault_discovery_endpoint),
        Fault::InteractionRequired => text!(locale, methods.fault_interaction_required),
        Fault::TokenType => text!(locale, methods.fault_token_type),
        Fault::Encrypted => text!(locale, methods.fault_encrypted),
        Fault::UserInfoSigned => text!(locale, methods.fault_user_info_signed),
        Fault::DiscoveryIssuer => text!(locale, methods.fault_discovery_issuer),
        Fault::Keys => text!(locale, methods.fault_keys),
        Fault::Attempt => text!(locale, methods.fault_attempt),
        Fault::NoReturn => text!(locale, methods.fault_no_return),
        Fault::Denied => text!(locale, methods.fault_denied),
        Fault::ClientRefused => text!(locale, methods.fault_client_refused),
        Fault::Scope => text!(locale, methods.fault_scope),
        Fault::ProviderError => text!(locale, methods.fault_provider_error),
        Fault::ResponseIssuer => text!(locale, methods.fault_response_issuer),
        Fault::ClientAuthentication => text!(locale, methods.fault_client_authentication),
        Fault::Grant => text!(locale, methods.fault_grant),
        Fault::TokenAnswer => text!(locale, methods.fault_token_answer),
        Fault::NoIdToken => text!(locale, methods.fault_no_id_token),
        Fault::IdToken => text!(locale, methods.fault_id_token),
        Fault::Algorithm => text!(locale, methods.fault_algorithm),
        Fault::Signature => text!(locale, methods.fault_signature),
        Fault::IdTokenIssuer => text!(locale, methods.fault_id_token_issuer),
        Fault::Audience => text!(locale, methods.fault_audience),
        Fault::Nonce => text!(locale, methods.fault_nonce),
        Fault::Clock => text!(locale, methods.fault_clock),
        Fault::UserInfo => text!(locale, methods.fault_user_info),
        Fault::UserInfoSubject => text!(locale, methods.fault_user_info_subject),
        Fault::NoIdentifier => text!(locale, methods.fault_no_identifier),
        Fault::EmailUnverified => text!(locale, methods.fault_email_unverified),
    }
    .to_owned()
}
