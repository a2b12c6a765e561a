//! The Users list: reading it, editing and removing a row.

use super::invitations::Resent;
#[cfg(feature = "ssr")]
use super::*;
use crate::{
    domain::{
        bulk::{LeftOut, Selected},
        ids::MemberId,
        invitation::InvitationDefaults,
        language::Language,
        list::{Count, Cursor, ListQuery, StateCounts},
        member::{LoginMethod, MemberRow},
        name::Slug,
        role::{Effective, Grant, Roles},
    },
    error::AppError,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The account and the caller's place in it: what a page needs to explain with the policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFacts {
    /// The account's slug.
    pub slug: Slug,
    /// The account's name.
    pub name: String,
    /// The account's language.
    pub language: Language,
    /// The caller's own row.
    pub me: MemberId,
    /// What the caller may do.
    pub my: Effective,
    /// The roles and the catalogue.
    pub roles: Roles,
    /// What invitations begin with.
    pub invitations: InvitationDefaults,
    /// The login methods that are available and fully set up.
    pub methods: Vec<LoginMethod>,
    /// Is there a mail server (R61)?
    pub mail_server: bool,
}

/// One page of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsersPage {
    /// The account and the caller's place in it.
    pub facts: AccountFacts,
    /// The rows.
    pub rows: Vec<MemberRow>,
    /// The `after` of the next page, if there is one.
    pub next: Option<Cursor>,
    /// The `before` of the page before, if there is one.
    pub previous: Option<Cursor>,
    /// How many rows come before the first one here; `None` for more than the list counts.
    pub skipped: Option<u64>,
    /// How many rows match.
    pub count: Count,
    /// How many rows each state has; `None` for more than the list counts.
    pub counts: Option<StateCounts>,
    /// Is the caller the only line, removed ones not counted?
    pub alone: bool,
}

/// One row with what its dialogs need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberDetails {
    /// The account and the caller's place in it.
    pub facts: AccountFacts,
    /// The row.
    pub row: MemberRow,
    /// Is this the last active owner who can sign in (R33)?
    pub last_owner: bool,
    /// The User identifier, where the row's method has one (R42).
    pub identifier: Option<String>,
    /// Is the address that of a user, who alone changes it?
    pub address_is_theirs: bool,
    /// Another address by which the provider knows the person (R45).
    pub known_as: Option<String>,
    /// Does the person have a second factor that counts here? `None` before they joined.
    pub second_factor: Option<bool>,
}

/// Role and extras for a member, as chosen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EditForm {
    /// The member's id.
    pub member: String,
    /// The version of the row that the dialog showed (R66).
    pub version: String,
    /// The role's key.
    pub role: String,
    /// The extras' keys.
    pub extras: Vec<String>,
    /// The login method's id (R26, R46); empty leaves the way to sign in as it is.
    pub method: String,
    /// Who the person is at the provider, where the method has one.
    pub identifier: String,
    /// The address of somebody who has not joined yet (R25); empty leaves it as it is.
    pub email: String,
    /// The account's slug, typed to confirm giving up permissions of one's own (R31).
    pub confirmation: String,
}

/// What came of an edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edited {
    /// Saved.
    Done {
        /// The row as it is now.
        row: Box<MemberRow>,
    },
    /// Nothing was different.
    Unchanged,
}

/// What removing a member will do (R64).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalPlan {
    /// The row and the caller's place.
    pub details: MemberDetails,
    /// Pending invitations that this member answers for (R29).
    pub sponsored: Vec<Sponsored>,
    /// The names of the API keys that act for this member, and die with the membership (R37).
    pub keys: Vec<String>,
}

/// A pending invitation of the member to be removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sponsored {
    /// The invited address.
    pub email: String,
    /// What is offered.
    pub grant: Grant,
}

/// Removing a member, or withdrawing an invitation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RemoveForm {
    /// The member's id.
    pub member: String,
    /// The version of the row that the dialog showed (R66).
    pub version: String,
    /// `keep` or `revoke` the invitations that the member answers for (R29); empty means keep those within the caller's ceiling.
    pub sponsored: String,
}

/// What came of a removal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Removed {
    /// Removed, or the invitation withdrawn.
    Done {
        /// The member.
        member: MemberId,
        /// The name or address, for the message.
        label: String,
        /// Was it a pending invitation?
        was_invited: bool,
    },
    /// Somebody else was faster.
    AlreadyRemoved,
}

/// Suspending a member.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SuspendForm {
    /// The member's id.
    pub member: String,
    /// The version of the row that the dialog showed (R66).
    pub version: String,
}

/// What came of suspending a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Suspended {
    /// The member has no access any more.
    Done {
        /// The name or address, for the message.
        label: String,
    },
    /// The member is not active: somebody else was faster.
    NotActive,
}

/// What came of reactivating a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reactivated {
    /// The member has access again.
    Done {
        /// The name or address, for the message.
        label: String,
    },
    /// The member is not suspended: somebody else was faster.
    NotSuspended,
}

