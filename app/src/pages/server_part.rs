//! Pages that the server makes: settings that few people ever open. The browser puts them in place, sends their forms and follows where
//! those lead, so that nobody else carries their code and texts. Without scripting they are ordinary pages and forms.

#[cfg(feature = "ssr")]
mod decision;
#[cfg(feature = "ssr")]
mod kit;
#[cfg(feature = "ssr")]
mod method;
#[cfg(feature = "ssr")]
mod methods;
#[cfg(feature = "ssr")]
mod render;

#[cfg(feature = "ssr")]
pub(crate) use render::render;

use super::{Failed, loaded, use_slug};
use crate::{
    api::login_methods::ServerPart,
    ask::{Load, post_form},
    components::{ErrorBox, copy_to_clipboard},
    error::AppError,
};
use leptos::{ev, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_navigate};
use web_sys::{HtmlElement, HtmlFormElement, wasm_bindgen::JsCast};

/// A page that the server made.
#[component]
pub fn ServerPage() -> impl IntoView {
    let slug = use_slug();
    let location = use_location();
    let load = Load::new(move || ServerPart {
        account: slug.get(),
        path: location.pathname.get(),
        query: location.search.get(),
    });
    let error = RwSignal::new(None::<AppError>);
    let navigate = use_navigate();
    let go = move |answer: Result<String, AppError>| match answer {
        Ok(path) if path == here() => load.refetch(),
        Ok(path) => navigate(&path, Default::default()),
        Err(failed) => error.set(Some(failed)),
    };
    let submitted = move |event: ev::SubmitEvent| {
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        if let Some(action) = form.and_then(|form| form.get_attribute("action")) {
            error.set(None);
            post_form(&event, action, go.clone());
        }
    };
    let page = loaded(move || async move {
        match load.await {
            Ok(part) => view! {
                <Title text=part.title />
                <div inner_html=part.html></div>
            }
            .into_any(),
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <div class="server-part" on:submit=submitted on:click=copies on:input=previews>
            <ErrorBox error />
            {page}
        </div>
    }
}

fn here() -> String {
    let location = window().location();
    format!("{}{}", location.pathname().unwrap_or_default(), location.search().unwrap_or_default())
}

/// A button with `data-copy` copies that text.
fn copies(event: ev::MouseEvent) {
    let button = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let Some(button) = button else { return };
    if let Some(text) = button.get_attribute("data-copy") {
        copy_to_clipboard(&text, move || button.set_text_content(button.get_attribute("data-copied").as_deref()));
    }
}

/// What a field for the path of a claim would find in the claims of the last test, beside it while one types.
fn previews(event: ev::Event) {
    let Some(field) = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok()) else {
        return;
    };
    let Some(preview) = field.get_attribute("data-preview").and_then(|id| document().get_element_by_id(&id)) else {
        return;
    };
    let path = field.value();
    let path = path.trim();
    let claims = document().query_selector_all("[data-claim]").ok();
    let found = claims.and_then(|claims| {
        (0..claims.length())
            .filter_map(|index| claims.item(index)?.dyn_into::<HtmlElement>().ok())
            .find(|claim| claim.get_attribute("data-claim").as_deref() == Some(path))
    });
    preview.set_text_content(found.and_then(|claim| claim.text_content()).as_deref());
}
