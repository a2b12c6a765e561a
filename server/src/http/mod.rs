//! HTTP: the router, and what surrounds every request.
//!
//! From the outside in: a log line ([`trace`]), headers that hold for all answers ([`headers`]), our own answers put into words for
//! people ([`answer`]), faults and slowness turned into such answers ([`guard`]), static files ([`assets`]), texts that nothing below can
//! hold ([`nul`]) and requests from other sites ([`csrf`]) refused, who is asking ([`visitor`]),
//! what came of the form that led here ([`flash`]), and then a page, a server function ([`api`]) or a plain route ([`PLAIN_ROUTES`]). The REST
//! API ([`rest`]) stands beside all of these from the requests of other sites on: it knows keys and no cookies.

mod access;
mod answer;
mod api;
mod assets;
mod audit;
mod client_ip;
mod connection_limits;
mod csrf;
mod csv_file;
mod denials;
pub mod doctor;
mod events;
mod flash;
mod forward_auth;
mod guard;
mod guide;
mod headers;
mod health;
mod language;
mod lengths;
mod links;
mod listen;
mod mail;
pub mod metrics;
mod nul;
mod oauth;
mod openid_provider;
mod pages;
pub mod rest;
mod stalls;
mod trace;
mod users;
mod visitor;

pub use connection_limits::ConnectionLimits;
pub use listen::serve;

use crate::{context::Services, forward_auth as forward, openid_provider as openid};
use app::paths;
use axum::{
    Router,
    extract::FromRef,
    http::Method,
    middleware::{from_fn, from_fn_with_state},
    routing::{MethodRouter, get, post},
};
use leptos::config::LeptosOptions;
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list};
use std::sync::LazyLock;
use tower_http::compression::CompressionLayer;

/// What handlers and layers reach.
#[derive(Clone, FromRef)]
struct Http {
    services: Services,
    options: LeptosOptions,
    streams: events::OpenStreams,
}

/// Whom a plain route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, with nothing that is anybody's.
    Everyone,
    /// Whoever holds the token in the path; others learn nothing.
    TokenHolder,
    /// Members of the account in the path with the right to it; others get 404 or the way to sign in.
    Member,
    /// Every member of the account in the path; others get 404 or the way to sign in.
    EveryMember,
    /// Programs, by what they send themselves. Whether there is a session is not looked at.
    Programs,
}

/// A route that is neither a page nor a server function.
#[derive(Clone)]
pub struct PlainRoute {
    /// Its method; `GET` answers `HEAD` as well.
    pub method: Method,
    /// Its path.
    pub path: &'static str,
    /// Whom it answers.
    pub access: Access,
    handler: fn() -> MethodRouter<Http>,
}

