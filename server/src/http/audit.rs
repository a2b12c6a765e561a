//! Sends the audit events of a view as a file, CSV or JSON Lines, part by part.

use super::{
    answer,
    csv_file::{download, moment},
};
use crate::context::Services;
use app::{
    api::audit::AuditLine,
    domain::{
        audit::{AuditQuery, EventKind},
        csv_line::csv_line,
        role::Roles,
    },
    error::AppError,
    i18n::{Locale, audit_actor_name, event_details, event_kind_name, leptos_i18n, text},
    request::{Caller, Visitor},
};
use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, State},
    response::Response,
};
use futures::stream;
use serde_json::json;
use std::collections::BTreeMap;

/// The form of the file.
#[derive(Clone, Copy)]
enum Format {
    Csv,
    JsonLines,
}

impl Format {
    fn of_file(name: &str) -> Option<Self> {
        match name {
            "events.csv" => Some(Self::Csv),
            "events.jsonl" => Some(Self::JsonLines),
            _ => None,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::JsonLines => "application/jsonl; charset=utf-8",
        }
    }
}

/// `/a/{slug}/settings/audit/{file}`.
pub(super) async fn export(
    State(services): State<Services>,
    Extension(visitor): Extension<Visitor>,
    Path((slug, file)): Path<(String, String)>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response {
    match begin(services, &visitor, &slug, &file, &parameters).await {
        Ok(response) => response,
        Err(error) => answer::error(&error),
    }
}

async fn begin(
    services: Services,
    visitor: &Visitor,
    slug: &str,
    file: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<Response, AppError> {
    let caller = visitor.caller_in(slug)?;
    let roles = services.begin_audit_export(&caller).await?;
    let format = Format::of_file(file).ok_or(AppError::NotFound)?;
    let query = AuditQuery::from_url(|name| parameters.get(name).cloned());
    let name = format!("{}-{file}", caller.account);
    let export =
        Export { services, words: Words { locale: Locale::from(visitor.language), roles, format }, caller, query };
    download(Body::from_stream(stream::try_unfold((export, i64::MAX), next_part)), format.content_type(), &name)
}

/// An export under way.
struct Export {
    services: Services,
    caller: Caller,
    query: AuditQuery,
    words: Words,
}

/// The next part of the file, and where it goes on; `None` at its end. A file that breaks off in the middle is seen to: the connection ends
/// without the last chunk.
async fn next_part((export, before): (Export, i64)) -> Result<Option<(String, (Export, i64))>, AppError> {
    let lines = export.services.export_audit(&export.caller, &export.query, before).await?;
    let heading = (before == i64::MAX).then(|| export.words.heading()).flatten();
    let Some(last) = lines.last().map(|line| line.seq) else {
        return Ok(heading.map(|heading| (heading, (export, 0))));
    };
    let mut part = heading.unwrap_or_default();
    for line in lines {
        part.push_str(&export.words.line(line));
    }
    Ok(Some((part, (export, last))))
}

/// How events are written.
struct Words {
    locale: Locale,
    roles: Roles,
    format: Format,
}

impl Words {
    fn heading(&self) -> Option<String> {
        let locale = self.locale;
        match self.format {
            Format::JsonLines => None,
            Format::Csv => Some(csv_line([
                "seq",
                text!(locale, audit.column_when),
                text!(locale, audit.column_what),
                "",
                text!(locale, audit.column_whom),
                text!(locale, audit.column_who),
                text!(locale, audit.column_from),
            ])),
        }
    }

    fn line(&self, line: AuditLine) -> String {
        let AuditLine { seq, at, actor, target, ip, event, kind } = line;
        let who = audit_actor_name(self.locale, actor);
        match self.format {
            Format::JsonLines => {
                let line = json!({"seq": seq, "at": moment(at), "kind": kind, "event": event, "target": target, "actor": who, "ip": ip});
                format!("{line}\n")
            }
            Format::Csv => {
                let what = EventKind::from_key(&kind).map(|kind| event_kind_name(self.locale, kind).to_owned());
                let details = event.iter().flat_map(|event| event_details(self.locale, event, &self.roles));
                let details = details.collect::<Vec<_>>().join("; ");
                csv_line([
                    seq.to_string().as_str(),
                    &moment(at),
                    what.as_deref().unwrap_or(&kind),
                    &details,
                    target.as_deref().unwrap_or_default(),
                    &who,
                    ip.as_deref().unwrap_or_default(),
                ])
            }
        }
    }
}
