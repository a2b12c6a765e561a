//! Inviting a person into an account (R1 to R7, R30). Inviting makes no user.

use crate::{
    context::Services,
    service::actors::{self, Actor},
    storage::{
        Tx,
        audit::{self, AuditTarget, Event},
        invitations::{self, Invitation, NewInvitation},
        login_methods,
        members::{self, Member, Offer},
        retried,
    },
};
use app::{
    api::invitations::{InviteForm, Invited, Standing},
    backend::InviteUser,
    domain::{
        audit::AccountDefaults,
        email::Email,
        fields::{Field, FieldErrors, Problem},
        ids::{InvitationId, LoginMethodId, MemberId},
        invitation::parse_lifetime,
        language::Language,
        member::{LoginMethod, LoginMethodKind, MemberState, ShownState},
        name::parse_names,
        permission::Gate,
        policy::{can_grant, can_invite},
        role::{Grant, Roles},
        time::{Span, Timestamp},
    },
    error::AppError,
    request::Caller,
};
use async_trait::async_trait;
use uuid::Uuid;

/// The parsed form.
pub(in crate::service) struct Request {
    pub(super) method: LoginMethodId,
    pub(super) identifier: Option<String>,
    /// Is the method a provider's?
    by_provider: bool,
    name: Option<String>,
    pub(super) email: Email,
    pub(super) grant: Grant,
    language: Language,
    lifetime: Span,
    again: Option<IfRemoved>,
}

/// What to do with somebody who was removed before (R4).
#[derive(Clone, Copy, PartialEq, Eq)]
enum IfRemoved {
    Restore,
    StartFresh,
}

impl Request {
    /// What an invitation offers, offered to another address (R14).
    pub(in crate::service) fn to_another(row: &Member, invitation: &Invitation, email: Email) -> Self {
        Self {
            method: row.method.id,
            identifier: row.identifier.clone(),
            by_provider: row.method.kind == LoginMethodKind::OAuth,
            name: None,
            email,
            grant: row.grant.clone(),
            language: invitation.language,
            lifetime: invitation.lifetime,
            again: None,
        }
    }

    pub(super) fn parse(
        form: &InviteForm,
        methods: &[LoginMethod],
        roles: &Roles,
        account: &AccountDefaults,
    ) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::default();
        let method = methods.iter().find(|method| method.id.to_string() == form.method.trim());
        let method = errors.keep(Field::LoginMethod, method.ok_or(Problem::NotOffered));
        let identifier =
            method.and_then(|method| errors.keep(Field::Identifier, method.parse_identifier(&form.identifier)));
        let name = match parse_names(&form.first_name, &form.last_name) {
            Ok(name) => Some(name),
            Err((field, problem)) => errors.keep(field, Err(problem)),
        };
        let email = errors.keep(Field::Email, Email::parse(&form.email));
        let lifetime = errors.keep(Field::Lifetime, parse_lifetime(&form.lifetime, account.invitations.lifetime));
        let language = match form.language.trim() {
            "" => Some(account.language),
            tag => errors.keep(Field::Language, Language::from_tag(tag).ok_or(Problem::NotOffered)),
        };
        let again = match form.again.as_str() {
            "restore" => Some(IfRemoved::Restore),
            "fresh" => Some(IfRemoved::StartFresh),
            _ => None,
        };
        let grant = roles.parse_grant(&form.role, &form.extras).map_err(|grant| {
            for (field, problem) in grant.all() {
                errors.keep::<()>(field, Err(problem));
            }
        });
        match (method, identifier, name, email, grant, language, lifetime) {
            (Some(method), Some(identifier), Some(name), Some(email), Ok(grant), Some(language), Some(lifetime)) => {
                let by_provider = method.kind == LoginMethodKind::OAuth;
                Ok(Self { method: method.id, identifier, by_provider, name, email, grant, language, lifetime, again })
            }
            _ => Err(errors),
        }
    }
}

