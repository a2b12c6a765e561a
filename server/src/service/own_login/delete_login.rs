//! Deletes the person's own login: not at once, but two weeks later, so that there is time to think again (CF-08).

use super::{notify::origin, require_own_password_session, signed_in, wrong_password};
use crate::{
    context::Services,
    storage::{
        Tx, accounts, members,
        outbox::MailKind,
        retried, sessions,
        user_events::{self, UserEvent},
        users,
    },
};
use app::{
    api::own_login::{AccountName, DeleteLoginForm, DeletionAsked},
    backend::DeleteLogin,
    domain::{
        email::Email,
        fields::{Field, FieldErrors, Problem},
        ids::UserId,
        member::MemberState,
        time::{Span, Timestamp},
    },
    error::AppError,
    request::Visitor,
};
use async_trait::async_trait;

/// How long the person can think again.
const GRACE_PERIOD: Span = Span::days(14);

#[async_trait]
impl DeleteLogin for Services {
    /// Sets the day on which the login is deleted, and signs the person out everywhere else. Refused while an account would be left without
    /// an owner (R33).
    async fn delete_login(&self, visitor: &Visitor, form: DeleteLoginForm) -> Result<DeletionAsked, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let user = self.require_own_password(signed_in).await?;
            if Email::parse(&form.confirmation).ok().as_ref() != Some(&user.email) {
                return Err(FieldErrors::one(Field::Confirmation, Problem::NotConfirmed).into());
            }
            let proved = self.verify_present_password(visitor, &user, &form.present_password).await?;

            let now = self.now();
            let at = now + GRACE_PERIOD;
            let mut tx = self.database.begin_write().await?;
            require_own_password_session(&mut tx, signed_in).await?;
            let needed_by = owned_by_nobody_else(&mut tx, user.id, at).await?;
            if !users::confirm_password(&mut tx, user.id, &proved.verified, &proved.rehashed).await? {
                return Err(wrong_password());
            }
            proved.attempt.refund(&mut tx).await?;
            if !needed_by.is_empty() {
                tx.commit().await?;
                return Ok(DeletionAsked::LastOwnerOf { accounts: needed_by });
            }
            users::set_deletion(&mut tx, user.id, Some(at)).await?;
            sessions::delete_others(&mut tx, user.id, Some(signed_in.session)).await?;
            user_events::record(&mut tx, user.id, &UserEvent::DeletionAsked, &origin(visitor), now).await?;
            self.notify_user(&mut tx, &user, MailKind::LoginDeletion, visitor.language, now).await?;
            tx.commit().await?;
            tracing::info!(user = %user.id, session = %signed_in.session, "deletion of a login asked for");
            Ok(DeletionAsked::At { at })
        })
        .await
    }
}

/// The accounts in which this user is the only owner who can sign in (R33), by name, but for those that are deleted themselves by `at`; all of
/// the user's accounts are locked.
pub(in crate::service) async fn owned_by_nobody_else(
    tx: &mut Tx,
    user: UserId,
    at: Timestamp,
) -> Result<Vec<AccountName>, AppError> {
    let scopes = members::accounts_with_copy(tx, user).await?;
    for scope in &scopes {
        accounts::lock(tx, *scope).await?;
    }
    let mut needed_by = Vec::new();
    for scope in scopes {
        let row = members::find_by_user(tx, scope, user).await?;
        let Some(row) = row.filter(|row| row.state == MemberState::Active && row.grant.makes_owner()) else { continue };
        if members::other_owners(tx, scope, row.id).await? == 0
            && let Some(account) = accounts::find(tx, scope).await?
            && account.delete_at.is_none_or(|goes| goes > at)
        {
            needed_by.push(AccountName { slug: account.slug, name: account.name });
        }
    }
    needed_by.sort_by(|one, other| crate::collation::compare(&one.name, &other.name));
    Ok(needed_by)
}
