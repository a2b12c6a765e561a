//! Identifiers: UUIDv7 made by the server, opaque to everybody else.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(raw: &str) -> Result<Self, NotAnId> {
                Uuid::parse_str(raw).map(Self).map_err(|_| NotAnId)
            }
        }
    )*};
}

/// The text is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

ids! {
    /// An account: the tenant.
    AccountId;
    /// A user: a person, global.
    UserId;
    /// A member: one line of an account's Users list.
    MemberId;
    /// An invitation: one offer to one member.
    InvitationId;
    /// A session of a user in one browser.
    SessionId;
    /// A second factor of a user.
    SecondFactorId;
    /// What a browser was asked about a passkey.
    PasskeyChallengeId;
    /// A login method of an account.
    LoginMethodId;
    /// A key by which programs act in an account.
    ApiKeyId;
    /// An address that is told of what happens in an account.
    WebhookId;
    /// One telling of a webhook.
    DeliveryId;
    /// A mail in the outbox.
    MailId;
    /// A configuration of a login method.
    ConfigurationId;
    /// A browser that is remembered for a user.
    RememberedBrowserId;
    /// A way to a provider and back.
    AttemptId;
    /// An offer of an owner to hand the account over.
    OfferId;
    /// A decision that an admin must take.
    DecisionId;
    /// An event of a user's own log.
    UserEventId;
    /// What a form has to show on the page that it leads to.
    FlashId;
}