/// What came of undoing a removal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RemovalUndone {
    /// The member has access again, with role and extras as before.
    Done {
        /// The name or address, for the message.
        label: String,
    },
    /// It cannot be undone any more: too much time has passed, or somebody else was faster.
    TooLate,
}

/// Some of the people whom a view of the list matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// They, each once.
    pub people: Vec<Selected>,
    /// Where to look for the others, if there are any.
    pub next: Option<Cursor>,
}

/// A bulk action on several people.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BulkForm {
    /// The key of a [`crate::domain::bulk::BulkAction`].
    pub action: String,
    /// Each person's id and the version of the row that was shown (R66), with a full stop between them.
    pub members: Vec<String>,
    /// The key of the role, where a role is given.
    pub role: String,
    /// The key of the permission, where one is given or taken.
    pub permission: String,
}

/// What came of a bulk action for one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkResult {
    /// The name or address; `None` for a row that is gone.
    pub label: Option<String>,
    /// The same as for that person alone.
    pub result: Result<BulkOutcome, AppError>,
}

/// What was done to one person of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each variant is what its operation answers")]
pub enum BulkOutcome {
    /// Role or permissions were changed.
    Edited,
    /// They are what they were: nothing was to be done.
    Unchanged,
    /// There was no permission to give or to take.
    LeftOut(LeftOut),
    Resent(Resent),
    Suspended(Suspended),
    Removed(Removed),
}

/// One page of the Users list.
#[server(endpoint = "users/list")]
pub async fn list_members(account: String, #[server(default)] query: ListQuery) -> Result<UsersPage, AppError> {
    backend()?.list_members(&caller_in(&account)?, query).await
}

/// One row, for its dialogs.
#[server(endpoint = "users/show")]
pub async fn show_member(account: String, member: String) -> Result<MemberDetails, AppError> {
    backend()?.show_member(&caller_in(&account)?, id(&member)?).await
}

/// Changes role and extras, in any state (R24, R30, R31, R33, R66), and the way to sign in (R26, R46). Needs `users.edit`.
#[server(endpoint = "users/edit")]
pub async fn edit_member(account: String, form: EditForm) -> Result<Edited, AppError> {
    let edited = backend()?.edit_member(&caller_in(&account)?, form).await?;
    match edited {
        Edited::Done { .. } => redirect_with_flash(&users_list(&account), edited),
        Edited::Unchanged => with_flash(edited),
    }
}

/// What removing this member will do (R64). Needs `users.read`: it tells nothing that the list does not, and whether the caller may remove.
#[server(endpoint = "users/plan-removal")]
pub async fn plan_removal(account: String, member: String) -> Result<RemovalPlan, AppError> {
    backend()?.plan_removal(&caller_in(&account)?, id(&member)?).await
}

/// Removes a member, or withdraws an invitation (R22, R29, R33, R36, R39). Needs `users.remove`.
#[server(endpoint = "users/remove")]
pub async fn remove_member(account: String, form: RemoveForm) -> Result<Removed, AppError> {
    redirect_with_flash(&users_list(&account), backend()?.remove_member(&caller_in(&account)?, form).await?)
}

/// Suspends a member: access ends, role and permissions stay (R41). Needs `users.remove`.
#[server(endpoint = "users/suspend")]
pub async fn suspend_member(account: String, form: SuspendForm) -> Result<Suspended, AppError> {
    redirect_with_flash(&users_list(&account), backend()?.suspend_member(&caller_in(&account)?, form).await?)
}

/// Reactivates a suspended member (R3, R41). Needs `users.remove`.
#[server(endpoint = "users/reactivate")]
pub async fn reactivate_member(account: String, member: String) -> Result<Reactivated, AppError> {
    redirect_with_flash(&users_list(&account), backend()?.reactivate_member(&caller_in(&account)?, id(&member)?).await?)
}

/// Undoes a removal of the last minutes: role and extras return (R40, R64). Needs `users.remove`.
#[server(endpoint = "users/undo-removal")]
pub async fn undo_removal(account: String, member: String) -> Result<RemovalUndone, AppError> {
    redirect_with_flash(&users_list(&account), backend()?.undo_removal(&caller_in(&account)?, id(&member)?).await?)
}

/// The people whom a view of the list matches, from its beginning or from where an earlier answer ended, so that something can be done with all of
/// them. Needs `users.read`.
#[server(endpoint = "users/select-matching")]
pub async fn select_matching(
    account: String,
    #[server(default)] query: ListQuery,
    #[server(default)] from: Option<Cursor>,
) -> Result<Selection, AppError> {
    backend()?.select_matching(&caller_in(&account)?, query, from).await
}

/// Does one thing to several people, each by themselves: what is refused for one does not keep the others. Needs what the action needs for
/// one.
#[server(endpoint = "users/change-several")]
pub async fn change_several(account: String, form: BulkForm) -> Result<Vec<BulkResult>, AppError> {
    with_flash(backend()?.change_several(&caller_in(&account)?, form).await?)
}
