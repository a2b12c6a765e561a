//! Repeats an operation whose transaction the database rolled back in favour of another one: a deadlock is no fault of the person who asked
//! (F8).

use super::{Code, StorageError, code_of};
use app::error::AppError;
use rand::RngExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How often an operation is done again.
const MAX_RETRIES: u32 = 3;
/// The longest pause before the first of them; each further one may be twice as long.
const MAX_FIRST_PAUSE_MS: u64 = 40;

tokio::task_local! {
    static ATTEMPT: Arc<Attempt>;
}

/// What is known of one run of an operation.
#[derive(Debug, Default)]
struct Attempt {
    /// Something was committed, or may have been: it must not be done twice.
    committed: AtomicBool,
    /// The database rolled back one of two transactions that waited for each other.
    conflict: AtomicBool,
}

/// Runs an operation, and runs it again if the database rolled it back in favour of another one, as long as nothing of it was committed.
///
/// # Errors
/// The operation's.
pub async fn retried<T, F, R>(operation: F) -> Result<T, AppError>
where
    F: Fn() -> R,
    R: Future<Output = Result<T, AppError>>,
{
    let mut retries = 0;
    loop {
        let attempt = Arc::new(Attempt::default());
        let result = ATTEMPT.scope(attempt.clone(), operation()).await;
        let again = matches!(result, Err(AppError::Unavailable))
            && attempt.conflict.load(Ordering::Relaxed)
            && !attempt.committed.load(Ordering::Relaxed)
            && retries < MAX_RETRIES;
        if !again {
            return result;
        }
        let pause = rand::rng().random_range(1..=MAX_FIRST_PAUSE_MS << retries);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        retries += 1;
        tracing::info!(retries, "a transaction gave way to another one and is tried again");
    }
}

/// A commit was tried.
pub(super) fn note_commit(done: &Result<(), StorageError>) {
    let undone = matches!(done, Err(StorageError::Unavailable(error)) if is_conflict(error));
    if !undone {
        let _ = ATTEMPT.try_with(|attempt| attempt.committed.store(true, Ordering::Relaxed));
    }
}

/// An error came up.
pub(super) fn note_error(error: &sqlx::Error) {
    if is_conflict(error) {
        let _ = ATTEMPT.try_with(|attempt| attempt.conflict.store(true, Ordering::Relaxed));
    }
}

/// Serialization failure or deadlock.
fn is_conflict(error: &sqlx::Error) -> bool {
    match error.as_database_error().map(code_of) {
        Some(Code::Postgres(code)) => matches!(code.as_str(), "40001" | "40P01"),
        Some(Code::Sqlite(_)) | None => false,
    }
}
