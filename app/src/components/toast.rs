//! Short messages about what was just done, in a corner, read out without taking the focus.

use super::Icon;
use crate::i18n::{text, use_locale};
use leptos::prelude::*;
use std::{sync::Arc, time::Duration};

/// Long enough to read; those with an action stay longer.
const TOAST_DURATION: Duration = Duration::from_secs(6);
const TOAST_WITH_ACTION_DURATION: Duration = Duration::from_secs(15);

/// What can be done about a message, such as undoing what it tells of. It outlives the dialog that it came from.
#[derive(Clone)]
pub struct ToastAction {
    /// The words of its button.
    pub label: &'static str,
    /// What the button does.
    pub act: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Clone)]
struct Toast {
    id: u32,
    text: String,
    action: Option<ToastAction>,
}

/// The messages on show.
#[derive(Clone, Copy, Debug)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    last_id: StoredValue<u32>,
}

/// The messages of this page; [`ToastRegion`] shows them.
pub fn use_toasts() -> Toasts {
    expect_context()
}

/// Makes [`use_toasts`] work below.
pub fn provide_toasts() {
    provide_context(Toasts { shown: RwSignal::new(Vec::new()), last_id: StoredValue::new(0) });
}

impl Toasts {
    /// Shows a message.
    pub fn show(self, text: impl Into<String>) {
        self.add(text.into(), None);
    }

    /// Shows a message with something to do about it.
    pub fn show_with_action(self, text: impl Into<String>, action: ToastAction) {
        self.add(text.into(), Some(action));
    }

    fn add(self, text: String, action: Option<ToastAction>) {
        let id = self.last_id.get_value().wrapping_add(1);
        self.last_id.set_value(id);
        let stays = if action.is_some() { TOAST_WITH_ACTION_DURATION } else { TOAST_DURATION };
        self.shown.update(|shown| shown.push(Toast { id, text, action }));
        set_timeout(move || self.dismiss_unless_in_use(id), stays);
    }

    /// A message under the pointer or with the focus stays.
    fn dismiss_unless_in_use(self, id: u32) {
        let in_use = document().query_selector(".toast:is(:hover, :focus-within)");
        if in_use.is_ok_and(|in_use| in_use.is_some()) {
            set_timeout(move || self.dismiss_unless_in_use(id), TOAST_DURATION);
        } else {
            self.dismiss(id);
        }
    }

    /// Dismisses the messages with something to do about them, when the page that would do it goes.
    pub fn dismiss_actions(self) {
        self.shown.update(|shown| shown.retain(|toast| toast.action.is_none()));
    }

    fn dismiss(self, id: u32) {
        self.shown.update(|shown| shown.retain(|toast| toast.id != id));
    }
}

/// Shows the messages; once, at the root.
#[component]
pub fn ToastRegion() -> impl IntoView {
    let locale = use_locale();
    let toasts = use_toasts();
    let one = move |Toast { id, text, action }| {
        view! {
            <div class="toast">
                <Icon name="check" />
                <p>{text}</p>
                {action.map(|ToastAction { label, act }| view! {
                    <button
                        type="button"
                        class="button button-small"
                        on:click=move |_| {
                            act();
                            toasts.dismiss(id);
                        }
                    >
                        {label}
                    </button>
                })}
                <button
                    type="button"
                    class="button button-quiet button-icon"
                    aria-label=text!(locale, common.dismiss)
                    on:click=move |_| toasts.dismiss(id)
                >
                    <Icon name="x" />
                </button>
            </div>
        }
    };
    view! {
        <div class="toasts" role="status" aria-live="polite">
            {move || toasts.shown.get().into_iter().map(one).collect_view()}
        </div>
    }
}
