//! The ways to sign in to an account, for its login page.

use crate::{context::Services, storage::accounts};
use app::{
    api::{login_methods::SignInOption, session::SignInOptions},
    backend::ListSignInOptions,
    domain::{member::LoginMethodKind, name::Slug},
    error::AppError,
    paths,
};
use async_trait::async_trait;

#[async_trait]
impl ListSignInOptions for Services {
    /// The account's login methods that are available and fully set up. An unknown slug looks like an account with Email & password
    /// only (EN-03).
    async fn list_sign_in_options(&self, account: &str, next: &str) -> Result<SignInOptions, AppError> {
        let only_password = SignInOptions { password: true, providers: Vec::new(), passkey: self.has_passkeys() };
        let Ok(slug) = Slug::parse(account) else { return Ok(only_password) };
        let mut tx = self.database.begin_read().await?;
        let Some(methods) = accounts::ready_login_methods(&mut tx, &slug).await? else { return Ok(only_password) };
        let mut options = SignInOptions { password: false, providers: Vec::new(), passkey: false };
        for method in methods {
            match method.kind {
                LoginMethodKind::Password => {
                    options.password = true;
                    options.passkey = self.has_passkeys();
                }
                LoginMethodKind::OAuth => options.providers.push(SignInOption {
                    name: method.name.unwrap_or_default(),
                    start: paths::with_next(&paths::oauth_start(method.id), next),
                }),
            }
        }
        Ok(options)
    }
}
