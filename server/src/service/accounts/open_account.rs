//! Opening another account (`accounts.create`), and what every new account begins with.

use crate::{
    config::AccountCreation,
    context::Services,
    service::sessions::sign_in::rate_limited,
    storage::{
        AccountScope, Tx,
        accounts::{self, Account},
        audit::{self, AuditActor, AuditTarget, Event},
        members,
        rate_buckets::{self, Limit},
        retried, sessions,
        users::{self, User},
    },
};
use app::{
    api::accounts::{NewAccount, OpenAccountForm},
    backend::OpenAccount,
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::{AccountId, LoginMethodId, MemberId},
        name::{Slug, parse_name},
        permission::Gate,
        policy::Refusal,
        role::{BuiltInRole, Grant},
    },
    error::AppError,
    request::{SignedIn, Visitor},
};
use async_trait::async_trait;
use std::net::IpAddr;
use uuid::Uuid;

/// Name and slug of a new account.
pub(in crate::service) struct NameAndSlug {
    pub(in crate::service) name: String,
    pub(in crate::service) slug: Slug,
}

impl NameAndSlug {
    /// Reads both; an empty slug is proposed from the name. Problems are noted in `errors`: an empty slug has none of its own while there is no
    /// name to make it from.
    pub(in crate::service) fn parse(name: &str, slug: &str, errors: &mut FieldErrors) -> Option<Self> {
        let left_empty = slug.trim().is_empty();
        let proposed = if left_empty { Slug::propose(name) } else { slug.to_owned() };
        let name = errors.keep(Field::AccountName, parse_name(name));
        if left_empty && name.is_none() {
            return None;
        }
        let slug = errors.keep(Field::Slug, Slug::parse(&proposed));
        Some(Self { name: name?, slug: slug? })
    }
}

#[async_trait]
impl OpenAccount for Services {
    /// Opens another account, with the caller as its owner.
    async fn open_account(&self, visitor: &Visitor, form: OpenAccountForm) -> Result<NewAccount, AppError> {
        retried(|| async {
            let signed_in = visitor.signed_in.as_ref().ok_or(AppError::Unauthenticated)?;
            if !self.may_open_account(signed_in).await? {
                return Err(Refusal::Needs { gate: Gate::UsersInvite }.into());
            }
            let mut errors = FieldErrors::default();
            let Some(new) = NameAndSlug::parse(&form.account_name, &form.slug, &mut errors) else {
                return Err(errors.into());
            };
            let mut tx = self.database.begin_write().await?;
            let owner = users::find(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
            // Each account has its own limits of mails, so nobody may open any number of accounts (INV-19).
            let (key, limit) =
                (format!("accounts:by:{}", owner.id), Limit::per_day(self.config.limits.accounts_per_user_day));
            rate_buckets::take(&mut tx, &key, limit, self.now()).await?.map_err(rate_limited)?;
            let slug = new.slug.clone();
            self.insert_account(&mut tx, new, Some((&owner, Some(visitor.ip)))).await?;
            tx.commit().await?;
            Ok(NewAccount { slug })
        })
        .await
    }
}

impl Services {
    /// May this user open another account?
    pub(in crate::service) async fn may_open_account(&self, signed_in: &SignedIn) -> Result<bool, AppError> {
        // OA-12: a sign-in at a provider of one account is valid for that account only.
        let mut tx = self.database.begin_read().await?;
        if sessions::password_proved(&mut tx, signed_in.session).await?.is_none() {
            return Ok(false);
        }
        drop(tx);
        Ok(match self.config.accounts.create {
            AccountCreation::Nobody => false,
            AccountCreation::Everyone => true,
            AccountCreation::Owners => {
                let mut tx = self.database.begin_read().await?;
                let accounts = accounts::of_user(&mut tx, signed_in.user, signed_in.session).await?;
                accounts.iter().any(|account| account.grant.makes_owner())
            }
        })
    }

    /// Makes an account with its roles and Email & password, and its owner if there is one yet.
    pub(in crate::service) async fn insert_account(
        &self,
        tx: &mut Tx,
        new: NameAndSlug,
        owner: Option<(&User, Option<IpAddr>)>,
    ) -> Result<(AccountScope, LoginMethodId), AppError> {
        let now = self.now();
        let account = Account {
            id: AccountId(Uuid::now_v7()),
            slug: new.slug,
            name: new.name,
            language: self.config.accounts.language,
            delete_at: None,
        };
        let method = LoginMethodId(Uuid::now_v7());
        let taken = || FieldErrors::one(Field::Slug, Problem::Taken).into();
        let scope =
            accounts::insert(tx, &account, method, now).await.map_err(|error| error.or_taken::<AppError>(taken))?;
        if accounts::is_kept_from(tx, scope, &account.slug, now).await? {
            return Err(taken());
        }
        let mut by = AuditActor::default();
        let mut to = None;
        if let Some((user, ip)) = owner {
            let member = MemberId(Uuid::now_v7());
            members::insert_owner(tx, scope, member, user, &Grant::of(BuiltInRole::Owner), method, now).await?;
            by = AuditActor { member: Some(member), name: Some(user.name.clone()), ip, key: None };
            to = Some(AuditTarget { member, email: user.email.key().to_owned() });
        }
        audit::record(tx, scope, &by, to.as_ref(), &Event::AccountOpened, now).await?;
        Ok((scope, method))
    }
}
