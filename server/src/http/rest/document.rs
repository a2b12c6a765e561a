//! The OpenAPI document, made from the handlers and their types once in a process.
#![allow(clippy::indexing_slicing, reason = "the document is our own, and a JSON value has null where it has nothing")]

use super::{
    ROOT, accounts, audit_events, check, decisions, invitations, login_methods, members, problem, roles, types,
};
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::sync::LazyLock;
use utoipa::{
    OpenApi,
    openapi::{
        OpenApi as Document,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

const SECURITY_SCHEME: &str = "api_key";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Roster",
        version = "1",
        description = "The people of an account, for programs: who is in, who may do what, inviting, changing and removing. Every key belongs \
                       to one account. `/api/v1/docs` explains the rest.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        accounts::list,
        members::list,
        members::show,
        members::edit,
        members::remove,
        members::suspend,
        members::reactivate,
        invitations::create,
        invitations::create_several,
        invitations::resend,
        invitations::link,
        invitations::revoke,
        roles::list,
        login_methods::list,
        decisions::list,
        decisions::approve,
        decisions::reject,
        audit_events::list,
        check::one,
        check::several,
    ),
    components(schemas(
        problem::Problem,
        members::MemberSort,
        members::Sponsored,
        types::MemberStatus,
    )),
    security(("api_key" = [])),
)]
struct Api;

/// The document.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| with_problems(serde_json::to_value(api()).unwrap_or_default()));
/// Its text.
static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());

fn api() -> Document {
    let mut api = Api::openapi();
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some("A key from Settings → API keys: `Authorization: Bearer roster_…`".to_owned());
    let components = api.components.get_or_insert_default();
    components.add_security_scheme(SECURITY_SCHEME, SecurityScheme::Http(scheme));
    api
}

/// Every operation can answer with a problem, and the paths lie below the root.
fn with_problems(mut document: Value) -> Value {
    document["servers"] = json!([{ "url": ROOT }]);
    document["components"]["responses"] = json!({ "Problem": {
        "description": "What went wrong.",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    } });
    let codes: Vec<_> = problem::ProblemCode::ALL.iter().map(|code| code.key()).collect();
    document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] = json!(codes);
    let paths = document["paths"].as_object_mut().into_iter().flatten().map(|(_, item)| item);
    let operations = paths.filter_map(Value::as_object_mut).flatten().map(|(_, operation)| operation);
    for operation in operations {
        operation["responses"]["default"] = json!({ "$ref": "#/components/responses/Problem" });
    }
    document
}

/// The document, for the page that shows it.
pub(super) fn document() -> &'static Value {
    &DOCUMENT
}

/// `/api/v1/openapi.json`.
pub(super) async fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

#[cfg(test)]
mod tests {
    use super::{super::API_OPERATIONS, *};
    use std::collections::BTreeSet;

    #[test]
    fn the_document_has_every_operation_and_no_other() {
        let paths = document()["paths"].as_object().unwrap();
        let documented: BTreeSet<_> = paths
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone()))
            })
            .collect();
        let routed: BTreeSet<_> =
            API_OPERATIONS.iter().map(|operation| (operation.method.to_string(), operation.path.to_owned())).collect();
        assert_eq!(documented, routed);
        assert_eq!(document()["openapi"], "3.1.0");
    }

    #[test]
    fn every_operation_says_what_it_needs_and_has_a_name_of_its_own() {
        let mut names = BTreeSet::new();
        for operation in &API_OPERATIONS {
            let described = &document()["paths"][operation.path][operation.method.as_str().to_lowercase()];
            assert!(names.insert(described["operationId"].as_str().unwrap()), "{}", operation.path);
            if let super::super::Needs::Permissions(permissions) = operation.needs {
                for permission in permissions {
                    let text = described["description"].as_str().unwrap();
                    assert!(
                        text.contains(&format!("`{}`", permission.key())),
                        "{} {}",
                        operation.method,
                        operation.path
                    );
                }
            }
        }
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let mut found = Vec::new();
        references(document(), &mut found);
        assert!(found.len() > 20);
        for reference in found {
            assert!(document().pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
        }
    }
}
