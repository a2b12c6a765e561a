//! Buttons that ask for a passkey: the server's challenge, the browser's answer, and back. What browsers read and write as JSON goes through
//! as it is; only they and the server look into it.

use super::{Button, ErrorBox, Look, Note, NoteTone};
use crate::{
    api::second_factors::PasskeyChallenge,
    error::AppError,
    i18n::{Locale, text},
    rpc::{ServerCall, call},
};
use js_sys::{Function, JSON, Object, Promise, Reflect};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen_futures::JsFuture;
use web_sys::wasm_bindgen::{JsCast, JsValue};

/// What is asked of the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    /// A new passkey.
    Create,
    /// One that is there.
    Get,
}

/// Why the browser has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BrowserProblem {
    /// Its user cancelled, or took too long. It does not say which, so that nobody learns what passkeys there are.
    Cancelled,
    /// It has a passkey for this login already.
    Known,
    /// Anything else.
    Failed,
}

/// A button that asks for a passkey: `begin` is the server's question, `finish` takes the id of the challenge and the answer, `then` goes
/// on.
pub fn passkey_button<B, F>(
    locale: Locale,
    label: &'static str,
    look: Look,
    ceremony: Ceremony,
    begin: impl Fn() -> B + Clone + Send + Sync + 'static,
    finish: impl Fn(String, String) -> F + Clone + Send + Sync + 'static,
    then: impl Fn(F::Output) + Clone + Send + Sync + 'static,
) -> AnyView
where
    B: ServerCall<Output = PasskeyChallenge>,
    F: ServerCall,
{
    let busy = RwSignal::new(false);
    let refused = RwSignal::new(None::<AppError>);
    let problem = RwSignal::new(None::<BrowserProblem>);
    let supported = RwSignal::new(true);
    Effect::new(move || supported.set(is_supported()));
    let pressed = Callback::new(move |()| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        refused.set(None);
        problem.set(None);
        let (asked, finish, then) = (begin(), finish.clone(), then.clone());
        spawn_local(async move {
            match call(asked).await {
                Ok(challenge) => match ask(ceremony, &challenge.options).await {
                    Ok(answer) => match call(finish(challenge.id.to_string(), answer)).await {
                        Ok(output) => then(output),
                        Err(error) => drop(refused.try_set(Some(error))),
                    },
                    Err(fault) => drop(problem.try_set(Some(fault))),
                },
                Err(error) => drop(refused.try_set(Some(error))),
            }
            busy.try_set(false);
        });
    });
    let words = move || {
        problem.get().map(|problem| {
            let words = match problem {
                BrowserProblem::Cancelled => text!(locale, factors.passkey_cancelled),
                BrowserProblem::Known => text!(locale, factors.passkey_known),
                BrowserProblem::Failed => text!(locale, factors.passkey_failed),
            };
            view! {
                <Note tone=NoteTone::Bad icon="alert">
                    <p>{words}</p>
                </Note>
            }
        })
    };
    let button = move || {
        if supported.get() {
            view! {
                <Button look busy on_click=pressed icon="lock">
                    {label}
                </Button>
            }
            .into_any()
        } else {
            view! { <p class="field-hint">{text!(locale, factors.passkey_unsupported)}</p> }.into_any()
        }
    };
    view! {
        <div class="passkey">
            <ErrorBox error=refused />
            {words}
            <div class="actions only-with-scripting">{button}</div>
            <p class="field-hint only-without-scripting">{text!(locale, factors.passkey_needs_scripting)}</p>
        </div>
    }
    .into_any()
}

/// Can this browser use passkeys here, and read and write them as JSON?
fn is_supported() -> bool {
    let kind = Reflect::get(&window(), &"PublicKeyCredential".into()).unwrap_or_default();
    kind.is_function() && Reflect::has(&kind, &"parseCreationOptionsFromJSON".into()).unwrap_or_default()
}

async fn ask(ceremony: Ceremony, options: &str) -> Result<String, BrowserProblem> {
    ask_browser(ceremony, options).await.map_err(|error| {
        let name = Reflect::get(&error, &"name".into()).ok().and_then(|name| name.as_string());
        match name.as_deref() {
            Some("NotAllowedError" | "AbortError") => BrowserProblem::Cancelled,
            Some("InvalidStateError") => BrowserProblem::Known,
            Some(_) | None => BrowserProblem::Failed,
        }
    })
}

async fn ask_browser(ceremony: Ceremony, options: &str) -> Result<String, JsValue> {
    let (parse, method) = match ceremony {
        Ceremony::Create => ("parseCreationOptionsFromJSON", "create"),
        Ceremony::Get => ("parseRequestOptionsFromJSON", "get"),
    };
    let kind = Reflect::get(&window(), &"PublicKeyCredential".into())?;
    let options = function(&kind, parse)?.call1(&kind, &JSON::parse(options)?)?;
    let request = Object::new();
    Reflect::set(&request, &"publicKey".into(), &options)?;
    let credentials = Reflect::get(&window().navigator(), &"credentials".into())?;
    let asked: Promise = function(&credentials, method)?.call1(&credentials, &request)?.dyn_into()?;
    let credential = JsFuture::from(asked).await?;
    let json = function(&credential, "toJSON")?.call0(&credential)?;
    JSON::stringify(&json)?.as_string().ok_or(JsValue::NULL)
}

fn function(of: &JsValue, name: &str) -> Result<Function, JsValue> {
    Reflect::get(of, &name.into())?.dyn_into()
}
