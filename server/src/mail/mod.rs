//! Mail: its content, how it is rendered, and how it reaches a mail server. A mail is a row of the outbox, written in the transaction of
//! the change that it tells of, and rendered when it is sent.

pub mod render;
pub mod smtp;
pub mod worker;

mod compose;

pub(crate) use compose::{Audience, ComposeError, compose};

use crate::secrets::{Keyring, OpenError, SealedFor};
use app::domain::time::Timestamp;
use uuid::Uuid;

/// Seals a code with its expiry between the request that makes it and the mail that carries it, so that the database never holds it in
/// clear (INV-02). `subject` is its invitation or, if it has none, the member; of a mail about somebody's own login, the mail.
pub fn seal_code(keyring: &Keyring, subject: Uuid, code: &str, expires: Timestamp) -> Vec<u8> {
    keyring.seal(SealedFor::MailedCode(subject), format!("{code} {}", expires.0).as_bytes())
}

fn open_code(keyring: &Keyring, subject: Uuid, sealed: &[u8]) -> Result<(String, Timestamp), OpenError> {
    let plain = String::from_utf8(keyring.open(SealedFor::MailedCode(subject), sealed)?).map_err(|_| OpenError)?;
    let (code, expires) = plain.split_once(' ').ok_or(OpenError)?;
    Ok((code.to_owned(), Timestamp(expires.parse().map_err(|_| OpenError)?)))
}
