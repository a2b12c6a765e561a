//! Where a mail is, in words (R61, R62). What no mail server has taken is never called sent.

use crate::{
    components::Time,
    domain::member::MailState,
    i18n::{Locale, text},
};
use leptos::prelude::*;

/// The state of a mail, with the mail server's own words.
pub(in crate::pages) fn mail_state(locale: Locale, state: MailState) -> impl IntoView {
    let (kind, words, at, answer) = match state {
        MailState::NoMailServer => ("none", text!(locale, users.mail_none), None, None),
        MailState::Queued { until: None } => ("queued", text!(locale, users.mail_queued), None, None),
        MailState::Queued { until } => ("queued", text!(locale, users.mail_queued_until), until, None),
        MailState::Accepted { at } => ("accepted", text!(locale, users.mail_accepted), Some(at), None),
        MailState::Deferred { next, answer } => {
            ("deferred", text!(locale, users.mail_deferred), Some(next), Some(answer))
        }
        MailState::Unanswered { at: _, next: Some(next), answer } => {
            ("deferred", text!(locale, users.mail_unanswered), Some(next), Some(answer))
        }
        MailState::Unanswered { at, next: None, answer } => {
            ("refused", text!(locale, users.mail_never_answered), Some(at), Some(answer))
        }
        MailState::Refused { at, answer } => ("refused", text!(locale, users.mail_refused), Some(at), Some(answer)),
    };
    let answer = answer.filter(|answer| !answer.is_empty());
    view! {
        <span class=format!("mail-state mail-{kind}")>
            {words} {at.map(|at| view! { " " <Time at /> })}
            {answer.map(|answer| view! { <span class="mail-answer">{in_words(locale, answer)}</span> })}
        </span>
    }
}

/// What a mail server said begins with its code; what else there is are words of ours.
fn in_words(locale: Locale, answer: String) -> String {
    if answer.starts_with(|c: char| c.is_ascii_digit()) {
        text!(locale, users.mail_answer, answer = answer)
    } else {
        answer
    }
}
