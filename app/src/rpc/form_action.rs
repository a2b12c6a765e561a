//! What a page sends.

use super::{Answer, ServerCall, codec::to_form, flashed_answer, transport};
use crate::error::AppError;
use leptos::{ev::SubmitEvent, form::form_data_from_event, html, prelude::*, task::spawn_local};
use web_sys::{HtmlElement, UrlSearchParams, wasm_bindgen::JsCast};

/// The sending of a form, and what came of it.
pub struct FormAction<S: ServerCall> {
    pending: RwSignal<bool>,
    output: RwSignal<Option<S::Output>>,
    error: RwSignal<Option<AppError>>,
}

impl<S: ServerCall> Clone for FormAction<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ServerCall> Copy for FormAction<S> {}

impl<S: ServerCall> FormAction<S> {
    /// Not sent yet, unless the browser itself sent it, without scripting, and this page came with the response.
    pub fn new() -> Self {
        let action = Self { pending: RwSignal::new(false), output: RwSignal::new(None), error: RwSignal::new(None) };
        if let Some(answer) = flashed_answer::<S>() {
            action.answered(answer);
        }
        action
    }

    /// Is it under way?
    pub fn pending(self) -> Signal<bool> {
        self.pending.into()
    }

    /// Did the server answer, be it with an error?
    pub fn is_answered(self) -> bool {
        self.output.with(Option::is_some) || self.error.with(Option::is_some)
    }

    /// What the server answered, if the last sending was a success.
    pub fn output(self) -> Signal<Option<S::Output>> {
        self.output.into()
    }

    /// What went wrong with the last sending.
    pub fn error(self) -> Signal<Option<AppError>> {
        self.error.into()
    }

    /// Sends what no form holds.
    pub fn dispatch(self, arguments: S) {
        self.send(to_form(&arguments));
    }

    /// Forgets what came of it.
    pub fn clear(self) {
        self.output.set(None);
        self.error.set(None);
    }

    /// Runs once for each success, in the browser. What the page came with is no news.
    pub fn on_success(self, then: impl Fn(S::Output) + 'static) {
        on_news(self.output, then);
    }

    /// Sends a form, once at a time.
    fn send(self, form: String) {
        if self.pending.get_untracked() {
            return;
        }
        self.pending.set(true);
        spawn_local(async move {
            let answer = transport::send::<S>(form, false).await;
            self.pending.try_set(false);
            self.answered(answer);
        });
    }

    fn answered(self, answer: Answer<S>) {
        let (output, error) = match answer {
            Ok(output) => (Some(output), None),
            Err(error) => (None, Some(error)),
        };
        self.output.try_set(output);
        self.error.try_set(error);
    }
}

impl<S: ServerCall> Default for FormAction<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs each time that there is something, but for what was there at the beginning.
fn on_news<T: Clone + Send + Sync + 'static>(signal: RwSignal<Option<T>>, then: impl Fn(T) + 'static) {
    Effect::new(move |began: Option<()>| {
        let news = signal.get();
        if let (Some(()), Some(news)) = (began, news) {
            then(news);
        }
    });
}

/// A form that is sent by the page, or, without scripting, by the browser; either way to the same server function. Its fields are checked
/// by us and not by the browser, whose bubbles speak another language and look. After an error the cursor stands in the first wrong
/// field, unless somebody has typed on meanwhile: what is typed never lands in another field than it was begun in.
#[component]
pub fn ActionForm<S: ServerCall>(
    /// Its sending.
    action: FormAction<S>,
    /// Its class.
    #[prop(optional)]
    class: Option<&'static str>,
    /// Its id, for buttons that stand outside of it.
    #[prop(optional)]
    id: Option<&'static str>,
    /// Its fields, named as the function's arguments.
    children: Children,
) -> impl IntoView {
    form(S::PATH, class, id, action.error, Box::new(move |form| action.send(form)), children())
}

/// The same for all functions, so that there is one of it.
fn form(
    path: &'static str,
    class: Option<&'static str>,
    id: Option<&'static str>,
    error: RwSignal<Option<AppError>>,
    send: Box<dyn Fn(String)>,
    children: AnyView,
) -> AnyView {
    let form = NodeRef::<html::Form>::new();
    form.on_load(|form| form.set_no_validate(true));
    let typed_since = StoredValue::new(false);
    on_news(error, move |error| {
        if error.fields().is_some() {
            // The fields show their problems first.
            request_animation_frame(move || {
                if typed_since.try_get_value() == Some(false)
                    && let Some(field) = form.try_get_untracked().flatten().and_then(|form| first_wrong_field(&form))
                {
                    let _ = field.focus();
                }
            });
        }
    });
    let submitted = move |event: SubmitEvent| {
        typed_since.set_value(false);
        if event.default_prevented() {
            return;
        }
        event.prevent_default();
        if let Some(form) = fields_of(&event) {
            send(form);
        }
    };
    let typed = move |_| {
        typed_since.set_value(true);
        if error.with_untracked(|error| error.as_ref().is_some_and(|error| error.fields().is_some())) {
            // What pointed at wrong fields goes once none is wrong any more.
            request_animation_frame(move || {
                let form = form.try_get_untracked().flatten();
                if form.is_some_and(|form| first_wrong_field(&form).is_none()) {
                    error.try_set(None);
                }
            });
        }
    };
    view! {
        <form
            action=path
            method="post"
            class=class
            id=id
            node_ref=form
            on:submit=submitted
            on:input=typed
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
pub fn fields_of(event: &SubmitEvent) -> Option<String> {
    let fields = form_data_from_event(event).ok()?;
    UrlSearchParams::new_with_str_sequence_sequence(&fields).ok().map(|form| String::from(form.to_string()))
}
