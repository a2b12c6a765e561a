//! Changes an account's address: the part of every page's URL that is the account's (R59).

use crate::{
    context::Services,
    service::{actors, sessions::sign_in::rate_limited},
    storage::{
        accounts,
        audit::{self, Event},
        rate_buckets::{self, Limit},
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
        fields::{Field, FieldErrors, Problem},
        name::Slug,
        time::Span,
    },
    error::AppError,
    paths,
    request::Caller,
};
use async_trait::async_trait;

/// How long nobody else gets an address that an account gave up: bookmarks and mails still name it, and must not lead to strangers.
const KEPT_FROM_OTHERS: Span = Span::days(90);
/// Nobody can keep any number of addresses from others.
const CHANGES_PER_DAY: u32 = 3;

#[async_trait]
impl ChangeAccountAddress for Services {
    /// Gives the account another address, if no other account has it or had it a short while ago. Links with the old one lead nowhere: whoever
    /// follows them learns nothing of the new one. Those of invitations go by their token, and stay valid.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] (AZ-16); what is wrong with the address, at its field; [`AppError::RateLimited`].
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
            let (key, limit) = (format!("address:of:{}", actor.scope().id()), Limit::per_day(CHANGES_PER_DAY));
            rate_buckets::take(&mut tx, &key, limit, now).await?.map_err(rate_limited)?;
            let taken = || wrong(Problem::Taken);
            accounts::set_slug(&mut tx, actor.scope(), &slug, now + KEPT_FROM_OTHERS)
                .await
                .map_err(|error| error.or_taken::<AppError>(taken))?;
            if accounts::was_of_another(&mut tx, actor.scope(), &slug, now).await? {
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
