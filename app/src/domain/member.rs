//! Members: the lines of an account's Users list.

use super::{
    fields::Problem,
    ids::{LoginMethodId, MemberId},
    role::Grant,
    text::is_invisible,
    time::{Span, Timestamp},
};
use serde::{Deserialize, Serialize};

/// The state of a member row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    /// Offered a place, not in it.
    Invited,
    /// In the account.
    Active,
    /// Shut out for now, row kept (R41).
    Suspended,
    /// Taken out; the row is a tombstone (R39).
    Removed,
}

impl MemberState {
    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Removed => "removed",
        }
    }

    /// The state with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Invited, Self::Active, Self::Suspended, Self::Removed].into_iter().find(|state| state.key() == key)
    }
}

/// The state that the list shows: the member's, told apart by its invitation's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "each variant is its label")]
pub enum ShownState {
    Invited,
    Expired,
    Declined,
    AwaitingApproval,
    Active,
    Suspended,
    Removed,
}

impl ShownState {
    /// All of them, in the order of the filter.
    pub const ALL: [Self; 7] = [
        Self::Active,
        Self::Invited,
        Self::Expired,
        Self::Declined,
        Self::AwaitingApproval,
        Self::Suspended,
        Self::Removed,
    ];

    /// The text in URLs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Expired => "expired",
            Self::Declined => "declined",
            Self::AwaitingApproval => "held",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Removed => "removed",
        }
    }

    /// The state with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.key() == key)
    }

    /// Is there an invitation to resend, copy or withdraw? (Declined ones can be invited again, R63.)
    pub const fn is_awaiting_answer(self) -> bool {
        match self {
            Self::Invited | Self::Expired | Self::Declined | Self::AwaitingApproval => true,
            Self::Active | Self::Suspended | Self::Removed => false,
        }
    }
}

/// The kinds of login method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoginMethodKind {
    /// Email & password, built in.
    Password,
    /// An OAuth 2.0 or OpenID Connect provider that the account set up.
    OAuth,
}

impl LoginMethodKind {
    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::OAuth => "oauth",
        }
    }

    /// The kind with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Password, Self::OAuth].into_iter().find(|kind| kind.key() == key)
    }
}

/// A login method of an account that is available and fully set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginMethod {
    /// Its id.
    pub id: LoginMethodId,
    /// Its kind.
    pub kind: LoginMethodKind,
    /// The account's own name for it; `None` for the built-in one, whose name is in the i18n tables.
    pub name: Option<String>,
    /// What the User identifier is, where people are invited by one.
    pub hint: Option<IdentifierHint>,
}

/// The longest User identifier, in code points (OpenID Connect allows 255 for `sub`).
pub const MAX_IDENTIFIER_CHARS: u32 = 255;

impl LoginMethodKind {
    /// Reads who somebody is at the provider: kept as it is, but for white space around it, since it is compared byte by byte (R42).
    /// Email & password knows people by their address alone.
    ///
    /// # Errors
    /// [`Problem::Required`], [`Problem::TooLong`], or [`Problem::NotAnIdentifier`] for what cannot be seen.
    pub fn parse_identifier(self, raw: &str) -> Result<Option<String>, Problem> {
        match self {
            Self::Password => Ok(None),
            Self::OAuth => match raw.trim() {
                "" => Err(Problem::Required),
                long if long.chars().count() > MAX_IDENTIFIER_CHARS as usize => {
                    Err(Problem::TooLong { most: MAX_IDENTIFIER_CHARS })
                }
                hidden if hidden.chars().any(|c| c.is_control() || is_invisible(c)) => Err(Problem::NotAnIdentifier),
                identifier => Ok(Some(identifier.to_owned())),
            },
        }
    }
}

impl LoginMethod {
    /// Can people be invited by it without an identifier (R67)?
    pub fn fixes_identifiers(&self) -> bool {
        self.hint.as_ref().is_some_and(|hint| hint.at_first_sign_in)
    }

    /// Reads who somebody is at the provider; `None` where that is not known by anything but the address, or is fixed at the first sign-in (R67).
    ///
    /// # Errors
    /// As [`LoginMethodKind::parse_identifier`].
    pub fn parse_identifier(&self, raw: &str) -> Result<Option<String>, Problem> {
        if self.fixes_identifiers() && raw.trim().is_empty() { Ok(None) } else { self.kind.parse_identifier(raw) }
    }
}

/// What a login method means by User identifier (R42).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentifierHint {
    /// The claim at the provider, such as `sub`.
    pub claim: String,
    /// The one that the last test received.
    pub example: Option<String>,
    /// Can people be invited without one, which is then fixed at their first sign-in (R67)?
    pub at_first_sign_in: bool,
}

