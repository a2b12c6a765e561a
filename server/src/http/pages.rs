//! The pages: what their context holds, and the policy for their scripts and styles.

use super::{Http, assets};
use crate::context::Services;
use app::backend::Backend;
use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use leptos::{
    config::{Env, LeptosOptions},
    nonce::use_nonce,
    prelude::{AnyView, provide_context, use_context},
};
use leptos_axum::{ResponseOptions, render_app_async_with_context};
use std::{pin::Pin, sync::Arc};

/// Names of the browser's half, as the build makes them. Nothing is read from the environment: the binary stands alone.
pub(super) fn options() -> LeptosOptions {
    let env = if cfg!(debug_assertions) { Env::DEV } else { Env::PROD };
    LeptosOptions::builder().output_name("roster").site_pkg_dir(assets::PACKAGE.as_str()).env(env).build()
}

/// Runs before every page and server function: gives them the backend, and pages their policy.
pub(super) fn context(services: Services) -> impl Fn() + Clone + Send + Sync + 'static {
    let backend: Arc<dyn Backend> = Arc::new(services);
    let manifest = assets::split_manifest();
    move || {
        provide_context(backend.clone());
        if let Some(manifest) = manifest.clone() {
            provide_context(manifest);
        }
        // Server functions have no nonce: their answers keep the constant policy.
        if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) {
            let path = use_context::<Parts>().map(|parts| parts.uri.path().to_owned()).unwrap_or_default();
            if let Ok(policy) = HeaderValue::from_str(&policy(&nonce, &path)) {
                response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
            }
        }
    }
}

/// BR-01. The outbox alone shows a frame: a mail, which is a response of ours.
fn policy(nonce: &str, path: &str) -> String {
    let frames = if path.starts_with("/a/") && path.ends_with("/settings/outbox") { "; frame-src 'self'" } else { "" };
    let reload = reload_socket().unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data:; connect-src 'self'{reload}; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self'{frames}"
    )
}

/// While developing, the page waits on a socket for the next build; a release has no such thing (CF-06).
fn reload_socket() -> Option<&'static str> {
    (cfg!(debug_assertions) && std::env::var_os("LEPTOS_WATCH").is_some()).then_some(" ws://127.0.0.1:3001")
}

/// The whole document of a page.
pub(super) fn shell(options: &LeptosOptions) -> impl Fn() -> AnyView + Clone + Send + Sync + 'static + use<> {
    let options = options.clone();
    move || app::shell(options.clone())
}

/// The page for paths that name nothing, with status 404.
pub(super) fn not_found(
    http: &Http,
) -> impl FnOnce(Request) -> Pin<Box<dyn Future<Output = Response> + Send>> + Clone + Send + Sync + 'static + use<> {
    let services = http.services.clone();
    let render = render_app_async_with_context(context(services), shell(&http.options));
    move |request: Request| {
        Box::pin(async move {
            let mut response = render(request).await.into_response();
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn br_01_the_policy_of_a_page() {
        assert_eq!(
            policy("N", "/a/acme/settings/users"),
            "default-src 'none'; script-src 'self' 'nonce-N' 'wasm-unsafe-eval'; style-src 'self' 'nonce-N'; img-src 'self' data:; \
             connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        );
        assert!(policy("N", "/a/acme/settings/outbox").ends_with("; frame-src 'self'"));
        assert!(!policy("N", "/a/acme/settings/outbox").contains("unsafe-inline"));
    }
}
