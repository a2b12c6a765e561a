//! Forms that the browser itself sends, without scripting: their result is carried to the page that follows.

use crate::{
    context::Services,
    service::{without_flash, without_secrets},
};
use app::{
    domain::ids::FlashId,
    flash::{FLASH_RESPONSE, FormResult},
    paths,
    request::Visitor,
};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use server_fn::error::SERVER_FN_ERROR_HEADER;
use url::form_urlencoded;

/// Adds the result of a form to the request for the page that follows, whose components read it from there.
pub(super) async fn layer(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let id = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "flash");
    let id: Option<FlashId> = id.and_then(|(_, id)| id.parse().ok()).filter(|_| request.method() == Method::GET);
    let Some((id, visitor)) = id.zip(request.extensions().get::<Visitor>().cloned()) else {
        return next.run(request).await;
    };
    let cookie = services.cookies.sent(request.headers()).flash;
    match services.carried_to(&visitor, id, cookie.as_deref()).await {
        Ok(Some(result)) => drop(request.extensions_mut().insert(result)),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the result of a form cannot be shown"),
    }
    let mut response = next.run(request).await;
    // A page that redirects, to signing in for example, has not shown it yet.
    if cookie.is_some() && response.status().is_success() {
        append_cookie(response.headers_mut(), &services.cookies.clear_flash());
    }
    response
}

/// A form that the browser itself sent.
pub(super) struct Form {
    /// Who sent it.
    pub(super) visitor: Visitor,
    /// The path of its server function.
    pub(super) function: String,
    /// Its fields, encoded.
    pub(super) body: Bytes,
    /// The page that it stands on, where the browser says so.
    pub(super) page: Option<String>,
}

impl Form {
    /// The redirect that answers the form. If there is a result to show, the page that follows shows it; a page that comes back without one
    /// shows no earlier result. The response itself is dropped, since the browser would ignore it.
    pub(super) async fn answer(self, services: &Services, response: Response, target: String, most: usize) -> Response {
        let (mut parts, body) = response.into_parts();
        let failed = parts.headers.contains_key(SERVER_FN_ERROR_HEADER);
        let carries = parts.headers.remove(FLASH_RESPONSE).is_some();
        let page = self.page.as_deref().map(without_flash);
        // The framework takes an earlier error from the address that it comes back to, and leaves the question mark.
        let target = target.trim_end_matches('?').to_owned();
        // Back to the form, unless the function leads on. The framework would name an error in the address, where anybody could put one.
        let leads_on = !failed && self.page.as_ref() != Some(&target) && (page.is_some() || target != "/");
        let mut path = if leads_on { target } else { page.clone().unwrap_or_else(|| self.own_page()) };
        if failed || carries {
            path = without_flash(&path);
            let json = String::from_utf8(to_bytes(body, most).await.unwrap_or_default().into()).unwrap_or_default();
            let comes_back = page.is_none_or(|page| page == path);
            let old_input = match (comes_back, failed) {
                (true, true) => services.old_input(&self.visitor, &self.function, &self.body),
                (true, false) => without_secrets(&self.body),
                (false, _) => Vec::new(),
            };
            let response = format!("{{\"{}\":{json}}}", if failed { "Err" } else { "Ok" });
            let result = FormResult { function: self.function, response, old_input };
            let (shows, cookie) = services.carry(&self.visitor, result, &path).await;
            path = shows;
            if let Some(cookie) = cookie {
                append_cookie(&mut parts.headers, &cookie);
            }
        }
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
            parts.headers.remove(name);
        }
        parts.headers.insert(header::LOCATION, HeaderValue::from_str(&path).unwrap_or(HeaderValue::from_static("/")));
        Response::from_parts(parts, Body::empty())
    }

    /// The page of ours that holds this form, for browsers and proxies that send no `Referer`.
    fn own_page(&self) -> String {
        let field = |wanted: &str| {
            let found = form_urlencoded::parse(&self.body).find(|(name, _)| name == wanted);
            found.map(|(_, text)| text.into_owned()).unwrap_or_default()
        };
        let account = field("account");
        let page = match self.function.trim_start_matches("/api/") {
            "session/sign-in" => match field("form[account]") {
                none if none.is_empty() => paths::LOGIN.to_owned(),
                account => paths::login(&account),
            },
            "setup/set-up" => paths::SETUP.to_owned(),
            "me/change-profile" | "me/ask-for-address-change" | "me/drop-address-change" => paths::ME.to_owned(),
            "address/confirm" | "address/undo" => paths::ADDRESS.to_owned(),
            "session/finish-sign-in" => paths::SECOND_STEP.to_owned(),
            "second-factors/confirm-totp" => format!("/me/authenticator/{}", field("form[factor]")),
            "me/reauthenticate" => paths::reauthenticate_own_login(&field("form[next]")),
            function if function.starts_with("second-factors/") => paths::ME_SIGN_IN.to_owned(),
            "me/delete" | "me/keep" => paths::ME_DELETE.to_owned(),
            "me/change-password" => paths::ME_SIGN_IN.to_owned(),
            "me/join" | "me/decline" => paths::ME_ACCOUNTS.to_owned(),
            "me/end-session" | "me/end-other-sessions" => paths::ME_SESSIONS.to_owned(),
            "accounts/open" => paths::ACCOUNTS.to_owned(),
            "accounts/leave" => paths::account(&account),
            "users/invite" => paths::new_user(&account),
            "users/invite-several" => paths::new_users(&account),
            "users/edit" => paths::edit(&account, field("form[member]")),
            "users/remove" => paths::remove(&account, field("form[member]")),
            "users/decide" => match field("member").parse() {
                Ok(member) => paths::decide(&account, member),
                Err(_) => paths::users(&account),
            },
            "users/resend" | "users/copy-link" | "users/undo-removal" | "users/change-several" => {
                paths::users(&account)
            }
            "invitation/sign-up" | "invitation/join-by-method" => paths::invitation(field("form[invitation]")),
            function if function.starts_with("invitation/") => paths::invitation(field("invitation")),
            "webhooks/add" => paths::new_webhook(&account),
            function if function.starts_with("webhooks/") => paths::webhook(&account, field("webhook")),
            function if function.starts_with("api-keys/") => paths::api_keys(&account),
            function if function.starts_with("login-methods/") => paths::login_methods(&account),
            _ => "/".to_owned(),
        };
        crate::cookies::local_target(&page)
    }
}

fn append_cookie(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        headers.append(header::SET_COOKIE, cookie);
    }
}
