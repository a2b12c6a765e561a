//! Who does not want to be invited to an account again (R51). Addresses are kept as digests: that somebody who knows an address can find out
//! whether it is here, they find out by inviting it as well.

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    email::Email,
    ids::{AccountId, InvitationId},
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

statements! {
    INSERT = "
        INSERT INTO invitation_refusals (account_id, digest, refused_at, token_hash, invitation_id) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (account_id, digest) DO NOTHING";
    DELETE = "DELETE FROM invitation_refusals WHERE account_id = $1 AND digest = $2";
    IS_REFUSED = "SELECT COUNT(*) FROM invitation_refusals WHERE account_id = $1 AND digest = $2";
    FIND_BY_TOKEN = "SELECT account_id, digest, invitation_id FROM invitation_refusals WHERE token_hash = $1";
}

/// An address as refusals keep it: the same one looks different in every account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressDigest(pub(super) Vec<u8>);

impl AddressDigest {
    /// Of this address in this account.
    pub fn of(scope: AccountScope, email: &Email) -> Self {
        let digest = Sha256::new().chain_update(scope.id().0.as_bytes()).chain_update(email.key().as_bytes());
        Self(digest.finalize().to_vec())
    }
}

/// A refusal, seen from the link by which it can be taken back.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The scope that holding the link establishes.
    pub scope: AccountScope,
    /// Whose it is.
    pub address: AddressDigest,
    /// The invitation that the link was mailed for; it may be gone.
    pub invitation: InvitationId,
}

/// Notes that this address is not to be invited again; `false` if that was done. The link stays good for taking it back, however long the invitation
/// is kept.
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    digest: &AddressDigest,
    link: (&[u8], InvitationId),
    now: Timestamp,
) -> Result<bool, StorageError> {
    let (token_hash, invitation) = link;
    Ok(changed!(tx, INSERT, scope.id().0, digest.0.as_slice(), now.0, token_hash, invitation.0)? == 1)
}

/// The refusal that the link with this hash made. Only `service::joining::refuse_invitations` calls this.
pub(crate) async fn find_by_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<Refusal>, StorageError> {
    let row: Option<(Uuid, Vec<u8>, Option<Uuid>)> =
        on!(tx, c => sqlx::query_as(FIND_BY_TOKEN).bind(hash).fetch_optional(c).await)?;
    Ok(row.and_then(|(account, digest, invitation)| {
        let scope = AccountScope::established(AccountId(account));
        Some(Refusal { scope, address: AddressDigest(digest), invitation: InvitationId(invitation?) })
    }))
}

/// Takes that back.
pub async fn delete(tx: &mut Tx, scope: AccountScope, digest: &AddressDigest) -> Result<(), StorageError> {
    run!(tx, DELETE, scope.id().0, digest.0.as_slice())
}

/// Is this address not to be invited again?
pub async fn is_refused(tx: &mut Tx, scope: AccountScope, digest: &AddressDigest) -> Result<bool, StorageError> {
    let count: i64 = on!(tx, c => sqlx::query_scalar(IS_REFUSED)
        .bind(scope.id().0)
        .bind(digest.0.as_slice())
        .fetch_one(c).await)?;
    Ok(count > 0)
}
