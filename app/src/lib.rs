//! What the browser and the server share: the domain and its policy, the server functions, the pages and their texts.
#![recursion_limit = "512"]

#[allow(missing_docs, reason = "the fields of the structs that `#[server]` makes are its arguments")]
pub mod api;
#[cfg(feature = "ssr")]
pub mod backend;
pub mod components;
pub mod domain;
pub mod error;
pub mod flash;
pub mod hydration;
pub mod i18n;
mod pages;
pub mod paths;
#[cfg(feature = "ssr")]
pub mod request;
pub mod rpc;

use components::{ToastRegion, keep_focus, provide_time_zone, provide_toasts};
#[cfg(feature = "ssr")]
use domain::theme::Theme;
#[cfg(feature = "ssr")]
use leptos::nonce::use_nonce;
use leptos::{prelude::*, task::spawn_local};
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy,
    SsrMode::Async,
    components::{ParentRoute, Route, Router, Routes},
    path,
};
use pages::{
    AccessRoute, AccountHomeRoute, AccountLayout, AccountSettingsRoute, AccountsRoute, ActivityRoute, AddressRoute,
    ApiKeysRoute, AuditRoute, AuthenticatorRoute, ChangeSeveralRoute, DecisionRoute, DeleteLoginRoute, EditRoute,
    ForgottenPasswordRoute, HomePage, InvitationRoute, InviteRoute, InviteSeveralRoute, LoginMethodRoute,
    LoginMethodsRoute, LoginPage, NewRoleRoute, NewWebhookRoute, NotFoundPage, OutboxRoute, OwnAccountsRoute,
    OwnLoginRoute, OwnReauthenticationRoute, PersonRoute, Prefetch, ProfileRoute, ReauthenticationRoute, RemoveRoute,
    RequiredFactorRoute, ResetPasswordRoute, RoleRoute, RolesRoute, SecondStepRoute, SecurityRoute, SessionsRoute,
    SetUpRoute, SignInRoute, UsersRoute, WebhookRoute, WebhooksRoute, prefetch_on_approach,
};

/// The whole document of a page, as the server answers it.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> AnyView {
    let (theme, time_zone) = (page_theme(), components::page_time_zone());
    view! {
        <!DOCTYPE html>
        // The browser takes language and zone over from here, and the style sheet the theme.
        <html
            lang=i18n::page_language().tag()
            data-theme=theme.map(Theme::key)
            data-time-zone=time_zone.map(|zone| zone.name().to_owned())
        >
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content=theme.map_or("light dark", Theme::key) />
                <meta name="robots" content="noindex" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" id="leptos" href=format!("/{}/roster.css", options.site_pkg_dir) />
                {cfg!(debug_assertions).then(|| view! { <AutoReload options=options.clone() /> })}
                <script type="module" nonce=use_nonce()>{start(&options)}</script>
                <leptos_meta::MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
    .into_any()
}

/// Light or dark, if the person chose.
#[cfg(feature = "ssr")]
fn page_theme() -> Option<Theme> {
    use_context::<http::request::Parts>()?.extensions.get::<request::Visitor>()?.theme
}

/// What starts the browser's half. Leptos' own `HydrationScripts` asks for it before the style sheet has come, and does not say when it
/// fails. Nothing here comes from a person: a script is not escaped.
#[cfg(feature = "ssr")]
fn start(options: &LeptosOptions) -> String {
    format!("const PACKAGE = '/{}';\n{}", options.site_pkg_dir, include_str!("start.js"))
}

