//! The page of one person: all that this account knows of them, in any state.

use super::list_members::shown_row;
use crate::{
    context::Services,
    service::{
        actors::{self, Actor},
        audit::list_audit_events,
        invitations::list_mails,
    },
    storage::{
        StorageError, Tx, api_keys,
        audit::EventFilter,
        invitations::{self, InvitationOfMember},
        outbox,
    },
};
use app::{
    api::person::{PersonHistory, PersonInvitation, PersonPage},
    backend::ShowPerson,
    domain::{
        ids::MemberId, invitation::InvitationState, member::Event, permission::Gate, policy::can_pass, time::Timestamp,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

/// How many of a person's invitations are shown.
const MAX_INVITATIONS: i64 = 20;
/// How many of their mails.
const MAX_MAILS: usize = 50;

#[async_trait]
impl ShowPerson for Services {
    /// All that the account knows of a person. Needs `users.read`, as the list does; what happened is told to who holds `audit.read`, and the
    /// text of a mail to who may handle its invitation.
    async fn show_person(
        &self,
        caller: &Caller,
        member: MemberId,
        before: Option<i64>,
    ) -> Result<PersonPage, AppError> {
        let now = self.now();
        let mut tx = self.database.begin_read().await?;
        let actor = actors::load_with(self, &mut tx, caller, Gate::UsersRead).await?;
        let row = actors::find_member(&mut tx, &actor, member).await?;
        let facts = actors::facts(self, &mut tx, &actor).await?;
        let invitations = invitations::of_member(&mut tx, actor.scope(), member, MAX_INVITATIONS).await?;
        let mails = outbox::invitations_of_member(&mut tx, actor.scope(), member, MAX_MAILS).await?;
        let keys = api_keys::names_of_member(&mut tx, actor.scope(), member, now).await?;
        let history = history(&mut tx, &actor, member, before).await?;
        drop(tx);
        self.note_activity(&actor).await;
        let may_invite = can_pass(&actor.effective, Gate::UsersInvite).is_yes();
        let address = row.email.key().to_owned();
        Ok(PersonPage {
            facts,
            identifier: row.identifier.clone(),
            changed: Event { at: row.changed_at, by: row.changed_by.clone() },
            row: shown_row(row, now)?,
            invitations: invitations.into_iter().map(|invitation| shown_invitation(invitation, now)).collect(),
            mails: mails
                .into_iter()
                // An earlier address may be somebody else's, and is for those who corrected it.
                .filter(|mail| may_invite || mail.to == address)
                .filter_map(|mail| list_mails::line(mail, &actor, now).transpose())
                .collect::<Result<_, StorageError>>()?,
            keys,
            history,
        })
    }
}

/// The person's events in this account, as the one who acted or was concerned; `None` if the actor may not read them.
async fn history(
    tx: &mut Tx,
    actor: &Actor,
    member: MemberId,
    before: Option<i64>,
) -> Result<Option<PersonHistory>, StorageError> {
    if !can_pass(&actor.effective, Gate::AuditRead).is_yes() {
        return Ok(None);
    }
    let filter = EventFilter {
        person: Some(member),
        kind: None,
        from: Timestamp(0),
        until: Timestamp(i64::MAX),
        before: before.unwrap_or(i64::MAX),
    };
    let (lines, next) = list_audit_events::page(tx, actor, filter).await?;
    Ok(Some(PersonHistory { lines, next }))
}

fn shown_invitation(invitation: InvitationOfMember, now: Timestamp) -> PersonInvitation {
    PersonInvitation {
        created: invitation.created,
        sponsor: invitation.sponsor,
        state: invitation.state,
        expires: invitation.expires,
        is_expired: invitation.state == InvitationState::Pending && invitation.expires <= now,
        answered: invitation.answered,
        resends: u32::try_from(invitation.resends).unwrap_or_default(),
    }
}
