//! A client secret that was typed while something else in its form was wrong, where scripting is off: the page that shows the form again holds it
//! sealed, and only the same session can send it back with the same form, for an hour. It is never shown (OA-17).

use crate::{context::Services, secrets::SealedFor};
use app::domain::{
    ids::SessionId,
    time::{Span, Timestamp},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

const TYPED_SECRET_TTL: Span = Span::hours(1);
/// The server function whose form it is.
const FUNCTION: &str = "login-methods/save";
/// The field that holds it sealed.
const KEPT: &str = "form[kept]";

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct TypedSecret {
    account: String,
    method: String,
    secret: String,
    at: Timestamp,
}

impl Services {
    /// The hidden field that keeps what was typed as the client secret of this form; `None` for other forms and for an empty field. What came back
    /// sealed stays as it is.
    pub(crate) fn kept_secret_field(
        &self,
        session: SessionId,
        function: &str,
        form: &[u8],
    ) -> Option<(String, String)> {
        if function.trim_start_matches("/api/") != FUNCTION {
            return None;
        }
        let field = |wanted: &str| {
            let mut fields = form_urlencoded::parse(form).into_owned();
            fields.find(|(name, text)| name == wanted && !text.is_empty()).map(|(_, text)| text)
        };
        let secret = field("form[client_secret]")?;
        let (account, method) = (field("account")?, field("form[method]")?);
        let plain = serde_json::to_vec(&TypedSecret { account, method, secret, at: self.now() }).ok()?;
        Some((KEPT.to_owned(), URL_SAFE_NO_PAD.encode(self.keyring.seal(SealedFor::TypedSecret(session), &plain))))
    }

    /// The secret that was kept for this form, and when it was typed; `None` for what this session did not type there within the hour.
    pub(super) fn typed_secret(
        &self,
        session: SessionId,
        account: &str,
        method: &str,
        kept: &str,
    ) -> Option<(String, Timestamp)> {
        let sealed = URL_SAFE_NO_PAD.decode(kept).ok()?;
        let plain = self.keyring.open(SealedFor::TypedSecret(session), &sealed).ok()?;
        let typed: TypedSecret = serde_json::from_slice(&plain).ok()?;
        let fits = typed.account == account && typed.method == method && typed.at + TYPED_SECRET_TTL > self.now();
        fits.then_some((typed.secret, typed.at))
    }
}
