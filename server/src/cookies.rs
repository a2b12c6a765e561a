//! The cookies: their names, and the one place that formats `Set-Cookie` (SE-03). tower-sessions is not used for them, as a session is a row that
//! is joined with users and memberships in every request.

use crate::config::Config;
use app::domain::{language::Language, second_factor::REMEMBERED_BROWSER_DAYS, theme::Theme};
use axum::http::HeaderMap;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use std::sync::Arc;

/// How long a browser keeps the token of an invitation, set-up or reset link.
const LINK_MAX_AGE_S: i64 = 60 * 60;
/// How long a browser keeps the flash of a form, for the page that shows it.
const FLASH_MAX_AGE_S: i64 = 15 * 60;
/// How long a browser keeps a sign-in that waits for a second factor.
const PENDING_SIGN_IN_MAX_AGE_S: i64 = 10 * 60;
/// How long a browser keeps the language, and the mark of an earlier sign-in.
const YEAR_MAX_AGE_S: i64 = 365 * 24 * 60 * 60;

/// The language chosen by a visitor; not a secret, so it has one name everywhere.
const LANGUAGE_COOKIE: &str = "roster_lang";

/// Light or dark; neither a secret.
const THEME_COOKIE: &str = "roster_theme";

/// The cookie of somebody who is signed in at a host whose proxy asks Roster. Such hosts have https, and each its own.
const HOST_COOKIE: &str = "__Host-roster_forward";

/// What ties signing in at such a host to the browser that began it.
const HOST_NONCE_COOKIE: &str = "__Host-roster_forward_nonce";
/// How long a browser keeps it: as long as somebody may take to sign in.
const HOST_NONCE_MAX_AGE_S: i64 = 30 * 60;

/// The cookies of one base URL. With https their names begin with `__Host-`: no other host and no plain connection can set them.
/// With http they end in the port, since cookies do not tell ports apart. A server reads only the names of its own scheme.
#[derive(Clone, Debug)]
pub struct Cookies(Arc<Names>);

#[derive(Debug)]
struct Names {
    secure: bool,
    session: String,
    invitation: String,
    setup: String,
    password_reset: String,
    address_change: String,
    known_browser: String,
    oauth: String,
    flash: String,
    pending_sign_in: String,
    remembered_browser: String,
    authorization: String,
    session_s: i64,
}

impl From<&Config> for Cookies {
    fn from(config: &Config) -> Self {
        let secure = config.is_https();
        let port = config.base_url.port_or_known_default().unwrap_or_default();
        let name = |what: &str| if secure { format!("__Host-roster_{what}") } else { format!("roster_{what}_{port}") };
        Self(Arc::new(Names {
            secure,
            session: name("session"),
            invitation: name("invite"),
            setup: name("setup"),
            password_reset: name("reset"),
            address_change: name("address"),
            known_browser: name("known"),
            oauth: name("oauth"),
            flash: name("flash"),
            pending_sign_in: name("second_factor"),
            remembered_browser: name("remembered"),
            authorization: name("platform"),
            session_s: i64::from(config.sessions.absolute_days) * 24 * 60 * 60,
        }))
    }
}

/// The cookies that a browser sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentCookies {
    /// The session.
    pub session: Option<String>,
    /// The token of an invitation.
    pub invitation: Option<String>,
    /// The token of the set-up link.
    pub setup: Option<String>,
    /// The token of a reset link.
    pub password_reset: Option<String>,
    /// The token of the link of a change of address.
    pub address_change: Option<String>,
    /// The mark of an earlier sign-in (EN-06).
    pub known_browser: Option<String>,
    /// The token that ties authorization attempts to this browser (OA-03).
    pub oauth: Option<String>,
    /// The flash of a form, sealed.
    pub flash: Option<String>,
    /// The token of a sign-in that waits for a second factor.
    pub pending_sign_in: Option<String>,
    /// The token of a browser that is remembered for a user.
    pub remembered_browser: Option<String>,
    /// What a platform asked for before this browser signed in, sealed.
    pub authorization: Option<String>,
    /// The language chosen.
    pub language: Option<Language>,
    /// Light or dark, as it was chosen.
    pub theme: Option<Theme>,
}

impl Cookies {
    /// Sets the session cookie; it expires when the session does.
    pub fn session(&self, value: &str) -> String {
        self.set(&self.0.session, value, self.0.session_s)
    }

    /// Ends the session in this browser.
    pub fn clear_session(&self) -> String {
        self.set(&self.0.session, "", 0)
    }

