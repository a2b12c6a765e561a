//! Static files: the browser's half and the public folder. A release carries them in the binary; a debug build reads them from disk,
//! so that a rebuilt front end shows at once.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use leptos::{WasmSplitManifest, prelude::ArcStoredValue};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

#[derive(RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
#[exclude = "*.map"]
#[exclude = "*/.*"]
#[exclude = ".*"]
struct Site;

/// The folder of the browser's half, without a slash around it. Its name carries the build, so that what stands there may be kept for a
/// year, and scripts of one build never meet chunks of another. While developing, the files change under a process, and the name does not.
pub(super) static PACKAGE: LazyLock<String> = LazyLock::new(|| {
    if cfg!(debug_assertions) {
        return FOLDER.to_owned();
    }
    let mut names: Vec<_> = Site::iter().filter(|name| name.starts_with(FOLDER)).collect();
    names.sort();
    let build = names.iter().fold(Sha256::new(), |build, name| {
        build
            .chain_update(name.as_bytes())
            .chain_update(Site::get(name).map_or([0; 32], |file| file.metadata.sha256_hash()))
    });
    let build: String = URL_SAFE_NO_PAD.encode(build.finalize()).chars().take(BUILD_CHARS).collect();
    format!("{FOLDER}/{build}")
});

/// The folder of the browser's half in the site.
const FOLDER: &str = "pkg";
/// The length of a build's name, in characters.
const BUILD_CHARS: usize = 16;
/// The file that says which files each chunk needs; `.ci/pack` writes it.
const SPLIT_MANIFEST: &str = "pkg/__wasm_split_manifest.json";
/// The script that loads chunks; `.ci/pack` names it so.
const SPLIT_LOADER: &str = "__wasm_split.______________________.js";

/// Which files each chunk needs, so that pages can name them in their head; `None` if the browser's half was not built.
pub(super) fn split_manifest() -> Option<WasmSplitManifest> {
    let chunks: HashMap<String, Vec<String>> = serde_json::from_slice(&Site::get(SPLIT_MANIFEST)?.data).ok()?;
    Some(WasmSplitManifest(ArcStoredValue::new((format!("/{}", *PACKAGE), chunks, SPLIT_LOADER.to_owned()))))
}

/// Precompressed forms, the better one first: name in `Accept-Encoding`, ending of the file.
const ENCODINGS: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];

/// Answers with the file of this path, if there is one; else passes the request on.
pub(super) async fn layer(request: Request, next: Next) -> Response {
    let found = match *request.method() {
        Method::GET | Method::HEAD => answer(request.uri().path(), request.headers()),
        _ => None,
    };
    match found {
        Some(response) => response,
        None => next.run(request).await,
    }
}

fn answer(path: &str, headers: &HeaderMap) -> Option<Response> {
    let path = path.strip_prefix('/')?;
    let (name, caching) = match path.strip_prefix(PACKAGE.as_str()) {
        Some(file) if !cfg!(debug_assertions) => (Cow::Owned(format!("{FOLDER}{file}")), CACHE_FOR_A_YEAR),
        _ => (of_another_build(path).map_or(Cow::Borrowed(path), Cow::Borrowed), REVALIDATE),
    };
    let name = name.as_ref();
    let kind = content_type(name)?;
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (file, encoding) = find(name, accepted)?;

    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut whole = Body::from(shared(file.data)).into_response();
        whole.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(encoding) = encoding {
            whole.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        whole
    };
    let answered = response.headers_mut();
    answered.insert(header::ETAG, HeaderValue::from_str(&tag).ok()?);
    answered.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    answered.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Some(response)
}

/// A file whose name carries the build never changes.
const CACHE_FOR_A_YEAR: &str = "public, max-age=31536000, immutable";
/// A file whose name does not carry the build is sent again only when it has changed.
const REVALIDATE: &str = "no-cache";

/// The style sheet, asked for under the name of another build, as a page does while instances are updated one after the other: a style
/// sheet of the next build is better than none. Scripts and chunks of two builds do not fit together, so those are not found.
fn of_another_build(path: &str) -> Option<&'static str> {
    let in_folder = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    (in_folder.split_once('/')?.1 == "roster.css").then_some("pkg/roster.css")
}

/// The content of a file. In a release it lies in the binary, so that it is in memory once however many ask for it; a debug build reads it
/// from disk.
fn shared(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(embedded) => Bytes::from_static(embedded),
        Cow::Owned(read) => Bytes::from(read),
    }
}

/// The file in the best form that the browser takes, and the name of that form.
fn find(name: &str, accepted: &str) -> Option<(EmbeddedFile, Option<&'static str>)> {
    for (encoding, ending) in ENCODINGS {
        if accepts(accepted, encoding)
            && let Some(file) = Site::get(&format!("{name}.{ending}"))
        {
            return Some((file, Some(encoding)));
        }
    }
    Some((Site::get(name)?, None))
}

fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|part| {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        name.trim().eq_ignore_ascii_case(encoding) && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// The content types of the files that are served; others are not found (BR-12). Hidden files are never served.
fn content_type(name: &str) -> Option<&'static str> {
    if name.split('/').any(|part| part.is_empty() || part.starts_with('.')) || name.contains('\\') {
        return None;
    }
    match name.rsplit_once('.')?.1 {
        "js" | "mjs" => Some("text/javascript; charset=utf-8"),
        "wasm" => Some("application/wasm"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml; charset=utf-8"),
        "txt" => Some("text/plain; charset=utf-8"),
        "ico" => Some("image/x-icon"),
        "png" => Some("image/png"),
        "webp" => Some("image/webp"),
        "woff2" => Some("font/woff2"),
        "webmanifest" => Some("application/manifest+json; charset=utf-8"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn br_12_only_known_kinds_below_the_folder_are_served() {
        for refused in [
            "",
            "pkg",
            "pkg/",
            ".env",
            "pkg/.git/config",
            "pkg/../../Cargo.toml",
            "..\\secret.txt",
            "pkg/roster.js.map",
            "pkg/roster.wasm.br",
            "hash",
            "//evil.txt",
            "roster.db",
        ] {
            assert_eq!(content_type(refused), None, "{refused}");
        }
        assert_eq!(content_type("pkg/roster.wasm"), Some("application/wasm"));
        assert_eq!(content_type("favicon.svg"), Some("image/svg+xml; charset=utf-8"));
    }

    #[test]
    fn an_embedded_file_is_not_copied_for_each_answer() {
        static FILE: &[u8] = b"one and the same";
        assert_eq!(shared(Cow::Borrowed(FILE)).as_ptr(), FILE.as_ptr());
        assert_eq!(shared(Cow::Owned(FILE.to_vec())), FILE);
    }

    #[test]
    fn a_form_with_weight_nought_is_not_accepted() {
        assert!(accepts("gzip, deflate, br;q=0.9", "br"));
        assert!(!accepts("gzip, br;q=0", "br"));
        assert!(!accepts("", "br"));
    }
}
