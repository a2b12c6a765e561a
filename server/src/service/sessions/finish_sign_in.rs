//! Finishes a sign-in by a second factor.

use super::second_step::{CheckedCode, TypedCode, wrong_code};
use crate::{
    context::Services,
    metrics::Proved,
    service::own_login::notify::origin,
    storage::{
        Tx,
        outbox::{MailKind, SecondFactorChange},
        pending_sign_ins::{self, PendingSignIn},
        retried,
        second_factors::FactorsOf,
        sessions::{self, Proof},
        user_events::{self, UserEvent},
        users,
    },
};
use app::{
    api::second_factors::SecondStepForm,
    backend::FinishSignIn,
    domain::ids::UserId,
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl FinishSignIn for Services {
    /// Begins the session of a sign-in that waits in this browser, if the code is right. A wrong one counts, and the sign-in waits on.
    ///
    /// # Errors
    /// [`AppError::Unauthenticated`] if none waits any more; what is wrong with the code, at its field; [`AppError::RateLimited`].
    async fn finish_sign_in(&self, visitor: &Visitor, form: SecondStepForm) -> Result<WithCookies<String>, AppError> {
        let result = retried(|| async {
            let mut tx = self.database.begin_read().await?;
            // Strangers write nothing.
            if self.presented_sign_in(&mut tx, visitor).await?.is_none() {
                return Err(AppError::Unauthenticated);
            }
            drop(tx);
            let mut tx = self.database.begin_write().await?;
            let pending = self.presented_sign_in(&mut tx, visitor).await?.ok_or(AppError::Unauthenticated)?;
            let typed = TypedCode { app: &form.code, recovery: &form.recovery_code };
            match self.check_second_factor(&mut tx, visitor, FactorsOf::user(pending.user), None, typed).await? {
                CheckedCode::App => {}
                CheckedCode::Recovery => self.note_recovery(&mut tx, visitor, pending.user).await?,
                CheckedCode::Wrong(field) => {
                    // The try counts.
                    tx.commit().await?;
                    return Err(wrong_code(field));
                }
            }
            let mut finished = self.begin_whole_session(&mut tx, visitor, &pending).await?;
            if !form.remember.is_empty() {
                finished.cookies.push(self.remember_browser(&mut tx, visitor, pending.user).await?);
            }
            tx.commit().await?;
            Ok(finished)
        })
        .await;
        self.count_sign_in(Proved::SecondFactor, &result);
        result
    }
}

impl Services {
    /// Begins the session of a pending sign-in whose second factor was proved.
    pub(super) async fn begin_whole_session(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        pending: &PendingSignIn,
    ) -> Result<WithCookies<String>, AppError> {
        if !pending_sign_ins::finish(tx, pending.id).await? {
            return Err(AppError::Unauthenticated);
        }
        let (user, now) = (pending.user, self.now());
        let (session, cookie) = self.begin_session(tx, visitor, user, Proof::Password).await?;
        sessions::renew_second_factor(tx, session, now).await?;
        if let Some(method) = pending.reauthenticates {
            sessions::add_reauthentication(tx, session, method, now).await?;
        }
        let answer = self.page_after_sign_in(tx, user, session, &pending.account, &pending.next).await?;
        tracing::info!(%user, %session, ip = %visitor.ip, "signed in with a second factor");
        let mark = self.cookies.known_browser(&self.keyring.known_browser_mark(user));
        Ok(WithCookies { answer, cookies: vec![cookie, mark, self.cookies.clear_pending_sign_in()] })
    }

    /// A recovery code stood in: the user is told, in case it was somebody else who had it.
    pub(in crate::service) async fn note_recovery(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        user: UserId,
    ) -> Result<(), AppError> {
        let now = self.now();
        let user = users::find(tx, user).await?.ok_or(AppError::Unauthenticated)?;
        user_events::record(tx, user.id, &UserEvent::RecoveryCodeUsed, &origin(visitor), now).await?;
        Ok(self
            .notify_user(
                tx,
                &user,
                MailKind::SecondFactors(SecondFactorChange::RecoveryCodeUsed),
                visitor.language,
                now,
            )
            .await?)
    }
}
