//! What Roster needs as the OpenID provider of the platforms behind it: signed tokens, and what an authorization request says. It is the
//! other side of [`oauth`](crate::oauth), where Roster is the client of an account's provider.

mod authorization_request;
mod signing;

pub use authorization_request::{AuthorizationRequest, Prompt, RequestError, Scopes};
pub use signing::{NewSigningKey, SigningError, SigningKey, at_hash, unverified_subject, verified_claims};

/// The address of the authorization endpoint.
pub const AUTHORIZE: &str = "/oidc/authorize";
/// Where a sign-in at a platform goes on, after a page of ours.
pub const CONTINUE: &str = "/oidc/continue";
/// The address of the token endpoint.
pub const TOKEN: &str = "/oidc/token";
/// The address of user-info.
pub const USER_INFO: &str = "/oidc/userinfo";
/// The address of introspection (RFC 7662).
pub const INTROSPECT: &str = "/oidc/introspect";
/// The address of revocation (RFC 7009).
pub const REVOKE: &str = "/oidc/revoke";
/// The address of the keys.
pub const JWKS: &str = "/oidc/jwks.json";
/// Where a platform sends people to sign out of Roster.
pub const LOGOUT: &str = "/oidc/logout";

/// The claims that Roster itself defines.
pub const ACCOUNT_CLAIM: &str = "roster:account";
/// The key of the role in that account.
pub const ROLE_CLAIM: &str = "roster:role";
/// The keys of all permissions in that account.
pub const PERMISSIONS_CLAIM: &str = "roster:permissions";
