//! Buttons that send a form or do something on the page.

use super::Icon;
use leptos::{ev::MouseEvent, prelude::*};

/// How prominent a button is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// The one thing this form is for.
    #[default]
    Primary,
    /// One of several.
    Plain,
    /// Takes something away.
    Danger,
    /// Does not stand out.
    Quiet,
    /// One of many, such as in each line of a table.
    Small,
}

impl Look {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button-primary",
            Self::Plain => "button",
            Self::Danger => "button button-danger",
            Self::Quiet => "button button-quiet",
            Self::Small => "button button-small",
        }
    }
}

/// A button; sends its form unless `on_click` is given.
#[component]
pub fn Button(
    /// How prominent it is.
    #[prop(optional)]
    look: Look,
    /// Is its work under way? It keeps its width, shows that it is busy, and takes no second click.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Why it may not be used, if it may not; shown beside it.
    #[prop(optional, into)]
    refused: Signal<Option<String>>,
    /// Is it of no use for now? The page says why.
    #[prop(optional)]
    disabled: bool,
    /// What to do instead of sending the form.
    #[prop(optional, into)]
    on_click: Option<Callback<()>>,
    /// The form that it sends, where it stands outside of it.
    #[prop(optional, into)]
    form: Option<&'static str>,
    /// An icon before the text.
    #[prop(optional)]
    icon: Option<&'static str>,
    /// The text.
    children: Children,
) -> impl IntoView {
    let stopped = move || busy.get() || refused.with(Option::is_some);
    let clicked = move |event: MouseEvent| {
        if busy.get_untracked() || refused.with_untracked(Option::is_some) {
            event.prevent_default();
        } else if let Some(on_click) = on_click {
            on_click.run(());
        }
    };
    view! {
        <button
            type=if on_click.is_some() { "button" } else { "submit" }
            class=look.class()
            // It sends no form, and so does nothing before the page answers.
            class:only-with-scripting=on_click.is_some()
            class:button-busy=move || busy.get()
            aria-disabled=move || stopped().then_some("true")
            aria-busy=move || busy.get().then_some("true")
            disabled=disabled
            form=form
            on:click=clicked
        >
            {icon.map(|name| view! { <Icon name /> })}
            <span class="button-text">{children()}</span>
        </button>
        {move || refused.get().map(|reason| view! { <span class="button-reason">{reason}</span> })}
    }
}
