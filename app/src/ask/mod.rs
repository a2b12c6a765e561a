//! How pages ask the server: [`Load`] reads and keeps, [`Post`] sends a form, [`ask`] asks once.
//!
//! They are to server functions what leptos' `Resource`, `ServerAction` and `ActionForm` are, and behave alike, with scripting and
//! without. The difference: what is kept and sent is text, and only the last step knows the type of the answer. So the browser
//! carries this machinery once, and not once for each function, which made up a third of the weight of the page.

pub(crate) mod codec;
#[cfg(not(feature = "ssr"))]
mod reader;

pub use codec::parse;

use crate::{error::AppError, flash};
use leptos::{
    ev::SubmitEvent, form::form_data_from_event, html, prelude::*, server::codee::string::FromToStringCodec,
    server_fn::ServerFn, task::spawn_local,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{marker::PhantomData, pin::Pin};
use web_sys::{HtmlElement, wasm_bindgen::JsCast};

/// A server function that pages ask: its arguments are its fields.
pub trait Question:
    ServerFn<Error = AppError, Output: Serialize + DeserializeOwned + Send> + Serialize + Send + Sync + 'static
{
}

impl<S> Question for S where
    S: ServerFn<Error = AppError, Output: Serialize + DeserializeOwned + Send> + Serialize + Send + Sync + 'static
{
}

/// Asks once.
///
/// # Errors
/// Whatever the server answers, or [`AppError::Transport`] if the answer does not come or makes no sense.
pub async fn ask<S: Question>(question: S) -> Result<S::Output, AppError> {
    read(&answer(question).await)
}

/// The answer of the server as text: JSON of a `Result`.
type Answer = Pin<Box<dyn Future<Output = String> + Send>>;

#[cfg(feature = "ssr")]
fn answer<S: Question>(question: S) -> Answer {
    Box::pin(async move { serde_json::to_string(&question.run_body().await).unwrap_or_default() })
}

#[cfg(not(feature = "ssr"))]
fn answer<S: Question>(question: S) -> Answer {
    in_browser::post(S::PATH, in_form(&question))
}

fn read<T: DeserializeOwned>(answer: &str) -> Result<T, AppError> {
    parse(answer).unwrap_or(Err(AppError::Transport))
}

/// The arguments as a form would send them.
fn in_form(question: &impl Serialize) -> String {
    serde_qs::to_string(question).unwrap_or_default()
}

/// What the server said to a question that depends on signals; asked anew when they change, and on [`Load::refetch`].
pub struct Load<S> {
    text: Resource<String, FromToStringCodec>,
    question: PhantomData<fn() -> S>,
}

impl<S> Clone for Load<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Load<S> {}

impl<S: Question> Load<S> {
    /// Asks, and goes on asking when what `question` reads has changed.
    pub fn new(question: impl Fn() -> S + Send + Sync + 'static) -> Self {
        #[cfg(feature = "ssr")]
        let fetch = {
            let question = std::sync::Arc::new(question);
            let again = question.clone();
            (
                Box::new(move || in_form(&question())) as Box<dyn Fn() -> String + Send + Sync>,
                Box::new(move |_| answer(untrack(|| again()))) as Box<dyn Fn(String) -> Answer + Send + Sync>,
            )
        };
        #[cfg(not(feature = "ssr"))]
        let fetch = (
            Box::new(move || in_form(&question())) as Box<dyn Fn() -> String + Send + Sync>,
            Box::new(|form| in_browser::post(S::PATH, form)) as Box<dyn Fn(String) -> Answer + Send + Sync>,
        );
        Self { text: Resource::new_str_blocking(fetch.0, fetch.1), question: PhantomData }
    }

    /// Asks again.
    pub fn refetch(self) {
        self.text.refetch();
    }
}

impl<S: Question> IntoFuture for Load<S> {
    type Output = Result<S::Output, AppError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let text = self.text;
        Box::pin(async move { read(&text.await) })
    }
}

