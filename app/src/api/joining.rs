//! The invited person's side: the page of an invitation, signing up, joining, declining.

#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        ids::{AttemptId, InvitationId},
        name::Slug,
        permission::Permissions,
        role::{RoleKey, Roles},
        time::Timestamp,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the page of an invitation shows; what stands bare in a variant is the account's name. Only [`Standing::SignUp`] names the invited address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvitationView {
    /// No link in this browser, or one that Roster never made (INV-17).
    Unknown,
    /// Another link than the one this page belongs to (INV-22).
    OpenTheLinkAgain,
    /// Withdrawn by the account (R22).
    Withdrawn(String),
    /// The account is going to be deleted.
    AccountDeleted(String),
    /// A newer mail was sent (R23).
    Replaced {
        /// The account's name.
        account: String,
        /// When.
        at: Timestamp,
    },
    /// A copied link that ended with somebody who held it, or when the invitation was sent again (INV-11, INV-16).
    LinkEnded(String),
    /// Too late (R20).
    Expired {
        /// The invitation.
        id: InvitationId,
        /// The account's name.
        account: String,
        /// Who invited.
        inviter: Option<String>,
        /// May a new link be asked for now (once a day)?
        may_ask: bool,
    },
    /// Withdrawn, since another address was invited in its place, as who is signed in had asked (R14).
    InvitedAs {
        /// The account's name.
        account: String,
        /// That address.
        email: String,
    },
    /// Gone, and with it nothing is left but that further ones are refused (R51).
    Refused(String),
    /// Turned down (R63).
    Declined {
        /// The invitation.
        id: InvitationId,
        /// The account's name.
        account: String,
        /// May a new link be asked for now (once a day)? `None` for whoever wants no more invitations (R51).
        may_ask: Option<bool>,
    },
    /// Taken up already (R18).
    Used {
        /// The account's name.
        account: String,
        /// The account's slug, if it is the signed-in user who took it up.
        mine: Option<Slug>,
    },
    /// An admin must decide first (R29).
    AwaitingApproval(String),
    /// Live.
    Open(Box<OpenInvitation>),
}

/// A live invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenInvitation {
    /// The invitation.
    pub id: InvitationId,
    /// The account's name.
    pub account: String,
    /// The account's slug.
    pub slug: Slug,
    /// Who invites: name and real address (R51).
    pub inviter: Option<Inviter>,
    /// The role offered.
    pub role: RoleKey,
    /// What role and extras allow.
    pub permissions: Permissions,
    /// The roles and the catalogue, to put it in words.
    pub roles: Roles,
    /// When the offer ends.
    pub expires: Timestamp,
    /// What this browser's person can do now.
    pub standing: Standing,
}

/// Who invites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inviter {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// What the person in front of a live invitation can do; what stands bare in a variant is the signed-in address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Make a login (and, by a copied link, sign in just as well: R7).
    SignUp {
        /// The invited address, read-only (R11).
        email: String,
        /// The name that the invitation suggests (R50).
        name: String,
        /// Is a mailed code asked for, because the link proves no mailbox (R12)?
        needs_code: bool,
        /// Is signing in offered beside it (R7)?
        or_sign_in: bool,
        /// The fewest characters of a password (PW-01).
        shortest_password: u32,
    },
    /// Sign in: there is a login with this address (R16).
    SignIn,
    /// Sign in with the present login first, so that the account's provider can be linked to it (R17).
    SignInFirst {
        /// The login method's name.
        method: String,
    },
    /// Sign in at the account's provider, and come back (R42).
    ToProvider {
        /// The login method's name.
        method: String,
        /// The link that leads to the provider.
        start: String,
        /// Who is expected there, masked (R44); `None` where there is too little to show any of it.
        expected: Option<String>,
    },
    /// Join as the person whom the account's provider named (R9).
    FromProvider {
        /// The login method's name.
        method: String,
        /// The sign-in at the provider that ended here.
        attempt: AttemptId,
        /// The name that the invitation or the provider suggests (R50); `None` for somebody who has one.
        name: Option<String>,
        /// Is a mailed code asked for, because the link proves no mailbox (R12)?
        needs_code: bool,
    },
    /// The login method is switched off (R27).
    MethodOff,
    /// Join or decline: the right person is signed in (R15).
    Join(String),
    /// Somebody else is signed in (R14).
    SomebodyElse {
        /// The signed-in address.
        email: String,
        /// The invited one.
        invited: String,
        /// Can an admin be asked to invite the signed-in address instead?
        ask_as: AskAs,
    },
}

/// Whether an admin can be asked to invite the address that is signed in, in place of the invited one (R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AskAs {
    /// Yes, once for each invitation.
    Possible,
    /// That was done, and nobody has decided.
    Asked,
    /// It was refused.
    Refused,
    /// It belongs to the account already.
    Member,
    /// It is not known to be the person's, or has an entry in the account that is to be used.
    Impossible,
}

/// Making a login, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignUpForm {
    /// The invitation's id.
    pub invitation: String,
    /// The address shown; another one is an error, never an override (R11).
    pub email: String,
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
    /// The mailed code, where one is asked for (R12).
    pub code: String,
}

impl fmt::Debug for SignUpForm {
    /// Without the password and the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignUpForm").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

/// Joining as the person whom the account's provider named, as typed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JoinByMethodForm {
    /// The invitation's id.
    pub invitation: String,
    /// The way to the provider that ended here.
    pub attempt: String,
    /// The name, for somebody new.
    pub name: String,
    /// The mailed code, where one is asked for (R12).
    pub code: String,
}

