//! What happens to somebody's own login, as their own log has it.

use super::{ids::SessionId, second_factor::SecondFactorKind};
use serde::{Deserialize, Serialize};

/// What happened to a login. Names and addresses of others have no place here: the log is one person's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is its event, each field its domain word")]
pub enum UserEvent {
    /// Somebody signed in. `own_password`: by the person's own password, not by an account's provider.
    SignedIn { session: SessionId, own_password: bool },
    /// A platform was opened for the first time in a session. `name`: as it is called.
    WentToPlatform { name: String },
    /// The password was changed by somebody who knew it.
    PasswordChanged,
    /// A new password was chosen by a link. `operator`: the host's operator handed the link over.
    PasswordReset { operator: bool },
    /// Another address was asked for.
    AddressChangeAsked,
    /// The address was changed.
    AddressChanged,
    /// A change of address was taken back from the old one.
    AddressChangeUndone,
    /// The person asked for the login to be deleted.
    DeletionAsked,
    /// The person thought again: the login stays.
    LoginKept,
    /// Another session was ended.
    SessionEnded { session: SessionId },
    /// All other sessions were ended.
    OtherSessionsEnded { ended: u64 },
    /// A second factor was added.
    SecondFactorAdded { factor: SecondFactorKind },
    /// A second factor was removed.
    SecondFactorRemoved { factor: SecondFactorKind },
    /// New recovery codes were made.
    RecoveryCodesMade,
    /// A recovery code was used to sign in.
    RecoveryCodeUsed,
    /// The host's operator removed all second factors.
    SecondFactorsReset,
    /// Second factors and recovery codes that came with a change of address were removed as it was taken back.
    SecondFactorsTakenBack,
    /// A passkey was refused, because there is a copy of it.
    PasskeyCopied,
}

impl UserEvent {
    /// The text in storage.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::SignedIn { .. } => "signed_in",
            Self::WentToPlatform { .. } => "went_to_platform",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset { .. } => "password_reset",
            Self::AddressChangeAsked => "address_change_asked",
            Self::AddressChanged => "address_changed",
            Self::AddressChangeUndone => "address_change_undone",
            Self::DeletionAsked => "deletion_asked",
            Self::LoginKept => "login_kept",
            Self::SessionEnded { .. } => "session_ended",
            Self::OtherSessionsEnded { .. } => "other_sessions_ended",
            Self::SecondFactorAdded { .. } => "second_factor_added",
            Self::SecondFactorRemoved { .. } => "second_factor_removed",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::SecondFactorsReset => "second_factors_reset",
            Self::SecondFactorsTakenBack => "second_factors_taken_back",
            Self::PasskeyCopied => "passkey_copied",
        }
    }
}