/// The error that this page came with, of whichever form that the browser itself sent.
pub fn carried_error() -> Option<AppError> {
    error_in(&flash::response_of_any()?)
}

/// What this page came with, if it is the success of a form of this server function that the browser itself sent.
pub fn carried<S: Question>() -> Option<S::Output> {
    read(&flash::response_of(S::PATH)?).ok()
}

fn error_in(answer: &str) -> Option<AppError> {
    read::<serde::de::IgnoredAny>(answer).err()
}

/// A form's sending, and what came of it.
pub struct Post<S> {
    sending: Sending,
    question: PhantomData<fn() -> S>,
}

impl<S> Clone for Post<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Post<S> {}

#[derive(Clone, Copy)]
struct Sending {
    path: &'static str,
    said: RwSignal<Option<String>>,
    pending: RwSignal<bool>,
}

impl<S: Question> Post<S> {
    /// Not sent yet, unless the browser itself sent it, without scripting, and this page came with the response.
    pub fn new() -> Self {
        Self { sending: Sending::new(S::PATH), question: PhantomData }
    }

    /// Is it under way?
    pub fn pending(self) -> Signal<bool> {
        self.sending.pending.into()
    }

    /// Sends what no form holds.
    pub fn dispatch(self, question: S) {
        self.sending.send(in_form(&question));
    }

    /// Forgets what came of it.
    pub fn clear(self) {
        self.sending.said.set(None);
    }

    /// What came of it.
    pub fn value(self) -> Signal<Option<Result<S::Output, AppError>>>
    where
        S::Output: Clone + Sync,
    {
        let said = self.sending.said;
        Signal::derive(move || said.with(|said| Some(read(said.as_ref()?))))
    }

    /// What went wrong.
    pub fn error(self) -> Signal<Option<AppError>> {
        self.sending.error()
    }

    /// Runs once for each success, in the browser. What the page came with is no news.
    pub fn on_success(self, then: impl Fn(S::Output) + 'static) {
        self.sending.on_answer(Box::new(move |said| {
            if let Ok(answer) = read(said) {
                then(answer);
            }
        }));
    }
}

impl<S: Question> Default for Post<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl Sending {
    fn new(path: &'static str) -> Self {
        Self { path, said: RwSignal::new(flash::response_of(path)), pending: RwSignal::new(false) }
    }

    fn error(self) -> Signal<Option<AppError>> {
        Signal::derive(move || self.said.with(|said| error_in(said.as_ref()?)))
    }

    fn on_answer(self, then: Box<dyn Fn(&str)>) {
        Effect::new(move |began: Option<()>| {
            let said = self.said.get();
            if let (Some(()), Some(said)) = (began, said) {
                then(&said);
            }
        });
    }

    /// Sends a form, once at a time.
    fn send(self, form: String) {
        if self.pending.get_untracked() {
            return;
        }
        self.pending.set(true);
        spawn_local(async move {
            let answer = in_browser::post(self.path, form).await;
            self.pending.try_set(false);
            self.said.try_set(Some(answer));
        });
    }
}

/// A form that is sent by the page, or, without scripting, by the browser; either way to the same server function. Its fields are checked
/// by us and not by the browser, whose bubbles speak another language and look. After an error the cursor stands in the first wrong
/// field, unless somebody has typed on meanwhile: what is typed never lands in another field than it was begun in.
#[component]
pub fn PostForm<S: Question>(
    /// Its sending.
    post: Post<S>,
    /// Its class.
    #[prop(optional)]
    class: Option<&'static str>,
    /// Its id, for buttons that stand outside of it.
    #[prop(optional)]
    id: Option<&'static str>,
    /// Its fields, named as the function's arguments.
    children: Children,
) -> impl IntoView {
    form(post.sending, class, id, children())
}

