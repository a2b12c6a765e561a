//! Whose session is this? (SE-01, SE-04)

use crate::{
    context::Services,
    secrets::Token,
    service::best_effort::best_effort,
    storage::{
        StorageError,
        sessions::{self, LiveSession},
    },
};
use app::{
    domain::{
        ids::{SessionId, UserId},
        language::Language,
        theme::Theme,
        time::{Span, Timestamp},
        time_zone::TimeZone,
    },
    request::SignedIn,
};

/// Use of a session is written at most this often.
pub(in crate::service) const USE_INTERVAL: Span = Span::minutes(5);

impl Services {
    /// The signed-in user of a session cookie; `None` for a session that is unknown, ended, idle too long or too old. What a page asks
    /// `in_background` is no use of the session: nobody may be there (SE-04).
    ///
    /// # Errors
    /// The database's.
    pub async fn authenticate(&self, cookie: &str, in_background: bool) -> Result<Option<SignedIn>, StorageError> {
        let Some(token) = Token::parse(cookie) else { return Ok(None) };
        let now = self.now();
        let (oldest, idlest) = self.session_bounds();
        let mut tx = self.database.look_up().await?;
        let Some(live) = sessions::authenticate(&mut tx, &token.hash(), oldest, idlest).await? else {
            return Ok(None);
        };
        drop(tx);
        let session = SessionId(live.id);
        if !in_background && now >= Timestamp(live.last_seen_at) + USE_INTERVAL {
            best_effort("use of a session", async {
                let mut tx = self.database.begin_write().await?;
                sessions::touch(&mut tx, session, now).await?;
                tx.commit().await
            })
            .await;
        }
        Ok(Some(signed_in(live)))
    }

    /// When a session must have begun, and when it must last have been used, to be alive (SE-04): after these times.
    pub(in crate::service) fn session_bounds(&self) -> (Timestamp, Timestamp) {
        let (now, limits) = (self.now(), &self.config.sessions);
        (now - Span::days(i64::from(limits.absolute_days)), now - Span::days(i64::from(limits.idle_days)))
    }
}

/// The user of a live session.
pub(in crate::service) fn signed_in(live: LiveSession) -> SignedIn {
    SignedIn {
        session: SessionId(live.id),
        user: UserId(live.user_id),
        email: live.email,
        name: live.name,
        language: live.language.as_deref().and_then(Language::from_tag),
        time_zone: live.time_zone.map(TimeZone::known),
        theme: live.theme.as_deref().and_then(Theme::from_key),
        delete_at: live.delete_at.map(Timestamp),
    }
}
