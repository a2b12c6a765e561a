//! What people see and change of their own login, at `/me`.

use super::joining::{Inviter, Joined};
#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        ids::{InvitationId, SessionId, UserEventId},
        language::Language,
        name::Slug,
        role::RoleKey,
        theme::Theme,
        time::Timestamp,
        time_zone::TimeZone,
        user_event::UserEvent,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The signed-in person's login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnLogin {
    /// The name.
    pub name: String,
    /// The address, as typed.
    pub email: String,
    /// The language chosen; `None` leaves it to the browser.
    pub language: Option<Language>,
    /// The zone of times; `None` leaves it to the browser.
    pub time_zone: Option<TimeZone>,
    /// Light or dark; `None` leaves it to the system.
    pub theme: Option<Theme>,
    /// The zones to choose from; none where nothing can be changed.
    pub time_zones: Vec<TimeZone>,
    /// The address that waits to be confirmed, and until when it can be.
    pub awaited_email: Option<(String, Timestamp)>,
    /// When the login is deleted, if the person asked for that.
    pub delete_at: Option<Timestamp>,
    /// Did this session prove the person's own password? If not, it changes nothing here.
    pub may_change: bool,
    /// The fewest characters of a new password.
    pub shortest_password: u32,
}

/// What the person is called and addressed in, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "each field is its label")]
pub struct ProfileForm {
    pub name: String,
    /// Its tag; empty for the browser's.
    pub language: String,
    /// Its IANA name; empty for the browser's.
    pub time_zone: String,
    /// Its key; empty for the system's.
    pub theme: String,
}

/// The profile is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSaved {
    /// The name, as it is written from now on.
    pub name: String,
    /// Must the page be made anew, because its language, zone or theme is another?
    pub other_page: bool,
}

/// Deleting one's login, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeleteLoginForm {
    /// The address, typed to confirm.
    pub confirmation: String,
    /// The present password.
    pub present_password: String,
}

impl fmt::Debug for DeleteLoginForm {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeleteLoginForm").finish_non_exhaustive()
    }
}

/// An account by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountName {
    /// Its slug.
    pub slug: Slug,
    /// Its name.
    pub name: String,
}

/// What came of asking to delete the login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletionAsked {
    /// It is deleted after this time.
    At {
        /// The time.
        at: Timestamp,
    },
    /// These accounts have no other owner who can sign in (R33): nothing changed.
    LastOwnerOf {
        /// The accounts, by name.
        accounts: Vec<AccountName>,
    },
}

/// A change of address, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AddressForm {
    /// The new address.
    pub email: String,
    /// The present password.
    pub present_password: String,
    /// Are those told the new address whose invitations to the present one are still open (R48)? Empty for no.
    pub tell_inviters: String,
}

impl fmt::Debug for AddressForm {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressForm").finish_non_exhaustive()
    }
}

/// What came of asking for another address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressChangeAsked {
    /// A link was mailed there.
    Mailed {
        /// The new address.
        email: String,
        /// Until when the link is valid.
        until: Timestamp,
    },
    /// Roster has no mail server, and without a mail no mailbox is proved.
    NoMailServer,
}

/// A change of password, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChangePasswordForm {
    /// The present one.
    pub present_password: String,
    /// The new one.
    pub password: String,
    /// Not empty if the person's other browsers are to be signed out.
    pub sign_out_others: String,
}

impl fmt::Debug for ChangePasswordForm {
    /// Without the passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangePasswordForm").field("sign_out_others", &self.sign_out_others).finish_non_exhaustive()
    }
}

/// The password is another one now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChanged {
    /// How many other sessions were ended.
    pub ended: u64,
}

/// A browser that the person is signed in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSession {
    /// The session.
    pub id: SessionId,
    /// The browser, if it says so.
    pub browser: Option<String>,
    /// The system that it runs on, if it says so.
    pub system: Option<String>,
    /// The address that it signed in from.
    pub ip: String,
    /// When it signed in.
    pub began: Timestamp,
    /// When it was last used, to within five minutes.
    pub last_used: Timestamp,
    /// Is it the one that asks?
    pub present: bool,
}

/// The browsers that the person is signed in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSessions {
    /// The sessions, the latest used first.
    pub sessions: Vec<OwnSession>,
    /// May this session see and end the others?
    pub may_change: bool,
}

/// The other sessions are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OthersEnded {
    /// How many there were.
    pub ended: u64,
}

/// An open invitation to the person's own address (R6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnInvitation {
    /// The invitation.
    pub id: InvitationId,
    /// The account's name.
    pub account: String,
    /// The account's slug.
    pub slug: Slug,
    /// Who invites (R51); nobody for the host's operator.
    pub inviter: Option<Inviter>,
    /// The role offered.
    pub role: RoleKey,
    /// Its name, if it is the account's own.
    pub role_name: Option<String>,
    /// When the offer ends.
    pub expires: Timestamp,
    /// Can it be accepted here? If not, the account takes its own login method, and the link in the mail leads there.
    pub by_password: bool,
}

