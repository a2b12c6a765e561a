//! Changes an account's address: the part of every page's URL that is the account's (R59).

use crate::{
    context::Services,
    service::actors,
    storage::{
        accounts,
        audit::{self, Event},
        retried,
    },
};
use app::{
    api::{
        account_settings::AccountAddressForm,
        login_methods::{NextPage, Notice},
    },
    backend::ChangeAccountAddress,
    domain::{
        audit::EventKind,
        fields::{Field, FieldErrors, Problem},
        name::Slug,
        time::Span,
    },
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

/// How many changes there may be in a month: nobody can keep any number of addresses from others.
const MAX_CHANGES: u32 = 5;
const MONTH_DAYS: u32 = 30;

#[async_trait]
impl ChangeAccountAddress for Services {
    /// Gives the account another address, if no other account has it or had it before. The old one goes on leading to the account: its members
    /// are led to the new one, and whoever is no member learns nothing of it.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] (AZ-16); what is wrong with the address, at its field.
    async fn change_account_address(&self, caller: &Caller, form: AccountAddressForm) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let wrong = |problem| AppError::from(FieldErrors::one(Field::Slug, problem));
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_owner_to_change(self, &mut tx, caller).await?;
            actor.require_recent_authentication(self)?;
            let slug = Slug::parse(&form.slug).map_err(wrong)?;
            let done = |notice| NextPage::saying(paths::account_settings(slug.as_str()), notice);
            if slug == actor.slug {
                return Ok(done(Notice::AccountSaved));
            }
            let since = now - Span::days(i64::from(MONTH_DAYS));
            if audit::count_since(&mut tx, actor.scope(), EventKind::AccountAddressChanged, since).await? >= MAX_CHANGES
            {
                return Err(wrong(Problem::ChangedTooOften { most: MAX_CHANGES, days: MONTH_DAYS }));
            }
            let taken = || wrong(Problem::Taken);
            accounts::set_slug(&mut tx, actor.scope(), &slug)
                .await
                .map_err(|error| error.or_taken::<AppError>(taken))?;
            if accounts::is_kept_from(&mut tx, actor.scope(), &slug, now).await? {
                return Err(taken());
            }
            let event = Event::AccountAddressChanged { before: actor.slug.clone(), after: slug.clone() };
            audit::record(&mut tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
            tx.commit().await?;
            Ok(done(Notice::AccountAddressChanged))
        })
        .await
    }
}
