//! Changes what the person is called and addressed in (R48, R50).

use super::{lock_copies, require_own_password_session, signed_in};
use crate::{
    context::Services,
    storage::{
        audit::Event,
        retried,
        users::{self, User},
    },
};
use app::{
    api::own_login::{ProfileForm, ProfileSaved},
    backend::ChangeProfile,
    domain::{
        fields::{Field, FieldErrors, Problem},
        language::Language,
        name::parse_name,
        theme::Theme,
        time_zone::TimeZone,
    },
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl ChangeProfile for Services {
    /// Saves name, language, zone and theme. A new name is rewritten in every account.
    async fn change_profile(
        &self,
        visitor: &Visitor,
        form: ProfileForm,
    ) -> Result<WithCookies<ProfileSaved>, AppError> {
        retried(|| async {
            let signed_in = signed_in(visitor)?;
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            require_own_password_session(&mut tx, signed_in).await?;
            let mut errors = FieldErrors::default();
            let name = errors.keep(Field::Name, parse_name(&form.name));
            let language = errors.keep(Field::Language, parse_language(&form.language));
            let time_zone = errors.keep(Field::TimeZone, parse_time_zone(&form.time_zone));
            let theme = errors.keep(Field::Theme, parse_theme(&form.theme));
            let (Some(name), Some(language), Some(time_zone), Some(theme)) = (name, language, time_zone, theme) else {
                return Err(errors.into());
            };

            let before = lock_copies(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
            let after = User { name, language, time_zone, theme, ..before.clone() };
            users::set_profile(&mut tx, &after).await?;
            if after.name != before.name {
                self.rewrite_copies(&mut tx, visitor, &after, &Event::NameChanged, now).await?;
            }
            tx.commit().await?;
            // What was chosen at the foot of a page counts before the user's own language, and this choice is the later one.
            let in_language =
                language.map_or_else(|| self.cookies.clear_language(), |language| self.cookies.language(language));
            let other_page = language != Some(visitor.language)
                || after.time_zone != before.time_zone
                || after.theme != before.theme;
            let answer = ProfileSaved { name: after.name, other_page };
            Ok(WithCookies { answer, cookies: vec![in_language, self.cookies.theme(theme)] })
        })
        .await
    }
}

/// A language; empty for the browser's.
fn parse_language(tag: &str) -> Result<Option<Language>, Problem> {
    if tag.is_empty() { Ok(None) } else { Language::from_tag(tag).map(Some).ok_or(Problem::NotOffered) }
}

/// A time zone; empty for the browser's.
fn parse_time_zone(name: &str) -> Result<Option<TimeZone>, Problem> {
    if name.is_empty() { Ok(None) } else { TimeZone::parse(name).map(Some) }
}

/// Light or dark; empty for the system's choice.
fn parse_theme(key: &str) -> Result<Option<Theme>, Problem> {
    if key.is_empty() { Ok(None) } else { Theme::from_key(key).map(Some).ok_or(Problem::NotOffered) }
}
