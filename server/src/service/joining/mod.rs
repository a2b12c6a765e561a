//! Invitations, seen from the person invited.

pub(super) mod accept_invitation;
pub(super) mod ask_for_new_link;
mod ask_to_be_invited;
pub(super) mod decline_invitation;
pub(super) mod join_account;
pub(super) mod join_by_method;
pub(super) mod mail_code;
pub(super) mod presented_invitation;
mod refuse_invitations;
pub(super) mod sign_up;
pub(super) mod view_invitation;
