//! Flashes: the result of a form, for the page that it leads to; sealed, for its own session or browser, and for a quarter of an hour.

use crate::{context::Services, secrets::SealedFor, storage::flashes};
use app::{
    domain::{
        ids::{FlashId, SessionId},
        time::{Span, Timestamp},
    },
    error::AppError,
    flash::FormResult,
    request::Visitor,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use uuid::Uuid;

const FLASH_TTL: Span = Span::minutes(15);
/// The largest form that is kept, in bytes: all that is read (IN-09), so that nothing typed is lost by being too much.
const MAX_SUBMITTED_BYTES: usize = 64 * 1024;
/// A cookie may have 4096 bytes with its name and attributes.
const MAX_COOKIE_BYTES: usize = 3 * 1024;
/// The endings of the names of fields that are never kept: people enter them again.
const SECRET_FIELD_ENDINGS: [&str; 3] = ["password]", "secret]", "code]"];

impl Services {
    /// Carries the result of a form to `page`: answers the address that shows it there, perhaps with a cookie. The result of a session is
    /// kept as a row. If nobody is signed in, or the database is away, the browser itself keeps it: strangers write no rows.
    pub(crate) async fn carry(&self, visitor: &Visitor, result: FormResult, page: &str) -> (String, Option<String>) {
        if let Some(signed_in) = &visitor.signed_in {
            match self.carry_in_row(signed_in.session, result.clone(), page).await {
                Ok(path) => return (path, None),
                Err(error) => tracing::warn!(%error, "the result of a form is kept in a cookie"),
            }
        }
        self.carry_in_cookie(result, page)
    }

    async fn carry_in_row(&self, session: SessionId, result: FormResult, page: &str) -> Result<String, AppError> {
        let (id, now) = (FlashId(Uuid::now_v7()), self.now());
        let plain = serde_json::to_vec(&result).unwrap_or_default();
        let sealed = self.keyring.seal(SealedFor::Flash(id), &plain);
        let mut tx = self.database.begin_write().await?;
        flashes::insert(&mut tx, id, session, &sealed, now + FLASH_TTL, now).await?;
        tx.commit().await?;
        Ok(with_flash(page, id))
    }

    /// Keeps the result in a cookie, without the submitted fields if they are too long.
    fn carry_in_cookie(&self, mut result: FormResult, page: &str) -> (String, Option<String>) {
        let id = FlashId(Uuid::now_v7());
        loop {
            let carried = CarriedByBrowser { expires: self.now() + FLASH_TTL, result };
            let plain = serde_json::to_vec(&carried).unwrap_or_default();
            let sealed = URL_SAFE_NO_PAD.encode(self.keyring.seal(SealedFor::Flash(id), &plain));
            if sealed.len() <= MAX_COOKIE_BYTES {
                return (with_flash(page, id), Some(self.cookies.flash(&sealed)));
            }
            result = carried.result;
            if result.old_input.is_empty() {
                return (page.to_owned(), None);
            }
            result.old_input.clear();
        }
    }

    /// The result that was carried to a page under this id, for this session or this browser. It is kept while its sender signs in; that
    /// the form asked to sign in is then not shown any more.
    pub(crate) async fn carried_to(
        &self,
        visitor: &Visitor,
        id: FlashId,
        cookie: Option<&str>,
    ) -> Result<Option<FormResult>, AppError> {
        if let Some(signed_in) = &visitor.signed_in {
            let mut tx = self.database.begin_read().await?;
            if let Some(sealed) = flashes::find(&mut tx, id, signed_in.session, self.now()).await? {
                let plain = self.keyring.open(SealedFor::Flash(id), &sealed)?;
                return Ok(serde_json::from_slice(&plain).ok());
            }
        }
        let Some(mut result) = cookie.and_then(|cookie| self.open_cookie(id, cookie)) else { return Ok(None) };
        if visitor.signed_in.is_some() && result.response == UNAUTHENTICATED_RESPONSE {
            result.response.clear();
        }
        Ok(Some(result))
    }

    fn open_cookie(&self, id: FlashId, cookie: &str) -> Option<FormResult> {
        let sealed = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let plain = self.keyring.open(SealedFor::Flash(id), &sealed).ok()?;
        let carried: CarriedByBrowser = serde_json::from_slice(&plain).ok()?;
        (carried.expires > self.now()).then_some(carried.result)
    }
}

impl Services {
    /// What a form that failed is shown again with: no secrets, but for a client secret, which only its form and session can bring back.
    pub(crate) fn old_input(&self, visitor: &Visitor, function: &str, form: &[u8]) -> Vec<(String, String)> {
        let mut fields = without_secrets(form);
        let session = visitor.signed_in.as_ref().map(|signed_in| signed_in.session);
        if let Some((name, sealed)) = session.and_then(|session| self.kept_secret_field(session, function, form))
            && !fields.is_empty()
        {
            fields.retain(|(field, _)| *field != name);
            fields.push((name, sealed));
        }
        fields
    }
}

/// The fields of a form that may be shown again (OA-17).
pub(crate) fn without_secrets(form: &[u8]) -> Vec<(String, String)> {
    if form.len() > MAX_SUBMITTED_BYTES {
        return Vec::new();
    }
    let fields = form_urlencoded::parse(form).into_owned();
    fields.filter(|(name, _)| !SECRET_FIELD_ENDINGS.iter().any(|end| name.ends_with(end))).collect()
}

/// How [`AppError::Unauthenticated`] is carried.
const UNAUTHENTICATED_RESPONSE: &str = r#"{"Err":"unauthenticated"}"#;

/// What a cookie holds, sealed.
#[derive(Serialize, Deserialize)]
struct CarriedByBrowser {
    expires: Timestamp,
    result: FormResult,
}

fn with_flash(page: &str, id: FlashId) -> String {
    let joint = if page.contains('?') { '&' } else { '?' };
    format!("{page}{joint}flash={id}")
}

/// The page's address without an earlier flash, and without an error that the framework put there.
pub(crate) fn without_flash(page: &str) -> String {
    let Some((path, query)) = page.split_once('?') else { return page.to_owned() };
    let ours = ["flash=", "__err=", "__path="];
    let kept: Vec<_> = query.split('&').filter(|pair| !ours.iter().any(|name| pair.starts_with(name))).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oa_17_nothing_secret_is_kept_of_a_form() {
        let form =
            b"form%5Bemail%5D=a&form[password]=b&form[client_secret]=c&form[code]=d&form[client_id]=e&account=acme";
        let kept: Vec<_> = without_secrets(form).into_iter().map(|(name, _)| name).collect();
        assert_eq!(kept, ["form[email]", "form[client_id]", "account"]);
    }

    #[test]
    fn an_address_has_one_flash_and_no_error() {
        assert_eq!(without_flash("/a/acme?x=1&flash=7&__err=y&__path=z"), "/a/acme?x=1");
        assert_eq!(without_flash("/a/acme?flash=7"), "/a/acme");
        assert_eq!(without_flash("/a/acme"), "/a/acme");
    }

    #[test]
    fn a_response_that_asks_for_a_sign_in_is_known_by_its_text() {
        let response: Result<(), AppError> = Err(AppError::Unauthenticated);
        assert_eq!(serde_json::to_string(&response).unwrap(), UNAUTHENTICATED_RESPONSE);
    }
}
