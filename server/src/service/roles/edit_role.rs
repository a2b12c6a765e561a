//! Changes the name of a role and what it holds (R30, R31, R35, R66).

use super::WantedRole;
use crate::{
    context::Services,
    service::{
        actors::{self, Actor},
        invitations::copy_link::kill_links_beyond_rights_of_role,
    },
    storage::{
        StorageError, Tx, accounts,
        audit::{self, Event},
        retried,
        roles::{self, RoleVersion},
    },
};
use app::{
    api::roles::{EditRoleForm, RoleEdited},
    backend::EditRole,
    domain::{
        permission::Gate,
        policy::{Change, Whose},
        role::RoleKey,
        role_edit::RoleEdit,
        time::Timestamp,
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;

#[async_trait]
impl EditRole for Services {
    /// Changes a role of the account's own. Everybody who has it has what it holds then with their next request, as rights are read with
    /// each; links that somebody could no longer hand out are dead at once (R35).
    ///
    /// # Errors
    /// [`AppError::NotFound`] for a built-in role, one of another account and one that was deleted; what is wrong with a field, there;
    /// [`AppError::ChangedMeanwhile`]; the policy's refusal.
    async fn edit_role(&self, caller: &Caller, form: EditRoleForm) -> Result<RoleEdited, AppError> {
        retried(|| async {
            let key = RoleKey::new(form.role.trim());
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::RolesManage).await?;
            let role = actor.roles.find(&key).ok_or(AppError::NotFound)?;
            let present_name = role.name.as_deref().ok_or(AppError::NotFound)?;
            let stored = roles::find(&mut tx, actor.scope(), &key).await?.ok_or(AppError::NotFound)?;
            if form.version.parse() != Ok(stored.version) {
                return Err(changed_meanwhile(stored));
            }
            let wanted = WantedRole::read(&mut tx, &actor, (&form.name, &form.permissions), Some(&key)).await?;
            let extras_of_people =
                roles::extras_of_people(&mut tx, actor.scope(), &key, &actor.roles.catalogue).await?;
            let edit = RoleEdit {
                whose: if actor.grant.role == key { Whose::Own } else { Whose::Others },
                present: &role.permissions,
                wanted: &wanted.permissions,
                extras_of_people: &extras_of_people,
                confirmed: form.confirmation.trim() == actor.slug.as_str(),
            };
            edit.check(&actor.effective)?;
            let (change, is_renamed) = (edit.change(), wanted.name != present_name);
            if change.is_empty() && !is_renamed {
                return Ok(RoleEdited::Unchanged);
            }

            let (scope, by, version) = (actor.scope(), actor.member, stored.version);
            if !roles::update(&mut tx, scope, &key, &wanted.name, &change, by, version, now).await? {
                return Err(changed_meanwhile(stored));
            }
            let saved = accounts::roles(&mut tx, scope, &self.catalogue).await?;
            kill_links_beyond_rights_of_role(&mut tx, scope, &key, &saved, now).await?;
            let renamed = is_renamed.then(|| Event::RoleRenamed {
                role: key.clone(),
                before: present_name.to_owned(),
                after: wanted.name.clone(),
            });
            record(&mut tx, &actor, &key, change, renamed, now).await?;
            tx.commit().await?;
            Ok(RoleEdited::Done { name: wanted.name })
        })
        .await
    }
}

fn changed_meanwhile(stored: RoleVersion) -> AppError {
    AppError::ChangedMeanwhile { by: stored.changed_by, at: stored.changed_at }
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    key: &RoleKey,
    Change { gained, lost }: Change,
    renamed: Option<Event>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let is_changed = !gained.is_empty() || !lost.is_empty();
    let changed = is_changed.then(|| Event::RoleChanged { role: key.clone(), gained, lost });
    for event in renamed.into_iter().chain(changed) {
        audit::record(tx, actor.scope(), &actor.audit_actor(), None, &event, now).await?;
    }
    Ok(())
}
