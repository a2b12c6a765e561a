//! Answers of the REST API that are given again: a program that lost an answer sends its request once more with the same `Idempotency-Key`,
//! and nothing is done twice.

use super::KeyUse;
use crate::{
    context::Services,
    service::actors,
    storage::{
        api_answers::{self, Found},
        retried,
    },
};
use app::{
    domain::{permission::Gate, policy::can_pass, time::Span},
    error::AppError,
};

/// How long an answer is given again.
pub(in crate::service) const ANSWER_TTL: Span = Span::days(1);
/// After this long, a request without an answer counts as broken off, as when the process was stopped in the middle: no request takes that long.
const ABANDONED_AFTER: Span = Span::minutes(2);

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What becomes of a request with an `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is the first: do it, and keep the answer.
    First,
    /// It was answered before.
    Again(Answer),
    /// It is still under way.
    UnderWay,
    /// The same key came with another request.
    OtherRequest,
    /// As many answers are kept for the key as can be. To drop one of them would be to do its request once more.
    TooMany {
        /// Until the oldest of them is dropped.
        wait: Span,
    },
}

impl Services {
    /// Claims an `Idempotency-Key` for a request of this hash, by a key that may still do what needs these permissions: an answer is not for
    /// somebody who could not ask any more. Nothing is kept for a key of the operator, who does nothing that would be done twice.
    ///
    /// # Errors
    /// As [`actors::load`], the policy's refusal, and the database's.
    pub async fn claim_answer(
        &self,
        by: &KeyUse,
        needed: &[Gate],
        name: &str,
        request_hash: &[u8],
    ) -> Result<Claim, AppError> {
        retried(|| async {
            let now = self.now();
            let Some((_, key)) = by.of_member else { return Ok(Claim::First) };
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load(self, &mut tx, &by.caller).await?;
            for gate in needed {
                can_pass(&actor.effective, *gate).or_refuse()?;
            }
            let scope = actor.scope();
            api_answers::forget_old(&mut tx, scope, key, name, now - ANSWER_TTL, now - ABANDONED_AFTER).await?;
            match api_answers::find(&mut tx, scope, key, name).await? {
                Some(Found { request_hash: earlier, .. }) if earlier != request_hash => return Ok(Claim::OtherRequest),
                Some(Found { answer: Some((status, body)), .. }) => return Ok(Claim::Again(Answer { status, body })),
                Some(Found { answer: None, .. }) => return Ok(Claim::UnderWay),
                None => {}
            }
            let kept = api_answers::kept_since(&mut tx, scope, key, now - ANSWER_TTL).await?;
            if let Some(oldest) = kept.oldest
                && kept.count >= u64::from(self.config.limits.api_answers)
            {
                return Ok(Claim::TooMany { wait: Span(((oldest + ANSWER_TTL).0 - now.0).max(0)) });
            }
            if !api_answers::claim(&mut tx, scope, key, name, request_hash, now).await? {
                return Ok(Claim::UnderWay);
            }
            tx.commit().await?;
            Ok(Claim::First)
        })
        .await
    }

    /// Keeps the answer to a claimed request; `None` if it came to nothing, so that it can be sent again.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep_answer(&self, by: &KeyUse, name: &str, answer: Option<&Answer>) -> Result<(), AppError> {
        retried(|| async {
            let Some((scope, key)) = by.of_member else { return Ok(()) };
            let mut tx = self.database.begin_write().await?;
            match answer {
                Some(answer) => api_answers::keep(&mut tx, scope, key, name, answer.status, &answer.body).await?,
                None => api_answers::forget(&mut tx, scope, key, name).await?,
            }
            Ok(tx.commit().await?)
        })
        .await
    }
}
