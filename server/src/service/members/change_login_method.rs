//! Changes the login method of a member, and the identifier at the provider: before the person joined (R26), or afterwards, because the
//! provider knows the person by another identifier now (R46).

use crate::{
    context::Services,
    service::actors::Actor,
    storage::{
        Tx, decisions, identities, invitations, login_methods,
        members::{self, Member},
        ownership_offers, platform_sign_ins, users,
    },
};
use app::{
    api::members::EditForm,
    domain::{
        edit::NewLoginMethod,
        email::Email,
        fields::{Field, FieldErrors, Problem},
        member::{LoginMethod, LoginMethodKind, MemberState, ShownState},
        time::Timestamp,
    },
    error::AppError,
};

/// A login method with its identifier, other than the member's present one.
pub(super) struct LoginAssignment {
    pub(super) method: LoginMethod,
    identifier: Option<String>,
    /// Has the row's user a password?
    has_password: bool,
}

impl LoginAssignment {
    /// The login method that the form asks for; `None` if it is the present one. Only methods that are available and fully set up can be
    /// chosen.
    pub(super) async fn wanted(
        tx: &mut Tx,
        actor: &Actor,
        row: &Member,
        form: &EditForm,
    ) -> Result<Option<Self>, AppError> {
        let wrong = |field, problem| AppError::from(FieldErrors::one(field, problem));
        let wanted = form.method.trim();
        let stays = wanted.is_empty() || wanted == row.method.id.to_string();
        let known = row.identifier.as_deref().unwrap_or_default();
        if stays
            && (row.method.kind == LoginMethodKind::Password || form.identifier.trim() == known || wanted.is_empty())
        {
            return Ok(None);
        }
        let ready = login_methods::ready(tx, actor.scope()).await?;
        let method = ready.into_iter().find(|method| method.id.to_string() == wanted);
        let method = method.ok_or_else(|| wrong(Field::LoginMethod, Problem::NotOffered))?;
        // Only a first sign-in fixes an identifier (R67); whoever has joined has had theirs.
        let identifier = match row.state {
            MemberState::Invited => method.parse_identifier(&form.identifier),
            MemberState::Active | MemberState::Suspended | MemberState::Removed => {
                method.kind.parse_identifier(&form.identifier)
            }
        };
        let identifier = identifier.map_err(|problem| wrong(Field::Identifier, problem))?;
        if let Some(identifier) = &identifier
            && members::is_identifier_taken(tx, actor.scope(), method.id, identifier, Some(row.id)).await?
        {
            return Err(wrong(Field::Identifier, Problem::Taken));
        }
        let user = match row.user {
            Some(user) => users::find(tx, user).await?,
            None => None,
        };
        let has_password = user.is_some_and(|user| user.phc.is_some());
        Ok(Some(Self { method, identifier, has_password }))
    }

    /// The facts that the policy needs about it.
    pub(super) const fn kind(&self) -> NewLoginMethod {
        match self.method.kind {
            LoginMethodKind::Password => NewLoginMethod::Password { has_one: self.has_password },
            LoginMethodKind::OAuth => NewLoginMethod::Provider,
        }
    }
}

impl Services {
    /// Writes it. Somebody who has joined is linked at the next sign-in.
    pub(super) async fn change_login_method(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        row: &Member,
        assignment: &LoginAssignment,
    ) -> Result<(), AppError> {
        let scope = actor.scope();
        members::set_method(tx, scope, row.id, assignment.method.id, assignment.identifier.as_deref()).await?;
        platform_sign_ins::end_closed_of_member(tx, scope, row.id, self.now()).await?;
        ownership_offers::end_of_member(tx, scope, row.id, self.now()).await?;
        if let Some(user) = row.user {
            identities::delete_of_user_at_method(tx, scope, row.method.id, user).await?;
            identities::delete_of_user_at_method(tx, scope, assignment.method.id, user).await?;
        }
        Ok(())
    }

    /// Renews the invitation of somebody who has not joined, after another login method or address was saved: earlier links are dead, and a
    /// new one goes to `email`. Somebody who declined, or whose invitation expired, gets no mail unless an admin sends one; another address is
    /// as good as that.
    pub(super) async fn renew_changed_invitation(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        row: &Member,
        new_address: Option<&Email>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let scope = actor.scope();
        decisions::supersede(tx, scope, row.id, now).await?;
        let Some(latest) = row.invitation.as_ref().filter(|_| row.state == MemberState::Invited) else { return Ok(()) };
        let is_open = matches!(row.shown(now), ShownState::Invited | ShownState::AwaitingApproval);
        if !is_open && new_address.is_none() {
            invitations::kill_tokens(tx, scope, latest.id, None, now).await?;
            return Ok(());
        }
        let found = invitations::find(tx, scope, latest.id).await?.ok_or(AppError::NotFound)?;
        if invitations::renew(tx, scope, &found, actor.member, now).await? {
            let email = new_address.unwrap_or(&row.email);
            self.queue_invitation(tx, scope, found.again(email, actor.member), now).await?;
        }
        Ok(())
    }
}