/// Where an invitation's mail is (R61, R62). What was not handed to a mail server is never called sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// No mail server is configured (R61).
    NoMailServer,
    /// Waiting for its turn.
    Queued {
        /// Not before this, because a limit was reached (R52).
        until: Option<Timestamp>,
    },
    /// The mail server took it.
    Accepted {
        /// When.
        at: Timestamp,
    },
    /// Not taken yet; tried again.
    Deferred {
        /// The next try.
        next: Timestamp,
        /// The mail server's own words, or what kept us from reaching it.
        answer: String,
    },
    /// Handed over whole, and the mail server did not say what became of it: it may have arrived.
    Unanswered {
        /// When it was handed over.
        at: Timestamp,
        /// When it is sent once more, if it is; the copy can be known as one.
        next: Option<Timestamp>,
        /// What kept the answer from us, or what the mail server said to a later try.
        answer: String,
    },
    /// Refused for good (a 5xx answer, or tries used up).
    Refused {
        /// When.
        at: Timestamp,
        /// The mail server's own words.
        answer: String,
    },
}

impl MailState {
    /// Did it come to nothing, as far as is known?
    pub const fn has_failed(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Unanswered { next: None, .. } => true,
            Self::NoMailServer
            | Self::Queued { .. }
            | Self::Accepted { .. }
            | Self::Deferred { .. }
            | Self::Unanswered { next: Some(_), .. } => false,
        }
    }
}

/// How long a removal can be undone (R64).
pub const UNDO_OF_REMOVAL: Span = Span::minutes(10);

/// One line of the Users list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    /// Its id.
    pub id: MemberId,
    /// The address, as typed.
    pub email: String,
    /// The name, once there is one.
    pub name: Option<String>,
    /// Role and extras.
    pub grant: Grant,
    /// How the person signs in.
    pub method: LoginMethod,
    /// The state shown.
    pub state: ShownState,
    /// Must an admin decide on who came back from the provider (R43, R44)?
    pub awaits_decision: bool,
    /// Is it about somebody who asks to be invited by another address (R14)?
    #[serde(default)]
    pub asked_as_another: bool,
    /// Is the login method switched off, so that nobody gets in by it (R27)?
    pub blocked: bool,
    /// Does the provider name people otherwise now, so that this person needs a new identifier (R45)?
    pub needs_identifier: bool,
    /// The mail of the latest invitation, while it awaits an answer.
    pub mail: Option<MailState>,
    /// When the latest invitation was made, and by whom.
    pub invited: Option<Event>,
    /// When the pending invitation ends.
    pub expires: Option<Timestamp>,
    /// When a new link was asked for, since the present one expired (R20) or was declined (R63).
    pub asked: Option<Timestamp>,
    /// When the person joined.
    pub joined: Option<Timestamp>,
    /// Who answers for a mailbox that no mail has proved (R12).
    pub vouched_by: Option<String>,
    /// When and by whom removed.
    pub removed: Option<Event>,
    /// Until when the removal can be undone, if it still can (R64).
    pub undo_until: Option<Timestamp>,
    /// Last activity in this account, to within five minutes.
    pub last_active: Option<Timestamp>,
    /// Counts the changes of the row (R66).
    pub version: i64,
}

impl MemberRow {
    /// The name, or the address while there is none.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.email)
    }

    /// Has an admin something to do: decide, invite anew, mend an address or a way to sign in? The list's filter asks the database the same.
    pub fn needs_attention(&self) -> bool {
        self.attention().is_some()
    }

    /// What an admin has to do about this person; what hinders most, if it is more than one thing.
    pub fn attention(&self) -> Option<Attention> {
        if self.awaits_decision {
            return Some(if self.asked_as_another { Attention::AskedAsAnother } else { Attention::Decision });
        }
        if self.blocked {
            return Some(Attention::Blocked);
        }
        if self.needs_identifier {
            return Some(Attention::NeedsIdentifier);
        }
        match self.state {
            ShownState::Expired | ShownState::Declined if self.asked.is_some() => Some(Attention::AskedForLink),
            ShownState::Expired => Some(Attention::Expired),
            ShownState::Declined => Some(Attention::Declined),
            ShownState::AwaitingApproval => Some(Attention::AwaitsApproval),
            ShownState::Invited => match self.mail {
                Some(MailState::Refused { .. }) => Some(Attention::MailBounced),
                Some(MailState::Unanswered { next: None, .. }) => Some(Attention::MailUncertain),
                Some(
                    MailState::NoMailServer
                    | MailState::Queued { .. }
                    | MailState::Accepted { .. }
                    | MailState::Deferred { .. }
                    | MailState::Unanswered { next: Some(_), .. },
                )
                | None => None,
            },
            ShownState::Active | ShownState::Suspended | ShownState::Removed => None,
        }
    }
}

