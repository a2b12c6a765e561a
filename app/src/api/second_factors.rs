//! Second factors: the second step of signing in, and setting factors up.

#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        ids::{PasskeyChallengeId, RememberedBrowserId, SecondFactorId},
        name::Slug,
        second_factor::SecondFactorKind,
        time::Timestamp,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the second step of signing in shows this browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SecondStepView {
    /// The password was right; a second factor is asked for.
    Waiting {
        /// The address of the login.
        email: String,
        /// Can a code of an app be typed?
        app: bool,
        /// Can a passkey be used?
        passkey: bool,
    },
    /// No sign-in waits in this browser, or it waited too long.
    Ended,
}

/// The second step, as typed: one of the two.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecondStepForm {
    /// The code that the app shows.
    pub code: String,
    /// A recovery code.
    pub recovery_code: String,
    /// Is this browser to be remembered? Empty for no.
    pub remember: String,
}

impl fmt::Debug for SecondStepForm {
    /// Without the codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondStepForm").finish_non_exhaustive()
    }
}

/// The second factors of the signed-in user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactorsView {
    /// The factors, oldest first.
    pub factors: Vec<SecondFactorLine>,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
    /// The browsers in which signing in does not ask for them.
    pub remembered: Vec<RememberedBrowser>,
    /// May this session change them? Only one that proved the user's own password may.
    pub may_change: bool,
    /// Was that recently enough, or is the user asked for it again first (AZ-16)?
    pub recently_authenticated: bool,
    /// Can this Roster have passkeys?
    pub passkeys: bool,
    /// The accounts that require a second factor of the user, for a session that may change them.
    pub requiring: Vec<RequiringAccount>,
}

/// An account that requires a second factor of its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiringAccount {
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
    /// From when on nobody gets in without one.
    pub starts: Timestamp,
    /// Has that begun?
    pub in_force: bool,
}

/// A second factor, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactorLine {
    /// Its id.
    pub id: SecondFactorId,
    /// What it is.
    pub kind: SecondFactorKind,
    /// As the user calls it; empty for no name of its own.
    pub name: String,
    /// When it was added.
    pub added: Timestamp,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
}

/// A browser that is remembered, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedBrowser {
    /// Its id.
    pub id: RememberedBrowserId,
    /// The browser, by its product's name, if it says.
    pub browser: Option<String>,
    /// The system it runs on, if it says.
    pub system: Option<String>,
    /// Until when it is remembered.
    pub expires: Timestamp,
}

/// An app about to be set up.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpView {
    /// The QR code, as the address of a picture.
    pub qr: String,
    /// The seed, to be typed.
    pub seed: String,
    /// The address that the QR code holds, which opens an app on the same device.
    pub url: String,
}

impl fmt::Debug for TotpView {
    /// Without the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TotpView").finish_non_exhaustive()
    }
}

/// The confirmation of an app, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfirmTotpForm {
    /// The factor that is being set up.
    pub factor: String,
    /// What the user calls it; may be empty.
    pub name: String,
    /// The code that the app shows.
    pub code: String,
}

impl fmt::Debug for ConfirmTotpForm {
    /// Without the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfirmTotpForm").field("factor", &self.factor).finish_non_exhaustive()
    }
}

/// New recovery codes, which are shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// The codes, in groups of four characters.
    pub codes: Vec<String>,
}

impl fmt::Debug for RecoveryCodes {
    /// Without the codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryCodes").finish_non_exhaustive()
    }
}

/// A second factor was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactorAdded {
    /// The recovery codes, if there were none yet.
    pub recovery_codes: Option<RecoveryCodes>,
}

/// How the signed-in user can reauthenticate for changes of the login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnReauthenticationView {
    /// Is that not needed now?
    pub recently_authenticated: bool,
    /// For how many minutes it counts.
    pub minutes: u32,
    /// Where to go on: a path of our own.
    pub next: String,
    /// The address of the login.
    pub email: String,
    /// Can a code of an app be typed?
    pub app: bool,
    /// Can a passkey be used?
    pub passkey: bool,
}

/// A reauthentication for changes of the login, as typed: one of the two.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OwnReauthenticationForm {
    /// The password.
    pub password: String,
    /// The code that the app shows.
    pub code: String,
    /// Where to go on: a path of our own, or empty.
    pub next: String,
}

impl fmt::Debug for OwnReauthenticationForm {
    /// Without password and code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnReauthenticationForm").field("next", &self.next).finish_non_exhaustive()
    }
}

/// What a browser is asked about a passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyChallenge {
    /// Names it in the answer.
    pub id: PasskeyChallengeId,
    /// What is asked, as the browser reads it (JSON).
    pub options: String,
}

/// What a browser answers about a passkey.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasskeyForm {
    /// The challenge.
    pub challenge: String,
    /// The answer (JSON).
    pub credential: String,
    /// What the user calls a new passkey; may be empty.
    pub name: String,
    /// The account whose sign-in page it was; may be empty.
    pub account: String,
    /// Where to go on: a path of our own, or empty.
    pub next: String,
    /// Is this browser to be remembered, after the second step of signing in? Empty for no.
    pub remember: String,
}

/// Begins to add a passkey.
#[server(endpoint = "second-factors/begin-passkey")]
pub async fn begin_passkey() -> Result<PasskeyChallenge, AppError> {
    backend()?.begin_passkey(&visitor()?).await
}

