//! What every use of a passkey has in common: its challenge, which is good once, and the check of the answer (LT-08).

use super::sign_in::{ip_key, rate_limited};
use crate::{
    context::Services,
    second_factors::{Challenge, Credential, PasskeyFault, RelyingParty},
    service::own_login::notify::origin,
    storage::{
        Tx,
        outbox::{MailKind, SecondFactorChange},
        passkey_challenges::{self, ChallengePurpose},
        rate_buckets::{self, Limit},
        retried,
        second_factors::{self, FactorsOf},
        user_events::{self, UserEvent},
        users,
    },
};
use app::{
    api::second_factors::PasskeyChallenge,
    domain::{
        ids::{PasskeyChallengeId, UserId},
        time::Span,
    },
    error::AppError,
    request::Visitor,
};
use uuid::Uuid;

/// How long a challenge is good.
const CHALLENGE_TTL: Span = Span::minutes(5);

/// Passed to whoever goes on once an answer was checked: a copied passkey has to be told in a transaction of its own.
pub(in crate::service) enum CheckedPasskey {
    /// It is right, and its use is noted.
    Right,
    /// There is a copy of it. The user is told, if the transaction is committed.
    Copied,
}

impl Services {
    /// This Roster, as authenticators know it.
    ///
    /// # Errors
    /// [`AppError::NotFound`] where passkeys cannot be, because the base URL has no host name.
    pub(in crate::service) fn relying_party(&self) -> Result<RelyingParty, AppError> {
        RelyingParty::of(&self.config.base_url).ok_or(AppError::NotFound)
    }

    /// Can this Roster have passkeys?
    pub(in crate::service) fn has_passkeys(&self) -> bool {
        RelyingParty::of(&self.config.base_url).is_some()
    }

    /// Counts what a stranger asks for, as strangers may write few rows (EN-04). A success is refunded.
    pub(in crate::service) async fn count_passkey_challenge(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
    ) -> Result<(), AppError> {
        let limits = &self.config.limits;
        let limit = Limit::per_second(limits.sign_in_burst, limits.sign_in_per_s);
        let key = ip_key("passkey", visitor.ip);
        rate_buckets::take(tx, &key, limit, self.now()).await?.map_err(rate_limited)
    }

    /// Refunds it.
    pub(in crate::service) async fn refund_passkey_challenge(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
    ) -> Result<(), AppError> {
        Ok(rate_buckets::refund(tx, &ip_key("passkey", visitor.ip)).await?)
    }

    /// Keeps a challenge for its answer. `subject` is the session or the pending sign-in that it is for.
    pub(in crate::service) async fn keep_challenge(
        &self,
        tx: &mut Tx,
        purpose: ChallengePurpose,
        subject: Option<Uuid>,
        challenge: Option<Challenge>,
    ) -> Result<PasskeyChallenge, AppError> {
        let Challenge { state, options } = challenge.ok_or(AppError::PasskeyRefused)?;
        let id = PasskeyChallengeId(Uuid::now_v7());
        passkey_challenges::insert(tx, id, purpose, subject, &state, self.now() + CHALLENGE_TTL).await?;
        Ok(PasskeyChallenge { id, options })
    }

    /// Uses a challenge up, whatever comes of the answer, in a transaction of its own; answers what the server kept of it.
    ///
    /// # Errors
    /// [`AppError::PasskeyRefused`] if it was used before, has expired, or was for something else.
    pub(in crate::service) async fn use_challenge(
        &self,
        id: &str,
        purpose: ChallengePurpose,
        subject: Option<Uuid>,
    ) -> Result<Vec<u8>, AppError> {
        let id: PasskeyChallengeId = id.parse().map_err(|_| AppError::PasskeyRefused)?;
        retried(|| async {
            let mut tx = self.database.begin_write().await?;
            let state = passkey_challenges::consume(&mut tx, id, purpose, subject, self.now()).await?;
            tx.commit().await?;
            state.ok_or(AppError::PasskeyRefused)
        })
        .await
    }

    /// The passkeys of a user.
    pub(in crate::service) async fn passkeys_of(&self, tx: &mut Tx, user: UserId) -> Result<Vec<Credential>, AppError> {
        let factors = second_factors::list(tx, FactorsOf::user(user)).await?;
        Ok(factors.into_iter().filter_map(|factor| factor.credential).collect())
    }

    /// Notes the use of a passkey of this user, whose answer was checked with this outcome.
    ///
    /// # Errors
    /// [`AppError::PasskeyRefused`].
    pub(in crate::service) async fn note_passkey(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        user: UserId,
        known: &[Credential],
        checked: Result<Credential, PasskeyFault>,
    ) -> Result<CheckedPasskey, AppError> {
        let now = self.now();
        match checked {
            Ok(used) => {
                let before = known.iter().find(|credential| credential.id == used.id);
                let before = before.ok_or(AppError::PasskeyRefused)?;
                if !second_factors::use_passkey(tx, user, &before.state, &used, now).await? {
                    // Another answer with this passkey was quicker.
                    return Err(AppError::PasskeyRefused);
                }
                Ok(CheckedPasskey::Right)
            }
            Err(PasskeyFault::Copied) => {
                tracing::warn!(%user, ip = %visitor.ip, "a copied passkey was refused");
                let person = users::find(tx, user).await?.ok_or(AppError::PasskeyRefused)?;
                user_events::record(tx, user, &UserEvent::PasskeyCopied, &origin(visitor), now).await?;
                let kind = MailKind::SecondFactors(SecondFactorChange::PasskeyCopied);
                self.notify_user(tx, &person, kind, visitor.language, now).await?;
                Ok(CheckedPasskey::Copied)
            }
            Err(fault @ (PasskeyFault::Unreadable | PasskeyFault::Untrue)) => {
                tracing::info!(%user, ?fault, ip = %visitor.ip, "a passkey was refused");
                Err(AppError::PasskeyRefused)
            }
        }
    }

    /// Checks the answer of a user who is known, and notes its use.
    pub(in crate::service) async fn check_passkey(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        user: UserId,
        state: &[u8],
        answer: &str,
    ) -> Result<CheckedPasskey, AppError> {
        let known = self.passkeys_of(tx, user).await?;
        let checked = self.relying_party()?.finish_step(state, user, &known, answer);
        self.note_passkey(tx, visitor, user, &known, checked).await
    }
}
