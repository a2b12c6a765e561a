//! `roster user reset-factors`: the way back for somebody who lost every second factor and the recovery codes. Only the host's operator can
//! do it, who has to make sure who is asking; an account's admins never can, since the login reaches into other accounts (R49).

use crate::{
    context::Services,
    storage::{
        outbox::{MailKind, SecondFactorChange},
        pending_sign_ins, remembered_browsers, second_factors, sessions,
        user_events::{self, Origin, UserEvent},
        users,
    },
};
use app::{
    domain::email::Email,
    domain::fields::{Field, FieldErrors},
    error::AppError,
};

impl Services {
    /// Removes all second factors of the user with this address, with the recovery codes, and ends every session; answers how many
    /// factors there were. The user is told by mail and in their own log.
    ///
    /// # Errors
    /// [`AppError::NotFound`] without such a user; [`AppError::Invalid`] for what is no address.
    pub async fn reset_factors(&self, email: &str) -> Result<u64, AppError> {
        let email = Email::parse(email).map_err(|problem| FieldErrors::one(Field::Email, problem))?;
        let now = self.now();
        let mut tx = self.database.begin_write().await?;
        let user = users::find_by_email(&mut tx, email.key()).await?.ok_or(AppError::NotFound)?;
        let removed = second_factors::remove_all(&mut tx, user.id).await?;
        if removed > 0 {
            sessions::delete_of_user(&mut tx, user.id).await?;
            pending_sign_ins::delete_of_user(&mut tx, user.id).await?;
            remembered_browsers::delete_of_user(&mut tx, user.id).await?;
            user_events::record(&mut tx, user.id, &UserEvent::SecondFactorsReset, &Origin::default(), now).await?;
            let language = user.language.unwrap_or_default();
            self.notify_user(&mut tx, &user, MailKind::SecondFactors(SecondFactorChange::Reset), language, now).await?;
        }
        tx.commit().await?;
        Ok(removed)
    }
}
