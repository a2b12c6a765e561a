//! Notes on the side of a request: when a session was last used, when a member was last active.

use crate::storage::StorageError;
use std::time::Duration;

/// How long a note may hold up the answer that it stands beside.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// Writes a note that no answer depends on. If the database is busy or away, the log tells so, and whoever reads is answered all the
/// same (F5, F7).
pub(in crate::service) async fn note(what: &'static str, write: impl Future<Output = Result<(), StorageError>>) {
    match tokio::time::timeout(WRITE_TIMEOUT, write).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(what, %error, "not noted"),
        Err(_) => tracing::warn!(what, "not noted: the database is busy"),
    }
}
