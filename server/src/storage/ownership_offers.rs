//! Offers of owners to hand an account over to another member (R34). An offer stands while both are what they were: an active owner, and an
//! active member with the role of then.

use super::{AccountScope, StorageError, Tx, changed, on, run, statements};
use app::domain::{
    ids::{LoginMethodId, MailId, MemberId, OfferId, UserId},
    role::{BuiltInRole, RoleKey},
    time::Timestamp,
};
use sqlx_macros::FromRow;
use uuid::Uuid;

/// The open offers that stand: `$1` is the account, `$2` the time, `$3` the Owner role.
macro_rules! standing {
    ($and:literal) => {
        concat!(
            "
        SELECT o.id, o.from_member, o.to_member, o.expires_at, f.name AS from_name, f.email AS from_email, t.name AS to_name,
               t.email AS to_email
          FROM ownership_offers o
          JOIN members f ON f.id = o.from_member
          JOIN members t ON t.id = o.to_member
         WHERE o.account_id = $1 AND o.ended_at IS NULL AND o.expires_at > $2
           AND f.state = 'active' AND f.role_key = $3 AND t.state = 'active' AND t.role_key = o.to_role ",
            $and,
            " ORDER BY o.offered_at DESC, o.id"
        )
    };
}

statements! {
    INSERT = "
        INSERT INTO ownership_offers (id, account_id, from_member, to_member, to_role, offered_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    OF_OWNER = standing!("AND o.from_member = $4");
    TO_MEMBER = standing!("AND o.to_member = $4");
    END = "UPDATE ownership_offers SET ended_at = $3, accepted = $4 WHERE account_id = $1 AND id = $2 AND ended_at IS NULL";
    END_OF_OWNER = "UPDATE ownership_offers SET ended_at = $3 WHERE account_id = $1 AND from_member = $2 AND ended_at IS NULL";
    END_FALLEN = "
        UPDATE ownership_offers SET ended_at = $3
         WHERE account_id = $1 AND ended_at IS NULL AND (from_member = $2 OR to_member = $2)
           AND NOT EXISTS (SELECT 1 FROM members f WHERE f.id = from_member AND f.state = 'active' AND f.role_key = $4
                              AND EXISTS (SELECT 1 FROM members t WHERE t.id = to_member AND t.state = 'active' AND t.role_key = to_role))";
    END_OF_MEMBER = "
        UPDATE ownership_offers SET ended_at = $3
         WHERE account_id = $1 AND ended_at IS NULL AND (from_member = $2 OR to_member = $2)";
    END_OF_METHOD = "
        UPDATE ownership_offers SET ended_at = $3
         WHERE account_id = $1 AND ended_at IS NULL
           AND EXISTS (SELECT 1 FROM members m
                        WHERE m.account_id = $1 AND m.login_method_id = $2 AND (m.id = from_member OR m.id = to_member))";
    END_BY_USER = "
        UPDATE ownership_offers SET ended_at = $2
         WHERE ended_at IS NULL AND from_member IN (SELECT m.id FROM members m WHERE m.user_id = $1)";
    OF_MAIL = "
        SELECT o.id, o.from_member, o.to_member, o.expires_at, f.name AS from_name, f.email_key AS from_email, t.name AS to_name,
               t.email_key AS to_email, CASE WHEN o.ended_at IS NULL THEN 'open' WHEN o.accepted THEN 'accepted' ELSE 'ended' END AS state
          FROM outbox x
          JOIN ownership_offers o ON o.account_id = x.account_id AND o.id = x.offer_id
          JOIN members f ON f.id = o.from_member
          JOIN members t ON t.id = o.to_member
         WHERE x.id = $1";
}

/// An offer, with its two people.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The id.
    pub id: OfferId,
    /// The owner who offers.
    pub from: MemberId,
    /// The member who may accept.
    pub to: MemberId,
    /// Until when.
    pub expires: Timestamp,
    /// Name and address of the owner.
    pub from_person: (Option<String>, String),
    /// Name and address of the member.
    pub to_person: (Option<String>, String),
}

#[derive(FromRow)]
struct OfferRow {
    id: Uuid,
    from_member: Uuid,
    to_member: Uuid,
    expires_at: i64,
    from_name: Option<String>,
    from_email: String,
    to_name: Option<String>,
    to_email: String,
}

