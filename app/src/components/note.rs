//! A note: what it means to the reader is in its icon and its words.

use super::Icon;
use leptos::prelude::*;

/// How a note is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteTone {
    /// Something to know.
    Plain,
    /// Something went well; announced.
    Good,
    /// Something to think about first.
    Warn,
    /// Something went wrong; announced at once.
    Bad,
}

impl NoteTone {
    const fn class(self) -> &'static str {
        match self {
            Self::Plain => "note",
            Self::Good => "note note-good",
            Self::Warn => "note note-warn",
            Self::Bad => "note note-bad",
        }
    }

    const fn role(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::Warn => None,
            Self::Good => Some("status"),
            Self::Bad => Some("alert"),
        }
    }
}

/// A note with any content.
#[component]
pub fn Note(
    /// How it is meant.
    tone: NoteTone,
    /// Its icon.
    icon: &'static str,
    /// What it says.
    children: Children,
) -> impl IntoView {
    let role = tone.role();
    view! {
        <div class=tone.class() role=role tabindex=role.map(|_| "-1")>
            <Icon name=icon />
            <div>{children()}</div>
        </div>
    }
}
