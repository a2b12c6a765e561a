//! What came of a bulk action for each.

use super::{
    super::Users,
    super::words::{removed_words, resent_words, suspended_words},
    left_out_words,
};
use crate::{
    api::members::{BulkOutcome, BulkResult, Removed, Suspended},
    components::{Icon, Note, NoteTone},
    domain::{bulk::BulkAction, role::Roles},
    error::AppError,
    i18n::{Locale, error_text, refusal_text, text},
};
use leptos::prelude::*;

/// Was it done?
pub(super) fn is_done(result: &Result<BulkOutcome, AppError>) -> bool {
    key_of(result) == "done"
}

/// What came of it, in a word that is the same in every language.
pub(super) const fn key_of(result: &Result<BulkOutcome, AppError>) -> &'static str {
    match result {
        Ok(
            BulkOutcome::Edited
            | BulkOutcome::Resent(_)
            | BulkOutcome::Suspended(Suspended::Done { .. })
            | BulkOutcome::Removed(Removed::Done { .. }),
        ) => "done",
        Ok(
            BulkOutcome::Unchanged
            | BulkOutcome::LeftOut(_)
            | BulkOutcome::Suspended(Suspended::NotActive)
            | BulkOutcome::Removed(Removed::AlreadyRemoved),
        ) => "unchanged",
        Err(_) => "refused",
    }
}

/// What came of it for each.
pub(super) fn bulk_results(
    users: Users,
    roles: &Roles,
    action: Option<BulkAction>,
    results: Vec<BulkResult>,
) -> AnyView {
    let locale = users.locale;
    let done = results.iter().filter(|one| is_done(&one.result)).count();
    let title = text!(locale, users.bulk_some, count = done, all = results.len());
    let lines = results
        .into_iter()
        .map(|BulkResult { label, result }| {
            let icon = if is_done(&result) { "check" } else { "alert" };
            let label = label.unwrap_or_else(|| text!(locale, users.bulk_somebody_gone).to_owned());
            let words = result_words(locale, roles, action, &result);
            view! {
                <li class="several-result">
                    <Icon name=icon />
                    <span><strong>{label}</strong> " " {words}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <div class="form">
            <Note tone=NoteTone::Plain icon="info">
                <p>{title}</p>
            </Note>
            <ul class="several-results" tabindex="-1" data-autofocus="">{lines}</ul>
            <div class="actions">
                <a class="button button-primary" href=move || users.list() data-noscroll="">{text!(locale, users.done)}</a>
            </div>
        </div>
    }
    .into_any()
}

/// What came of it for one, in words.
pub(super) fn result_words(
    locale: Locale,
    roles: &Roles,
    action: Option<BulkAction>,
    result: &Result<BulkOutcome, AppError>,
) -> String {
    match result {
        Ok(BulkOutcome::Edited) => text!(locale, users.bulk_edited).to_owned(),
        Ok(BulkOutcome::Unchanged) => text!(locale, users.unchanged).to_owned(),
        Ok(BulkOutcome::LeftOut(why)) => left_out_words(locale, roles, action, why),
        Ok(BulkOutcome::Resent(resent)) => resent_words(locale, resent.clone()),
        Ok(BulkOutcome::Suspended(suspended)) => suspended_words(locale, suspended.clone()),
        Ok(BulkOutcome::Removed(removed)) => removed_words(locale, removed),
        Err(AppError::Refused(refusal)) => refusal_text(locale, refusal, Some(roles)),
        Err(error) => error_text(locale, error),
    }
}
