//! Corrects the address of somebody who has not joined yet (R25).

use crate::{
    service::actors::Actor,
    storage::{
        Tx,
        audit::{self, AuditTarget, Event},
        invitations,
        members::{self, Member},
        rate_buckets,
    },
};
use app::{
    api::members::EditForm,
    domain::{
        email::Email,
        fields::{Field, FieldErrors, Problem},
        member::MemberState,
        time::Timestamp,
    },
    error::{AppError, BadRequest},
};

/// The address that the form asks for; `None` if it is the present one. The address of somebody whose user is known is theirs to change.
pub(super) async fn wanted_address(
    tx: &mut Tx,
    actor: &Actor,
    row: &Member,
    form: &EditForm,
) -> Result<Option<Email>, AppError> {
    if form.email.trim().is_empty() {
        return Ok(None);
    }
    let wrong = |problem| AppError::from(FieldErrors::one(Field::Email, problem));
    let wanted = Email::parse(&form.email).map_err(wrong)?;
    if wanted.key() == row.email.key() {
        return Ok(None);
    }
    if row.state != MemberState::Invited || row.user.is_some() {
        return Err(BadRequest::Malformed.into());
    }
    match members::find_by_email(tx, actor.scope(), &wanted).await? {
        Some(_) => Err(wrong(Problem::InTheList)),
        None => Ok(Some(wanted)),
    }
}

/// Writes it, in the transaction that renews the invitation. Resending begins to be counted anew; the record says who did it.
pub(super) async fn correct_address(
    tx: &mut Tx,
    actor: &Actor,
    row: &Member,
    email: &Email,
    now: Timestamp,
) -> Result<(), AppError> {
    let in_the_list = || AppError::from(FieldErrors::one(Field::Email, Problem::InTheList));
    let corrected = members::correct_address(tx, actor.scope(), row, email).await;
    if !corrected.map_err(|error| error.or_taken::<AppError>(in_the_list))? {
        return Err(AppError::ChangedMeanwhile { by: row.changed_by.clone(), at: row.changed_at });
    }
    let Some(invitation) = &row.invitation else { return Ok(()) };
    invitations::set_address(tx, actor.scope(), invitation.id, email).await?;
    rate_buckets::refill(tx, &format!("resend:{}", invitation.id)).await?;
    let target = AuditTarget { member: row.id, email: email.key().to_owned() };
    let event = Event::AddressCorrected { invitation: invitation.id };
    Ok(audit::record(tx, actor.scope(), &actor.audit_actor(), Some(&target), &event, now).await?)
}
