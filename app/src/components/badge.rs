//! Badges: a state in an icon and a word.

use super::Icon;
use leptos::prelude::*;

/// What a state means to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to note.
    Neutral,
    /// Under way.
    Info,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Something is wrong.
    Bad,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Neutral => "badge badge-neutral",
            Self::Info => "badge badge-info",
            Self::Good => "badge badge-good",
            Self::Warn => "badge badge-warn",
            Self::Bad => "badge badge-bad",
        }
    }
}

/// A state: icon and word; the colour only repeats them.
#[component]
pub fn Badge(
    /// What it means to the reader.
    tone: Tone,
    /// The icon's id.
    icon: &'static str,
    /// The word.
    children: Children,
) -> impl IntoView {
    view! {
        <span class=tone.class()>
            <Icon name=icon />
            <span>{children()}</span>
        </span>
    }
}
