//! Offers ownership to another member (R34).

use super::{owners_page, record};
use crate::{
    context::Services,
    service::{
        actors::{self, Actor},
        sessions::sign_in::rate_limited,
    },
    storage::{
        Tx,
        audit::Event,
        members::{self, Member},
        outbox::OwnershipMail,
        ownership_offers::{self, NewOffer},
        rate_buckets::{self, Limit},
        retried, users,
    },
};
use app::{
    api::{
        login_methods::{NextPage, Notice},
        ownership::OfferForm,
    },
    backend::OfferOwnership,
    domain::{
        email::Email,
        fields::{Field, FieldErrors, Problem},
        member::{LoginMethodKind, MemberState},
        time::Span,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

/// How long an offer can be accepted.
const OFFER_LIFETIME: Span = Span::days(7);
/// Each offer sends two mails.
const OFFERS_PER_DAY: u32 = 10;

#[async_trait]
impl OfferOwnership for Services {
    /// Offers ownership to an active member who can sign in. Nothing changes before it is accepted; an owner has one open offer at a time.
    ///
    /// # Errors
    /// [`AppError::ReauthenticationRequired`] (AZ-16); what is wrong with the address, at its field; [`AppError::RateLimited`].
    async fn offer_ownership(&self, caller: &Caller, form: OfferForm) -> Result<NextPage, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_owner_to_change(self, &mut tx, caller).await?;
            actor.require_recent_authentication(self)?;
            if ownership_offers::of_owner(&mut tx, actor.scope(), actor.member, now).await?.is_some() {
                return Ok(NextPage::saying(owners_page(&actor), Notice::OfferOpen));
            }
            let heir = heir(&mut tx, &actor, &form).await?;
            let (key, limit) = (format!("ownership:by:{}", actor.user), Limit::per_day(OFFERS_PER_DAY));
            rate_buckets::take(&mut tx, &key, limit, now).await?.map_err(rate_limited)?;
            let new =
                NewOffer { from: actor.member, to: heir.id, to_role: &heir.grant.role, expires: now + OFFER_LIFETIME };
            let offer = ownership_offers::insert(&mut tx, actor.scope(), new, now).await?;
            record(&mut tx, &actor, &heir, &Event::OwnershipOffered, now).await?;
            let owner = actors::find_member(&mut tx, &actor, actor.member).await?;
            self.mail_about_ownership(&mut tx, &actor, &heir, (OwnershipMail::Offered, offer), now).await?;
            self.mail_about_ownership(&mut tx, &actor, &owner, (OwnershipMail::Made, offer), now).await?;
            let page = NextPage::saying(owners_page(&actor), Notice::OwnershipOffered);
            tx.commit().await?;
            Ok(page)
        })
        .await
    }
}

/// The member with the typed address, if ownership can be offered to them.
async fn heir(tx: &mut Tx, actor: &Actor, form: &OfferForm) -> Result<Member, AppError> {
    let wrong = |problem| AppError::from(FieldErrors::one(Field::Email, problem));
    let email = Email::parse(&form.email).map_err(wrong)?;
    let known = members::find_by_email(tx, actor.scope(), &email).await?;
    let heir = known.filter(|row| row.state == MemberState::Active).ok_or_else(|| wrong(Problem::NotAnActiveMember))?;
    if heir.grant.makes_owner() {
        return Err(wrong(Problem::OwnerAlready));
    }
    if !members::can_sign_in(tx, actor.scope(), heir.id).await? {
        return Err(wrong(Problem::CannotSignIn));
    }
    let user = match heir.user {
        Some(user) => users::find(tx, user).await?,
        None => None,
    };
    if user.as_ref().is_some_and(|user| user.delete_at.is_some()) {
        return Err(wrong(Problem::LoginDeleted));
    }
    // Whoever proves the mailbox later would make the heir's memberships wait for approval, and the account would have no owner (R13).
    let is_proved = user.is_some_and(|user| user.verified.is_some());
    if !is_proved && heir.method.kind == LoginMethodKind::Password {
        return Err(wrong(Problem::MailboxNotProved));
    }
    Ok(heir)
}
