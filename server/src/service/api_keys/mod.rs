//! Settings → API keys, and who asks by one (LT-01, LT-02, R37).

mod answer_again;
mod authenticate_key;
mod list_api_keys;
mod make_api_key;
mod revoke_api_key;
mod show_account_of_key;
mod take_over_api_key;

pub(in crate::service) use answer_again::ANSWER_TTL;
pub use answer_again::{Answer, Claim};
pub use authenticate_key::{Allowance, KeyRefusal, KeyUse};
pub use show_account_of_key::AccountOfKey;
