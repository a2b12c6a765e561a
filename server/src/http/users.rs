//! Sends the rows of a view of the Users list as a CSV file, part by part.

use super::{
    answer,
    csv_file::{download, moment},
};
use crate::{context::Services, service::ExportedRows, storage::members::Position};
use app::{
    domain::{
        csv_line::csv_line,
        list::ListQuery,
        member::{LoginMethodKind, MemberRow},
        permission::PermissionKey,
        role::Roles,
    },
    error::AppError,
    request::{Caller, Visitor},
};
use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    response::Response,
};
use futures::stream;
use std::collections::BTreeMap;

/// The first line: the same in every language, so that what reads the file finds its columns.
const HEADING: [&str; 11] = [
    "email",
    "name",
    "role",
    "permissions",
    "login_method",
    "status",
    "invited_at",
    "invited_by",
    "joined_at",
    "last_active_at",
    "removed_at",
];

/// `/a/{slug}/settings/users.csv`.
pub(super) async fn export(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    Path(slug): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response {
    match begin(services, &visitor, &slug, &parameters).await {
        Ok(response) => response,
        Err(error) => answer::error(&error),
    }
}

async fn begin(
    services: Services,
    visitor: &Visitor,
    slug: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Response, AppError> {
    let caller = visitor.caller_in(slug)?;
    services.begin_users_export(&caller).await?;
    let query = ListQuery::from_url(|name| parameters.get(name).cloned()).from_the_start();
    let name = format!("{}-users.csv", caller.account);
    let export = Export { services, caller, query };
    download(
        Body::from_stream(stream::try_unfold((export, Next::Heading), next_part)),
        "text/csv; charset=utf-8",
        &name,
    )
}

/// An export under way.
struct Export {
    services: Services,
    caller: Caller,
    query: ListQuery,
}

/// What comes next in the file.
enum Next {
    Heading,
    Rows(Position),
    End,
}

/// The next part of the file, and where it goes on; `None` at its end. A file that breaks off in the middle is seen to: the connection ends
/// without the last chunk.
async fn next_part((export, next): (Export, Next)) -> Result<Option<(String, (Export, Next))>, AppError> {
    let (mut part, from) = match next {
        Next::Heading => (csv_line(HEADING), None),
        Next::Rows(from) => (String::new(), Some(from)),
        Next::End => return Ok(None),
    };
    let ExportedRows { rows, roles, next } = export.services.export_users(&export.caller, &export.query, from).await?;
    for row in &rows {
        part.push_str(&line(row, &roles));
    }
    Ok(Some((part, (export, next.map_or(Next::End, Next::Rows)))))
}

fn line(row: &MemberRow, roles: &Roles) -> String {
    // A built-in role by its key, the account's own by its name, which is never that of a built-in one.
    let role = roles.own_name(&row.grant.role).unwrap_or(row.grant.role.as_str());
    let extras: Vec<_> = row.grant.extras.iter().map(PermissionKey::as_str).collect();
    let method = match row.method.kind {
        LoginMethodKind::Password => "password",
        LoginMethodKind::OAuth => row.method.name.as_deref().unwrap_or_default(),
    };
    let at = |at: Option<_>| at.map(moment).unwrap_or_default();
    let invited = row.invited.as_ref();
    csv_line([
        row.email.as_str(),
        row.name.as_deref().unwrap_or_default(),
        role,
        &extras.join(" "),
        method,
        row.state.key(),
        &at(invited.map(|event| event.at)),
        invited.and_then(|event| event.by.as_deref()).unwrap_or_default(),
        &at(row.joined),
        &at(row.last_active),
        &at(row.removed.as_ref().map(|event| event.at)),
    ])
}
