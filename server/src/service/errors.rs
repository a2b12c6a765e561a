//! Translates the errors of lower layers for people: unavailable, or an internal error with an id that the log has too.

use crate::{passwords::HashError, secrets::OpenError, storage::StorageError};
use app::error::AppError;

impl From<StorageError> for AppError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(error) => {
                tracing::warn!(%error, "database unavailable");
                Self::Unavailable
            }
            StorageError::Taken(_)
            | StorageError::Database(_)
            | StorageError::Inconsistent { .. }
            | StorageError::Migration(_)
            | StorageError::File { .. }
            | StorageError::UnknownScheme => internal(&error),
        }
    }
}

impl From<HashError> for AppError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Unavailable,
            HashError::Failed(_) => internal(&error),
        }
    }
}

impl From<OpenError> for AppError {
    fn from(error: OpenError) -> Self {
        internal(&error)
    }
}

/// An internal error: the log has its cause, the person its id.
pub(in crate::service) fn internal(error: &dyn std::error::Error) -> AppError {
    let request_id = uuid::Uuid::now_v7().simple().to_string();
    tracing::error!(error_id = request_id, %error, "internal error");
    AppError::Internal { request_id }
}
