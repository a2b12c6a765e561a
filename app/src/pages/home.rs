//! `/`: leads on to where the visitor belongs.

use super::{Failed, RedirectWithin, loaded};
use crate::{
    api::{
        session::Whoami,
        setup::{SetUpView, ViewSetUp},
    },
    error::AppError,
    paths,
    rpc::Query,
};
use leptos::prelude::*;

/// Leads to the only account, to the chooser of several, to signing in, or to the first run.
#[component]
pub fn HomePage() -> impl IntoView {
    let (me, first_run) = (Query::new(|| Whoami {}), Query::new(|| ViewSetUp {}));
    loaded(move || async move {
        match destination(me, first_run).await {
            Ok(path) => view! { <RedirectWithin path /> }.into_any(),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    })
}

async fn destination(me: Query<Whoami>, first_run: Query<ViewSetUp>) -> Result<String, AppError> {
    match me.await? {
        Some(me) => Ok(match me.accounts.as_slice() {
            [only] => paths::account(only.slug.as_str()),
            [] | [_, _, ..] => paths::ACCOUNTS.to_owned(),
        }),
        None => Ok(match first_run.await? {
            SetUpView::Open | SetUpView::NeedsLink { .. } => paths::SETUP.to_owned(),
            SetUpView::Done => paths::LOGIN.to_owned(),
        }),
    }
}
