//! The second step of signing in. A right password of somebody who has a second factor makes no session, but a row that waits for the
//! factor, under a cookie of its own: whatever reads sessions never meets half of one (LT-09).

use super::sign_in::rate_limited;
use crate::{
    context::Services,
    second_factors::{Seed, recovery_code_hash},
    secrets::{SealedFor, Token},
    storage::{
        AccountScope, StorageError, Tx,
        pending_sign_ins::{self, PendingSignIn},
        rate_buckets::{self, Limit},
        second_factors::{self, FactorsOf},
    },
};
use app::{
    domain::{
        fields::{Field, FieldErrors, Problem},
        ids::{LoginMethodId, UserId},
        second_factor::digits_of_code,
        time::Span,
    },
    error::AppError,
    paths,
    request::{Visitor, WithCookies},
};
use uuid::Uuid;

/// How long a sign-in waits for its second factor.
const PENDING_TTL: Span = Span::minutes(10);
/// Codes that are tried for one user: five, then one in five minutes (LT-07). It never locks anybody out for longer.
const TRIES_PER_USER: Limit = Limit { burst: 5, per_day: 288 };

/// A code, as typed: one of the two.
pub(in crate::service) struct TypedCode<'a> {
    /// What an app shows.
    pub(in crate::service) app: &'a str,
    /// A recovery code.
    pub(in crate::service) recovery: &'a str,
}

/// What a typed code turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum CheckedCode {
    /// The code of an app.
    App,
    /// A recovery code, which is used up now.
    Recovery,
    /// Wrong, too old or used before. The try counts, if the transaction is committed.
    Wrong(Field),
}

/// Where a sign-in goes on once it is whole.
#[derive(Clone, Debug, Default)]
pub(in crate::service) struct GoesOn<'a> {
    /// A path of our own, or empty.
    pub(in crate::service) next: &'a str,
    /// The account whose sign-in page it began on; may be empty.
    pub(in crate::service) account: &'a str,
    /// The login method for whose reauthentication the password stands in.
    pub(in crate::service) reauthenticates: Option<LoginMethodId>,
}

impl Services {
    /// Keeps a sign-in whose password was right, and leads to its second step. The browser's session, if there is one, stays as it is.
    pub(in crate::service) async fn ask_for_second_factor(
        &self,
        tx: &mut Tx,
        user: UserId,
        goes_on: GoesOn<'_>,
    ) -> Result<WithCookies<String>, StorageError> {
        let (token, now) = (Token::new(), self.now());
        let next = paths::local_or(goes_on.next, "");
        let pending = PendingSignIn {
            id: Uuid::now_v7(),
            user,
            // Not back to this very step.
            next: if next.starts_with(paths::SECOND_STEP) { String::new() } else { next },
            account: goes_on.account.to_owned(),
            reauthenticates: goes_on.reauthenticates,
        };
        pending_sign_ins::insert(tx, &pending, &token.hash(), now, now + PENDING_TTL).await?;
        let cookie = self.cookies.pending_sign_in(token.reveal());
        Ok(WithCookies { answer: paths::SECOND_STEP.to_owned(), cookies: vec![cookie] })
    }

    /// The sign-in that waits in this browser.
    pub(super) async fn presented_sign_in(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
    ) -> Result<Option<PendingSignIn>, StorageError> {
        let Some(token) = visitor.pending_sign_in.as_deref().and_then(Token::parse) else { return Ok(None) };
        pending_sign_ins::find(tx, &token.hash(), self.now()).await
    }

    /// Checks a typed code and uses it up, within the limit (LT-07). A wrong one counts once the caller commits. Recovery codes stand in for
    /// the factors of the login alone. `within` is the account whose provider alone vouches for the session: its tries are counted apart, or an
    /// account could keep a person from signing in with the password (R49).
    ///
    /// # Errors
    /// [`AppError::Invalid`] if nothing was typed; [`AppError::RateLimited`].
    pub(in crate::service) async fn check_second_factor(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        of: FactorsOf,
        within: Option<AccountScope>,
        typed: TypedCode<'_>,
    ) -> Result<CheckedCode, AppError> {
        let user = of.user;
        let field = if typed.recovery.trim().is_empty() { Field::Code } else { Field::RecoveryCode };
        if field == Field::Code && typed.app.trim().is_empty() {
            return Err(FieldErrors::one(Field::Code, Problem::Required).into());
        }
        // EN-06: whoever has the password alone cannot keep the user's own browsers waiting.
        let mark = visitor.known_browser.as_deref();
        let known = mark.is_some_and(|mark| self.keyring.knows_browser(mark, user));
        let known = if known { "known:" } else { "" };
        let key = match within {
            Some(account) => format!("second-factor:{}:{known}{user}", account.id()),
            None => format!("second-factor:{known}{user}"),
        };
        let now = self.now();
        rate_buckets::take(tx, &key, TRIES_PER_USER, now).await?.map_err(rate_limited)?;
        let right = if field == Field::RecoveryCode {
            of.account.is_none()
                && second_factors::use_recovery_code(tx, user, &recovery_code_hash(user, typed.recovery), now).await?
        } else {
            self.use_app_code(tx, of, &digits_of_code(typed.app)).await?
        };
        if !right {
            tracing::info!(%user, ip = %visitor.ip, "a wrong second factor");
            return Ok(CheckedCode::Wrong(field));
        }
        rate_buckets::refund(tx, &key).await?;
        Ok(if field == Field::RecoveryCode { CheckedCode::Recovery } else { CheckedCode::App })
    }

    /// Uses the code of one of the apps; `false` if none shows it, or it was used before.
    async fn use_app_code(&self, tx: &mut Tx, of: FactorsOf, code: &str) -> Result<bool, AppError> {
        let now = self.now();
        for factor in second_factors::list(tx, of).await? {
            let Some(sealed) = &factor.sealed else { continue };
            let seed = self.keyring.open(SealedFor::TotpSeed(factor.id), sealed)?;
            let step = Seed::from_bytes(&seed).and_then(|seed| seed.step_of(code, now));
            if let Some(step) = step
                && second_factors::use_step(tx, of.user, factor.id, step, now).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What is said at the field of a wrong code.
pub(in crate::service) fn wrong_code(field: Field) -> AppError {
    FieldErrors::one(field, Problem::WrongCode).into()
}
