//! What the browser and the server share: the domain and its policy, the server functions, the pages and their texts.
#![recursion_limit = "512"]

#[allow(missing_docs, reason = "the fields of the structs that `#[server]` makes are its arguments")]
pub mod api;
pub mod ask;
#[cfg(feature = "ssr")]
pub mod backend;
pub mod components;
pub mod domain;
pub mod error;
pub mod flash;
pub mod i18n;
mod pages;
pub mod paths;
#[cfg(feature = "ssr")]
pub mod request;

use components::{ToastRegion, keep_focus, provide_toasts};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode::Async,
    components::{ParentRoute, Route, Router, Routes},
    path,
};
use pages::{
    AccountHomePage, AccountLayout, AccountsPage, EditDialog, HomePage, InvitationPage, InviteDialog, LoginPage,
    NotFoundPage, OutboxPage, RemoveDialog, ServerPage, SetUpPage, UsersPage,
};

/// The whole document of a page, as the server answers it.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> AnyView {
    view! {
        <!DOCTYPE html>
        // The browser takes the language over from here.
        <html lang=i18n::page_language().tag()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="robots" content="noindex" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" id="leptos" href="/pkg/roster.css" />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <leptos_meta::MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
    .into_any()
}

/// All pages. Each is rendered whole before it is sent (`Async`), so that it works without scripting and has its status,
/// redirects and cookies in time.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    i18n::provide_locale();
    provide_toasts();
    flash::provide_form_result();
    keep_focus();
    view! {
        <Title formatter=document_title />
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/") view=HomePage ssr=Async />
                <Route path=path!("/setup") view=SetUpPage ssr=Async />
                <Route path=path!("/login") view=LoginPage ssr=Async />
                <Route path=path!("/login/:slug") view=LoginPage ssr=Async />
                <Route path=path!("/invitation/:id") view=InvitationPage ssr=Async />
                <Route path=path!("/accounts") view=AccountsPage ssr=Async />
                <ParentRoute path=path!("/a/:slug") view=AccountLayout ssr=Async>
                    <Route path=path!("/") view=AccountHomePage ssr=Async />
                    <ParentRoute path=path!("/settings/users") view=UsersPage ssr=Async>
                        <Route path=path!("/") view=|| () ssr=Async />
                        <Route path=path!("/new") view=InviteDialog ssr=Async />
                        <Route path=path!("/:id/edit") view=EditDialog ssr=Async />
                        <Route path=path!("/:id/remove") view=RemoveDialog ssr=Async />
                    </ParentRoute>
                    <Route path=path!("/reauthenticate") view=ServerPage ssr=Async />
                    <Route path=path!("/settings/outbox") view=OutboxPage ssr=Async />
                    <Route path=path!("/settings/login-methods") view=ServerPage ssr=Async />
                    <Route path=path!("/settings/login-methods/:id") view=ServerPage ssr=Async />
                    <Route path=path!("/settings/decisions/:id") view=ServerPage ssr=Async />
                </ParentRoute>
            </Routes>
        </Router>
        <ToastRegion />
    }
}

/// The title of the document. On the server, `leptos_meta` writes what this returns between `<title>` and `</title>` as it is, so the
/// text is escaped here, once for all pages (IN-13). In the browser it becomes `document.title`, which takes text.
fn document_title(page: String) -> String {
    let title = format!("{page} · Roster");
    #[cfg(feature = "ssr")]
    let title = html_escape::encode_text(&title).into_owned();
    title
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn in_13_a_title_is_text_whatever_it_holds() {
        assert_eq!(
            document_title("</title><b id=x>Müller & Söhne".to_owned()),
            "&lt;/title&gt;&lt;b id=x&gt;Müller &amp; Söhne · Roster"
        );
    }
}
