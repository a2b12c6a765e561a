//! Signing in and out, and reauthentication.

pub(super) mod authenticate;
pub(super) mod begin_passkey_sign_in;
pub(super) mod begin_passkey_step;
pub(super) mod check_password;
pub(super) mod finish_by_passkey;
pub(super) mod finish_sign_in;
pub(super) mod list_sign_in_options;
pub(super) mod mail_reauthentication_code;
pub(super) mod measure_password;
pub(super) mod passkeys;
pub(super) mod reauthenticate_by_code;
pub(super) mod reauthenticate_by_password;
pub(super) mod reauthentication;
mod remembered_browser;
pub(super) mod second_step;
pub(super) mod sign_in;
pub(super) mod sign_in_by_method;
pub(super) mod sign_in_by_passkey;
pub(super) mod sign_out;
pub(super) mod view_reauthentication;
pub(super) mod view_second_step;
pub(super) mod whoami;