/// An event of the person's own log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: UserEvent,
    /// From where; `None` for the host's operator.
    pub ip: Option<String>,
    /// By which browser, if it says so.
    pub browser: Option<String>,
    /// On which system, if it says so.
    pub system: Option<String>,
}

/// A page of the person's own log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnActivity {
    /// The events, the latest first.
    pub events: Vec<OwnEvent>,
    /// The event before which the next page begins, if there may be one.
    pub next: Option<UserEventId>,
    /// May this session see them?
    pub may_change: bool,
}

/// The signed-in person's login.
#[server(endpoint = "me/show")]
pub async fn show_own_login() -> Result<OwnLogin, AppError> {
    backend()?.show_own_login(&visitor()?).await
}

/// Saves name and language (R48, R50).
#[server(endpoint = "me/change-profile")]
pub async fn change_profile(form: ProfileForm) -> Result<ProfileSaved, AppError> {
    let saved = set_cookies(backend()?.change_profile(&visitor()?, form).await?);
    redirect_with_flash(crate::paths::ME, saved)
}

/// Changes the password (PW-08, SE-07).
#[server(endpoint = "me/change-password")]
pub async fn change_password(form: ChangePasswordForm) -> Result<PasswordChanged, AppError> {
    let changed = set_cookies(backend()?.change_password(&visitor()?, form).await?);
    redirect_with_flash(crate::paths::ME_SIGN_IN, changed)
}

/// The browsers that the person is signed in with (SE-08).
#[server(endpoint = "me/sessions")]
pub async fn list_sessions() -> Result<OwnSessions, AppError> {
    backend()?.list_sessions(&visitor()?).await
}

/// Signs one of them out (SE-08).
#[server(endpoint = "me/end-session")]
pub async fn end_session(session: String) -> Result<(), AppError> {
    redirect_with_flash(crate::paths::ME_SESSIONS, backend()?.end_session(&visitor()?, id(&session)?).await?)
}

/// Signs all out but this one (SE-08).
#[server(endpoint = "me/end-other-sessions")]
pub async fn end_other_sessions() -> Result<OthersEnded, AppError> {
    redirect_with_flash(crate::paths::ME_SESSIONS, backend()?.end_other_sessions(&visitor()?).await?)
}

/// The open invitations to the person's own address (R6).
#[server(endpoint = "me/invitations")]
pub async fn list_own_invitations() -> Result<Vec<OwnInvitation>, AppError> {
    backend()?.list_own_invitations(&visitor()?).await
}

/// Accepts one of them (R6), and answers what came of it.
#[server(endpoint = "me/join")]
pub async fn join_own_invitation(invitation: String) -> Result<Joined, AppError> {
    let joined = backend()?.join_own_invitation(&visitor()?, id(&invitation)?).await?;
    let page = joined.path_or(crate::paths::ME_ACCOUNTS);
    redirect_with_flash(&page, joined)
}

/// Declines one of them (R6, R63), and answers the account's name.
#[server(endpoint = "me/decline")]
pub async fn decline_own_invitation(invitation: String) -> Result<String, AppError> {
    let account = backend()?.decline_own_invitation(&visitor()?, id(&invitation)?).await?;
    redirect_with_flash(crate::paths::ME_ACCOUNTS, account)
}

/// The person's own log, before an event; from the latest one without.
#[server(endpoint = "me/activity")]
pub async fn list_own_events(#[server(default)] before: String) -> Result<OwnActivity, AppError> {
    backend()?.list_own_events(&visitor()?, before.parse().ok()).await
}

/// Asks for another address: a link is mailed there (R48, PW-11).
#[server(endpoint = "me/ask-for-address-change")]
pub async fn ask_for_address_change(form: AddressForm) -> Result<AddressChangeAsked, AppError> {
    redirect_with_flash(crate::paths::ME, backend()?.ask_for_address_change(&visitor()?, form).await?)
}

/// Drops what was asked for.
#[server(endpoint = "me/drop-address-change")]
pub async fn drop_address_change() -> Result<(), AppError> {
    redirect_with_flash(crate::paths::ME, backend()?.drop_address_change(&visitor()?).await?)
}

/// Deletes the login, two weeks from now (CF-08, R33).
#[server(endpoint = "me/delete")]
pub async fn delete_login(form: DeleteLoginForm) -> Result<DeletionAsked, AppError> {
    redirect_with_flash(crate::paths::ME_DELETE, backend()?.delete_login(&visitor()?, form).await?)
}

/// Keeps the login after all.
#[server(endpoint = "me/keep")]
pub async fn keep_login() -> Result<(), AppError> {
    redirect_with_flash(crate::paths::ME_DELETE, backend()?.keep_login(&visitor()?).await?)
}
