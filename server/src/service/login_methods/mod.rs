//! Settings → Login methods, and the authorization at a provider.

pub(super) mod add_login_method;
pub(super) mod begin_oauth;
pub(super) mod decide;
mod decide_request;
pub(super) mod drop_draft;
pub(super) mod finish_oauth;
mod list_decisions;
pub(super) mod list_login_methods;
pub(super) mod make_live;
pub(super) mod remove_login_method;
pub(super) mod save_login_method;
pub(super) mod show_decision;
pub(super) mod show_login_method;
pub(super) mod switch_login_method;
pub(super) mod test_login_method;
mod typed_secret;
pub(super) mod use_for_me;
