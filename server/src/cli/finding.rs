//! What `roster doctor` has to say.

/// What an examination found.
pub(super) enum Finding {
    Fine(String),
    /// Works, but somebody should know.
    Note(String),
    Wrong(String),
}