    /// Keeps the token of an invitation link for an hour (INV-07).
    pub fn invitation(&self, token: &str) -> String {
        self.set(&self.0.invitation, token, LINK_MAX_AGE_S)
    }

    /// Forgets the invitation.
    pub fn clear_invitation(&self) -> String {
        self.set(&self.0.invitation, "", 0)
    }

    /// Keeps the token of the set-up link for an hour.
    pub fn setup(&self, token: &str) -> String {
        self.set(&self.0.setup, token, LINK_MAX_AGE_S)
    }

    /// Forgets the set-up link.
    pub fn clear_setup(&self) -> String {
        self.set(&self.0.setup, "", 0)
    }

    /// Keeps the token of a reset link for an hour.
    pub fn password_reset(&self, token: &str) -> String {
        self.set(&self.0.password_reset, token, LINK_MAX_AGE_S)
    }

    /// Forgets the reset link.
    pub fn clear_password_reset(&self) -> String {
        self.set(&self.0.password_reset, "", 0)
    }

    /// Keeps the token of the link of a change of address for an hour.
    pub fn address_change(&self, token: &str) -> String {
        self.set(&self.0.address_change, token, LINK_MAX_AGE_S)
    }

    /// Forgets the change of address.
    pub fn clear_address_change(&self) -> String {
        self.set(&self.0.address_change, "", 0)
    }

    /// Keeps the mark of a sign-in, so that others' failures do not lock this browser out (EN-06).
    pub fn known_browser(&self, mark: &str) -> String {
        self.set(&self.0.known_browser, mark, YEAR_MAX_AGE_S)
    }

    /// Sets the token that ties authorization attempts to this browser, for as long as an attempt and the step after it may take (OA-03).
    pub fn oauth(&self, mark: &str) -> String {
        self.set(&self.0.oauth, mark, LINK_MAX_AGE_S)
    }

    /// Sets the flash of a form, for somebody who is not signed in.
    pub fn flash(&self, sealed: &str) -> String {
        self.set(&self.0.flash, sealed, FLASH_MAX_AGE_S)
    }

    /// Clears the flash of a form.
    pub fn clear_flash(&self) -> String {
        self.set(&self.0.flash, "", 0)
    }

    /// Keeps a sign-in that waits for a second factor.
    pub fn pending_sign_in(&self, token: &str) -> String {
        self.set(&self.0.pending_sign_in, token, PENDING_SIGN_IN_MAX_AGE_S)
    }

    /// Forgets it.
    pub fn clear_pending_sign_in(&self) -> String {
        self.set(&self.0.pending_sign_in, "", 0)
    }

    /// Keeps what a platform asked for, for somebody who may come back by the link of an invitation.
    pub fn authorization(&self, sealed: &str) -> String {
        self.set(&self.0.authorization, sealed, LINK_MAX_AGE_S)
    }

    /// Forgets it.
    pub fn clear_authorization(&self) -> String {
        self.set(&self.0.authorization, "", 0)
    }

    /// Keeps the chosen language.
    pub fn language(&self, language: Language) -> String {
        self.set(LANGUAGE_COOKIE, language.tag(), YEAR_MAX_AGE_S)
    }

    /// Keeps whether pages are light or dark, for those who are not signed in; `None` leaves it to the system.
    pub fn theme(&self, theme: Option<Theme>) -> String {
        match theme {
            Some(theme) => self.set(THEME_COOKIE, theme.key(), YEAR_MAX_AGE_S),
            None => self.set(THEME_COOKIE, "", 0),
        }
    }

    /// Forgets the language, so that the browser's own one counts.
    pub fn clear_language(&self) -> String {
        self.set(LANGUAGE_COOKIE, "", 0)
    }

    /// Remembers this browser for a user, for as long as its row says.
    pub fn remembered_browser(&self, token: &str) -> String {
        self.set(&self.0.remembered_browser, token, REMEMBERED_BROWSER_DAYS * 24 * 60 * 60)
    }

    /// Signs somebody in at another host; for that host's answer.
    pub fn host(&self, value: &str) -> String {
        set(HOST_COOKIE, value, self.0.session_s, true)
    }

    /// Ends it.
    pub fn clear_host(&self) -> String {
        set(HOST_COOKIE, "", 0, true)
    }

    /// Ties signing in at another host to this browser.
    pub fn host_nonce(&self, nonce: &str) -> String {
        set(HOST_NONCE_COOKIE, nonce, HOST_NONCE_MAX_AGE_S, true)
    }

