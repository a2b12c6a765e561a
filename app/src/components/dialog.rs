//! Dialogs: pages of their own that lie over a list.

use super::{
    Icon,
    focus::{focus_next, focused},
};
use crate::i18n::{text, use_locale};
use leptos::{ev, html, prelude::*};
use leptos_router::hooks::use_navigate;
use send_wrapper::SendWrapper;

/// A page that lies over the list behind it. The server renders it open, and the style sheet shows it alone; once the page is taken
/// over it is modal: the focus moves in, unless it is there, stays in, and returns to where it was.
#[component]
pub fn Dialog(
    /// The heading.
    #[prop(into)]
    title: String,
    /// Where closing leads.
    #[prop(into)]
    back_to: Signal<String>,
    /// What that place is called, for the link shown without scripting: "Back to users".
    #[prop(into)]
    back_label: String,
    /// Is something under way that closing would break off? Then it does not close by itself, and says how it is stopped.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// The content.
    children: Children,
) -> impl IntoView {
    let locale = use_locale();
    let dialog = NodeRef::<html::Dialog>::new();
    let navigate = use_navigate();
    let go_back = Callback::new(move |()| navigate(&back_to.get_untracked(), Default::default()));

    dialog.on_load(|dialog| {
        restore_focus(&dialog);
        // A dialog that waited for the server is made before it stands in the page; only there can it be shown.
        if dialog.is_connected() {
            show(&dialog);
        } else {
            request_animation_frame(move || show(&dialog));
        }
    });
    let cancelled = move |event: ev::Event| {
        event.prevent_default();
        if !busy.get_untracked() {
            go_back.run(());
        }
    };
    let clicked = move |event: ev::MouseEvent| {
        // The content fills the dialog: what hits the dialog itself hit the backdrop.
        if event.target() == event.current_target() && !busy.get_untracked() {
            go_back.run(());
        }
    };
    view! {
        <dialog class="dialog" node_ref=dialog open aria-labelledby="dialog-title" on:cancel=cancelled on:mousedown=clicked>
            <div class="dialog-box">
                <a class="dialog-back" href=move || back_to.get()>
                    <Icon name="arrow-left" />
                    {back_label}
                </a>
                <h2 id="dialog-title" tabindex="-1">{title}</h2>
                {children()}
                // Last in the order of focus, so that the first field comes first; the style sheet puts it into the corner.
                <a
                    class="dialog-close button button-quiet button-icon"
                    class:hidden=busy
                    href=move || back_to.get()
                    aria-label=text!(locale, common.close)
                >
                    <Icon name="x" />
                </a>
            </div>
        </dialog>
    }
}

/// Once the dialog goes, the focus returns to where it is now: taking an element away does not do that by itself.
fn restore_focus(dialog: &web_sys::HtmlDialogElement) {
    let before = focused().filter(|before| !dialog.contains(Some(before)));
    let both = SendWrapper::new((dialog.clone(), before));
    on_cleanup(move || {
        let (dialog, before) = both.take();
        let is_elsewhere = focused().is_some_and(|element| !dialog.contains(Some(&element)));
        dialog.close();
        if let Some(before) = before.filter(|before| !is_elsewhere && before.is_connected()) {
            let _ = before.focus();
        }
    });
}

/// Makes it modal, which an open dialog cannot be made. Somebody may be typing in it already, since before hydration.
fn show(dialog: &web_sys::HtmlDialogElement) {
    let typing = focused().filter(|element| dialog.contains(Some(element)));
    let _ = dialog.remove_attribute("open");
    let _ = dialog.show_modal();
    match typing {
        Some(field) => drop(field.focus()),
        None => focus_next(dialog),
    }
}
