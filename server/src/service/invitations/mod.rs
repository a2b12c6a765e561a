//! Inviting, and the mails of it, seen from the account.

pub(super) mod copy_link;
pub(super) mod invite_several;
pub(super) mod invite_user;
pub(super) mod list_mails;
pub(super) mod look_up_several;
pub(super) mod queue_mail;
pub mod remind_invited;
pub(super) mod resend_invitation;
mod several;
pub(super) mod show_mail;