impl fmt::Debug for JoinByMethodForm {
    /// Without the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinByMethodForm").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

/// A membership, just made or found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Joined {
    /// In the account.
    In {
        /// The account's slug.
        slug: Slug,
        /// The way back to the platform that the person came from, a path of ours.
        goes_on: Option<String>,
    },
    /// Held for an admin: the sponsor can no longer give this (R29).
    AwaitingApproval,
    /// There is a login with this address: it must be proved first (R17).
    SignInFirst,
}

/// A code was mailed (or would have been: the answer is the same).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// How long it is good, in minutes.
    pub minutes: u32,
}

/// What came of asking for a new link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewLink {
    /// The admins were told.
    Asked,
    /// They were told within the last day.
    AskedBefore,
}

/// What the page of an invitation shows this browser. An empty id is that of the neutral page.
#[server(endpoint = "invitation/view")]
pub async fn view_invitation(
    #[server(default)] invitation: String,
    #[server(default)] attempt: String,
) -> Result<InvitationView, AppError> {
    backend()?.view_invitation(&visitor()?, invitation.parse().ok(), attempt.parse().ok()).await
}

/// Mails a code that proves the mailbox (R12).
#[server(endpoint = "invitation/mail-code")]
pub async fn mail_code(invitation: String) -> Result<Code, AppError> {
    with_flash(backend()?.mail_code(&visitor()?, id(&invitation)?).await?)
}

/// Makes a login and joins with it (R9, R11, R12, INV-01 to INV-08).
#[server(endpoint = "invitation/sign-up")]
pub async fn sign_up(form: SignUpForm) -> Result<Joined, AppError> {
    let back = crate::paths::invitation(&form.invitation);
    let joined = set_cookies(backend()?.sign_up(&visitor()?, form).await?);
    redirect_form_post(&joined.path_or(&back));
    Ok(joined)
}

/// Joins as the person whom the account's provider named (R9, R42, INV-10).
#[server(endpoint = "invitation/join-by-method")]
pub async fn join_by_method(form: JoinByMethodForm) -> Result<Joined, AppError> {
    let back = crate::paths::invitation(&form.invitation);
    let joined = set_cookies(backend()?.join_by_method(&visitor()?, form).await?);
    redirect_form_post(&joined.path_or(&back));
    Ok(joined)
}

/// Joins with the present login (R15, INV-09).
#[server(endpoint = "invitation/join")]
pub async fn join_account(invitation: String) -> Result<Joined, AppError> {
    let joined = set_cookies(backend()?.join_account(&visitor()?, id(&invitation)?).await?);
    redirect_form_post(&joined.path_or(&crate::paths::invitation(&invitation)));
    Ok(joined)
}

/// Turns the invitation down (R63).
#[server(endpoint = "invitation/decline")]
pub async fn decline_invitation(invitation: String) -> Result<(), AppError> {
    set_cookies(backend()?.decline_invitation(&visitor()?, id(&invitation)?).await?);
    redirect_form_post(&crate::paths::invitation(&invitation));
    Ok(())
}

/// What whoever holds a mailed link says of further invitations of the account (R51).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalView {
    /// The invitation; `None` once it is gone, and nothing but the refusal is left of the link.
    pub id: Option<InvitationId>,
    /// The account's name.
    pub account: String,
    /// Are they refused?
    pub refused: bool,
}

/// Can whoever holds the link refuse all further invitations of the account, and do they (R51)? `None` for links that prove no mailbox.
#[server(endpoint = "invitation/view-refusal")]
pub async fn view_refusal(invitation: String) -> Result<Option<RefusalView>, AppError> {
    backend()?.view_refusal(&visitor()?, invitation.parse().ok()).await
}

/// Refuses all further invitations of the account (R51). An open one is declined.
#[server(endpoint = "invitation/refuse-further")]
pub async fn refuse_invitations(invitation: String) -> Result<(), AppError> {
    backend()?.refuse_invitations(&visitor()?, id(&invitation)?).await?;
    redirect_form_post(&crate::paths::invitation(&invitation));
    Ok(())
}

/// Takes that back; any text that is no id stands for an invitation that is gone.
#[server(endpoint = "invitation/allow-further")]
pub async fn allow_invitations(invitation: String) -> Result<(), AppError> {
    backend()?.allow_invitations(&visitor()?, invitation.parse().ok()).await?;
    redirect_with_flash(&crate::paths::invitation(&invitation), ())
}

/// Asks the account's admins for a new link; it goes only to the invited address, and once a day (R20).
#[server(endpoint = "invitation/ask-for-new-link")]
pub async fn ask_for_new_link(invitation: String) -> Result<NewLink, AppError> {
    let asked = backend()?.ask_for_new_link(&visitor()?, id(&invitation)?).await?;
    redirect_with_flash(&crate::paths::invitation(&invitation), asked)
}

/// Asks the account's admins to invite the signed-in address in place of the invited one, once for each invitation (R14).
#[server(endpoint = "invitation/ask-as")]
pub async fn ask_to_be_invited(invitation: String) -> Result<AskAs, AppError> {
    let asked = backend()?.ask_to_be_invited(&visitor()?, id(&invitation)?).await?;
    redirect_with_flash(&crate::paths::invitation(&invitation), asked)
}

impl Joined {
    /// The page to go to.
    pub fn path_or(&self, otherwise: &str) -> String {
        match self {
            Self::In { slug, goes_on } => goes_on.clone().unwrap_or_else(|| crate::paths::account(slug.as_str())),
            Self::AwaitingApproval => otherwise.to_owned(),
            Self::SignInFirst => {
                format!("{}&next={otherwise}", crate::paths::with_problem(crate::paths::LOGIN, "sign-in-first"))
            }
        }
    }
}