    /// Reads the cookies of a request.
    pub fn sent(&self, headers: &HeaderMap) -> SentCookies {
        let jar = CookieJar::from_headers(headers);
        let value =
            |name: &str| jar.get(name).map(|cookie| cookie.value().to_owned()).filter(|value| !value.is_empty());
        SentCookies {
            session: value(&self.0.session),
            invitation: value(&self.0.invitation),
            setup: value(&self.0.setup),
            password_reset: value(&self.0.password_reset),
            address_change: value(&self.0.address_change),
            known_browser: value(&self.0.known_browser),
            oauth: value(&self.0.oauth),
            flash: value(&self.0.flash),
            pending_sign_in: value(&self.0.pending_sign_in),
            remembered_browser: value(&self.0.remembered_browser),
            authorization: value(&self.0.authorization),
            language: value(LANGUAGE_COOKIE).and_then(|tag| Language::from_tag(&tag)),
            theme: value(THEME_COOKIE).and_then(|key| Theme::from_key(&key)),
        }
    }

    /// Does the request carry a session, whether it is alive or not?
    pub fn has_session(&self, headers: &HeaderMap) -> bool {
        self.sent(headers).session.is_some()
    }

    fn set(&self, name: &str, value: &str, seconds: i64) -> String {
        set(name, value, seconds, self.0.secure)
    }
}

fn set(name: &str, value: &str, seconds: i64, secure: bool) -> String {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(time::Duration::seconds(seconds))
        .to_string()
}

/// What a browser sent to another host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostCookies {
    /// What signs it in there.
    pub cookie: Option<String>,
    /// What ties signing in to it.
    pub nonce: Option<String>,
}

impl HostCookies {
    /// Reads the cookies of a request.
    pub fn sent(headers: &HeaderMap) -> Self {
        let jar = CookieJar::from_headers(headers);
        let value = |name: &str| jar.get(name).map(|cookie| cookie.value().to_owned());
        Self { cookie: value(HOST_COOKIE), nonce: value(HOST_NONCE_COOKIE) }
    }
}

/// A redirect target without scheme and host: wherever it led, it now leads to us (BR-08).
pub(super) fn local_target(location: &str) -> String {
    let path = match url::Url::parse(location) {
        Ok(url) => url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())),
        Err(_) => location.to_owned(),
    };
    app::paths::local_or(&path, "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, header};

    fn cookies(base_url: &str) -> Cookies {
        Cookies::from(&Config { base_url: base_url.parse().unwrap(), ..Config::default() })
    }

    #[test]
    fn se_03_cookies_on_https_are_bound_to_the_host_and_closed_to_scripts() {
        let set = cookies("https://roster.example.org").session("abc");
        assert!(set.starts_with("__Host-roster_session=abc; "), "{set}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=2592000"] {
            assert!(set.split("; ").any(|part| part == attribute), "{attribute}: {set}");
        }
        assert!(!set.contains("Domain"));
        assert!(set.len() < 4096);
    }

    #[test]
    fn cookies_on_loopback_name_their_port() {
        let set = cookies("http://127.0.0.1:3000").invitation("abc");
        assert!(set.starts_with("roster_invite_3000=abc; "), "{set}");
        assert!(set.contains("Max-Age=3600") && !set.contains("Secure"));
    }

    #[test]
    fn a_server_reads_only_the_names_of_its_scheme() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("roster_session_3000=plain; __Host-roster_session=secure; roster_lang=de"),
        );
        let sent = cookies("https://roster.example.org").sent(&headers);
        assert_eq!((sent.session.as_deref(), sent.language), (Some("secure"), Some(Language::De)));
        assert_eq!(cookies("http://127.0.0.1:3000").sent(&headers).session.as_deref(), Some("plain"));
        assert_eq!(cookies("http://127.0.0.1:3001").sent(&headers).session, None);
    }

    #[test]
    fn clearing_a_cookie_ends_it_at_once() {
        let set = cookies("https://roster.example.org").clear_session();
        assert!(set.starts_with("__Host-roster_session=; ") && set.contains("Max-Age=0"), "{set}");
    }

    #[test]
    fn br_08_redirects_stay_with_us() {
        assert_eq!(local_target("https://evil.example/a/acme?x=1#y"), "/a/acme?x=1");
        assert_eq!(local_target("http://127.0.0.1:3000/login?__err=abc"), "/login?__err=abc");
        assert_eq!(local_target("/a/acme/settings/users"), "/a/acme/settings/users");
        assert_eq!(local_target("//evil.example/"), "/");
        assert_eq!(local_target("https://evil.example//evil.example/"), "/");
        assert_eq!(local_target("javascript:alert(1)"), "/");
    }
}
