//! First run: the set-up link, and the first account with its owner (CF-01).

use super::open_account::NameAndSlug;
use crate::{
    context::Services,
    secrets::Token,
    storage::{
        StorageError, Tx, accounts, retried,
        sessions::Proof,
        tokens::{self, Purpose},
        users::{self, User},
    },
};
use app::{
    api::setup::{SETUP_LINK_HOURS, SetUpForm, SetUpView},
    backend::{SetUp, ViewSetUp},
    domain::{
        email::Email,
        fields::{Field, FieldErrors},
        ids::UserId,
        name::{Slug, parse_name},
        time::Span,
    },
    error::AppError,
    paths,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;
use uuid::Uuid;

const SETUP_LINK_TTL: Span = Span::hours(SETUP_LINK_HOURS);

#[async_trait]
impl SetUp for Services {
    /// Makes the first account and its owner, and signs the owner in. One of several parallel uses of the link wins.
    async fn set_up(&self, visitor: &Visitor, form: SetUpForm) -> Result<WithCookies<Slug>, AppError> {
        retried(|| async {
            let token = presented_token(visitor).ok_or(AppError::OpenTheLinkAgain)?;
            if self.view_set_up(visitor).await? != SetUpView::Open {
                return Err(AppError::OpenTheLinkAgain);
            }
            let mut errors = FieldErrors::default();
            let account = NameAndSlug::parse(&form.account_name, &form.slug, &mut errors);
            let name = errors.keep(Field::Name, parse_name(&form.name));
            let email = errors.keep(Field::Email, Email::parse(&form.email));
            let words = [form.name.as_str(), form.email.as_str(), form.account_name.as_str()];
            errors.keep(Field::Password, self.check_length(&form.password));
            let (Some(account), Some(name), Some(email), None) = (account, name, email, errors.of(Field::Password))
            else {
                return Err(errors.into());
            };
            let attempt = self.count_attempt(visitor).await?;
            self.check_password(&form.password, &words).await?;
            let phc = self.hasher.hash(&form.password).await?;

            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            use_link(&mut tx, &token, self).await?;
            // The set-up link counts as verified by the operator.
            let owner = User {
                id: UserId(Uuid::now_v7()),
                email,
                name,
                language: Some(visitor.language),
                time_zone: None,
                theme: None,
                delete_at: None,
                verified: Some(now),
                phc: Some(phc),
            };
            users::insert(&mut tx, &owner, now).await?;
            let slug = account.slug.clone();
            self.insert_account(&mut tx, account, Some((&owner, Some(visitor.ip)))).await?;
            let (_, cookie) = self.begin_session(&mut tx, visitor, owner.id, Proof::Password).await?;
            attempt.refund(&mut tx).await?;
            tx.commit().await?;
            Ok(WithCookies { answer: slug, cookies: vec![cookie, self.cookies.clear_setup()] })
        })
        .await
    }
}

impl Services {
    /// A new set-up link, which replaces earlier ones; `None` once there is an account.
    ///
    /// # Errors
    /// The database's.
    pub async fn setup_link(&self) -> Result<Option<String>, StorageError> {
        let mut tx = self.database.begin_write().await?;
        if accounts::any(&mut tx).await? {
            return Ok(None);
        }
        let token = Token::new();
        let now = self.now();
        tokens::insert(&mut tx, Purpose::SetUp, None, &token.hash(), now, now + SETUP_LINK_TTL).await?;
        tx.commit().await?;
        Ok(Some(self.config.link(&paths::setup_link(token.reveal()))))
    }
}

pub(super) fn presented_token(visitor: &Visitor) -> Option<Token> {
    visitor.setup.as_deref().and_then(Token::parse)
}

async fn use_link(tx: &mut Tx, token: &Token, services: &Services) -> Result<(), AppError> {
    let first = tokens::use_up(tx, Purpose::SetUp, &token.hash(), services.now()).await?;
    if first && !accounts::any(tx).await? { Ok(()) } else { Err(AppError::OpenTheLinkAgain) }
}