/// What an admin has to do about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// To decide on who came back from the provider (R43, R44).
    Decision,
    /// To decide on who asks to be invited by another address (R14).
    AskedAsAnother,
    /// To switch the login method on, or to choose another (R27).
    Blocked,
    /// To enter a new identifier (R45).
    NeedsIdentifier,
    /// To send a new link to who asked for it (R20).
    AskedForLink,
    /// To send a new link, or to withdraw the invitation.
    Expired,
    /// To invite again, or to remove.
    Declined,
    /// To approve an invitation that is held (R29).
    AwaitsApproval,
    /// To correct the address (R25).
    MailBounced,
    /// To ask whether the email arrived, or to send it again.
    MailUncertain,
}

/// When something was done, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The person's name; `None` for the system or the host's operator.
    pub by: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_kinds_are_stored_and_addressed_by_these_words() {
        for (state, key) in [
            (MemberState::Invited, "invited"),
            (MemberState::Active, "active"),
            (MemberState::Suspended, "suspended"),
            (MemberState::Removed, "removed"),
        ] {
            assert_eq!((state.key(), MemberState::from_key(key)), (key, Some(state)));
        }
        for (kind, key) in [(LoginMethodKind::Password, "password"), (LoginMethodKind::OAuth, "oauth")] {
            assert_eq!((kind.key(), LoginMethodKind::from_key(key)), (key, Some(kind)));
        }
        let shown = ["active", "invited", "expired", "declined", "held", "suspended", "removed"];
        assert_eq!(ShownState::ALL.map(ShownState::key), shown);
        assert_eq!(shown.map(ShownState::from_key), ShownState::ALL.map(Some));
        assert_eq!(
            (MemberState::from_key(""), LoginMethodKind::from_key(""), ShownState::from_key("")),
            (None, None, None)
        );
    }

    #[test]
    fn r50_a_row_is_called_by_its_name_and_without_one_by_its_address() {
        let id = "018f6f2e-7c1a-7000-8000-000000000000";
        let row: MemberRow = serde_json::from_value(serde_json::json!({
            "id": id, "email": "ben@example.org", "grant": { "role": "viewer", "extras": [] },
            "method": { "id": id, "kind": "password" }, "state": "invited", "awaits_decision": false, "blocked": false,
            "needs_identifier": false, "version": 1,
        }))
        .unwrap();
        assert_eq!(row.label(), "ben@example.org");
        assert_eq!(MemberRow { name: Some("Ben".to_owned()), ..row }.label(), "Ben");
    }

    #[test]
    fn r23_r63_what_awaits_an_answer_can_be_sent_again_or_withdrawn() {
        let awaiting: Vec<_> = ShownState::ALL.into_iter().filter(|state| state.is_awaiting_answer()).collect();
        assert_eq!(
            awaiting,
            [ShownState::Invited, ShownState::Expired, ShownState::Declined, ShownState::AwaitingApproval]
        );
    }

    #[test]
    fn r67_an_identifier_can_be_left_open_where_the_method_fixes_it_at_the_first_sign_in() {
        let method = |at_first_sign_in| LoginMethod {
            id: LoginMethodId(uuid::Uuid::nil()),
            kind: LoginMethodKind::OAuth,
            name: Some("Acme SSO".to_owned()),
            hint: Some(IdentifierHint { claim: "sub".to_owned(), example: None, at_first_sign_in }),
        };
        assert_eq!(method(true).parse_identifier(" "), Ok(None));
        assert_eq!(method(true).parse_identifier(" 00u-ben "), Ok(Some("00u-ben".to_owned())));
        assert_eq!(method(false).parse_identifier(" "), Err(Problem::Required));
    }

    #[test]
    fn r42_an_identifier_is_kept_as_it_is_but_for_white_space_around_it() {
        let read = |raw: &str| LoginMethodKind::OAuth.parse_identifier(raw);
        assert_eq!(read(" 00u-Ana ×2\n"), Ok(Some("00u-Ana ×2".to_owned())));
        assert_eq!(read(&"ß".repeat(255)), Ok(Some("ß".repeat(255))));
        assert_eq!(read(&"ß".repeat(256)), Err(Problem::TooLong { most: 255 }));
        assert_eq!(read(" \t"), Err(Problem::Required));
        for hidden in ["a\u{0}b", "a\nb", "a\u{200b}b", "a\u{202e}b"] {
            assert_eq!(read(hidden), Err(Problem::NotAnIdentifier), "{hidden:?}");
        }
        assert_eq!(LoginMethodKind::Password.parse_identifier("anything"), Ok(None));
    }
}
