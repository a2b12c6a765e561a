//! The page for addresses that name nothing.

use super::{set_status, shell::Card};
use crate::i18n::{text, use_locale};
use leptos::prelude::*;
use leptos_meta::Title;

/// An address that names nothing.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    set_status(http::StatusCode::NOT_FOUND);
    view! {
        <Card>
            <NothingHere />
        </Card>
    }
}

/// Nothing here, or nothing that one may know of: the words are the same.
#[component]
pub(super) fn NothingHere() -> impl IntoView {
    let locale = use_locale();
    view! {
        <Title text=text!(locale, common.not_found_title) />
        <h1>{text!(locale, common.not_found_title)}</h1>
        <p class="page-lead">{text!(locale, common.not_found_text)}</p>
        <p>
            <a class="button" href="/">{text!(locale, common.not_found_home)}</a>
        </p>
    }
}
