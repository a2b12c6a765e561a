//! The findings of `roster doctor`.

/// The result of one check.
pub(super) enum Finding {
    Fine(String),
    /// It works, but the operator should know this.
    Note(String),
    Wrong(String),
}
