//! Members: the lines of the Users list.

use super::{
    authenticate::By,
    extract::{Id, IfMatch, JsonBody, Parameters, limit},
    problem::{Problem, ProblemCode},
    types::{Member, MemberStatus},
};
use crate::{context::Services, service::KeyUse};
use app::{
    api::members::{EditForm, Edited, Reactivated, RemovalPlan, RemoveForm, SuspendForm, Suspended},
    backend::{EditMember, PlanRemoval, ReactivateMember, RemoveMember, ShowMember, SuspendMember},
    domain::{
        ids::{LoginMethodId, MemberId},
        list::{Cursor, ListQuery, Sort, StateFilter},
        role::RoleKey,
    },
};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The longest key of a role.
const MAX_ROLE_KEY_CHARS: usize = 100;

/// Which members, and how many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct MembersQuery {
    /// Words, each of them a part of the name or the email address.
    #[param(max_length = 100)]
    search: Option<String>,
    /// The key of a role.
    #[param(max_length = 100)]
    role: Option<String>,
    /// The id of a login method.
    login_method: Option<Uuid>,
    /// Those in this status. Without it, everybody who is not removed.
    status: Option<MemberStatus>,
    /// Those with extra permissions alone.
    with_extras: Option<bool>,
    /// The order.
    sort: Option<MemberSort>,
    /// The `next` of the page before, with the same search, filters and order.
    #[param(max_length = 300)]
    cursor: Option<String>,
    /// How many; 50 unless said otherwise.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// The order of members.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub enum MemberSort {
    /// By name.
    #[serde(rename = "name")]
    Name,
    /// By name, backwards.
    #[serde(rename = "-name")]
    NameDown,
    /// By last activity, the longest ago first.
    #[serde(rename = "last_active")]
    LastActive,
    /// By last activity, the latest first.
    #[serde(rename = "-last_active")]
    LastActiveDown,
    /// By invitation, the longest ago first.
    #[serde(rename = "invited")]
    Invited,
    /// By invitation, the latest first.
    #[serde(rename = "-invited")]
    InvitedDown,
}

impl From<MemberSort> for Sort {
    fn from(sort: MemberSort) -> Self {
        match sort {
            MemberSort::Name => Self::NameUp,
            MemberSort::NameDown => Self::NameDown,
            MemberSort::LastActive => Self::LastActiveUp,
            MemberSort::LastActiveDown => Self::LastActiveDown,
            MemberSort::Invited => Self::InvitedUp,
            MemberSort::InvitedDown => Self::InvitedDown,
        }
    }
}

impl MembersQuery {
    fn read(self) -> Result<(ListQuery, usize), Problem> {
        let no_cursor = || Problem::new(ProblemCode::Malformed).saying("cursor is none of this list");
        let after = self.cursor.map(|text| Cursor::new(text).ok_or_else(no_cursor)).transpose()?;
        let query = ListQuery {
            search: self.search.unwrap_or_default().trim().to_owned(),
            role: self.role.map(RoleKey::new),
            method: self.login_method.map(LoginMethodId),
            with_extras: self.with_extras.unwrap_or_default(),
            state: self.status.map(|status| StateFilter::In(status.into())),
            sort: self.sort.map(Sort::from).unwrap_or_default(),
            after,
            ..ListQuery::default()
        };
        Ok((query, limit(self.limit)?))
    }
}

/// Some members.
#[derive(Debug, Serialize, ToSchema)]
pub struct Members {
    /// The members.
    members: Vec<Member>,
    /// The `cursor` of the next page; null on the last one.
    next: Option<String>,
}

/// A member with what the list does not show.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberInFull {
    #[serde(flatten)]
    member: Member,
    /// Who the person is at the provider, where the login method has identifiers.
    identifier: Option<String>,
    /// Does the person have a second factor that counts in this account? Null before they joined.
    has_second_factor: Option<bool>,
    /// The names of the API keys that act for the member: they stop for good with a removal or a suspension.
    api_keys: Vec<String>,
    /// The addresses of the open invitations that the member answers for: what becomes of them at a removal, `sponsored` says.
    sponsored_invitations: Vec<String>,
}

