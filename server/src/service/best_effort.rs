//! Writes on the side of a request that it does not depend on: when a session was last used, when a member was last active.

use crate::storage::StorageError;
use std::time::Duration;

/// How long such a write may delay the answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs a write that no answer depends on. If the database is busy or away, the log says so, and the request is answered all the same
/// (F5, F7).
pub(in crate::service) async fn best_effort(what: &'static str, write: impl Future<Output = Result<(), StorageError>>) {
    match tokio::time::timeout(WRITE_TIMEOUT, write).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(what, %error, "not written"),
        Err(_) => tracing::warn!(what, "not written: the database is busy"),
    }
}
