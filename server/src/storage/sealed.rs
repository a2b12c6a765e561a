//! Every sealed value of every account, for the rotation of the instance keys only (CF-03). Nothing is opened here.

use super::{StorageError, Tx, changed, on, statements};
use crate::secrets::{KeyId, SealedFor};
use app::domain::ids::{AccountId, AttemptId, FlashId, LoginMethodId, SecondFactorId};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// The next values of a column that are not sealed with the key `$1`; a value begins with the id of its key.
macro_rules! others {
    ($table:literal, $column:literal, tied to $row:literal, of $account:literal) => {
        concat!(
            "SELECT id, ",
            $row,
            " AS row_id, ",
            $account,
            " AS account_id, ",
            $column,
            " AS sealed FROM ",
            $table,
            " WHERE ",
            $column,
            " IS NOT NULL AND substr(",
            $column,
            ", 1, 8) <> $1 AND id > $2 ORDER BY id LIMIT $3"
        )
    };
}

/// Replaces a value, unless somebody has changed or erased it since it was read.
macro_rules! replace {
    ($table:literal, $column:literal) => {
        concat!("UPDATE ", $table, " SET ", $column, " = $3 WHERE id = $1 AND ", $column, " = $2")
    };
}

statements! {
    CLIENT_SECRETS = others!("login_method_configurations", "secret", tied to "login_method_id", of "account_id");
    INVITATION_TOKENS = others!("invitation_tokens", "sealed", tied to "id", of "account_id");
    MAILED_CODES = others!("outbox", "sealed", tied to "COALESCE(invitation_id, member_id, id)", of "account_id");
    OAUTH_ATTEMPTS = others!("oauth_attempts", "sealed", tied to "id", of "account_id");
    FLASHES = others!("flashes", "sealed", tied to "id", of "NULL");
    SIGNING_KEYS = others!("signing_keys", "sealed", tied to "id", of "NULL");
    WEBHOOK_SECRETS = others!("webhook_secrets", "sealed", tied to "id", of "account_id");
    TOTP_SEEDS = others!("second_factors", "sealed", tied to "id", of "NULL");
    REPLACE_CLIENT_SECRET = replace!("login_method_configurations", "secret");
    REPLACE_INVITATION_TOKEN = replace!("invitation_tokens", "sealed");
    REPLACE_MAILED_CODE = replace!("outbox", "sealed");
    REPLACE_OAUTH_ATTEMPT = replace!("oauth_attempts", "sealed");
    REPLACE_FLASH = replace!("flashes", "sealed");
    REPLACE_SIGNING_KEY = replace!("signing_keys", "sealed");
    REPLACE_WEBHOOK_SECRET = replace!("webhook_secrets", "sealed");
    REPLACE_TOTP_SEED = replace!("second_factors", "sealed");
}

/// The columns that hold sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// `login_method_configurations.secret`
    ClientSecrets,
    /// `invitation_tokens.sealed`
    InvitationTokens,
    /// `outbox.sealed`
    MailedCodes,
    /// `oauth_attempts.sealed`
    OAuthAttempts,
    /// `flashes.sealed`
    Flashes,
    /// `signing_keys.sealed`
    SigningKeys,
    /// `second_factors.sealed`
    TotpSeeds,
    /// `webhook_secrets.sealed`
    WebhookSecrets,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ClientSecrets,
        Self::InvitationTokens,
        Self::MailedCodes,
        Self::OAuthAttempts,
        Self::Flashes,
        Self::SigningKeys,
        Self::TotpSeeds,
        Self::WebhookSecrets,
    ];

    const fn others(self) -> &'static str {
        match self {
            Self::ClientSecrets => CLIENT_SECRETS,
            Self::InvitationTokens => INVITATION_TOKENS,
            Self::MailedCodes => MAILED_CODES,
            Self::OAuthAttempts => OAUTH_ATTEMPTS,
            Self::Flashes => FLASHES,
            Self::SigningKeys => SIGNING_KEYS,
            Self::TotpSeeds => TOTP_SEEDS,
            Self::WebhookSecrets => WEBHOOK_SECRETS,
        }
    }

    const fn replace(self) -> &'static str {
        match self {
            Self::ClientSecrets => REPLACE_CLIENT_SECRET,
            Self::InvitationTokens => REPLACE_INVITATION_TOKEN,
            Self::MailedCodes => REPLACE_MAILED_CODE,
            Self::OAuthAttempts => REPLACE_OAUTH_ATTEMPT,
            Self::Flashes => REPLACE_FLASH,
            Self::SigningKeys => REPLACE_SIGNING_KEY,
            Self::TotpSeeds => REPLACE_TOTP_SEED,
            Self::WebhookSecrets => REPLACE_WEBHOOK_SECRET,
        }
    }

    fn purpose(self, row: &Row) -> SealedFor {
        match self {
            Self::ClientSecrets => SealedFor::ClientSecret {
                account: AccountId(row.account_id.unwrap_or_default()),
                method: LoginMethodId(row.row_id),
            },
            Self::InvitationTokens => SealedFor::InvitationToken(row.row_id),
            Self::MailedCodes => SealedFor::MailedCode(row.row_id),
            Self::OAuthAttempts => SealedFor::OAuthAttempt(AttemptId(row.row_id)),
            Self::Flashes => SealedFor::Flash(FlashId(row.row_id)),
            Self::SigningKeys => SealedFor::SigningKey(row.row_id),
            Self::TotpSeeds => SealedFor::TotpSeed(SecondFactorId(row.row_id)),
            Self::WebhookSecrets => SealedFor::WebhookSecret(row.row_id),
        }
    }
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    row_id: Uuid,
    account_id: Option<Uuid>,
    sealed: Vec<u8>,
}

/// A sealed value as it was read.
#[derive(Debug)]
pub struct SealedValue {
    /// The id of its row.
    pub id: Uuid,
    /// The purpose that it is sealed for.
    pub purpose: SealedFor,
    /// The value.
    pub sealed: Vec<u8>,
}

/// Up to `most` values of a column that are not sealed under this key, in rows after `after`, by the order of their ids.
pub(crate) async fn others(
    tx: &mut Tx,
    column: Column,
    key: KeyId,
    after: Uuid,
    most: i64,
) -> Result<Vec<SealedValue>, StorageError> {
    let rows: Vec<Row> = on!(tx, c => sqlx::query_as(column.others())
        .bind(key.bytes())
        .bind(after)
        .bind(most)
        .fetch_all(c).await)?;
    Ok(rows
        .into_iter()
        .map(|row| SealedValue { id: row.id, purpose: column.purpose(&row), sealed: row.sealed })
        .collect())
}

/// Puts a newly sealed value in place of one that was read; `false` if that is no longer there.
pub(crate) async fn replace(
    tx: &mut Tx,
    column: Column,
    value: &SealedValue,
    anew: &[u8],
) -> Result<bool, StorageError> {
    let replaced = changed!(tx, column.replace(), value.id, &value.sealed, anew)?;
    Ok(replaced == 1)
}
