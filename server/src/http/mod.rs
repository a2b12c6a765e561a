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
mod guard;
mod guide;
mod headers;
mod health;
mod language;
mod lengths;
mod links;
mod listen;
mod mail;
mod nul;
mod oauth;
mod pages;
pub mod rest;
mod stalls;
mod trace;
mod users;
mod visitor;

pub use connection_limits::ConnectionLimits;
pub use listen::serve;

use crate::context::Services;
use app::paths;
use axum::{
    Router,
    extract::FromRef,
    http::Method,
    middleware::{from_fn, from_fn_with_state},
    routing::{MethodRouter, get},
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
pub static PLAIN_ROUTES: [PlainRoute; 17] = [
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
    plain("/healthz", Access::Everyone, || get(health::alive)),
    plain("/readyz", Access::Everyone, || get(health::ready)),
];

const fn plain(path: &'static str, access: Access, handler: fn() -> MethodRouter<Http>) -> PlainRoute {
    PlainRoute { method: Method::GET, path, access, handler }
}

/// The routes of the pages, listed once in a process and before any page is rendered: while they are listed, no page anywhere in the
/// process may ask the server, and one that asks all the same waits for ever.
pub static PAGES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(app::App));

/// The whole of Roster as one service.
pub fn router(services: Services) -> Router {
    let options = pages::options();
    let http = Http { services: services.clone(), options, streams: events::OpenStreams::of(&services.config) };
    let pages = PAGES.clone();

    let mut router = Router::new();
    for route in &PLAIN_ROUTES {
        router = router.route(route.path, (route.handler)());
    }
    router
        .leptos_routes_with_context(&http, pages, pages::context(services.clone()), pages::shell(&http.options))
        .fallback(pages::not_found(&http))
        .layer(from_fn_with_state(services.clone(), api::layer))
        .layer(from_fn_with_state(services.clone(), flash::layer))
        .layer(from_fn_with_state(services.clone(), visitor::layer))
        .layer(csrf::layer(&services.config))
        .layer(from_fn_with_state(services.clone(), csrf::strict))
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
        .layer(from_fn(trace::layer))
        .with_state(http)
}
