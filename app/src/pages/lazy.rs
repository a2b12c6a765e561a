//! Pages whose code the browser loads when somebody goes there, so that nobody pays for what they do not open.

use crate::hydration::{is_hydrated, stays_static};
#[cfg(feature = "ssr")]
use leptos::WasmSplitManifest;
use leptos::{
    ev,
    prelude::*,
    wasm_bindgen::{JsCast, closure::Closure},
    wasm_split::SplitLoaderError,
};
#[cfg(feature = "ssr")]
use leptos_meta::Link;
#[cfg(feature = "ssr")]
use std::collections::HashSet;
use std::future::pending;

/// Puts a page into the chunk of this name, and declares its route. Pages that people open one after the other share a chunk: what several
/// chunks need is cut out of them once more, for each set of chunks that needs it, so that many chunks make very many files.
macro_rules! lazy_page {
    ($route:ident, $chunk:ident, $page:ident) => {
        #[doc = concat!("The route of [`", stringify!($page), "`], whose code is loaded when it is first opened.")]
        pub struct $route;

        const _: () = {
            use leptos::prelude::IntoAny;

            // In the browser, the chunk's entry is a foreign function.
            #[allow(unsafe_code, reason = "what the macro expands to")]
            #[leptos::wasm_split::wasm_split($chunk, wasm_split_path = ::leptos::wasm_split, preload(fetch), fallible)]
            fn page() -> Result<leptos::prelude::AnyView, $crate::pages::lazy::MissingChunk> {
                Ok(leptos::prelude::view! { <$page /> }.into_any())
            }

            impl leptos_router::LazyRoute for $route {
                fn data() -> Self {
                    Self
                }

                async fn view(_: Self) -> leptos::prelude::AnyView {
                    #[cfg(feature = "ssr")]
                    $crate::pages::lazy::name_in_head(stringify!($chunk));
                    match page().await {
                        Ok(view) => view,
                        Err(missing) => missing.go_on().await,
                    }
                }

                async fn preload() {
                    if fetch().await.is_err() {
                        $crate::pages::lazy::MissingChunk.go_on().await;
                    }
                }
            }

            impl $crate::pages::lazy::Prefetch for $route {
                async fn prefetch() {
                    // Somebody who goes there although it failed is told by the route itself.
                    let _ = fetch().await;
                }
            }
        };
    };
}

/// A page that can be fetched ahead, before anybody goes there.
pub trait Prefetch {
    /// Fetches its chunk, if it can be had.
    fn prefetch() -> impl Future<Output = ()>;
}

/// The chunk of a page did not arrive: there was no network, or the server was updated meanwhile and has other chunks.
pub(super) struct MissingChunk;

impl From<SplitLoaderError> for MissingChunk {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

impl MissingChunk {
    /// Goes on without the chunk. Whoever is on the way to the page gets it whole from the server, with the scripts that go with it. Where it
    /// is there already, as the server made it, it stays: its forms and links work without scripting, and what was typed is kept.
    pub(super) async fn go_on(self) -> AnyView {
        if is_hydrated() {
            super::full_page_load(&super::here().get_untracked());
        } else {
            keep_clicks_from_router();
            stays_static();
        }
        pending().await
    }
}

/// The router would follow links to pages that it cannot show.
fn keep_clicks_from_router() {
    let stop = Closure::<dyn Fn(web_sys::Event)>::new(|event: web_sys::Event| event.stop_propagation());
    let _ = window().add_event_listener_with_callback_and_bool("click", stop.as_ref().unchecked_ref(), true);
    // The closure must live as long as the page.
    stop.forget();
}

/// The files that the head of this page names already: a page may be made more than once before it is sent.
#[cfg(feature = "ssr")]
#[derive(Clone, Default)]
pub struct NamedInHead(ArcStoredValue<HashSet<String>>);

/// Names the files of a chunk in the head of the page, so that they come together with the main part, which asks for both
/// (`start.js`). Leptos' own way looks for the manifest on whichever thread the page was finished, where it is not always to be found.
#[cfg(feature = "ssr")]
pub(super) fn name_in_head(chunk: &str) {
    let (Some(WasmSplitManifest(manifest)), Some(NamedInHead(named))) = (use_context(), use_context()) else { return };
    // Rendering a link registers it in the head.
    let once = |file: String, link: fn(String) -> AnyView| {
        if named.try_update_value(|named| named.insert(file.clone())) == Some(true) {
            let _ = link(file).to_html();
        }
    };
    manifest.with_value(|(package, chunks, loader)| {
        for file in chunks.get(chunk).into_iter().flatten() {
            once(format!("{package}/{file}.wasm"), |href| {
                view! { <Link rel="later" href as_="fetch" type_="application/wasm" crossorigin="anonymous" /> }
                    .into_any()
            });
        }
        once(format!("{package}/{loader}"), |href| {
            view! { <Link rel="later" href crossorigin="anonymous" /> }.into_any()
        });
    });
}

/// Fetches the chunks of links as soon as somebody points at them or comes to them by keyboard; once, at the root.
pub fn prefetch_on_approach(fetch_ahead: fn(&str) -> Option<fn()>) {
    Effect::new(move || {
        let near = move |event: web_sys::Event| {
            let link = event
                .target()
                .and_then(|target| target.dyn_into::<web_sys::Element>().ok()?.closest("a[href^='/']").ok()?);
            if let Some(path) = link.and_then(|link| link.get_attribute("href"))
                && let Some(fetch) = fetch_ahead(path.split(['?', '#']).next().unwrap_or_default())
            {
                fetch();
            }
        };
        window_event_listener(ev::pointerover, move |event| near(event.into()));
        window_event_listener(ev::focusin, move |event| near(event.into()));
    });
}