/// All pages. Each is rendered whole before it is sent (`Async`), so that it works without scripting and has its status,
/// redirects and cookies in time.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    #[cfg(feature = "ssr")]
    provide_context(pages::NamedInHead::default());
    i18n::provide_locale();
    provide_time_zone();
    provide_toasts();
    flash::provide_form_result();
    pages::provide_handed_over();
    keep_focus();
    prefetch_on_approach(fetch_ahead);
    view! {
        <Title formatter=document_title />
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/") view=HomePage ssr=Async />
                <Route path=path!("/setup") view={Lazy::<SetUpRoute>::new()} ssr=Async />
                <Route path=path!("/login") view=LoginPage ssr=Async />
                <Route path=path!("/login/:slug") view=LoginPage ssr=Async />
                <Route path=path!("/forgot-password") view={Lazy::<ForgottenPasswordRoute>::new()} ssr=Async />
                <Route path=path!("/reset-password") view={Lazy::<ResetPasswordRoute>::new()} ssr=Async />
                <Route path=path!("/second-factor") view={Lazy::<SecondStepRoute>::new()} ssr=Async />
                <Route path=path!("/invitation/:id") view={Lazy::<InvitationRoute>::new()} ssr=Async />
                <Route path=path!("/accounts") view={Lazy::<AccountsRoute>::new()} ssr=Async />
                <Route path=path!("/address") view={Lazy::<AddressRoute>::new()} ssr=Async />
                <ParentRoute path=path!("/me") view={Lazy::<OwnLoginRoute>::new()} ssr=Async>
                    <Route path=path!("/") view={Lazy::<ProfileRoute>::new()} ssr=Async />
                    <Route path=path!("/sign-in") view={Lazy::<SignInRoute>::new()} ssr=Async />
                    <Route path=path!("/authenticator/:id") view={Lazy::<AuthenticatorRoute>::new()} ssr=Async />
                    <Route path=path!("/reauthenticate") view={Lazy::<OwnReauthenticationRoute>::new()} ssr=Async />
                    <Route path=path!("/sessions") view={Lazy::<SessionsRoute>::new()} ssr=Async />
                    <Route path=path!("/accounts") view={Lazy::<OwnAccountsRoute>::new()} ssr=Async />
                    <Route path=path!("/activity") view={Lazy::<ActivityRoute>::new()} ssr=Async />
                    <Route path=path!("/delete") view={Lazy::<DeleteLoginRoute>::new()} ssr=Async />
                </ParentRoute>
                <ParentRoute path=path!("/a/:slug") view=AccountLayout ssr=Async>
                    <Route path=path!("/") view={Lazy::<AccountHomeRoute>::new()} ssr=Async />
                    <ParentRoute path=path!("/settings/users") view={Lazy::<UsersRoute>::new()} ssr=Async>
                        <Route path=path!("/") view=|| () ssr=Async />
                        <Route path=path!("/new") view={Lazy::<InviteRoute>::new()} ssr=Async />
                        <Route path=path!("/several") view={Lazy::<ChangeSeveralRoute>::new()} ssr=Async />
                        <Route path=path!("/new/several") view={Lazy::<InviteSeveralRoute>::new()} ssr=Async />
                        <Route path=path!("/:id/edit") view={Lazy::<EditRoute>::new()} ssr=Async />
                        <Route path=path!("/:id/remove") view={Lazy::<RemoveRoute>::new()} ssr=Async />
                    </ParentRoute>
                    // After the dialogs over the list, whose names would be taken for ids.
                    <Route path=path!("/settings/users/:id") view={Lazy::<PersonRoute>::new()} ssr=Async />
                    <Route path=path!("/reauthenticate") view={Lazy::<ReauthenticationRoute>::new()} ssr=Async />
                    <Route path=path!("/second-factor") view={Lazy::<RequiredFactorRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/roles") view={Lazy::<RolesRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/roles/new") view={Lazy::<NewRoleRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/roles/:id") view={Lazy::<RoleRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/account") view={Lazy::<AccountSettingsRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/security") view={Lazy::<SecurityRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/api-keys") view={Lazy::<ApiKeysRoute>::new()} ssr=Async />
                    <ParentRoute path=path!("/settings/webhooks") view={Lazy::<WebhooksRoute>::new()} ssr=Async>
                        <Route path=path!("/") view=|| () ssr=Async />
                        <Route path=path!("/new") view={Lazy::<NewWebhookRoute>::new()} ssr=Async />
                    </ParentRoute>
                    // After the dialog over the list, whose name would be taken for an id.
                    <Route path=path!("/settings/webhooks/:id") view={Lazy::<WebhookRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/audit") view={Lazy::<AuditRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/audit/access") view={Lazy::<AccessRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/outbox") view={Lazy::<OutboxRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/login-methods") view={Lazy::<LoginMethodsRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/login-methods/:id") view={Lazy::<LoginMethodRoute>::new()} ssr=Async />
                    <Route path=path!("/settings/decisions/:id") view={Lazy::<DecisionRoute>::new()} ssr=Async />
                </ParentRoute>
            </Routes>
        </Router>
        <ToastRegion />
    }
}

/// What fetches the chunk of the page with this path, before anybody goes there; `None` for the pages of the main part.
pub fn fetch_ahead(path: &str) -> Option<fn()> {
    fn of<R: Prefetch + 'static>() {
        spawn_local(R::prefetch());
    }
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    Some(match steps[..] {
        ["setup"] => of::<SetUpRoute>,
        ["forgot-password"] => of::<ForgottenPasswordRoute>,
        ["reset-password"] => of::<ResetPasswordRoute>,
        ["second-factor"] => of::<SecondStepRoute>,
        ["invitation", _] => of::<InvitationRoute>,
        ["address"] => of::<AddressRoute>,
        ["accounts"] => of::<AccountsRoute>,
        ["me", ..] => of::<OwnLoginRoute>,
        ["a", _] => of::<AccountHomeRoute>,
        ["a", _, "reauthenticate"] => of::<ReauthenticationRoute>,
        ["a", _, "second-factor"] => of::<RequiredFactorRoute>,
        ["a", _, "settings", "roles"] => of::<RolesRoute>,
        ["a", _, "settings", "roles", "new"] => of::<NewRoleRoute>,
        ["a", _, "settings", "roles", _] => of::<RoleRoute>,
        ["a", _, "settings", "account"] => of::<AccountSettingsRoute>,
        ["a", _, "settings", "security"] => of::<SecurityRoute>,
        ["a", _, "settings", "login-methods"] => of::<LoginMethodsRoute>,
        ["a", _, "settings", "login-methods", _] => of::<LoginMethodRoute>,
        ["a", _, "settings", "decisions", _] => of::<DecisionRoute>,
        ["a", _, "settings", "api-keys"] => of::<ApiKeysRoute>,
        ["a", _, "settings", "webhooks"] => of::<WebhooksRoute>,
        ["a", _, "settings", "webhooks", "new"] => of::<NewWebhookRoute>,
        ["a", _, "settings", "webhooks", _] => of::<WebhookRoute>,
        ["a", _, "settings", "audit"] => of::<AuditRoute>,
        ["a", _, "settings", "audit", "access"] => of::<AccessRoute>,
        ["a", _, "settings", "outbox"] => of::<OutboxRoute>,
        ["a", _, "settings", "users"] => of::<UsersRoute>,
        ["a", _, "settings", "users", "new"] => of::<InviteRoute>,
        ["a", _, "settings", "users", "several"] => of::<ChangeSeveralRoute>,
        ["a", _, "settings", "users", "new", "several"] => of::<InviteSeveralRoute>,
        ["a", _, "settings", "users", _] => of::<PersonRoute>,
        ["a", _, "settings", "users", _, "edit"] => of::<EditRoute>,
        ["a", _, "settings", "users", _, "remove"] => of::<RemoveRoute>,
        _ => return None,
    })
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
