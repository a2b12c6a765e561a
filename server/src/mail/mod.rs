//! Mail: what there is to say, how it looks, and how it gets to a mail server. A mail is a row of the outbox, written in the same
//! transaction as the change it tells of, and rendered when it is sent.

pub mod render;
pub mod smtp;
pub mod worker;

mod compose;

pub(crate) use compose::{ForWhom, NoMail, compose};

use crate::secrets::{Keyring, NotOurs, SealedFor};
use app::domain::time::Timestamp;
use uuid::Uuid;

/// The kinds of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// An invitation, with its mailed link.
    Invitation,
    /// A code that proves the mailbox to whoever holds a copied link (R12).
    Code,
    /// A code by which somebody signed in proves anew who they are (AZ-16).
    ReauthenticationCode,
    /// To the sponsor: the person joined.
    Accepted,
    /// To the sponsor: the person said no (R63).
    Declined,
    /// To the admins: the link ran out, and a new one is asked for (R20).
    LinkAsked,
    /// To the admins: who invited, or vouched for the mailbox, may not give it any more, and the person waits (R29).
    Held,
    /// To the admins: somebody else than the invited person came back from the provider (R43, R44).
    Decision,
}

impl MailKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Invitation,
        Self::Code,
        Self::ReauthenticationCode,
        Self::Accepted,
        Self::Declined,
        Self::LinkAsked,
        Self::Held,
        Self::Decision,
    ];

    /// The text in storage.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Code => "code",
            Self::ReauthenticationCode => "reauthentication_code",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::LinkAsked => "link_asked",
            Self::Held => "held",
            Self::Decision => "decision",
        }
    }

    /// The kind with this text.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }
}

/// A code with its end, sealed between the request that makes it and the mail that says it: the database never holds it in clear (INV-02).
/// `subject` is its invitation or, where it is for none, the member.
pub fn seal_code(keyring: &Keyring, subject: Uuid, code: &str, expires: Timestamp) -> Vec<u8> {
    keyring.seal(SealedFor::MailedCode(subject), format!("{code} {}", expires.0).as_bytes())
}

fn open_code(keyring: &Keyring, subject: Uuid, sealed: &[u8]) -> Result<(String, Timestamp), NotOurs> {
    let plain = String::from_utf8(keyring.open(SealedFor::MailedCode(subject), sealed)?).map_err(|_| NotOurs)?;
    let (code, expires) = plain.split_once(' ').ok_or(NotOurs)?;
    Ok((code.to_owned(), Timestamp(expires.parse().map_err(|_| NotOurs)?)))
}
