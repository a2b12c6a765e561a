//! The page about the API: `docs/api.md`, and below it what the document says of each operation. It has no script and loads nothing from
//! elsewhere.
#![allow(clippy::indexing_slicing, reason = "the document is our own, and a JSON value has null where it has nothing")]

use super::{API_OPERATIONS, document::document, problem::ProblemCode};
use crate::{
    context::Services,
    http::{guide, language::language_of},
};
use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use std::{fmt::Write, sync::LazyLock};

static MARKDOWN: LazyLock<String> = LazyLock::new(|| {
    let mut text = include_str!("../../../../docs/api.md").to_owned();
    write_operations(&mut text);
    write_problems(&mut text);
    text
});

/// `/api/v1/docs`.
pub(super) async fn page(State(services): State<Services>, headers: HeaderMap) -> Response {
    let sent = services.cookies.sent(&headers);
    let language = language_of(None, sent.language, &headers);
    guide::english_page(&MARKDOWN, language, sent.theme).into_response()
}

/// Each operation, with what it takes and answers.
fn write_operations(text: &mut String) {
    // Writing to a text does not fail.
    let _ = writeln!(text, "## Operations\n");
    for operation in &API_OPERATIONS {
        let described = &document()["paths"][operation.path][operation.method.as_str().to_lowercase()];
        let word = |name: &str| described[name].as_str().unwrap_or_default();
        let (method, path) = (&operation.method, operation.path);
        let _ = writeln!(text, "### {}\n\n`{method} /api/v1{path}`\n\n{}\n", word("summary"), word("description"));
        for parameter in described["parameters"].as_array().into_iter().flatten() {
            let word = |name: &str| parameter[name].as_str().unwrap_or_default();
            let kind = kind_of(&parameter["schema"]);
            let _ = writeln!(text, "* `{}` (in the {}, {kind}): {}", word("name"), word("in"), word("description"));
        }
        let body = &described["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            let _ = writeln!(text, "\nThe body:\n");
            write_fields(text, body, 0);
        }
        for (status, answer) in described["responses"].as_object().into_iter().flatten() {
            let Some(description) = answer["description"].as_str() else { continue };
            let _ = writeln!(text, "\nAnswers {status}: {description}\n");
            write_fields(text, &answer["content"]["application/json"]["schema"], 0);
        }
        let _ = writeln!(text);
    }
}

/// Every code, under a heading that is its anchor.
fn write_problems(text: &mut String) {
    let _ = writeln!(text, "## Problems\n");
    for code in ProblemCode::ALL {
        let _ = writeln!(text, "### `{}`\n\n{}: {}\n", code.key(), code.status().as_u16(), code.title());
    }
}

/// The schema that a reference names, or the schema itself.
fn resolved(schema: &Value) -> &Value {
    let named = schema["$ref"].as_str().and_then(|reference| document().pointer(reference.strip_prefix('#')?));
    named.unwrap_or(schema)
}

/// The fields of an object, those of objects in it below them.
fn write_fields(text: &mut String, schema: &Value, depth: usize) {
    let schema = resolved(schema);
    let parts = schema["allOf"].as_array().into_iter().flatten().map(resolved);
    for part in [schema].into_iter().chain(parts) {
        for (name, field) in part["properties"].as_object().into_iter().flatten() {
            let inner = inner_of(field);
            let described = [field, inner].into_iter().find_map(|schema| schema["description"].as_str());
            let required = part["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
            let optional = if required { "" } else { ", optional" };
            let _ = writeln!(
                text,
                "{:indent$}* `{name}` ({}{optional}): {}",
                "",
                kind_of(field),
                described.unwrap_or_default(),
                indent = depth * 2
            );
            write_fields(text, inner, depth + 1);
        }
    }
}

/// What a field holds: of a list its items, of what may be null the rest.
fn inner_of(field: &Value) -> &Value {
    let one_of = field["oneOf"].as_array().into_iter().flatten().find(|one| one["type"] != "null");
    let inner = resolved(one_of.unwrap_or(field));
    if inner["type"] == "array" { resolved(&inner["items"]) } else { inner }
}

/// What kind of value a schema describes, in words.
fn kind_of(schema: &Value) -> String {
    if let Some(one_of) = schema["oneOf"].as_array() {
        let kinds: Vec<_> = one_of.iter().map(kind_of).filter(|kind| kind != "null").collect();
        return kinds.join(" or ");
    }
    let schema = resolved(schema);
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values.iter().filter_map(Value::as_str).map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    if let Some(one_of) = schema["oneOf"].as_array() {
        return one_of.iter().map(kind_of).collect::<Vec<_>>().join(", ");
    }
    if let Some(value) = schema["const"].as_str() {
        return format!("`{value}`");
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds: Vec<_> = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
            kinds.join(" or ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "object".to_owned(),
    };
    match schema["format"].as_str() {
        Some(format) if kind == "string" => format.to_owned(),
        Some(_) | None if kind == "array" => format!("list of {}", kind_of(&schema["items"])),
        Some(_) | None => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_operation_and_every_problem() {
        for operation in &API_OPERATIONS {
            let heading = format!("`{} /api/v1{}`", operation.method, operation.path);
            assert!(MARKDOWN.contains(&heading), "{heading}");
        }
        for code in ProblemCode::ALL {
            assert!(MARKDOWN.contains(&format!("### `{}`\n", code.key())), "{}", code.key());
        }
        assert!(MARKDOWN.contains("* `role` (string): The key of the role."), "fields are told");
    }
}
