//! What can be done with several people at once.

use super::{
    member::{MemberRow, ShownState},
    policy::{Refusal, Verdict, Whose, can_handle_invitation, can_remove, can_start_editing},
    role::{Effective, Roles},
};
use serde::{Deserialize, Serialize};

/// A bulk action: each of them does to every person what its own operation does to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each variant is its action")]
pub enum BulkAction {
    ChangeRole,
    Resend,
    Suspend,
    Remove,
}

/// Why a person is left out of a bulk action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The person's state does not allow it.
    State,
    /// The policy does not.
    Refused(Refusal),
}

impl BulkAction {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Resend, Self::ChangeRole, Self::Suspend, Self::Remove];

    /// The text in URLs and forms.
    pub const fn key(self) -> &'static str {
        match self {
            Self::ChangeRole => "role",
            Self::Resend => "resend",
            Self::Suspend => "suspend",
            Self::Remove => "remove",
        }
    }

    /// The action with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.key() == key)
    }

    /// Is this row left out, as far as is known before?
    ///
    /// # Errors
    /// [`LeftOut`].
    pub fn applies_to(self, row: &MemberRow, whose: Whose, my: &Effective, roles: &Roles) -> Result<(), LeftOut> {
        let fits = match self {
            Self::ChangeRole | Self::Remove => row.state != ShownState::Removed,
            Self::Resend => row.state.is_awaiting_answer(),
            Self::Suspend => row.state == ShownState::Active,
        };
        if !fits {
            return Err(LeftOut::State);
        }
        let verdict = match self {
            Self::ChangeRole => can_start_editing(my, whose, &row.grant, roles),
            Self::Resend => can_handle_invitation(my, &row.grant, roles),
            Self::Suspend | Self::Remove => can_remove(my, whose, &row.grant, roles),
        };
        match verdict {
            Verdict::Yes => Ok(()),
            Verdict::No(refusal) => Err(LeftOut::Refused(refusal)),
        }
    }
}
