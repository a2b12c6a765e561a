//! Pages that the server makes: settings that few people ever open. The browser only puts them in place, so that nobody else carries
//! their code and texts; their forms are ordinary forms, with scripting and without.

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
use crate::{api::login_methods::ServerPart, ask::Load, components::copy_to_clipboard};
use leptos::{ev, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use web_sys::{HtmlElement, wasm_bindgen::JsCast};

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
        <div class="server-part" on:click=copies>
            {page}
        </div>
    }
}

/// A button with `data-copy` copies that text.
fn copies(event: ev::MouseEvent) {
    let button = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let Some(button) = button else { return };
    if let Some(text) = button.get_attribute("data-copy") {
        copy_to_clipboard(&text, move || button.set_text_content(button.get_attribute("data-copied").as_deref()));
    }
}
