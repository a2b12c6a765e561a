//! Sends who had access at one moment as a CSV file.

use super::{
    answer,
    csv_file::{download, moment},
};
use crate::context::Services;
use app::{
    api::audit::PersonThen,
    domain::{
        access::AccessQuery, csv_line::csv_line, member::MemberState, permission::PermissionKey, role::Roles,
        time::Timestamp,
    },
    error::AppError,
    request::Visitor,
};
use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    response::Response,
};
use std::collections::BTreeMap;

/// The first line: the same in every language, so that what reads the file finds its columns.
const HEADING: [&str; 7] = ["as_of", "name", "email", "status", "role", "permissions", "since"];

/// `/a/{slug}/settings/audit/access.csv`.
pub(super) async fn export(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    Path(slug): Path<String>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response {
    match file(services, &visitor, &slug, &parameters).await {
        Ok(response) => response,
        Err(error) => answer::error(&error),
    }
}

async fn file(
    services: Services,
    visitor: &Visitor,
    slug: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Response, AppError> {
    let caller = visitor.caller_in(slug)?;
    let query = AccessQuery::from_url(|name| parameters.get(name).cloned());
    let then = services.export_access(&caller, &query).await?;
    let mut text = csv_line(HEADING);
    for (state, people) in [(MemberState::Active, &then.active), (MemberState::Suspended, &then.suspended)] {
        text.extend(people.iter().map(|person| line(then.at, state, person, &then.roles)));
    }
    download(Body::from(text), "text/csv; charset=utf-8", &format!("{}-access.csv", caller.account))
}

fn line(at: Timestamp, state: MemberState, person: &PersonThen, roles: &Roles) -> String {
    let extras: Vec<_> = person.grant.extras.iter().map(PermissionKey::as_str).collect();
    csv_line([
        moment(at).as_str(),
        person.name.as_deref().unwrap_or_default(),
        person.email.as_deref().unwrap_or_default(),
        state.key(),
        roles.own_name(&person.grant.role).unwrap_or(person.grant.role.as_str()),
        &extras.join(" "),
        &moment(person.since),
    ])
}
