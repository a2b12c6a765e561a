//! Answers of the REST API that are given again: a program that lost an answer sends its request once more with the same `Idempotency-Key`,
//! and nothing is done twice.

use super::KeyUse;
use crate::{
    context::Services,
    storage::{
        api_answers::{self, Found},
        retried,
    },
};
use app::{domain::time::Span, error::AppError};

/// How long an answer is given again.
pub(in crate::service) const ANSWER_TTL: Span = Span::days(1);
/// After this long, a request without an answer counts as broken off: no request takes that long.
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
}

impl Services {
    /// Claims an `Idempotency-Key` for a request of this hash.
    ///
    /// # Errors
    /// The database's.
    pub async fn claim_answer(&self, by: &KeyUse, name: &str, request_hash: &[u8]) -> Result<Claim, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            api_answers::forget_old(&mut tx, by.scope(), by.key, name, now - ANSWER_TTL, now - ABANDONED_AFTER).await?;
            if api_answers::claim(&mut tx, by.scope(), by.key, name, request_hash, now).await? {
                tx.commit().await?;
                return Ok(Claim::First);
            }
            Ok(match api_answers::find(&mut tx, by.scope(), by.key, name).await? {
                Some(Found { request_hash: earlier, .. }) if earlier != request_hash => Claim::OtherRequest,
                Some(Found { answer: Some((status, body)), .. }) => Claim::Again(Answer { status, body }),
                Some(Found { answer: None, .. }) | None => Claim::UnderWay,
            })
        })
        .await
    }

    /// Keeps the answer to a claimed request; `None` if it came to nothing, so that it can be sent again.
    ///
    /// # Errors
    /// The database's.
    pub async fn keep_answer(&self, by: &KeyUse, name: &str, answer: Option<&Answer>) -> Result<(), AppError> {
        retried(|| async {
            let mut tx = self.database.begin_write().await?;
            match answer {
                Some(answer) => {
                    api_answers::keep(&mut tx, by.scope(), by.key, name, answer.status, &answer.body).await?;
                }
                None => api_answers::forget(&mut tx, by.scope(), by.key, name).await?,
            }
            Ok(tx.commit().await?)
        })
        .await
    }
}
