//! What a platform is told of a member: read when it is told, from the membership as it is then.

use crate::{
    context::Services,
    openid_provider::{ACCOUNT_CLAIM, PERMISSIONS_CLAIM, ROLE_CLAIM, Scopes},
    service::{
        actors::{self, Actor},
        sessions::authenticate::signed_in,
    },
    storage::{Tx, platform_sign_ins::PlatformSignIn, sessions, users},
};
use app::{
    domain::language::Language,
    error::AppError,
    request::{Caller, Credential},
};
use serde_json::{Map, Value, json};
use std::net::{IpAddr, Ipv4Addr};

impl Services {
    /// The member of a sign-in, if the client is registered for the account, and session, membership and second factor still open it; `None` if one
    /// of them does not.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn member_of(&self, tx: &mut Tx, sign_in: &PlatformSignIn) -> Result<Option<Actor>, AppError> {
        if sign_in.ended {
            return Ok(None);
        }
        let client = self.platform_client(tx, &sign_in.client_id).await?;
        if !client.is_some_and(|client| client.opens(sign_in.scope.id())) {
            return Ok(None);
        }
        let (oldest, idlest) = self.session_bounds();
        let Some(live) = sessions::find_live(tx, sign_in.user, sign_in.session, oldest, idlest).await? else {
            return Ok(None);
        };
        let caller = Caller {
            credential: Credential::Session(signed_in(live)),
            account: sign_in.account.clone(),
            // The platform asks, and nobody of whom there is anything to note.
            ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            language: Language::default(),
            in_background: true,
        };
        match actors::load(self, tx, &caller).await {
            Ok(actor) => Ok((actor.member == sign_in.member).then_some(actor)),
            Err(
                AppError::NotFound
                | AppError::NoLongerAMember { .. }
                | AppError::Unauthenticated
                | AppError::SecondFactorRequired,
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The claims of these scopes.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn member_claims(
        &self,
        tx: &mut Tx,
        sign_in: &PlatformSignIn,
        actor: &Actor,
    ) -> Result<Map<String, Value>, AppError> {
        let scopes = Scopes::parse(&sign_in.scopes);
        let user = users::find(tx, actor.user).await?.ok_or(AppError::NotFound)?;
        let mut claims = Map::from_iter([("sub".to_owned(), json!(sign_in.subject))]);
        let mut add = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
        if scopes.has("profile") {
            add("name", json!(user.name));
            if let Some(language) = user.language {
                add("locale", json!(language.tag()));
            }
        }
        if scopes.has("email") {
            add("email", json!(user.email.key()));
            // Only mail that Roster itself sent proves a mailbox.
            add("email_verified", json!(user.verified.is_some()));
        }
        // Whatever was asked for: an account's own provider vouches for somebody in that account alone, and a platform must know which it is.
        add(ACCOUNT_CLAIM, json!({ "id": actor.scope().id() }));
        if scopes.has("roster") {
            let account = json!({ "id": actor.scope().id(), "slug": actor.slug.as_str(), "name": actor.account_name });
            add(ACCOUNT_CLAIM, account);
            add(ROLE_CLAIM, json!(actor.grant.role.as_str()));
            let permissions: Vec<_> = actor.effective.permissions.iter().map(|key| key.as_str()).collect();
            add(PERMISSIONS_CLAIM, json!(permissions));
        }
        Ok(claims)
    }
}
