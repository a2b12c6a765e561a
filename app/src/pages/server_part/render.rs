//! Finds the page of an address and makes it.

use super::{decision, method, methods, reauthenticate};
use crate::{
    api::login_methods::Part,
    backend::Backend,
    domain::name::Slug,
    error::AppError,
    i18n::Locale,
    paths,
    request::{Caller, Visitor},
};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use std::str::FromStr;

/// What every page of these knows.
pub(super) struct Place<'a> {
    pub(super) locale: Locale,
    pub(super) slug: &'a Slug,
}

/// The page at this address, for this caller.
///
/// # Errors
/// [`AppError::NotFound`] for addresses of other pages; what reading the page's facts answers.
pub(crate) async fn render(
    backend: &dyn Backend,
    caller: &Caller,
    visitor: &Visitor,
    path: &str,
    query: &str,
) -> Result<Part, AppError> {
    let place = Place { locale: Locale::from(visitor.language), slug: &caller.account };
    let query = read_query(query);
    if path.trim_end_matches('/') == paths::reauthenticate(caller.account.as_str(), "") {
        let next = query.get("next").unwrap_or_default();
        let shown = backend.view_reauthentication(caller, &next, id(&query, "flash")).await?;
        let (title, view) = reauthenticate::page(&place, shown);
        return Ok(Part { title, html: view.to_html() });
    }
    let inside = path.strip_prefix(&format!("/a/{}/settings/", caller.account)).ok_or(AppError::NotFound)?;
    let flash = id(&query, "flash");
    let (title, view) = match inside.trim_end_matches('/').split_once('/') {
        None if inside.trim_end_matches('/') == "login-methods" => {
            methods::page(&place, backend.list_login_methods(caller, flash).await?)
        }
        Some(("login-methods", raw)) => {
            let method = raw.parse().map_err(|_| AppError::NotFound)?;
            let shown = backend.show_login_method(caller, visitor, method, id(&query, "attempt"), flash).await?;
            method::page(&place, shown, query.get("problem").as_deref())
        }
        Some(("decisions", raw)) => {
            let member = raw.parse().map_err(|_| AppError::NotFound)?;
            decision::page(&place, backend.show_decision(caller, member, flash).await?)
        }
        None | Some(_) => return Err(AppError::NotFound),
    };
    Ok(Part { title, html: view.to_html() })
}

fn read_query(query: &str) -> ParamsMap {
    serde_qs::from_str::<std::collections::BTreeMap<String, String>>(query.trim_start_matches('?'))
        .unwrap_or_default()
        .into_iter()
        .collect()
}

fn id<T: FromStr>(query: &ParamsMap, name: &str) -> Option<T> {
    query.get(name)?.parse().ok()
}
