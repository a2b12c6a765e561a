//! What the list says of a person's state: one word, and the one fact that an admin needs beside it.

use super::words::state_name;
use crate::{
    components::Time,
    domain::{
        member::{MailState, MemberRow, ShownState},
        time::Timestamp,
    },
    i18n::{Locale, text},
};
use leptos::prelude::*;

/// The colour of a state; the word says the same.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Info,
    Warn,
    Bad,
    Neutral,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "status status-good",
            Self::Info => "status status-info",
            Self::Warn => "status status-warn",
            Self::Bad => "status status-bad",
            Self::Neutral => "status status-neutral",
        }
    }
}

/// A fact beside the word: words, a time, and what somebody else said.
#[derive(Default)]
struct Fact {
    words: Option<&'static str>,
    at: Option<Timestamp>,
    said: Option<String>,
}

impl Fact {
    const fn new(words: &'static str) -> Self {
        Self { words: Some(words), at: None, said: None }
    }

    const fn at(words: &'static str, at: Option<Timestamp>) -> Self {
        Self { words: Some(words), at, said: None }
    }
}

/// The state of a row.
pub(super) fn status(locale: Locale, row: &MemberRow) -> impl IntoView + use<> {
    let (tone, word, fact) = word_and_fact(locale, row);
    let Fact { words, at, said } = fact;
    let is_said = words.is_some() || at.is_some() || said.is_some();
    let in_full = said.clone().or_else(|| words.map(str::to_owned));
    let fact = is_said.then(|| {
        view! {
            <span class="status-fact" title=in_full>
                {words} {at.map(|at| view! { " " <Time at relative=true /> })} {said.map(|said| view! { " " {said} })}
            </span>
        }
    });
    view! {
        <span class=tone.class()>{word}</span>
        {fact}
    }
}

/// What hinders comes first: a decision, a mail that bounced, a login method that lets nobody in.
fn word_and_fact(locale: Locale, row: &MemberRow) -> (Tone, &'static str, Fact) {
    let name = state_name(locale, row.state);
    if row.awaits_decision {
        let about = match row.asked_as_another {
            true => text!(locale, users.asked_as_fact),
            false => text!(locale, users.decision_fact),
        };
        return (Tone::Warn, text!(locale, users.status_decision), Fact::new(about));
    }
    if row.blocked {
        return (Tone::Warn, name, Fact::new(text!(locale, users.blocked)));
    }
    if row.needs_identifier {
        return (Tone::Warn, name, Fact::new(text!(locale, users.needs_identifier)));
    }
    match row.state {
        ShownState::Active => (Tone::Good, name, Fact::default()),
        ShownState::Suspended => (Tone::Bad, name, Fact::default()),
        ShownState::Declined => {
            let fact = row.asked.map(|at| Fact::at(text!(locale, users.asked_at), Some(at)));
            (Tone::Warn, name, fact.unwrap_or_default())
        }
        ShownState::AwaitingApproval => (Tone::Warn, name, Fact::default()),
        ShownState::Expired => match row.asked {
            Some(at) => (Tone::Warn, name, Fact::at(text!(locale, users.asked_at), Some(at))),
            None => (Tone::Warn, name, Fact::at(text!(locale, users.expired_at), row.expires)),
        },
        ShownState::Removed => {
            let removed = row.removed.as_ref();
            let by = removed.and_then(|event| event.by.clone());
            let said = by.map(|name| text!(locale, users.removed_by, name = name));
            (Tone::Neutral, name, Fact { at: removed.map(|event| event.at), said, words: None })
        }
        ShownState::Invited => invited(locale, row, name),
    }
}

/// An open invitation: where its mail is, unless that arrived; then until when its link works.
fn invited(locale: Locale, row: &MemberRow, name: &'static str) -> (Tone, &'static str, Fact) {
    let ends = Fact::at(text!(locale, users.expires), row.expires);
    match &row.mail {
        Some(MailState::Refused { answer, .. }) => {
            let said = Some(answer.clone()).filter(|answer| !answer.is_empty());
            (Tone::Bad, text!(locale, users.status_bounced), Fact { said, ..Fact::default() })
        }
        Some(MailState::Unanswered { next: None, .. }) => {
            (Tone::Warn, name, Fact::new(text!(locale, users.mail_uncertain)))
        }
        Some(MailState::Unanswered { next, .. }) => {
            (Tone::Info, name, Fact::at(text!(locale, users.mail_uncertain_again), *next))
        }
        Some(MailState::Deferred { next, .. }) => {
            (Tone::Info, name, Fact::at(text!(locale, users.mail_deferred), Some(*next)))
        }
        Some(MailState::Queued { until: None }) => (Tone::Info, name, Fact::new(text!(locale, users.mail_queued))),
        Some(MailState::Queued { until }) => (Tone::Info, name, Fact::at(text!(locale, users.mail_waits), *until)),
        Some(MailState::NoMailServer) => (Tone::Info, name, Fact::new(text!(locale, users.mail_none))),
        Some(MailState::Accepted { .. }) | None => (Tone::Info, name, ends),
    }
}
