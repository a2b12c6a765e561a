//! Signing in by email address and password.

use super::second_step::GoesOn;
use crate::{
    config::Limits,
    context::Services,
    metrics::{Proved, SignInResult},
    secrets::Token,
    service::own_login::notify::origin,
    storage::{
        StorageError, Tx, accounts,
        rate_buckets::{self, Limit},
        retried,
        second_factors::{self, FactorsOf},
        sessions::{self, NewSession, Proof},
        user_events::{self, UserEvent},
        users::{self, User},
    },
};
use app::{
    api::session::SignInForm,
    backend::SignIn,
    domain::{
        email::Email,
        ids::{SessionId, UserId},
        password::MAX_CHARS,
        time::Span,
    },
    error::AppError,
    paths,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;
use std::net::IpAddr;
use uuid::Uuid;

/// The bucket of an address: whole for IPv4, its /64 for IPv6.
pub(in crate::service) fn ip_key(what: &str, ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => format!("{what}:ip:{ip}"),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{what}:ip:{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[async_trait]
impl SignIn for Services {
    /// Signs in and answers where to go. An unknown user, a wrong password and a user without a password get the same answer at the
    /// same price (EN-01); only failures count against the limits.
    async fn sign_in(&self, visitor: &Visitor, form: SignInForm) -> Result<WithCookies<String>, AppError> {
        let result = retried(|| async {
            let VerifiedPassword { user, verified, rehashed, attempt } =
                self.verify_password(visitor, Email::parse(&form.email).ok().as_ref(), &form.password).await?;

            let mut tx = self.database.begin_write().await?;
            // Hashing takes its time: the password may be another one by now.
            if !users::confirm_password(&mut tx, user.id, &verified, &rehashed).await? {
                return Err(AppError::WrongCredentials);
            }
            attempt.refund(&mut tx).await?;
            if second_factors::has_any(&mut tx, FactorsOf::user(user.id)).await?
                && !self.is_remembered(&mut tx, visitor, user.id).await?
            {
                let goes_on = GoesOn { next: &form.next, account: &form.account, reauthenticates: None };
                let asks = self.ask_for_second_factor(&mut tx, user.id, goes_on).await?;
                tx.commit().await?;
                return Ok(asks);
            }
            let (session, cookie) = self.begin_session(&mut tx, visitor, user.id, Proof::Password).await?;
            let answer = self.page_after_sign_in(&mut tx, user.id, session, &form.account, &form.next).await?;
            tx.commit().await?;
            tracing::info!(user = %user.id, session = %session, ip = %visitor.ip, "signed in");
            let mark = self.cookies.known_browser(&self.keyring.known_browser_mark(user.id));
            Ok(WithCookies { answer, cookies: vec![cookie, mark] })
        })
        .await;
        self.count_sign_in(Proved::Password, &result);
        result
    }
}

impl Services {
    /// Counts a sign-in for whoever runs the server.
    pub(super) fn count_sign_in(&self, proved: Proved, result: &Result<WithCookies<String>, AppError>) {
        let result = match result {
            Ok(page) if page.answer.starts_with(paths::SECOND_STEP) => SignInResult::SecondFactorAsked,
            Ok(_) => SignInResult::Succeeded,
            Err(error) => SignInResult::of_error(error),
        };
        self.metrics().signed_in(proved, result);
    }

    /// The limit of measured passwords.
    pub(in crate::service) fn measure_limit(&self) -> Limit {
        let limits = &self.config.limits;
        Limit::per_second(limits.measure_burst, limits.measure_per_s)
    }

    /// Where a user goes who has just signed in: to `next`, a path of our own, or else to the account whose page it was, the only account
    /// there is, or the chooser.
    pub(super) async fn page_after_sign_in(
        &self,
        tx: &mut Tx,
        user: UserId,
        session: SessionId,
        account: &str,
        next: &str,
    ) -> Result<String, StorageError> {
        let accounts = accounts::of_user(tx, user, session).await?;
        let home = match (account, accounts.as_slice()) {
            (wanted, accounts) if accounts.iter().any(|account| account.slug.as_str() == wanted) => {
                paths::account(wanted)
            }
            (_, [only]) => paths::account(only.slug.as_str()),
            _ => paths::ACCOUNTS.to_owned(),
        };
        Ok(paths::local_or(next, &home))
    }

    /// Verifies an address and a password: within the limits, with a line in the log for a failure, and at the same cost whether or not there
    /// is such a user (EN-01, EN-04, EN-09, LG-01). The caller refunds the attempt in the transaction that uses the result.
    ///
    /// # Errors
    /// [`AppError::WrongCredentials`], [`AppError::RateLimited`], [`AppError::Unavailable`].
    pub(in crate::service) async fn verify_password(
        &self,
        visitor: &Visitor,
        email: Option<&Email>,
        password: &str,
    ) -> Result<VerifiedPassword, AppError> {
        let mut tx = self.database.begin_read().await?;
        let user = match email {
            Some(email) => users::find_by_email(&mut tx, email.key()).await?,
            None => None,
        };
        drop(tx);
        // EN-06: a stranger's failures do not lock out the browser that the user signed in with before.
        let mark = visitor.known_browser.as_deref();
        let known = mark.zip(user.as_ref()).is_some_and(|(mark, user)| self.keyring.knows_browser(mark, user.id));
        let attempt = PasswordAttempt::sign_in(&self.config.limits, visitor.ip, email.filter(|_| !known));
        self.count(&attempt).await?;

        // PW-02: what is too long is not hashed, but costs a verification like anything else.
        let too_long = password.chars().count() > MAX_CHARS as usize;
        let (typed, phc) =
            if too_long { ("", None) } else { (password, user.as_ref().and_then(|user| user.phc.as_deref())) };
        let fits = self.hasher.verify(typed, phc).await?;
        let Some(user) = user.filter(|_| fits) else {
            // Neither the address, nor whether there is such a user (LG-01): the same address has the same name here.
            let who = email.map(|email| self.keyring.pseudonym(email.key()));
            tracing::info!(who, ip = %visitor.ip, "sign-in failed");
            return Err(AppError::WrongCredentials);
        };
        let verified = user.phc.clone().unwrap_or_default();
        let rehashed =
            if self.hasher.is_outdated(&verified) { self.hasher.hash(password).await? } else { verified.clone() };
        Ok(VerifiedPassword { user, verified, rehashed, attempt })
    }

    /// Counts an attempt to choose a password for a new login: each costs a hash and an estimate. An attempt that succeeds is refunded, so that a
    /// whole office can join from one address.
    ///
    /// # Errors
    /// [`AppError::RateLimited`].
    pub(in crate::service) async fn count_attempt(&self, visitor: &Visitor) -> Result<PasswordAttempt, AppError> {
        let attempt = PasswordAttempt::sign_up(&self.config.limits, visitor.ip);
        self.count(&attempt).await?;
        Ok(attempt)
    }

    /// Counts before the work is done, so that many at once count as many (EN-09).
    async fn count(&self, attempt: &PasswordAttempt) -> Result<(), AppError> {
        let mut tx = self.database.begin_write().await?;
        let room = attempt.count(&mut tx, self).await?;
        tx.commit().await?;
        room.map_err(rate_limited)
    }

    /// Begins a session with what was just proved, in place of the browser's present one (SE-02); what that one proved of the same user
    /// goes over. Answers its cookie.
    pub(in crate::service) async fn begin_session(
        &self,
        tx: &mut Tx,
        visitor: &Visitor,
        user: UserId,
        proof: Proof,
    ) -> Result<(SessionId, String), StorageError> {
        let token = Token::new();
        let session = NewSession {
            id: SessionId(Uuid::now_v7()),
            hash: token.hash(),
            user,
            user_agent: &visitor.user_agent,
            ip: visitor.ip.to_string(),
        };
        sessions::insert(tx, &session, proof, self.now()).await?;
        if visitor.signed_in.as_ref().is_none_or(|previous| previous.user != user) {
            let event = UserEvent::SignedIn { session: session.id, own_password: proof == Proof::Password };
            user_events::record(tx, user, &event, &origin(visitor), self.now()).await?;
        }
        if let Some(previous) = &visitor.signed_in {
            if previous.user == user {
                sessions::take_over_proofs(tx, previous.session, session.id, proof).await?;
            }
            sessions::delete(tx, previous.user, previous.session).await?;
        }
        sessions::end_oldest(tx, user, proof, self.config.sessions.most_per_user).await?;
        Ok((session.id, self.cookies.session(token.reveal())))
    }
}

/// A user whose password was right.
pub(in crate::service) struct VerifiedPassword {
    pub(in crate::service) user: User,
    /// The hash that the password was compared with.
    pub(in crate::service) verified: String,
    /// The hash to keep: with today's parameters (PW-06).
    pub(in crate::service) rehashed: String,
    pub(in crate::service) attempt: PasswordAttempt,
}

/// The buckets that an attempt with a password is counted in.
pub(in crate::service) struct PasswordAttempt(Vec<(String, Limit)>);

impl PasswordAttempt {
    fn sign_in(limits: &Limits, ip: IpAddr, email: Option<&Email>) -> Self {
        let by_ip = (ip_key("sign-in", ip), Limit::per_second(limits.sign_in_burst, limits.sign_in_per_s));
        let by_user = email.map(|email| {
            let key = format!("sign-in:user:{}", email.rate_key());
            (key, Limit::per_second(limits.sign_in_user_burst, limits.sign_in_user_per_s))
        });
        Self(std::iter::once(by_ip).chain(by_user).collect())
    }

    fn sign_up(limits: &Limits, ip: IpAddr) -> Self {
        Self(vec![(ip_key("sign-up", ip), Limit::per_second(limits.sign_in_burst, limits.sign_in_per_s))])
    }

    /// Counts it; the inner error is how long to wait.
    async fn count(&self, tx: &mut Tx, services: &Services) -> Result<Result<(), Span>, StorageError> {
        for (key, limit) in &self.0 {
            if let Err(wait) = rate_buckets::take(tx, key, *limit, services.now()).await? {
                return Ok(Err(wait));
            }
        }
        Ok(Ok(()))
    }

    /// Refunds it: it was a success.
    pub(in crate::service) async fn refund(&self, tx: &mut Tx) -> Result<(), StorageError> {
        for (key, _) in &self.0 {
            rate_buckets::refund(tx, key).await?;
        }
        Ok(())
    }
}

/// The error that says how long to wait.
pub(in crate::service) fn rate_limited(wait: Span) -> AppError {
    AppError::RateLimited { retry_after_s: wait.as_seconds().max(1) }
}
