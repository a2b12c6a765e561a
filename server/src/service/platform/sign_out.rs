//! A platform sends somebody to sign out of Roster (OpenID Connect RP-Initiated Logout 1.0).

use crate::{
    context::Services,
    openid_provider::verified_claims,
    storage::{platform_sign_ins, retried, sessions, signing_keys},
};
use app::{
    error::AppError,
    request::{Visitor, WithCookies},
};
use url::Url;

/// What the platform sends along.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "each field is the parameter of its name")]
pub struct SignOutRequest {
    pub id_token_hint: String,
    pub client_id: String,
    pub post_logout_redirect_uri: String,
    pub state: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedOut {
    /// Signed out, or not signed in to begin with: on to the platform, if it said where.
    Done {
        /// The platform's name and address.
        back: Option<(String, String)>,
    },
    /// Nothing shows that the person means it: a page asks.
    Ask,
}

impl Services {
    /// Signs out at once if the platform shows an ID token of a sign-in that was begun in this very session; anybody could make a link
    /// without one.
    ///
    /// # Errors
    /// The database's.
    pub async fn sign_out_for_platform(
        &self,
        visitor: &Visitor,
        request: &SignOutRequest,
    ) -> Result<WithCookies<SignedOut>, AppError> {
        retried(|| async {
            let mut tx = self.database.begin_read().await?;
            let keys = signing_keys::public(&mut tx).await?;
            let issuer = self.config.origin();
            let hint = verified_claims(&request.id_token_hint, &keys)
                .filter(|claims| claims.get("iss").and_then(|iss| iss.as_str()) == Some(issuer.as_str()));
            let claim = |name: &str| hint.as_ref().and_then(|claims| claims.get(name)?.as_str()).unwrap_or_default();
            let client_id = if hint.is_some() { claim("aud") } else { request.client_id.as_str() };
            let contradicts = !request.client_id.is_empty() && request.client_id != client_id;
            let client = self.platform_client(&mut tx, client_id).await?.filter(|_| !contradicts);
            let back = client.as_ref().and_then(|client| {
                let to = &request.post_logout_redirect_uri;
                let own = client.settings.post_logout_redirect_uris.contains(to);
                own.then(|| (client.settings.name.clone(), with_state(to, &request.state)))
            });
            let Some(signed_in) = &visitor.signed_in else {
                return Ok(WithCookies { answer: SignedOut::Done { back }, cookies: Vec::new() });
            };
            let sign_in = match (claim("sid").parse(), &client) {
                (Ok(id), Some(client)) => platform_sign_ins::find(&mut tx, id, &client.settings.id).await?,
                (Ok(_) | Err(_), _) => None,
            };
            if sign_in.is_none_or(|sign_in| sign_in.session != signed_in.session) {
                return Ok(WithCookies { answer: SignedOut::Ask, cookies: Vec::new() });
            }
            drop(tx);
            let mut tx = self.database.begin_write().await?;
            sessions::delete(&mut tx, signed_in.user, signed_in.session).await?;
            tx.commit().await?;
            tracing::info!(user = %signed_in.user, session = %signed_in.session, client = client_id, "signed out by a platform");
            let cookies = vec![self.cookies.clear_session(), self.cookies.clear_flash()];
            Ok(WithCookies { answer: SignedOut::Done { back }, cookies })
        })
        .await
    }
}

fn with_state(to: &str, state: &str) -> String {
    match Url::parse(to) {
        Ok(mut url) if !state.is_empty() => {
            url.query_pairs_mut().append_pair("state", state);
            url.into()
        }
        Ok(_) | Err(_) => to.to_owned(),
    }
}
