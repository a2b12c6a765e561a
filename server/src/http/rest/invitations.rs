//! Invitations: who is invited is a member with a status of their own, so the id is the member's.

use super::{
    authenticate::By,
    extract::{Id, JsonBody, objects},
    members::withdraw,
    problem::{Problem, ProblemCode},
    types::{ApiLanguage, MailStatus, Moment},
};
use crate::{context::Services, service::KeyUse};
use app::{
    api::invitations::{InviteForm, Invited},
    backend::{CopyLink, InviteUser, ResendInvitation, ShowMember},
    domain::{
        ids::MemberId,
        language::Language,
        member::{LoginMethod, LoginMethodKind},
        permission::Gate,
    },
};
use axum::{Extension, Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How many people are invited at once.
const MAX_AT_ONCE: usize = 100;

/// An invitation to be sent.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// The email address.
    #[schema(max_length = 254, examples("ben@example.org"))]
    email: String,
    /// The key of the role.
    #[schema(max_length = 100, examples("viewer"))]
    role: String,
    /// The keys of permissions on top of the role.
    #[serde(default)]
    #[schema(max_items = 200)]
    extras: Vec<String>,
    /// The id of the login method; Email & password unless said otherwise.
    #[serde(default)]
    login_method: Option<Uuid>,
    /// Who the person is at the provider, where the login method has identifiers.
    #[serde(default)]
    #[schema(max_length = 255)]
    identifier: Option<String>,
    /// The first name, which the person can change.
    #[serde(default)]
    #[schema(max_length = 100)]
    first_name: Option<String>,
    /// The last name.
    #[serde(default)]
    #[schema(max_length = 100)]
    last_name: Option<String>,
    /// The language of the mail; the account's unless said otherwise.
    #[serde(default)]
    language: Option<ApiLanguage>,
    /// How long the link is valid: 1, 24, 72, 168, 336 or 720 hours; what the account chose unless said otherwise.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 720)]
    lifetime_hours: Option<u32>,
    /// What to do if the person was removed before. Without it, nothing is done then.
    #[serde(default)]
    if_removed: Option<IfRemoved>,
}

/// What to do with somebody who was removed before.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IfRemoved {
    /// Offer what they had.
    Restore,
    /// Offer what the invitation says.
    Fresh,
}

/// An invitation that was sent, or waits to be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invitation {
    /// The member, whose status is `invited`.
    member: Uuid,
    /// The email address.
    email: String,
    /// Where the mail is.
    mail: MailStatus,
}

/// Several invitations.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitations {
    /// The invitations, each of them by itself.
    #[serde(deserialize_with = "objects")]
    #[schema(min_items = 1, max_items = 100)]
    invitations: Vec<NewInvitation>,
}

/// What came of several invitations, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationResults {
    results: Vec<InvitationResult>,
}

/// What came of one of several invitations: one or the other.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationResult {
    /// The invitation, if it was made.
    invitation: Option<Invitation>,
    /// Why not, if it was not.
    problem: Option<Problem>,
}

/// A link to hand over.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationLink {
    /// The link. Whoever has it can accept the invitation.
    #[schema(format = "uri")]
    url: String,
    /// Until when.
    expires_at: Moment,
}

/// The login methods that people can be invited by.
struct Offered(Vec<LoginMethod>);

impl Offered {
    async fn to(services: &Services, by: &KeyUse) -> Result<Self, Problem> {
        Ok(Self(services.list_ready_login_methods(&by.caller, Gate::UsersInvite).await?))
    }

    /// The method that was asked for, or Email & password.
    fn id(&self, asked: Option<Uuid>) -> String {
        let built_in =
            || self.0.iter().find(|method| method.kind == LoginMethodKind::Password).map(|method| method.id.0);
        asked.or_else(built_in).map(|id| id.to_string()).unwrap_or_default()
    }

    fn form(&self, new: NewInvitation) -> InviteForm {
        let again = match new.if_removed {
            None => "",
            Some(IfRemoved::Restore) => "restore",
            Some(IfRemoved::Fresh) => "fresh",
        };
        InviteForm {
            method: self.id(new.login_method),
            email: new.email,
            identifier: new.identifier.unwrap_or_default(),
            first_name: new.first_name.unwrap_or_default(),
            last_name: new.last_name.unwrap_or_default(),
            role: new.role,
            extras: new.extras,
            language: new.language.map(|language| Language::from(language).tag().to_owned()).unwrap_or_default(),
            lifetime: new.lifetime_hours.map(|hours| hours.to_string()).unwrap_or_default(),
            again: again.to_owned(),
        }
    }
}