#[async_trait]
impl InviteUser for Services {
    /// Invites a person into the caller's account. The answer never depends on whether the address has a user elsewhere (R7, INV-18).
    async fn invite_user(&self, caller: &Caller, form: InviteForm) -> Result<Invited, AppError> {
        retried(|| async {
            let now = self.now();
            let mut tx = self.database.begin_write().await?;
            let actor = actors::load_to_change(self, &mut tx, caller, Gate::UsersInvite).await?;
            let methods = login_methods::ready(&mut tx, actor.scope()).await?;
            let mut request = Request::parse(&form, &methods, &actor.roles, &actor.account_defaults())?;

            let known = members::find_by_email(&mut tx, actor.scope(), &request.email).await?;
            if let Some(member) = &known {
                match (outcome(&actor, member, now), request.again) {
                    (Some(Invited::RemovedBefore { previous, .. }), Some(IfRemoved::Restore)) => {
                        request.grant = previous
                    }
                    (Some(Invited::RemovedBefore { .. }), Some(IfRemoved::StartFresh)) | (None, _) => {}
                    (Some(outcome), _) => return Ok(outcome),
                }
            }
            can_invite(&actor.effective, &request.grant, &actor.roles).or_refuse()?;
            if request.grant.makes_owner() {
                actor.require_recent_authentication(self)?;
            }
            if request.identifier.is_none() && request.by_provider && self.config.smtp.is_none() {
                // Only a mailed link can fix it (R67).
                return Err(FieldErrors::one(Field::Identifier, Problem::Required).into());
            }
            if let Some(identifier) = &request.identifier {
                let except = known.as_ref().map(|member| member.id);
                if members::is_identifier_taken(&mut tx, actor.scope(), request.method, identifier, except).await? {
                    return Err(FieldErrors::one(Field::Identifier, Problem::Taken).into());
                }
            }

            let (member, mail) = self.write_invitation(&mut tx, &actor, known.as_ref(), &request, now).await?;
            tx.commit().await?;
            Ok(Invited::Done { member, email: request.email.typed().to_owned(), mail })
        })
        .await
    }
}

impl Services {
    /// Writes the row, the invitation, its mail and the audit event.
    pub(in crate::service) async fn write_invitation(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        known: Option<&Member>,
        request: &Request,
        now: Timestamp,
    ) -> Result<(MemberId, app::domain::member::MailState), AppError> {
        let scope = actor.scope();
        let (grant, by) = (&request.grant, actor.member);
        let (identifier, name) = (request.identifier.as_deref(), request.name.as_deref());
        let offer = Offer { grant, method: request.method, identifier, name };
        let member = match known {
            Some(member) => {
                if let Some(declined) = member.invitation.as_ref().filter(|_| member.state == MemberState::Invited) {
                    invitations::revoke(tx, scope, declined.id, now).await?;
                }
                members::revive(tx, scope, member, offer, Some(by), now).await?;
                member.id
            }
            None => {
                let id = MemberId(Uuid::now_v7());
                members::insert_invited(tx, scope, id, &request.email, offer, Some(by), now).await?;
                id
            }
        };
        let target = AuditTarget { member, email: request.email.key().to_owned() };
        let new = NewInvitation {
            id: InvitationId(Uuid::now_v7()),
            member,
            email: &request.email,
            sponsor: by,
            language: request.language,
            lifetime: request.lifetime,
            has_links: false,
        };
        invitations::insert(tx, scope, new, now).await?;
        members::set_invitation(tx, scope, member, new.id).await?;
        let mail = self.queue_invitation(tx, scope, new, now).await?;
        let event = Event::Invited { invitation: new.id, grant: grant.clone() };
        audit::record(tx, scope, &actor.audit_actor(), Some(&target), &event, now).await?;
        Ok((member, mail))
    }
}

/// The outcome of inviting an address that has a row; `None` if it can simply be invited again, because the person declined (R63).
fn outcome(actor: &Actor, member: &Member, now: Timestamp) -> Option<Invited> {
    Some(match standing_of(actor, member, now)? {
        Standing::New => return None,
        Standing::Member => Invited::AlreadyMember { member: member.id, role: member.grant.role.clone() },
        Standing::Suspended => Invited::Suspended { member: member.id },
        Standing::Invited => Invited::AlreadyInvited {
            member: member.id,
            since: member.invited_at,
            by: member.invitation.as_ref().and_then(|invitation| invitation.sponsor_name.clone()),
        },
        Standing::RemovedBefore { previous, restore } => {
            Invited::RemovedBefore { member: member.id, previous, restore }
        }
    })
}

/// How somebody who has a row stands to the account; `None` if it can simply be invited again, because the person declined (R63).
pub(in crate::service) fn standing_of(actor: &Actor, member: &Member, now: Timestamp) -> Option<Standing> {
    match member.shown(now) {
        ShownState::Active => Some(Standing::Member),
        ShownState::Suspended => Some(Standing::Suspended),
        ShownState::Invited | ShownState::Expired | ShownState::AwaitingApproval => Some(Standing::Invited),
        ShownState::Declined => None,
        ShownState::Removed => Some(Standing::RemovedBefore {
            previous: member.grant.clone(),
            restore: can_grant(&actor.effective, &member.grant, &actor.roles),
        }),
    }
}
