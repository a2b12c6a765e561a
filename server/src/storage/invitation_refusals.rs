//! Who does not want to be invited to an account again (R51). Addresses are kept as digests: that somebody who knows an address can find out
//! whether it is here, they find out by inviting it as well.

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{email::Email, time::Timestamp};
use sha2::{Digest, Sha256};

statements! {
    INSERT = "
        INSERT INTO invitation_refusals (account_id, digest, refused_at) VALUES ($1, $2, $3) ON CONFLICT (account_id, digest) DO NOTHING";
    DELETE = "DELETE FROM invitation_refusals WHERE account_id = $1 AND digest = $2";
    IS_REFUSED = "SELECT COUNT(*) FROM invitation_refusals WHERE account_id = $1 AND digest = $2";
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

/// Notes that this address is not to be invited again; `false` if that was done.
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    digest: &AddressDigest,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, INSERT, scope.id().0, digest.0.as_slice(), now.0)? == 1)
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
