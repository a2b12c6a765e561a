//! Does one thing to several people, each by themselves.

use crate::{context::Services, service::actors, storage::members::Member};
use app::{
    api::members::{BulkForm, BulkOutcome, BulkResult, EditForm, RemoveForm, SuspendForm},
    backend::{ChangeSeveral, EditMember, RemoveMember, ResendInvitation, SuspendMember},
    domain::{
        bulk::BulkAction,
        fields::{Field, FieldErrors, Problem},
        ids::MemberId,
        list::PAGE_ROWS,
        permission::Gate,
        role::Grant,
    },
    error::{AppError, BadRequest},
    request::Caller,
};
use async_trait::async_trait;

/// A person of several, and the version of the row that was shown.
struct One {
    member: MemberId,
    version: String,
    label: String,
    grant: Grant,
}

#[async_trait]
impl ChangeSeveral for Services {
    /// Does to each person what the operation for one does, in a transaction of its own and in the order of the form.
    ///
    /// # Errors
    /// [`AppError::Refused`] without the permission that the action needs; [`BadRequest::Malformed`] for more people than a page has;
    /// [`AppError::NotFound`] for somebody of another account.
    async fn change_several(&self, caller: &Caller, form: BulkForm) -> Result<Vec<BulkResult>, AppError> {
        let action = BulkAction::from_key(&form.action).ok_or(BadRequest::Malformed)?;
        let people = self.people(caller, action, &form).await?;
        let mut results = Vec::with_capacity(people.len());
        for one in people {
            let result = self.change_one(caller, action, &one, &form.role).await;
            results.push(BulkResult { label: one.label, result });
        }
        Ok(results)
    }
}

impl Services {
    /// The people of a form, looked up by whoever may do this at all.
    async fn people(&self, caller: &Caller, action: BulkAction, form: &BulkForm) -> Result<Vec<One>, AppError> {
        let mut tx = self.database.begin_read().await?;
        let gate = match action {
            BulkAction::ChangeRole => Gate::UsersEdit,
            BulkAction::Resend => Gate::UsersInvite,
            BulkAction::Suspend | BulkAction::Remove => Gate::UsersRemove,
        };
        let actor = actors::load_with(self, &mut tx, caller, gate).await?;
        if form.members.is_empty() || form.members.len() > PAGE_ROWS {
            return Err(BadRequest::Malformed.into());
        }
        if action == BulkAction::ChangeRole && form.role.is_empty() {
            return Err(FieldErrors::one(Field::Role, Problem::Required).into());
        }
        let mut people = Vec::with_capacity(form.members.len());
        for typed in &form.members {
            let (id, version) = typed.split_once('.').ok_or(BadRequest::Malformed)?;
            let member: MemberId = id.parse().map_err(|_| AppError::NotFound)?;
            let row: Member = actors::find_member(&mut tx, &actor, member).await?;
            let label = row.label().to_owned();
            people.push(One { member, version: version.to_owned(), label, grant: row.grant });
        }
        Ok(people)
    }

    async fn change_one(
        &self,
        caller: &Caller,
        action: BulkAction,
        One { member, version, grant, .. }: &One,
        role: &str,
    ) -> Result<BulkOutcome, AppError> {
        let (id, version) = (member.to_string(), version.clone());
        Ok(match action {
            BulkAction::ChangeRole => {
                let extras = grant.extras.iter().map(ToString::to_string).collect();
                let form = EditForm { member: id, version, role: role.to_owned(), extras, ..EditForm::default() };
                BulkOutcome::RoleChanged(self.edit_member(caller, form).await?)
            }
            BulkAction::Resend => BulkOutcome::Resent(self.resend_invitation(caller, *member).await?),
            BulkAction::Suspend => {
                BulkOutcome::Suspended(self.suspend_member(caller, SuspendForm { member: id, version }).await?)
            }
            BulkAction::Remove => {
                let form = RemoveForm { member: id, version, ..RemoveForm::default() };
                BulkOutcome::Removed(self.remove_member(caller, form).await?)
            }
        })
    }
}
