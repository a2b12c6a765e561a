//! One file per operation: load facts, ask the domain, store result, mail and audit event in one transaction.

mod accounts;
mod actors;
mod api_keys;
mod audit;
mod best_effort;
mod errors;
mod flash;
mod forward_auth;
mod invitations;
mod joining;
mod login_methods;
mod members;
mod operator;
mod own_login;
mod ownership;
mod platform;
mod required_factor;
mod roles;
mod security;
mod sessions;
mod webhooks;

pub use accounts::watch_account::{AccountNotice, AccountWatch};
pub use api_keys::{AccountOfKey, Acts, Allowance, Answer, Authenticated, Claim, KeyRefusal, KeyUse, OperatorUse};
pub(crate) use flash::{without_flash, without_secrets};
pub use forward_auth::{Check, Denial, HostIdentity, Question};
pub use invitations::{remind_invited::keep_reminding_invited, show_mail::MailText};
pub use joining::presented_invitation::Linked;
pub use members::{
    check_permissions::{PermissionAnswer, PermissionQuestion, Person},
    export_users::ExportedRows,
};
pub use operator::{
    clean_up,
    create_account::CreatedAccount,
    grant_owner::OwnerGranted,
    invite_owner::OwnerInvitation,
    measure::keep_measuring_lag,
    operator_keys::{AccountsOfOperator, OperatorKeyAdded},
    restore::{AfterRestore, SuspendedIn},
    rewrite_keys::{KeysRewritten, keep_keys},
    rotate_keys::{Resealed, Retired, Rotated, RotationError},
};
pub use platform::{
    AccountChoice, Authorization, AuthorizationProblem, ClientCredentials, ClientError, NotServed, Opens,
    PlatformClient, SignOutRequest, SignedOut, TokenError, TokenForm, keep_telling_platforms,
};
pub use security::remind_of_second_factor::keep_reminding;
pub use webhooks::deliver_webhooks::keep_delivering_webhooks;
