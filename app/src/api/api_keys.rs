//! Settings → API keys: the keys by which programs act in the account (LT-01, LT-02).

#[cfg(feature = "ssr")]
use super::login_methods::go_on;
#[cfg(feature = "ssr")]
use super::*;
use super::{login_methods::NextPage, roles::RoleFacts};
use crate::{
    domain::{
        ids::{ApiKeyId, MemberId},
        permission::Permissions,
        time::Timestamp,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What Settings → API keys shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeysView {
    /// The account, and what the caller may give.
    pub facts: RoleFacts,
    /// The keys, newest first.
    pub keys: Vec<ApiKeyLine>,
    /// Did the caller authenticate recently enough to make a key or to take one over (AZ-16)?
    pub recently_authenticated: bool,
}

/// One key. Its text is shown once, and nobody has it afterwards but whoever wrote it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyLine {
    /// The key.
    pub id: ApiKeyId,
    /// Its name.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// The member for whom it acts.
    pub member: MemberId,
    /// What that member is called.
    pub owner: String,
    /// What it was given.
    pub permissions: Permissions,
    /// What of that it may do now: what its member may do as well.
    pub effective: Permissions,
    /// When it was made.
    pub created: Timestamp,
    /// When it expires; `None` for never.
    pub expires: Option<Timestamp>,
    /// Its last use, to within five minutes.
    pub last_used: Option<Timestamp>,
    /// Does it work?
    pub state: ApiKeyState,
}

/// Does a key work, and if not, why not?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyState {
    /// It works.
    Live,
    /// Its time is over.
    Expired,
    /// Its member is suspended, the login method is switched off, or the login is about to be deleted: it works again when the member gets in
    /// again.
    Resting,
    /// The account requires a second factor, and the key was made without one, or its member has none any more (LT-09).
    NeedsSecondFactor,
    /// Its member signs in by another login method since, or as somebody else at the provider. It is dead unless an owner takes it over (R45, R46).
    LoginChanged,
    /// Its member has left or was removed, be it that they joined again later. It is dead unless an owner takes it over (R37).
    OwnerGone,
}

impl ApiKeyState {
    /// Does an owner who takes the key over make it work again (R37)?
    #[must_use]
    pub const fn can_be_taken_over(self) -> bool {
        match self {
            Self::Resting | Self::NeedsSecondFactor | Self::LoginChanged | Self::OwnerGone => true,
            Self::Live | Self::Expired => false,
        }
    }
}

/// A new key, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiKeyForm {
    /// Its name.
    pub name: String,
    /// The keys of its permissions.
    pub permissions: Vec<String>,
    /// In how many days it expires, or `never`.
    pub lifetime: String,
}

/// A key was made: shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyMade {
    /// Its name.
    pub name: String,
    /// The key itself.
    pub key: String,
    /// An address to try it at.
    pub try_at: String,
}

impl std::fmt::Debug for ApiKeyMade {
    /// Without the key: it opens the account.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeyMade").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The keys of the account. Needs `api_keys.manage`.
#[server(endpoint = "api-keys/list")]
pub async fn list_api_keys(account: String) -> Result<ApiKeysView, AppError> {
    backend()?.list_api_keys(&caller_in(&account)?).await
}

/// Makes a key that holds no more than the caller (LT-01). Needs `api_keys.manage`, and asks for a recent authentication (AZ-16).
#[server(endpoint = "api-keys/make")]
pub async fn make_api_key(account: String, #[server(default)] form: ApiKeyForm) -> Result<ApiKeyMade, AppError> {
    with_flash(backend()?.make_api_key(&caller_in(&account)?, form).await?)
}

/// Revokes a key: it is dead with the next request on every instance. Needs `api_keys.manage`.
#[server(endpoint = "api-keys/revoke")]
pub async fn revoke_api_key(account: String, key: String) -> Result<NextPage, AppError> {
    go_on(backend()?.revoke_api_key(&caller_in(&account)?, id(&key)?).await?)
}

/// Takes a key over, which then acts for the caller (R37). Owners alone do, and are asked for a recent authentication (AZ-16).
#[server(endpoint = "api-keys/take-over")]
pub async fn take_over_api_key(account: String, key: String) -> Result<NextPage, AppError> {
    go_on(backend()?.take_over_api_key(&caller_in(&account)?, id(&key)?).await?)
}
