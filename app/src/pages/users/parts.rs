//! What is done to more people than one request takes: part after part, with how far it is, and a way to stop it and to go on.

use crate::{
    components::{Button, Look, Note, NoteTone},
    error::AppError,
    i18n::{Locale, error_text, text},
};
use leptos::{ev, prelude::*, task::spawn_local};
use web_sys::{Blob, Url, js_sys::Array, wasm_bindgen::JsValue};

/// How far it is.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    done: RwSignal<usize>,
    all: RwSignal<usize>,
    state: RwSignal<State>,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    NotBegun,
    UnderWay,
    /// Somebody stops it; the part that was sent last is waited for.
    Stopping,
    /// All was sent, or somebody stopped it.
    Ended,
    /// A part could not be sent.
    Failed(AppError),
}

impl Parts {
    pub(super) fn new() -> Self {
        Self { done: RwSignal::new(0), all: RwSignal::new(0), state: RwSignal::new(State::NotBegun) }
    }

    pub(super) fn has_begun(self) -> bool {
        self.state.with(|state| *state != State::NotBegun)
    }

    /// Is a part being sent, or the next one about to be?
    pub(super) fn is_under_way(self) -> Signal<bool> {
        Signal::derive(move || self.state.with(|state| matches!(state, State::UnderWay | State::Stopping)))
    }

    /// Was all sent, or was it stopped?
    pub(super) fn has_ended(self) -> bool {
        self.state.with(|state| *state == State::Ended)
    }

    /// So many people are to be sent, and none has been.
    pub(super) fn count(self, all: usize) {
        self.all.set(all);
        self.done.set(0);
    }

    /// One more has been.
    pub(super) fn count_one(self) {
        self.done.update(|done| *done += 1);
    }

    /// Sends part after part, until there is none or something keeps them all. `send` says what, and is not asked what became of a dialog that is
    /// closed meanwhile.
    pub(super) fn go_on<P, F>(self, next: impl Fn() -> Option<P> + 'static, send: impl Fn(P) -> F + 'static)
    where
        F: Future<Output = Result<(), AppError>> + 'static,
    {
        self.state.set(State::UnderWay);
        spawn_local(async move {
            while self.state.try_get_untracked() == Some(State::UnderWay) {
                let Some(part) = next() else { return self.state.set(State::Ended) };
                if let Err(error) = send(part).await
                    && self.state.try_get_untracked() == Some(State::UnderWay)
                {
                    self.state.set(State::Failed(error));
                }
            }
            if self.state.try_get_untracked() == Some(State::Stopping) {
                self.state.set(State::Ended);
            }
        });
    }

    fn stop(self) {
        self.state.update(|state| {
            *state = if *state == State::UnderWay { State::Stopping } else { State::Ended };
        });
    }
}

/// What is said while it goes on, and in the end.
pub(super) struct PartsWords {
    /// So many of so many.
    pub progress: Box<dyn Fn(usize, usize) -> String + Send>,
    /// What becomes of it if the page is closed.
    pub stay: &'static str,
    /// Goes on after a part could not be sent.
    pub go_on: Callback<()>,
    /// What came of all of it.
    pub ended: Box<dyn Fn() -> AnyView + Send>,
}

/// How far it is, and in the end what came of it.
pub(super) fn parts_view(locale: Locale, parts: Parts, words: PartsWords) -> AnyView {
    let PartsWords { progress, stay, go_on, ended } = words;
    // Closing the window in the middle is asked about.
    Effect::new(move |_| {
        let leaving = window_event_listener(ev::beforeunload, move |event| {
            if untrack(|| parts.is_under_way().get()) {
                event.prevent_default();
            }
        });
        on_cleanup(move || leaving.remove());
    });
    let progress = move || {
        let (done, all) = (parts.done.get(), parts.all.get());
        let words = progress(done, all);
        view! {
            <p class="several-progress">
                <progress max=all.to_string() value=done.to_string() aria-label=words.clone()></progress>
                <span role="status">{words}</span>
            </p>
        }
    };
    let stop = move || {
        view! {
            <Button look=Look::Plain on_click=Callback::new(move |()| parts.stop())>
                {text!(locale, users.parts_stop)}
            </Button>
        }
    };
    let state = Memo::new(move |_| parts.state.get());
    let below = move || match state.get() {
        State::NotBegun => ().into_any(),
        State::UnderWay => view! { <p class="field-hint">{stay}</p> <div class="actions">{stop()}</div> }.into_any(),
        State::Stopping => view! { <p class="field-hint">{text!(locale, users.parts_stopping)}</p> }.into_any(),
        State::Ended => ended(),
        State::Failed(error) => view! {
            <Note tone=NoteTone::Bad icon="alert">
                <p>{error_text(locale, &error)}</p>
            </Note>
            <div class="actions">
                <Button on_click=go_on>{text!(locale, users.parts_go_on)}</Button>
                {stop()}
            </div>
        }
        .into_any(),
    };
    view! {
        <div class="form">{progress} {below}</div>
    }
    .into_any()
}

/// The address of a file with the result of each row (IN-07), made in the browser; it lives as long as what shows it.
pub(super) fn result_file(text: &str) -> Option<String> {
    let blob = Blob::new_with_str_sequence(&Array::of1(&JsValue::from_str(text))).ok()?;
    let file = Url::create_object_url_with_blob(&blob).ok()?;
    let address = file.clone();
    on_cleanup(move || drop(Url::revoke_object_url(&address)));
    Some(file)
}

/// Does an error say something of whoever asked, or of the server, and nothing of the person?
pub(super) const fn is_about_caller(error: &AppError) -> bool {
    error.may_pass_soon()
        || matches!(
            error,
            AppError::Unauthenticated
                | AppError::SecondFactorRequired
                | AppError::NoLongerAMember { .. }
                | AppError::NotFound
        )
}
