//! Invitations: their states, their tokens' channels, their life.

use super::{fields::Problem, role_key::RoleKey, time::Span};
use serde::{Deserialize, Serialize};

/// The state of an invitation. Expired is computed from the row's expiry, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    /// Sent, not answered.
    Pending,
    /// An admin must decide (R29).
    AwaitingApproval,
    /// Taken up.
    Accepted,
    /// Turned down by the person (R63).
    Declined,
    /// Withdrawn by the account (R22).
    Revoked,
}

impl InvitationState {
    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::AwaitingApproval => "held",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Revoked => "revoked",
        }
    }

    /// The state with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Pending, Self::AwaitingApproval, Self::Accepted, Self::Declined, Self::Revoked]
            .into_iter()
            .find(|state| state.key() == key)
    }
}

/// How a token reached its holder, hence what it proves (R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Sent by mail, seen by nobody else: proves the mailbox.
    Mailed,
    /// Copied by an admin: proves nothing about the mailbox.
    Copied,
}

impl Channel {
    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Mailed => "mailed",
            Self::Copied => "copied",
        }
    }

    /// The channel with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Mailed, Self::Copied].into_iter().find(|channel| channel.key() == key)
    }
}

/// The lives on offer, in hours: one hour to thirty days (R21).
pub const LIFETIMES_IN_HOURS: [i64; 6] = [1, 24, 72, 168, 336, 720];
/// The life unless the account or the inviter chose another: seven days (R21).
pub const DEFAULT_LIFETIME: Span = Span::days(7);

/// What the invitations of an account begin with, unless another choice is made (R21).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationDefaults {
    /// The role that is chosen first; `None` for the one with the fewest permissions.
    pub role: Option<RoleKey>,
    /// How long a link is valid.
    pub lifetime: Span,
}

impl Default for InvitationDefaults {
    fn default() -> Self {
        Self { role: None, lifetime: DEFAULT_LIFETIME }
    }
}

/// Reads a life as the form gives it: a number of hours, one of [`LIFETIMES_IN_HOURS`]; an empty text means the account's default.
///
/// # Errors
/// [`Problem::NotOffered`].
pub fn parse_lifetime(raw: &str, default: Span) -> Result<Span, Problem> {
    let raw = raw.trim();
    if raw.is_empty() {
        return Ok(default);
    }
    let hours = raw.parse().map_err(|_| Problem::NotOffered)?;
    if LIFETIMES_IN_HOURS.contains(&hours) { Ok(Span::hours(hours)) } else { Err(Problem::NotOffered) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_channels_are_stored_by_these_words() {
        for (state, key) in [
            (InvitationState::Pending, "pending"),
            (InvitationState::AwaitingApproval, "held"),
            (InvitationState::Accepted, "accepted"),
            (InvitationState::Declined, "declined"),
            (InvitationState::Revoked, "revoked"),
        ] {
            assert_eq!((state.key(), InvitationState::from_key(key)), (key, Some(state)));
        }
        for (channel, key) in [(Channel::Mailed, "mailed"), (Channel::Copied, "copied")] {
            assert_eq!((channel.key(), Channel::from_key(key)), (key, Some(channel)));
        }
        assert_eq!((InvitationState::from_key(""), Channel::from_key("")), (None, None));
    }

    #[test]
    fn r21_a_life_is_seven_days_unless_another_is_chosen() {
        let parse = |raw| parse_lifetime(raw, InvitationDefaults::default().lifetime);
        assert_eq!(parse(""), Ok(Span::days(7)));
        assert_eq!(parse("1"), Ok(Span::hours(1)));
        assert_eq!(parse("720"), Ok(Span::days(30)));
        for bad in ["0", "-1", "721", "2", "x", "99999999999999999999"] {
            assert_eq!(parse(bad), Err(Problem::NotOffered), "{bad}");
        }
        assert_eq!(parse_lifetime(" ", Span::hours(1)), Ok(Span::hours(1)), "unless the account has another");
    }
}
