//! The Users list and its rows.

pub(super) mod change_login_method;
mod change_several;
pub(super) mod check_permissions;
mod check_withdrawal;
mod correct_address;
pub(super) mod cursor;
pub(super) mod edit_member;
pub(super) mod export_users;
pub(super) mod leave_account;
pub(super) mod list_members;
pub(super) mod plan_removal;
pub(super) mod reactivate_member;
pub(super) mod reassign_sponsored_invitations;
pub(super) mod remove_member;
mod select_matching;
pub(super) mod show_member;
mod show_person;
pub(super) mod suspend_member;
mod tell_of_role;
mod undo_removal;
