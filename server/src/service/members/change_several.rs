//! Does one thing to several people, each by themselves.

use crate::{context::Services, service::actors, storage::members};
use app::{
    api::members::{BulkForm, BulkOutcome, BulkResult, EditForm, Edited, RemoveForm, SuspendForm},
    backend::{ChangeSeveral, EditMember, RemoveMember, ResendInvitation, SuspendMember},
    domain::{
        bulk::{BulkAction, LeftOut, MAX_CHANGED_AT_ONCE},
        fields::{Field, FieldErrors, Problem},
        ids::MemberId,
        permission::{Gate, PermissionKey},
        role::{Grant, RoleKey, Roles},
    },
    error::{AppError, BadRequest},
    request::Caller,
};
use async_trait::async_trait;

/// A person of several, and the version of the row that was shown.
struct One {
    member: MemberId,
    version: String,
    /// The version that the row has now.
    present: String,
    label: String,
    grant: Grant,
}

#[async_trait]
impl ChangeSeveral for Services {
    /// Does to each person what the operation for one does, in a transaction of its own and in the order of the form. Nobody else is touched, and
    /// nobody whose row is another than the one that was shown (R66); the same form once more changes nothing.
    ///
    /// # Errors
    /// [`AppError::Refused`] without the permission that the action needs; [`BadRequest::Malformed`] for more people than one request changes;
    /// what is wrong with the role or the permission, at its field. Whoever is not in the account, or not any more, is left out.
    async fn change_several(&self, caller: &Caller, form: BulkForm) -> Result<Vec<BulkResult>, AppError> {
        let action = BulkAction::from_key(&form.action).ok_or(BadRequest::Malformed)?;
        let (people, roles) = self.people(caller, action, &form).await?;
        let mut results = Vec::with_capacity(people.len());
        for one in people {
            let Some(one) = one else {
                results.push(BulkResult { label: None, result: Ok(BulkOutcome::LeftOut(LeftOut::Gone)) });
                continue;
            };
            let result = match self.change_one(caller, action, &one, &form, &roles).await {
                // Somebody has answered, left or been removed since: that is about them, and not about whoever asks.
                Err(AppError::NotFound) => Ok(BulkOutcome::LeftOut(LeftOut::State)),
                result => result,
            };
            results.push(BulkResult { label: Some(one.label), result });
        }
        Ok(results)
    }
}

impl Services {
    /// The people of a form, looked up by whoever may do this at all, and the roles of their account; `None` for a row that is not there.
    async fn people(
        &self,
        caller: &Caller,
        action: BulkAction,
        form: &BulkForm,
    ) -> Result<(Vec<Option<One>>, Roles), AppError> {
        let mut tx = self.database.begin_read().await?;
        let gate = match action {
            BulkAction::ChangeRole | BulkAction::GivePermission | BulkAction::TakePermission => Gate::UsersEdit,
            BulkAction::Resend => Gate::UsersInvite,
            BulkAction::Suspend | BulkAction::Remove => Gate::UsersRemove,
        };
        let actor = actors::load_with(self, &mut tx, caller, gate).await?;
        if form.members.is_empty() || form.members.len() > MAX_CHANGED_AT_ONCE {
            return Err(BadRequest::Malformed.into());
        }
        check_choice(action, form, &actor.roles)?;
        let mut people = Vec::with_capacity(form.members.len());
        for typed in &form.members {
            let (id, version) = typed.split_once('.').ok_or(BadRequest::Malformed)?;
            let member: MemberId = id.parse().map_err(|_| AppError::NotFound)?;
            let row = members::find(&mut tx, actor.scope(), member).await?;
            people.push(row.map(|row| One {
                member,
                version: version.to_owned(),
                present: row.version.to_string(),
                label: row.label().to_owned(),
                grant: row.grant,
            }));
        }
        Ok((people, actor.roles))
    }

    async fn change_one(
        &self,
        caller: &Caller,
        action: BulkAction,
        one: &One,
        form: &BulkForm,
        roles: &Roles,
    ) -> Result<BulkOutcome, AppError> {
        let (id, version) = (one.member.to_string(), one.version.clone());
        match action {
            BulkAction::ChangeRole if one.grant.role.as_str() == form.role => Ok(BulkOutcome::Unchanged),
            BulkAction::ChangeRole => {
                let wanted = Grant { role: RoleKey::new(form.role.clone()), extras: one.grant.extras.clone() };
                self.give(caller, one, &wanted).await
            }
            BulkAction::GivePermission | BulkAction::TakePermission => {
                match action.wanted(&one.grant, &PermissionKey::new(form.permission.clone()), roles) {
                    Ok(wanted) => self.give(caller, one, &wanted).await,
                    Err(left_out) => Ok(BulkOutcome::LeftOut(left_out)),
                }
            }
            // It goes to the address that was shown.
            BulkAction::Resend if one.version != one.present => Ok(BulkOutcome::LeftOut(LeftOut::State)),
            BulkAction::Resend => Ok(BulkOutcome::Resent(self.resend_invitation(caller, one.member).await?)),
            BulkAction::Suspend => {
                let form = SuspendForm { member: id, version };
                Ok(BulkOutcome::Suspended(self.suspend_member(caller, form).await?))
            }
            BulkAction::Remove => {
                let form = RemoveForm { member: id, version, ..RemoveForm::default() };
                Ok(BulkOutcome::Removed(self.remove_member(caller, form).await?))
            }
        }
    }

    /// Gives somebody another grant, as their own dialog does.
    async fn give(&self, caller: &Caller, one: &One, wanted: &Grant) -> Result<BulkOutcome, AppError> {
        let form = EditForm {
            member: one.member.to_string(),
            version: one.version.clone(),
            role: wanted.role.to_string(),
            extras: wanted.extras.iter().map(ToString::to_string).collect(),
            ..EditForm::default()
        };
        Ok(match self.edit_member(caller, form).await? {
            Edited::Done { .. } => BulkOutcome::Edited,
            Edited::Unchanged => BulkOutcome::Unchanged,
        })
    }
}

/// Was a role or a permission chosen, where the action takes one?
fn check_choice(action: BulkAction, form: &BulkForm, roles: &Roles) -> Result<(), FieldErrors> {
    match action {
        BulkAction::ChangeRole if form.role.is_empty() => Err(FieldErrors::one(Field::Role, Problem::Required)),
        BulkAction::GivePermission | BulkAction::TakePermission => match form.permission.as_str() {
            "" => Err(FieldErrors::one(Field::Extras, Problem::Required)),
            key if !roles.catalogue.knows(&PermissionKey::new(key)) => {
                Err(FieldErrors::one(Field::Extras, Problem::NotOffered))
            }
            _ => Ok(()),
        },
        BulkAction::ChangeRole | BulkAction::Resend | BulkAction::Suspend | BulkAction::Remove => Ok(()),
    }
}
