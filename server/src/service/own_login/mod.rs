//! Operations on one's own login: what a user does with password, profile, sessions and second factors, in no account's name.

pub(super) mod ask_for_password_reset;
pub(super) mod notify;
pub(super) mod reset_password;
pub(super) mod view_password_reset;