fn form(sending: Sending, class: Option<&'static str>, id: Option<&'static str>, children: AnyView) -> AnyView {
    let form = NodeRef::<html::Form>::new();
    form.on_load(|form| form.set_no_validate(true));
    let typed_since = StoredValue::new(false);
    sending.on_answer(Box::new(move |said| {
        if error_in(said).is_some_and(|error| error.fields().is_some()) {
            // The fields show their problems first.
            request_animation_frame(move || {
                if typed_since.try_get_value() == Some(false)
                    && let Some(field) = form.try_get_untracked().flatten().and_then(|form| first_wrong_field(&form))
                {
                    let _ = field.focus();
                }
            });
        }
    }));
    let submitted = move |event: SubmitEvent| {
        typed_since.set_value(false);
        if event.default_prevented() {
            return;
        }
        event.prevent_default();
        if let Some(form) = fields_of(&event) {
            sending.send(form);
        }
    };
    view! {
        <form
            action=sending.path
            method="post"
            class=class
            id=id
            node_ref=form
            on:submit=submitted
            on:input=move |_| typed_since.set_value(true)
        >
            {children}
        </form>
    }
    .into_any()
}

fn first_wrong_field(form: &web_sys::HtmlFormElement) -> Option<HtmlElement> {
    form.query_selector("[aria-invalid=true]").ok()??.dyn_into().ok()
}

/// The fields of a form about to be sent, its button's among them.
fn fields_of(event: &SubmitEvent) -> Option<String> {
    let fields = form_data_from_event(event).ok()?;
    web_sys::UrlSearchParams::new_with_str_sequence_sequence(&fields).ok().map(|form| String::from(form.to_string()))
}

#[cfg(not(feature = "ssr"))]
mod in_browser {
    use super::Answer;
    use leptos::prelude::window;
    use send_wrapper::SendWrapper;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{Headers, RequestInit, Response, wasm_bindgen::JsCast, wasm_bindgen::JsValue};

    /// Posts a form; the answer's text, which is empty if none came.
    pub(super) fn post(path: &str, form: String) -> Answer {
        let path = path.to_owned();
        Box::pin(SendWrapper::new(async move { fetch(&path, &form).await.unwrap_or_default() }))
    }

    async fn fetch(path: &str, form: &str) -> Result<String, JsValue> {
        let headers = Headers::new()?;
        headers.set("Accept", "application/json")?;
        headers.set("Content-Type", "application/x-www-form-urlencoded")?;
        let request = RequestInit::new();
        request.set_method("POST");
        request.set_headers(&headers);
        request.set_body(&form.into());
        let response: Response = JsFuture::from(window().fetch_with_str_and_init(path, &request)).await?.dyn_into()?;
        let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
        // Roster answers in JSON, whatever it says.
        let kind = response.headers().get("Content-Type")?.unwrap_or_default();
        if !kind.starts_with("application/json") {
            return Ok(format!(
                "{{\"Err\":{{\"bad_request\":{{\"intercepted\":{{\"status\":{}}}}}}}}}",
                response.status()
            ));
        }
        // What the server functions answer on the server itself: a `Result`.
        Ok(format!("{{\"{}\":{text}}}", if response.ok() { "Ok" } else { "Err" }))
    }
}

/// On the server nobody sends forms: browsers do.
#[cfg(feature = "ssr")]
mod in_browser {
    pub(super) async fn post(_: &str, _: String) -> String {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fields::{Field, FieldErrors, Problem};

    #[test]
    fn an_answer_reads_as_the_server_wrote_it_and_anything_else_is_a_broken_transport() {
        let wrong: Result<String, AppError> = Err(FieldErrors::one(Field::Email, Problem::Required).into());
        assert_eq!(read::<String>(&serde_json::to_string(&wrong).unwrap_or_default()), wrong);
        assert_eq!(read::<String>(r#"{"Ok":"/a/acme"}"#), Ok("/a/acme".to_owned()));
        for broken in ["", "<html>", r#"{"Ok":}"#, r#"{"Err":<html>}"#, r#"{"Ok":7}"#] {
            assert_eq!(read::<String>(broken), Err(AppError::Transport), "{broken}");
        }
    }
}
