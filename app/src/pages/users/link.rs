//! The link of an invitation, to hand over by other means (R12, R61): copied if the browser allows it, and always there to see.

use super::row_actions::Rows;
use crate::{
    api::invitations::Link,
    components::{Icon, Time, copy_to_clipboard},
    i18n::{text, use_locale},
};
use leptos::{html, prelude::*};

/// Opens over the page when a row's link has been asked for.
#[component]
pub(super) fn LinkDialog(rows: Rows) -> impl IntoView {
    move || {
        let link = rows.copy.output().get()?;
        let dialog = NodeRef::<html::Dialog>::new();
        dialog.on_load(|dialog| {
            // The server renders it open, as a page of its own.
            let _ = dialog.remove_attribute("open");
            let _ = dialog.show_modal();
        });
        let title = text!(rows.locale, users.link_title, name = link.label.clone());
        Some(view! {
            <dialog
                class="dialog"
                node_ref=dialog
                open=cfg!(feature = "ssr")
                aria-labelledby="link-title"
                on:close=move |_| rows.copy.clear()
            >
                <div class="dialog-box">
                    <h2 id="link-title" tabindex="-1">{title}</h2>
                    <LinkField link />
                    <form method="dialog" class="actions">
                        <button class="button button-primary">{text!(rows.locale, users.done)}</button>
                    </form>
                </div>
            </dialog>
        })
    }
}

/// A link in a field, copied already where that is possible, with what to beware of.
#[component]
pub(super) fn LinkField(link: Link) -> impl IntoView {
    let locale = use_locale();
    let field = NodeRef::<html::Input>::new();
    let copied = RwSignal::new(false);
    let Link { label: name, url, expires } = link;
    let url = StoredValue::new(url);
    let copy = move || {
        // The dialog may be gone by then.
        if let Some((field, url)) = field.try_get_untracked().flatten().zip(url.try_get_value()) {
            let _ = field.focus();
            field.select();
            copy_to_clipboard(&url, move || {
                copied.try_set(true);
            });
        }
    };
    field.on_load(move |_| request_animation_frame(copy));
    let words = move || match copied.get() {
        true => text!(locale, users.link_copied, name = name.clone()),
        false => text!(locale, users.link_copy_by_hand, name = name.clone()),
    };
    view! {
        <p role="status">{words}</p>
        <div class="field">
            <label for="invitation-link">{text!(locale, users.link_label)}</label>
            <div class="link-line">
                <input id="invitation-link" type="text" readonly node_ref=field value=url.get_value() />
                <button type="button" class="button only-with-scripting" on:click=move |_| copy()>
                    <Icon name="copy" />
                    {text!(locale, users.link_copy)}
                </button>
            </div>
        </div>
        <p class="link-warning"><Icon name="alert" /> <span>{text!(locale, users.link_warning)} " " <Time at=expires /> "."</span></p>
    }
}