impl From<OfferRow> for Offer {
    fn from(row: OfferRow) -> Self {
        Self {
            id: OfferId(row.id),
            from: MemberId(row.from_member),
            to: MemberId(row.to_member),
            expires: Timestamp(row.expires_at),
            from_person: (row.from_name, row.from_email),
            to_person: (row.to_name, row.to_email),
        }
    }
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferState {
    /// It can be accepted, unless it has expired.
    Open,
    /// It was accepted.
    Accepted,
    /// It was declined, withdrawn, or no longer stands.
    Ended,
}

#[derive(FromRow)]
struct OfferOfMailRow {
    #[sqlx(flatten)]
    offer: OfferRow,
    state: String,
}

/// An offer to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewOffer<'a> {
    /// The owner who offers.
    pub from: MemberId,
    /// The member who may accept.
    pub to: MemberId,
    /// What the member is now.
    pub to_role: &'a RoleKey,
    /// Until when.
    pub expires: Timestamp,
}

/// Writes an offer in the place of the owner's earlier ones, and answers its id.
///
/// # Errors
/// [`StorageError::Taken`] if the owner has another open one, which the account's lock rules out.
pub async fn insert(
    tx: &mut Tx,
    scope: AccountScope,
    new: NewOffer<'_>,
    now: Timestamp,
) -> Result<OfferId, StorageError> {
    run!(tx, END_OF_OWNER, scope.id().0, new.from.0, now.0)?;
    let id = Uuid::now_v7();
    run!(tx, INSERT, id, scope.id().0, new.from.0, new.to.0, new.to_role.as_str(), now.0, new.expires.0)?;
    Ok(OfferId(id))
}

/// The owner's open offer, if it stands.
pub async fn of_owner(
    tx: &mut Tx,
    scope: AccountScope,
    owner: MemberId,
    now: Timestamp,
) -> Result<Option<Offer>, StorageError> {
    Ok(standing(tx, OF_OWNER, scope, owner, now).await?.into_iter().next())
}

/// The open offers to a member that stand, newest first.
pub async fn to_member(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
    now: Timestamp,
) -> Result<Vec<Offer>, StorageError> {
    standing(tx, TO_MEMBER, scope, member, now).await
}

async fn standing(
    tx: &mut Tx,
    statement: &'static str,
    scope: AccountScope,
    member: MemberId,
    now: Timestamp,
) -> Result<Vec<Offer>, StorageError> {
    let rows: Vec<OfferRow> = on!(tx, c => sqlx::query_as(statement)
        .bind(scope.id().0)
        .bind(now.0)
        .bind(BuiltInRole::Owner.key())
        .bind(member.0)
        .fetch_all(c).await)?;
    Ok(rows.into_iter().map(Offer::from).collect())
}

/// Ends an offer, by acceptance or otherwise; `false` if somebody was faster.
pub async fn end(
    tx: &mut Tx,
    scope: AccountScope,
    offer: OfferId,
    accepted: bool,
    now: Timestamp,
) -> Result<bool, StorageError> {
    Ok(changed!(tx, END, scope.id().0, offer.0, now.0, accepted)? == 1)
}

/// Ends the open offers of and to a member that no longer stand. It must be called after every change of a member's state or role, so that
/// none of them stands again when that is changed back.
pub async fn end_fallen(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, END_FALLEN, scope.id().0, member.0, now.0, BuiltInRole::Owner.key())
}

/// Ends the open offers of and to a member who signs in with something else from now on: who comes then may be somebody else (R46).
pub async fn end_of_member(
    tx: &mut Tx,
    scope: AccountScope,
    member: MemberId,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, END_OF_MEMBER, scope.id().0, member.0, now.0)
}

/// The same for everybody who signs in with a method that names people differently from now on.
pub async fn end_of_method(
    tx: &mut Tx,
    scope: AccountScope,
    method: LoginMethodId,
    now: Timestamp,
) -> Result<(), StorageError> {
    run!(tx, END_OF_METHOD, scope.id().0, method.0, now.0)
}

/// Ends what a user offered in any account, when the login was taken back from somebody else who may have made the offers.
pub async fn end_by_user(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), StorageError> {
    run!(tx, END_BY_USER, user.0, now.0)
}

/// The offer that a mail tells of, and what became of it.
pub(crate) async fn of_mail(tx: &mut Tx, mail: MailId) -> Result<Option<(Offer, OfferState)>, StorageError> {
    let row: Option<OfferOfMailRow> = on!(tx, c => sqlx::query_as(OF_MAIL).bind(mail.0).fetch_optional(c).await)?;
    row.map(|row| {
        let state = match row.state.as_str() {
            "open" => OfferState::Open,
            "accepted" => OfferState::Accepted,
            "ended" => OfferState::Ended,
            _ => return Err(StorageError::inconsistent("ownership_offers", "ended_at")),
        };
        Ok((Offer::from(row.offer), state))
    })
    .transpose()
}