/// Adds the passkey that the browser made.
#[server(endpoint = "second-factors/add-passkey")]
pub async fn add_passkey(#[server(default)] form: PasskeyForm) -> Result<SecondFactorAdded, AppError> {
    Ok(set_cookies(backend()?.add_passkey(&visitor()?, form).await?))
}

/// Asks for a passkey in the second step of signing in.
#[server(endpoint = "session/begin-passkey-step")]
pub async fn begin_passkey_step() -> Result<PasskeyChallenge, AppError> {
    backend()?.begin_passkey_step(&visitor()?).await
}

/// Finishes a sign-in by a passkey; answers the page to go to.
#[server(endpoint = "session/finish-by-passkey")]
pub async fn finish_by_passkey(#[server(default)] form: PasskeyForm) -> Result<String, AppError> {
    Ok(set_cookies(backend()?.finish_by_passkey(&visitor()?, form).await?))
}

/// Asks for a passkey to sign in by it alone.
#[server(endpoint = "session/begin-passkey-sign-in")]
pub async fn begin_passkey_sign_in() -> Result<PasskeyChallenge, AppError> {
    backend()?.begin_passkey_sign_in(&visitor()?).await
}

/// Signs in by a passkey alone; answers the page to go to.
#[server(endpoint = "session/sign-in-by-passkey")]
pub async fn sign_in_by_passkey(#[server(default)] form: PasskeyForm) -> Result<String, AppError> {
    Ok(set_cookies(backend()?.sign_in_by_passkey(&visitor()?, form).await?))
}

/// Asks for a passkey to reauthenticate in an account or, if that is empty, for changes of the login.
#[server(endpoint = "me/begin-passkey-reauthentication")]
pub async fn begin_passkey_reauthentication(#[server(default)] account: String) -> Result<PasskeyChallenge, AppError> {
    backend()?.begin_passkey_reauthentication(&visitor()?, &account).await
}

/// Reauthenticates for changes of the login by a passkey; answers the page to go on to.
#[server(endpoint = "me/reauthenticate-by-passkey")]
pub async fn reauthenticate_by_passkey(#[server(default)] form: PasskeyForm) -> Result<String, AppError> {
    Ok(set_cookies(backend()?.reauthenticate_by_passkey(&visitor()?, form).await?))
}

/// What the second step of signing in shows this browser.
#[server(endpoint = "session/view-second-step")]
pub async fn view_second_step() -> Result<SecondStepView, AppError> {
    backend()?.view_second_step(&visitor()?).await
}

/// Finishes a sign-in by a second factor, and answers the page to go to.
#[server(endpoint = "session/finish-sign-in")]
pub async fn finish_sign_in(#[server(default)] form: SecondStepForm) -> Result<String, AppError> {
    let path = set_cookies(backend()?.finish_sign_in(&visitor()?, form).await?);
    redirect_form_post(&path);
    Ok(path)
}

/// The second factors of the signed-in user.
#[server(endpoint = "second-factors/list")]
pub async fn list_second_factors() -> Result<SecondFactorsView, AppError> {
    backend()?.list_second_factors(&visitor()?).await
}

/// Begins to set an app up; answers the page that does.
#[server(endpoint = "second-factors/begin-totp")]
pub async fn begin_totp() -> Result<String, AppError> {
    let path = backend()?.begin_totp(&visitor()?).await?;
    redirect_form_post(&path);
    Ok(path)
}

/// The app that the signed-in user is setting up.
#[server(endpoint = "second-factors/show-totp")]
pub async fn show_totp(factor: String) -> Result<TotpView, AppError> {
    backend()?.show_totp(&visitor()?, id(&factor)?).await
}

/// Adds the app, once it shows the right code.
#[server(endpoint = "second-factors/confirm-totp")]
pub async fn confirm_totp(form: ConfirmTotpForm) -> Result<SecondFactorAdded, AppError> {
    with_flash(set_cookies(backend()?.confirm_totp(&visitor()?, form).await?))
}

/// Removes a second factor.
#[server(endpoint = "second-factors/remove")]
pub async fn remove_second_factor(factor: String) -> Result<(), AppError> {
    with_flash(backend()?.remove_second_factor(&visitor()?, id(&factor)?).await?)
}

/// Makes new recovery codes; the earlier ones are dead.
#[server(endpoint = "second-factors/make-recovery-codes")]
pub async fn make_recovery_codes() -> Result<RecoveryCodes, AppError> {
    with_flash(backend()?.make_recovery_codes(&visitor()?).await?)
}

/// How the signed-in user can reauthenticate for changes of the login.
#[server(endpoint = "me/view-reauthentication")]
pub async fn view_own_reauthentication(#[server(default)] next: String) -> Result<OwnReauthenticationView, AppError> {
    backend()?.view_own_reauthentication(&visitor()?, &next).await
}

/// Reauthenticates for changes of the login, by the password or a second factor; answers the page to go on to.
#[server(endpoint = "me/reauthenticate")]
pub async fn reauthenticate_own_login(#[server(default)] form: OwnReauthenticationForm) -> Result<String, AppError> {
    let path = set_cookies(backend()?.reauthenticate_own_login(&visitor()?, form).await?);
    redirect_form_post(&path);
    Ok(path)
}

/// Forgets a browser: signing in there asks for a second factor again.
#[server(endpoint = "second-factors/forget-browser")]
pub async fn forget_browser(browser: String) -> Result<(), AppError> {
    with_flash(backend()?.forget_browser(&visitor()?, id(&browser)?).await?)
}