async fn invite(services: &Services, by: &KeyUse, form: InviteForm) -> Result<Invitation, Problem> {
    let conflict = |code, member: MemberId| Problem::new(code).about(member.0);
    match services.invite_user(&by.caller, form).await? {
        Invited::Done { member, email, mail } => {
            Ok(Invitation { member: member.0, email, mail: MailStatus::from(&mail) })
        }
        Invited::AlreadyMember { member, .. } => Err(conflict(ProblemCode::AlreadyMember, member)),
        Invited::AlreadyInvited { member, .. } => Err(conflict(ProblemCode::AlreadyInvited, member)),
        Invited::Suspended { member } => Err(conflict(ProblemCode::MemberSuspended, member)),
        Invited::RemovedBefore { member, .. } => Err(conflict(ProblemCode::RemovedBefore, member)),
    }
}

/// Invite a person
///
/// Needs `users.invite`. Whatever is offered, the key must hold itself.
#[utoipa::path(post, path = "/invitations", operation_id = "create_invitation", tag = "Invitations",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be sent twice.")),
    request_body = NewInvitation,
    responses((status = 201, description = "Invited.", body = Invitation)))]
pub(super) async fn create(
    State(services): State<Services>,
    Extension(by): By,
    JsonBody(new): JsonBody<NewInvitation>,
) -> Result<(StatusCode, Json<Invitation>), Problem> {
    let form = Offered::to(&services, &by).await?.form(new);
    Ok((StatusCode::CREATED, Json(invite(&services, &by, form).await?)))
}

/// Invite several people
///
/// Each by themselves: what is wrong with one does not keep the others. Needs `users.invite`.
#[utoipa::path(post, path = "/invitations/batch", operation_id = "create_invitations", tag = "Invitations",
    params(("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be sent twice.")),
    request_body = NewInvitations,
    responses((status = 200, description = "What came of each.", body = InvitationResults)))]
pub(super) async fn create_several(
    State(services): State<Services>,
    Extension(by): By,
    JsonBody(new): JsonBody<NewInvitations>,
) -> Result<Json<InvitationResults>, Problem> {
    if !(1..=MAX_AT_ONCE).contains(&new.invitations.len()) {
        let detail = format!("between 1 and {MAX_AT_ONCE} at once");
        return Err(Problem::of_field("/invitations", "not_between", detail));
    }
    let offered = Offered::to(&services, &by).await?;
    let mut results = Vec::with_capacity(new.invitations.len());
    for (index, one) in new.invitations.into_iter().enumerate() {
        results.push(match invite(&services, &by, offered.form(one)).await {
            Ok(invitation) => InvitationResult { invitation: Some(invitation), problem: None },
            Err(problem) => {
                let problem = problem.below(&format!("/invitations/{index}"));
                InvitationResult { invitation: None, problem: Some(problem) }
            }
        });
    }
    Ok(Json(InvitationResults { results }))
}

/// Send an invitation again
///
/// With a new link; the one before is dead at once. Needs `users.invite`.
#[utoipa::path(post, path = "/members/{id}/invitation/resend", operation_id = "resend_invitation", tag = "Invitations",
    params(("id" = Uuid, Path, description = "The member who is invited."),
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, so that it can be sent twice.")),
    responses((status = 200, description = "Sent again.", body = Invitation)))]
pub(super) async fn resend(
    State(services): State<Services>,
    Extension(by): By,
    Id(id): Id,
) -> Result<Json<Invitation>, Problem> {
    let sent = services.resend_invitation(&by.caller, MemberId(id)).await?;
    Ok(Json(Invitation { member: sent.member.0, email: sent.email, mail: MailStatus::from(&sent.mail) }))
}

/// Get the link of an invitation
///
/// To hand over by other means; the same one each time until the invitation is sent again. It says nothing about the mailbox. Needs
/// `users.invite`, and the audit log says that it was copied.
#[utoipa::path(post, path = "/members/{id}/invitation/link", operation_id = "get_invitation_link", tag = "Invitations",
    params(("id" = Uuid, Path, description = "The member who is invited.")),
    responses((status = 200, description = "The link.", body = InvitationLink)))]
pub(super) async fn link(
    State(services): State<Services>,
    Extension(by): By,
    Id(id): Id,
) -> Result<Json<InvitationLink>, Problem> {
    let link = services.copy_link(&by.caller, MemberId(id)).await?;
    Ok(Json(InvitationLink { url: link.url, expires_at: link.expires.into() }))
}

/// Withdraw an invitation
///
/// The link is dead at once. Needs `users.read` and `users.remove`.
#[utoipa::path(delete, path = "/members/{id}/invitation", operation_id = "revoke_invitation", tag = "Invitations",
    params(("id" = Uuid, Path, description = "The member who is invited.")),
    responses((status = 204, description = "Withdrawn.")))]
pub(super) async fn revoke(
    State(services): State<Services>,
    Extension(by): By,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let present = services.show_member(&by.caller, MemberId(id)).await?.row;
    if !present.state.is_awaiting_answer() {
        return Err(Problem::new(ProblemCode::WrongStatus).about(id));
    }
    withdraw(&services, &by, id, present.version.to_string(), "keep").await
}
