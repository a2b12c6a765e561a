//! Changes what the person is called and addressed in (R48, R50).

use super::{lock_copies, require_own_password_session, signed_in};
use crate::{
    context::Services,
    storage::{audit::Event, retried, users},
};
use app::{
    api::own_login::{ProfileForm, ProfileSaved},
    backend::ChangeProfile,
    domain::{
        fields::{Field, FieldErrors, Problem},
        language::Language,
        name::parse_name,
    },
    error::AppError,
    request::{Visitor, WithCookies},
};
use async_trait::async_trait;

#[async_trait]
impl ChangeProfile for Services {
    /// Saves name and language. A new name is rewritten in every account.
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
            let (Some(name), Some(language)) = (name, language) else { return Err(errors.into()) };

            let before = lock_copies(&mut tx, signed_in.user).await?.ok_or(AppError::Unauthenticated)?;
            users::set_profile(&mut tx, before.id, &name, language).await?;
            if name != before.name {
                let after = users::User { name: name.clone(), language, ..before };
                self.rewrite_copies(&mut tx, visitor, &after, &Event::NameChanged, now).await?;
            }
            tx.commit().await?;
            // What was chosen at the foot of a page counts before the user's own language, and this choice is the later one.
            let cookie =
                language.map_or_else(|| self.cookies.clear_language(), |language| self.cookies.language(language));
            Ok(WithCookies {
                answer: ProfileSaved { name, other_language: language != Some(visitor.language) },
                cookies: vec![cookie],
            })
        })
        .await
    }
}

/// A language; empty for the browser's.
fn parse_language(tag: &str) -> Result<Option<Language>, Problem> {
    if tag.is_empty() { Ok(None) } else { Language::from_tag(tag).map(Some).ok_or(Problem::NotOffered) }
}