/// What a member is to be given. What is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemberChange {
    /// The key of the role.
    #[schema(max_length = 100)]
    role: Option<String>,
    /// The keys of all permissions on top of the role.
    #[schema(max_items = 200)]
    extras: Option<Vec<String>>,
}

/// What becomes of the open invitations that the member answers for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct RemovalQuery {
    /// `keep`, unless said otherwise: those that the key may grant stay, and the member it acts for answers for them.
    sponsored: Option<Sponsored>,
}

/// Keep or revoke invitations.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sponsored {
    /// Keep them.
    Keep,
    /// Revoke them.
    Revoke,
}

/// A member with its ETag.
pub(super) struct Tagged<T>(pub(super) String, pub(super) T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        if let Ok(tag) = HeaderValue::from_str(&self.0) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// List members
///
/// Everybody in the account in whatever status, a page at a time. Needs `users.read`.
#[utoipa::path(get, path = "/members", operation_id = "list_members", tag = "Members", params(MembersQuery),
    responses((status = 200, description = "Some members, and where the list goes on.", body = Members)))]
pub(super) async fn list(
    State(services): State<Services>,
    Extension(by): By,
    Parameters(query): Parameters<MembersQuery>,
) -> Result<Json<Members>, Problem> {
    let (query, most) = query.read()?;
    let (rows, next) = services.list_some_members(&by.caller, &query, most).await?;
    let members = rows.into_iter().map(Member::from).collect();
    Ok(Json(Members { members, next: next.map(String::from) }))
}

/// Get a member
///
/// With what a removal would take along. Needs `users.read`.
#[utoipa::path(get, path = "/members/{id}", operation_id = "get_member", tag = "Members",
    params(("id" = Uuid, Path, description = "The member.")),
    responses((status = 200, description = "The member.", body = MemberInFull,
        headers(("ETag" = String, description = "The version, for If-Match.")))))]
pub(super) async fn show(
    State(services): State<Services>,
    Extension(by): By,
    Id(id): Id,
) -> Result<Tagged<MemberInFull>, Problem> {
    let RemovalPlan { details, sponsored, keys } = services.plan_removal(&by.caller, MemberId(id)).await?;
    let member = Member::from(details.row);
    let in_full = MemberInFull {
        identifier: details.identifier,
        has_second_factor: details.second_factor,
        api_keys: keys,
        sponsored_invitations: sponsored.into_iter().map(|invitation| invitation.email).collect(),
        member,
    };
    Ok(Tagged(in_full.member.etag(), in_full))
}

/// Change a member's role and extra permissions
///
/// In every status but removed; an open invitation then offers what was last saved. Send the ETag of the member in `If-Match`, or `*`.
/// Needs `users.read` and `users.edit`. Whatever is given, the key must hold itself.
#[utoipa::path(patch, path = "/members/{id}", operation_id = "change_member", tag = "Members",
    params(("id" = Uuid, Path, description = "The member."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the member; `*` for whichever version.")),
    request_body = MemberChange,
    responses((status = 200, description = "The member as it is now.", body = Member,
        headers(("ETag" = String, description = "The version, for If-Match.")))))]
pub(super) async fn edit(
    State(services): State<Services>,
    Extension(by): By,
    Id(id): Id,
    version: IfMatch,
    JsonBody(change): JsonBody<MemberChange>,
) -> Result<Tagged<Member>, Problem> {
    if version == IfMatch::Absent {
        return Err(Problem::new(ProblemCode::PreconditionRequired));
    }
    if change.role.as_ref().is_some_and(|role| role.chars().count() > MAX_ROLE_KEY_CHARS) {
        return Err(Problem::of_field("/role", "not_offered", "There is no such role."));
    }
    let present = services.show_member(&by.caller, MemberId(id)).await?.row;
    let extras = || present.grant.extras.iter().map(ToString::to_string).collect();
    let form = EditForm {
        member: id.to_string(),
        version: version_or(version, present.version),
        role: change.role.unwrap_or_else(|| present.grant.role.to_string()),
        extras: change.extras.unwrap_or_else(extras),
        ..EditForm::default()
    };
    let row = match services.edit_member(&by.caller, form).await? {
        Edited::Done { row } => *row,
        Edited::Unchanged => present,
    };
    let member = Member::from(row);
    Ok(Tagged(member.etag(), member))
}

