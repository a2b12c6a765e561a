//! Roster as the OpenID provider of the platforms behind it: who may sign in there is decided by what opens an account here, so that there is
//! no second door.

mod authorize;
mod clients;
mod issue_tokens;
mod member_claims;
mod public_keys;
mod read_tokens;
mod sign_out;
mod tell_platforms;

pub use authorize::{AccountChoice, Authorization, AuthorizationProblem};
pub use clients::{ClientCredentials, ClientError, NotServed, Opens, PlatformClient};
pub use issue_tokens::{TokenError, TokenForm};
pub use sign_out::{SignOutRequest, SignedOut};
pub use tell_platforms::keep_telling_platforms;
