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
mod reauthenticate;
#[cfg(feature = "ssr")]
mod render;

#[cfg(feature = "ssr")]
pub(crate) use render::render;

use super::{Failed, loaded, use_slug};
use crate::{
    api::login_methods::ServerPart,
    ask::{Load, carried_error, send_form},
    components::{ErrorBox, copy_to_clipboard},
};
use leptos::{ev, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_navigate};
use web_sys::{HtmlElement, HtmlFormElement, HtmlInputElement, wasm_bindgen::JsCast};

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
    let error = RwSignal::new(carried_error());
    let sending = RwSignal::new(false);
    // Was a form sent whose answer is still to be looked at?
    let asked = StoredValue::new(false);
    let navigate = use_navigate();
    let submitted = move |event: ev::SubmitEvent| {
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        let Some(action) = form.and_then(|form| form.get_attribute("action")) else { return };
        if sending.get_untracked() {
            event.prevent_default();
            return;
        }
        error.set(None);
        sending.set(true);
        let button = event.submitter().and_then(|button| button.dyn_into::<HtmlElement>().ok());
        show_busy(button.as_ref(), true);
        let navigate = navigate.clone();
        send_form(&event, action, move |answer| {
            sending.set(false);
            show_busy(button.as_ref(), false);
            match answer {
                Ok(path) if path == here() => load.refetch(),
                Ok(path) => navigate(&path, Default::default()),
                Err(failed) => error.set(Some(failed)),
            }
            // What came of it is said at the top.
            window().scroll_to_with_x_and_y(0.0, 0.0);
            asked.set_value(true);
        });
    };
    let page = loaded(move || async move {
        match load.await {
            Ok(part) => {
                if asked.try_get_value() == Some(true) {
                    asked.set_value(false);
                    request_animation_frame(leads_the_eye);
                }
                view! {
                    <Title text=part.title />
                    <div class="server-page" inner_html=part.html></div>
                }
                .into_any()
            }
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

/// The focus goes to the first wrong field, else to what is said at the top, else to the page.
fn leads_the_eye() {
    let find = |what: &str| document().query_selector(what).ok().flatten();
    let target =
        find(".server-page [aria-invalid]").or_else(|| find(".server-page > [tabindex]")).or_else(|| find("main"));
    if let Some(target) = target.and_then(|target| target.dyn_into::<HtmlElement>().ok()) {
        let _ = target.focus();
    }
}

fn here() -> String {
    let location = window().location();
    format!("{}{}", location.pathname().unwrap_or_default(), location.search().unwrap_or_default())
}

/// As [`crate::components::Button`] shows it.
fn show_busy(button: Option<&HtmlElement>, busy: bool) {
    if let Some(button) = button {
        let _ = button.class_list().toggle_with_force("button-busy", busy);
        let _ = button.set_attribute("aria-busy", if busy { "true" } else { "false" });
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

/// What a field for the path of a claim would find in the claims of the last test, beside it while one types.
fn previews(event: ev::Event) {
    let Some(field) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else { return };
    let Some(preview) = field.get_attribute("data-preview").and_then(|id| document().get_element_by_id(&id)) else {
        return;
    };
    let typed = field.value();
    let path = typed.trim().trim_start_matches("$.");
    let claims = document().query_selector_all("[data-claim]").ok();
    let found = claims.and_then(|claims| {
        (0..claims.length())
            .filter_map(|index| claims.item(index)?.dyn_into::<HtmlElement>().ok())
            .find(|claim| claim.get_attribute("data-claim").as_deref() == Some(path))
    });
    let words = found.map_or_else(|| preview.get_attribute("data-nothing"), |claim| claim.text_content());
    preview.set_text_content(words.as_deref());
}
