//! Inviting: the operations of the account's side.

#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        ids::MemberId,
        member::MailState,
        policy::Verdict,
        role::{Grant, RoleKey},
        time::Timestamp,
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// An invitation, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InviteForm {
    /// The login method's id.
    pub method: String,
    /// The address.
    pub email: String,
    /// Who the person is at the provider, where the method has one (R42).
    pub identifier: String,
    /// The first name, which the person may change (R50).
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The role's key.
    pub role: String,
    /// The extras' keys.
    pub extras: Vec<String>,
    /// The language of the mail; empty means the account's.
    pub language: String,
    /// The life in hours; empty means seven days.
    pub lifetime: String,
    /// For somebody removed before: `restore` or `fresh` (R4); empty asks which.
    pub again: String,
}

/// Invitations of several people, as typed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InviteSeveralForm {
    /// The id of the login method of those for whom nothing else is said.
    pub method: String,
    /// The people, as they were pasted ([`crate::domain::pasted_people`]).
    pub people: String,
    /// The key of the role of those for whom nothing else is said.
    pub role: String,
    /// The keys of the extras of those for whom neither role nor permissions are said.
    pub extras: Vec<String>,
    /// The language of the mails; empty means the account's.
    pub language: String,
    /// The life in hours; empty means seven days.
    pub lifetime: String,
    /// For those removed before: `restore` or `fresh` (R4); empty leaves them out.
    pub again: String,
}

/// What is known of one of several people before anybody is invited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedUpOne {
    /// What stood there for an address.
    pub typed: String,
    /// What inviting would come to; an error if it would be refused.
    pub standing: Result<Standing, AppError>,
}

/// How somebody who may be invited stands to the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Can be invited.
    New,
    /// An active member (R2).
    Member,
    /// Invited already (R5).
    Invited,
    /// A suspended member (R3).
    Suspended,
    /// Was a member once (R4).
    RemovedBefore {
        /// What the person held.
        previous: Grant,
        /// Can the caller restore it?
        restore: Verdict,
    },
}

/// What came of one of several addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitedOne {
    /// What stood there for an address.
    pub typed: String,
    /// The same as for somebody who is invited alone.
    pub result: Result<Invited, AppError>,
}

/// What came of inviting somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Invited {
    /// Invited. The link is made by Copy link; it is never the mailed one.
    Done {
        /// The row.
        member: MemberId,
        /// The address, as typed.
        email: String,
        /// Where the mail is.
        mail: MailState,
    },
    /// An active member already (R2).
    AlreadyMember {
        /// The row.
        member: MemberId,
        /// Its role.
        role: RoleKey,
    },
    /// Invited already (R5).
    AlreadyInvited {
        /// The row.
        member: MemberId,
        /// Since when.
        since: Timestamp,
        /// By whom.
        by: Option<String>,
    },
    /// A suspended member (R3).
    Suspended {
        /// The row.
        member: MemberId,
    },
    /// Was a member once: restore role and extras, or start fresh (R4)?
    RemovedBefore {
        /// The row.
        member: MemberId,
        /// What the person held.
        previous: Grant,
        /// May the caller restore it?
        restore: Verdict,
    },
}

/// What came of sending again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resent {
    /// The row.
    pub member: MemberId,
    /// The address, as typed.
    pub email: String,
    /// Where the mail is.
    pub mail: MailState,
}

/// A link to hand over by other means.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The name of the row, or its address.
    pub label: String,
    /// The whole URL.
    pub url: String,
    /// When it ends.
    pub expires: Timestamp,
}

impl std::fmt::Debug for Link {
    /// Without the link: it opens the account.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("label", &self.label).field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Invites a person into the account (R1 to R7, R30). Needs `users.invite`.
#[server(endpoint = "users/invite")]
pub async fn invite_user(account: String, form: InviteForm) -> Result<Invited, AppError> {
    let invited = backend()?.invite_user(&caller_in(&account)?, form).await?;
    match invited {
        Invited::Done { .. } => redirect_with_flash(&users_list(&account), invited),
        Invited::AlreadyMember { .. }
        | Invited::AlreadyInvited { .. }
        | Invited::Suspended { .. }
        | Invited::RemovedBefore { .. } => with_flash(invited),
    }
}

/// Looks several people up before they are invited: who is new, who is here already, and who cannot be invited, and why (R54). Needs
/// `users.invite`.
#[server(endpoint = "users/look-up-several")]
pub async fn look_up_several(account: String, form: InviteSeveralForm) -> Result<Vec<LookedUpOne>, AppError> {
    backend()?.look_up_several(&caller_in(&account)?, form).await
}

/// Invites several people, each by themselves: what is wrong with one does not keep the others (R1 to R7, R30, R54). Needs `users.invite`.
#[server(endpoint = "users/invite-several")]
pub async fn invite_several(account: String, form: InviteSeveralForm) -> Result<Vec<InvitedOne>, AppError> {
    with_flash(backend()?.invite_several(&caller_in(&account)?, form).await?)
}

/// Sends the invitation again; the old link is dead at once (R23, INV-11). Needs `users.invite`.
#[server(endpoint = "users/resend")]
pub async fn resend_invitation(account: String, member: String) -> Result<Resent, AppError> {
    redirect_with_flash(&users_list(&account), backend()?.resend_invitation(&caller_in(&account)?, id(&member)?).await?)
}

/// The link of a pending invitation, to hand over by other means. Needs `users.invite`.
#[server(endpoint = "users/copy-link")]
pub async fn copy_link(account: String, member: String) -> Result<Link, AppError> {
    redirect_with_flash(&users_list(&account), backend()?.copy_link(&caller_in(&account)?, id(&member)?).await?)
}
