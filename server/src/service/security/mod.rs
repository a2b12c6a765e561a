//! Settings → Security: what an account requires of second factors (LT-09).

mod accept_provider_factors;
pub(super) mod remind_of_second_factor;
mod require_second_factor;
mod show_security;
