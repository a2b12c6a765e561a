//! A proxy asks whether a request may go on to its platform.

use crate::{
    config::{ForwardAuth, SigningAlgorithm},
    context::Services,
    forward_auth::{Requirement, requirement},
    openid_provider::{ACCOUNT_CLAIM, PERMISSIONS_CLAIM, ROLE_CLAIM, SigningKey},
    secrets::Token,
    service::{actors, best_effort::best_effort, errors::internal, sessions::authenticate::USE_INTERVAL},
    storage::{members::HostVisitor, sessions},
};
use app::{
    domain::{
        permission::Permissions,
        time::{Span, Timestamp},
    },
    error::AppError,
};
use serde_json::{Map, json};
use std::sync::Arc;

/// How long what is signed is good.
const ASSERTION_TTL: Span = Span::seconds(60);
/// What is signed says what it is, so that it is taken for nothing else (RFC 8725, 3.11).
const ASSERTION_TYPE: &str = "roster-assertion+jwt";
/// How long a key signs before it is looked up again. One that another has taken the place of is published for a week more.
const KEY_TTL: Span = Span::seconds(60);

/// What a proxy asks.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The host.
    pub host: &'a str,
    /// The path with its query.
    pub uri: &'a str,
    /// The cookie of the host.
    pub cookie: Option<&'a str>,
    /// Did a person open the address, so that it counts as use of the session (SE-04)?
    pub by_a_person: bool,
}

/// What it hears.
#[derive(Clone, Debug)]
pub enum Check {
    /// The settings know no such host.
    UnknownHost,
    /// The request may go on; as whom, if somebody is signed in.
    Pass(Option<Box<HostIdentity>>),
    /// Nobody is signed in, or not any more.
    SignIn,
    /// The request may not go on.
    Denied(Denial),
}

/// Why a request may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The member lacks what the path needs.
    Requirement,
    /// The path can be read in more than one way.
    Ambiguous,
}

/// What a platform is told of a member.
#[derive(Clone, Debug)]
pub struct HostIdentity {
    /// What platforms call the user, as in ID tokens.
    pub subject: String,
    /// The canonical address.
    pub email: String,
    /// The name.
    pub name: String,
    /// The account's id.
    pub account: String,
    /// The key of the role.
    pub role: String,
    /// The keys of all permissions.
    pub permissions: Permissions,
    /// The same, signed.
    pub assertion: String,
}

impl Services {
    /// Answers a proxy. One statement reads everything, and nothing is written but the use of a session, at most every five minutes.
    ///
    /// # Errors
    /// The database's.
    pub async fn check_forwarded(&self, question: &Question<'_>) -> Result<Check, AppError> {
        let Some(app) = self.forward_auth_app(question.host) else { return Ok(Check::UnknownHost) };
        let Some(requirement) = requirement(app, question.uri) else { return Ok(Check::Denied(Denial::Ambiguous)) };
        let Some((visitor, permissions)) = self.host_visitor(app, question).await? else {
            return Ok(match requirement {
                Requirement::Everyone => Check::Pass(None),
                Requirement::Member | Requirement::Permission(_) | Requirement::Role(_) => Check::SignIn,
            });
        };
        let meets = match &requirement {
            Requirement::Everyone | Requirement::Member => true,
            Requirement::Permission(key) => permissions.contains(key),
            Requirement::Role(key) => visitor.membership.grant.role == *key,
        };
        if !meets {
            return Ok(Check::Denied(Denial::Requirement));
        }
        let Some(subject) = visitor.subject.clone() else { return Ok(Check::SignIn) };
        let identity = self.host_identity(app, &visitor, subject, permissions).await?;
        Ok(Check::Pass(Some(Box::new(identity))))
    }

    async fn host_visitor(
        &self,
        app: &ForwardAuth,
        question: &Question<'_>,
    ) -> Result<Option<(HostVisitor, Permissions)>, AppError> {
        let Some(cookie) = question.cookie.and_then(Token::parse) else { return Ok(None) };
        let mut tx = self.database.begin_read().await?;
        let found = actors::load_host_visitor(self, &mut tx, &app.host, &cookie.hash()).await?;
        drop(tx);
        // Another account in the settings, or somebody else to platforms by now: whoever came before has to come again.
        let setting = app.account.as_deref().unwrap_or_default();
        let found = found.filter(|(visitor, _)| visitor.setting == setting && visitor.subject.is_some());
        if let Some((visitor, _)) = &found
            && question.by_a_person
            && self.now() >= visitor.last_seen + USE_INTERVAL
        {
            best_effort("use of a session", async {
                let mut tx = self.database.begin_write().await?;
                sessions::touch(&mut tx, visitor.session, self.now()).await?;
                tx.commit().await
            })
            .await;
        }
        Ok(found)
    }

    async fn host_identity(
        &self,
        app: &ForwardAuth,
        visitor: &HostVisitor,
        subject: String,
        permissions: Permissions,
    ) -> Result<HostIdentity, AppError> {
        let now = self.now();
        let membership = &visitor.membership;
        let (account, role) = (membership.scope.id(), membership.grant.role.as_str());
        let keys: Vec<_> = permissions.iter().map(|key| key.as_str()).collect();
        let claims = Map::from_iter(
            [
                ("iss", json!(self.config.origin())),
                ("aud", json!(app.host)),
                ("sub", json!(subject)),
                ("iat", json!(now.0 / 1000)),
                ("exp", json!((now + ASSERTION_TTL).0 / 1000)),
                ("email", json!(visitor.email_key)),
                ("email_verified", json!(visitor.email_verified)),
                ("name", json!(visitor.name)),
                (ACCOUNT_CLAIM, json!({ "id": account, "slug": visitor.slug, "name": membership.account_name })),
                (ROLE_CLAIM, json!(role)),
                (PERMISSIONS_CLAIM, json!(keys)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let key = self.assertion_signing_key().await?;
        let assertion = key.sign(ASSERTION_TYPE, &claims).map_err(|error| internal(&error))?;
        Ok(HostIdentity {
            subject,
            email: visitor.email_key.clone(),
            name: visitor.name.clone(),
            account: account.to_string(),
            role: role.to_owned(),
            permissions,
            assertion,
        })
    }

    async fn assertion_signing_key(&self) -> Result<Arc<SigningKey>, AppError> {
        let now: Timestamp = self.now();
        let mut kept = self.assertion_key.lock().await;
        if let Some((read_at, key)) = &*kept
            && *read_at <= now
            && *read_at + KEY_TTL > now
        {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(self.signing_key(SigningAlgorithm::Es256).await?);
        *kept = Some((now, Arc::clone(&key)));
        Ok(key)
    }
}