/// Remove a member
///
/// Access to this account ends at once; the person's login and other accounts are not touched. An invited person's invitation is withdrawn.
/// Who is removed already stays so. Needs `users.read` and `users.remove`.
#[utoipa::path(delete, path = "/members/{id}", operation_id = "remove_member", tag = "Members",
    params(("id" = Uuid, Path, description = "The member."), RemovalQuery,
        ("If-Match" = Option<String>, Header, description = "The ETag of the member, to remove no other version.")),
    responses((status = 204, description = "Removed.")))]
pub(super) async fn remove(
    State(services): State<Services>,
    Extension(by): By,
    Id(id): Id,
    version: IfMatch,
    Parameters(query): Parameters<RemovalQuery>,
) -> Result<StatusCode, Problem> {
    let sponsored = match query.sponsored {
        None | Some(Sponsored::Keep) => "keep",
        Some(Sponsored::Revoke) => "revoke",
    };
    let version = version_meant(&services, &by, id, version).await?;
    withdraw(&services, &by, id, version, sponsored).await
}

/// Removes a member, or withdraws an invitation.
pub(super) async fn withdraw(
    services: &Services,
    by: &KeyUse,
    id: Uuid,
    version: String,
    sponsored: &str,
) -> Result<StatusCode, Problem> {
    let form = RemoveForm { member: id.to_string(), version, sponsored: sponsored.to_owned() };
    // Whoever was removed before is removed, too.
    services.remove_member(&by.caller, form).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Suspend a member
///
/// Access ends at once; role and permissions stay. Needs `users.read` and `users.remove`.
#[utoipa::path(post, path = "/members/{id}/suspend", operation_id = "suspend_member", tag = "Members",
    params(("id" = Uuid, Path, description = "The member."),
        ("If-Match" = Option<String>, Header, description = "The ETag of the member, to suspend no other version.")),
    responses((status = 204, description = "Suspended.")))]
pub(super) async fn suspend(
    State(services): State<Services>,
    Extension(by): By,
    Id(id): Id,
    version: IfMatch,
) -> Result<StatusCode, Problem> {
    let version = version_meant(&services, &by, id, version).await?;
    let form = SuspendForm { member: id.to_string(), version };
    match services.suspend_member(&by.caller, form).await? {
        Suspended::Done { .. } => Ok(StatusCode::NO_CONTENT),
        Suspended::NotActive => Err(Problem::new(ProblemCode::WrongStatus).about(id)),
    }
}

/// Reactivate a suspended member
///
/// With the role and the permissions of before, all of which the key must hold itself. Needs `users.remove`.
#[utoipa::path(post, path = "/members/{id}/reactivate", operation_id = "reactivate_member", tag = "Members",
    params(("id" = Uuid, Path, description = "The member.")),
    responses((status = 204, description = "Reactivated.")))]
pub(super) async fn reactivate(
    State(services): State<Services>,
    Extension(by): By,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    match services.reactivate_member(&by.caller, MemberId(id)).await? {
        Reactivated::Done { .. } => Ok(StatusCode::NO_CONTENT),
        Reactivated::NotSuspended => Err(Problem::new(ProblemCode::WrongStatus).about(id)),
    }
}

/// The version of a member that a request is meant for.
async fn version_meant(services: &Services, by: &KeyUse, id: Uuid, version: IfMatch) -> Result<String, Problem> {
    let present = services.show_member(&by.caller, MemberId(id)).await?.row;
    Ok(version_or(version, present.version))
}

/// The version that a change is meant for: the present one, unless the request names one.
fn version_or(version: IfMatch, present: i64) -> String {
    match version {
        IfMatch::Absent | IfMatch::Any => present.to_string(),
        IfMatch::Version(version) => version,
    }
}
