//! Adds an app as a second factor, once it shows the right code.

use super::{notify::origin, signed_in};
use crate::{
    context::Services,
    second_factors::{new_recovery_codes, recovery_code_hash},
    service::sessions::second_step::wrong_code,
    storage::{
        StorageError, Tx,
        outbox::{MailKind, SecondFactorChange},
        pending_sign_ins, remembered_browsers, retried,
        second_factors::{self, FactorsOf},
        sessions,
        user_events::{self, UserEvent},
        users::{self, User},
    },
};
use app::{
    api::second_factors::{ConfirmTotpForm, RecoveryCodes, SecondFactorAdded},
    backend::ConfirmTotp,
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::{SecondFactorId, UserId},
        name::parse_name,
        second_factor::{SecondFactorKind, digits_of_code, grouped_recovery_code},
    },
    error::AppError,
    request::{SignedIn, Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl ConfirmTotp for Services {
    /// Makes the draft a second factor that counts. The first one comes with recovery codes.
    ///
    /// # Errors
    /// Those of [`Services::begin_login_change`]; [`AppError::NotFound`] if it is set up no more; what is wrong with a
    /// field, there.
    async fn confirm_totp(
        &self,
        visitor: &Visitor,
        form: ConfirmTotpForm,
    ) -> Result<WithCookies<SecondFactorAdded>, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let id: SecondFactorId = form.factor.parse().map_err(|_| AppError::NotFound)?;
            let mut errors = FieldErrors::default();
            let name = errors.keep(Field::FactorName, parse_factor_name(&form.name));
            let code = digits_of_code(&form.code);
            if code.is_empty() {
                errors.keep::<()>(Field::Code, Err(Problem::Required));
            }
            let Some(name) = name.filter(|_| errors == FieldErrors::default()) else { return Err(errors.into()) };

            let now = self.now();
            let mut tx = self.begin_login_change(signed_in).await?;
            let (_, seed) = self.draft_of_app(&mut tx, FactorsOf::user(signed_in.user), id).await?;
            let step = seed.step_of(&code, now).ok_or_else(|| wrong_code(Field::Code))?;
            if !second_factors::confirm(&mut tx, signed_in.user, id, &name, step, now).await? {
                return Err(AppError::NotFound);
            }
            let added = self.second_factor_added(&mut tx, visitor, signed_in, SecondFactorKind::Totp).await?;
            tx.commit().await?;
            Ok(added)
        })
        .await
    }
}

impl Services {
    /// What follows from adding a second factor of any kind: this session has proved it and gets another cookie (SE-02), the others end,
    /// since they have not (SE-07), and the user is told.
    pub(super) async fn second_factor_added(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        signed_in: &SignedIn,
        kind: SecondFactorKind,
    ) -> Result<WithCookies<SecondFactorAdded>, AppError> {
        let now = self.now();
        let user = users::find(tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
        sessions::renew_second_factor(tx, signed_in.session, now).await?;
        let cookie = self.renew_cookie(tx, signed_in.session).await?;
        end_other_sign_ins(tx, &user, signed_in).await?;
        let recovery_codes = match second_factors::recovery_codes_left(tx, user.id).await? {
            0 => Some(self.renew_recovery_codes(tx, user.id).await?),
            _ => None,
        };
        user_events::record(tx, user.id, &UserEvent::SecondFactorAdded { factor: kind }, &origin(visitor), now).await?;
        self.notify_user(tx, &user, MailKind::SecondFactors(SecondFactorChange::Added), visitor.language, now).await?;
        tracing::info!(user = %user.id, kind = kind.key(), ip = %visitor.ip, "second factor added");
        Ok(WithCookies { answer: SecondFactorAdded { recovery_codes }, cookies: vec![cookie] })
    }

    /// Replaces a user's recovery codes; answers them as they are shown, this once.
    pub(super) async fn renew_recovery_codes(&self, tx: &mut Tx, user: UserId) -> Result<RecoveryCodes, StorageError> {
        let codes = new_recovery_codes();
        let hashes: Vec<_> = codes.iter().map(|code| recovery_code_hash(user, code)).collect();
        second_factors::set_recovery_codes(tx, user, &hashes, self.now()).await?;
        Ok(RecoveryCodes { codes: codes.iter().map(|code| grouped_recovery_code(code)).collect() })
    }
}

/// Ends a user's other sessions, the sign-ins that wait and what is remembered of browsers: what lets the user in has changed (SE-07).
pub(super) async fn end_other_sign_ins(tx: &mut Tx, user: &User, signed_in: &SignedIn) -> Result<(), StorageError> {
    sessions::delete_others(tx, user.id, Some(signed_in.session)).await?;
    remembered_browsers::delete_of_user(tx, user.id).await?;
    pending_sign_ins::delete_of_user(tx, user.id).await
}

/// What the user calls a factor; nothing, for what it is.
pub(super) fn parse_factor_name(typed: &str) -> Result<String, Problem> {
    if typed.trim().is_empty() { Ok(String::new()) } else { parse_name(typed) }
}