/// All plain routes: the router is built from this table, and the access test walks it.
pub static PLAIN_ROUTES: [PlainRoute; 36] = [
    plain("/i/{token}", Access::TokenHolder, || get(links::invitation)),
    plain("/s/{token}", Access::TokenHolder, || get(links::setup)),
    plain("/r/{token}", Access::TokenHolder, || get(links::password_reset)),
    plain("/e/{token}", Access::TokenHolder, || get(links::address_change)),
    plain("/language/{tag}", Access::Everyone, || get(links::language)),
    plain(paths::LOGIN_METHODS_GUIDE, Access::Everyone, || get(guide::login_methods)),
    plain("/a/{slug}/settings/outbox/{mail}", Access::Member, || get(mail::show)),
    plain("/a/{slug}/settings/audit/{file}", Access::Member, || get(audit::export)),
    plain("/a/{slug}/settings/audit/access.csv", Access::Member, || get(access::export)),
    plain("/a/{slug}/settings/users.csv", Access::Member, || get(users::export)),
    plain("/a/{slug}/events", Access::EveryMember, || get(events::account)),
    plain("/oauth/{method}/start", Access::Everyone, || get(oauth::start)),
    plain("/oauth/{method}/callback", Access::TokenHolder, || get(oauth::callback)),
    plain("/a/{slug}/settings/login-methods/{method}/test", Access::Member, || get(oauth::test)),
    plain("/doctor/{question}", Access::TokenHolder, || get(doctor::answer)),
    plain(openid::AUTHORIZE, Access::Everyone, || get(openid_provider::authorize)),
    plain(openid::CONTINUE, Access::TokenHolder, || get(openid_provider::go_on)),
    plain(openid::LOGOUT, Access::Everyone, || get(openid_provider::sign_out)),
    program(Method::POST, openid::AUTHORIZE, || post(openid_provider::post_to_get)),
    program(Method::POST, openid::LOGOUT, || post(openid_provider::post_to_get)),
    program(Method::POST, openid::TOKEN, || post(openid_provider::token).options(openid_provider::preflight)),
    program(Method::POST, openid::INTROSPECT, || post(openid_provider::introspect)),
    program(Method::POST, openid::REVOKE, || post(openid_provider::revoke).options(openid_provider::preflight)),
    program(Method::GET, openid::USER_INFO, || {
        get(openid_provider::user_info).post(openid_provider::user_info).options(openid_provider::preflight)
    }),
    program(Method::GET, openid::JWKS, || get(openid_provider::keys)),
    program(Method::GET, "/.well-known/openid-configuration", || get(openid_provider::metadata)),
    program(Method::GET, "/.well-known/oauth-authorization-server", || get(openid_provider::metadata)),
    program(Method::GET, forward::CHECK, || get(forward_auth::check)),
    plain(forward::BEGIN, Access::TokenHolder, || get(forward_auth::begin)),
    plain(forward::CONTINUE, Access::TokenHolder, || get(forward_auth::go_on)),
    // These come from other hosts, whose proxies pass them on.
    program(Method::GET, forward::SIGN_IN, || get(forward_auth::sign_in)),
    program(Method::GET, forward::CALLBACK, || get(forward_auth::callback)),
    program(Method::GET, forward::SIGN_OUT, || get(forward_auth::sign_out)),
    program(Method::GET, forward::DENIED, || get(forward_auth::denied)),
    plain("/healthz", Access::Everyone, || get(health::alive)),
    plain("/readyz", Access::Everyone, || get(health::ready)),
];

const fn plain(path: &'static str, access: Access, handler: fn() -> MethodRouter<Http>) -> PlainRoute {
    PlainRoute { method: Method::GET, path, access, handler }
}

const fn program(method: Method, path: &'static str, handler: fn() -> MethodRouter<Http>) -> PlainRoute {
    PlainRoute { method, path, access: Access::Programs, handler }
}

/// The routes of the pages, listed once in a process and before any page is rendered: while they are listed, no page anywhere in the
/// process may ask the server, and one that asks all the same waits for ever.
pub static PAGES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(app::App));

/// The whole of Roster as one service.
pub fn router(services: Services) -> Router {
    let options = pages::options();
    let http = Http { services: services.clone(), options, streams: events::OpenStreams::of(&services.config) };
    let pages = PAGES.clone();

    let routes = |router: Router<Http>, for_programs: bool| {
        let wanted = PLAIN_ROUTES.iter().filter(|route| (route.access == Access::Programs) == for_programs);
        wanted.fold(router, |router, route| router.route(route.path, (route.handler)()))
    };
    let for_people = routes(Router::new(), false)
        .leptos_routes_with_context(&http, pages, pages::context(services.clone()), pages::shell(&http.options))
        .fallback(pages::not_found(&http))
        .layer(from_fn_with_state(services.clone(), api::layer))
        .layer(from_fn_with_state(services.clone(), flash::layer))
        .layer(from_fn_with_state(services.clone(), visitor::layer))
        .layer(csrf::layer(&services.config))
        .layer(from_fn_with_state(services.clone(), csrf::strict));
    // Programs come from other origins, and bring no session: neither is looked at.
    routes(for_people, true)
        .merge(rest::router(&services))
        .layer(from_fn(nul::layer))
        .layer(from_fn(assets::layer))
        .layer(from_fn(guard::ambiguities))
        .layer(from_fn(guard::sizes))
        .layer(from_fn(guard::time_limit))
        .layer(from_fn(guard::panics))
        .layer(from_fn_with_state(services.clone(), answer::layer))
        .layer(CompressionLayer::new())
        .layer(headers::unless_set())
        .layer(headers::always(&services.config))
        .layer(from_fn_with_state(services, trace::layer))
        .with_state(http)
}
