//! `/`: leads on to where the visitor belongs.

use super::Failed;
use crate::{
    api::{
        session::whoami,
        setup::{SetUpView, view_set_up},
    },
    error::AppError,
    paths,
};
use leptos::prelude::*;
use leptos_router::components::Redirect;

/// Leads to the only account, to the chooser of several, to signing in, or to the first run.
#[component]
pub fn HomePage() -> impl IntoView {
    let destination = Resource::new_blocking(|| (), |()| destination());
    let view = move || {
        Suspend::new(async move {
            match destination.await {
                Ok(path) => view! { <Redirect path=path /> }.into_any(),
                Err(error) => view! { <Failed error /> }.into_any(),
            }
        })
    };
    view! { <Suspense>{view}</Suspense> }
}

async fn destination() -> Result<String, AppError> {
    match whoami().await? {
        Some(me) => Ok(match me.accounts.as_slice() {
            [only] => paths::account(only.slug.as_str()),
            [] | [_, _, ..] => paths::ACCOUNTS.to_owned(),
        }),
        None => Ok(match view_set_up().await? {
            SetUpView::Open | SetUpView::NeedsLink => paths::SETUP.to_owned(),
            SetUpView::Done => paths::LOGIN.to_owned(),
        }),
    }
}
