//! What came of each of several people.

use super::{super::Users, in_parts::is_invited};
use crate::{
    api::invitations::{InviteSeveral, Invited, InvitedOne, Standing},
    components::{Button, Icon, Look, Note, NoteTone},
    domain::{
        fields::{Field, Problem},
        member::MailState,
        role::Roles,
    },
    error::AppError,
    i18n::{Locale, error_text, grouped, problem_text, refusal_text, role_name, text},
    paths::{self, with_parameters},
    rpc::FormAction,
};
use leptos::prelude::*;

/// How many were invited, of so many.
pub(super) fn results_title(locale: Locale, invited: usize, all: usize) -> String {
    let number = |count: usize| grouped(locale, count as u64);
    match (invited, all) {
        (1, 1) => text!(locale, users.several_all_one).to_owned(),
        (invited, all) if invited == all => text!(locale, users.several_all, count = number(invited)),
        (invited, all) => text!(locale, users.several_some, count = number(invited), all = number(all)),
    }
}

/// What came of each address.
pub(super) fn several_results(
    users: Users,
    roles: &Roles,
    results: Vec<InvitedOne>,
    invite: FormAction<InviteSeveral>,
) -> AnyView {
    let locale = users.locale;
    let invited = results.iter().filter(|one| is_invited(&one.result)).count();
    let title = results_title(locale, invited, results.len());
    let tone = if invited == results.len() { NoteTone::Good } else { NoteTone::Plain };
    let lines = results.into_iter().map(|one| result_line(users, roles, one)).collect_view();
    view! {
        <div class="form">
            <Note tone icon="info">
                <p>{title}</p>
            </Note>
            <ul class="several-results" tabindex="-1" data-autofocus="">{lines}</ul>
            <div class="actions">
                <a class="button button-primary" href=move || users.list() data-noscroll="">{text!(locale, users.done)}</a>
                <Button look=Look::Plain on_click=Callback::new(move |()| invite.clear())>
                    {text!(locale, users.several_more)}
                </Button>
            </div>
        </div>
    }
    .into_any()
}

fn result_line(users: Users, roles: &Roles, InvitedOne { typed, result }: InvitedOne) -> impl IntoView + use<> {
    let locale = users.locale;
    let (icon, words) = match &result {
        Ok(Invited::Done { mail: MailState::NoMailServer, .. }) => {
            ("check", text!(locale, users.several_not_mailed).to_owned())
        }
        Ok(Invited::Done { .. }) => ("check", text!(locale, users.several_done).to_owned()),
        Ok(Invited::AlreadyMember { role, .. }) => {
            ("info", text!(locale, users.several_member, role = role_name(locale, role, Some(roles))))
        }
        Ok(Invited::AlreadyInvited { .. }) => ("info", text!(locale, users.several_invited).to_owned()),
        Ok(Invited::Suspended { .. }) => ("info", text!(locale, users.several_suspended).to_owned()),
        Ok(Invited::RemovedBefore { .. }) => ("info", text!(locale, users.several_removed).to_owned()),
        Err(error) => ("alert", why_not(locale, roles, error)),
    };
    let asks = matches!(result, Ok(Invited::RemovedBefore { .. })).then(|| {
        let href = with_parameters(paths::new_user(&users.slug.get_untracked()), vec![("email", typed.clone())]);
        view! { " " <a href=href data-noscroll="">{text!(locale, users.several_decide)}</a> }
    });
    view! {
        <li class="several-result">
            <Icon name=icon />
            <span><strong>{typed}</strong> " " {words} {asks}</span>
        </li>
    }
}

/// Why somebody is not invited.
pub(super) fn why_not(locale: Locale, roles: &Roles, error: &AppError) -> String {
    if let AppError::Refused(refusal) = error {
        return refusal_text(locale, refusal, Some(roles));
    }
    let Some(errors) = error.fields() else { return error_text(locale, error) };
    let words = errors.all().map(|(field, problem)| match (column(locale, field), problem) {
        // There is nothing to choose from in a table.
        (Some(column), Problem::NotOffered) => text!(locale, users.not_in_account, column = column),
        (Some(column), problem) => format!("{column}: {}", problem_text(locale, problem)),
        (None, problem) => problem_text(locale, problem),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The column that a field stands in, where the address does not say enough.
fn column(locale: Locale, field: Field) -> Option<&'static str> {
    [
        (Field::Role, text!(locale, users.column_role)),
        (Field::Extras, text!(locale, users.column_extras)),
        (Field::LoginMethod, text!(locale, users.column_method)),
        (Field::Identifier, text!(locale, users.identifier)),
    ]
    .into_iter()
    .find_map(|(of, column)| (of == field).then_some(column))
}

/// What came of an invitation, in a word that is the same in every language.
pub(super) const fn key_of(result: &Result<Invited, AppError>) -> &'static str {
    match result {
        Ok(Invited::Done { .. }) => "invited",
        Ok(Invited::AlreadyMember { .. }) => "member",
        Ok(Invited::AlreadyInvited { .. }) => "already_invited",
        Ok(Invited::Suspended { .. }) => "suspended",
        Ok(Invited::RemovedBefore { .. }) => "removed_before",
        Err(_) => "refused",
    }
}

/// How somebody stands to the account, likewise.
pub(super) const fn key_of_standing(standing: &Result<Standing, AppError>) -> &'static str {
    match standing {
        Ok(Standing::New) => "new",
        Ok(Standing::Member) => "member",
        Ok(Standing::Invited) => "already_invited",
        Ok(Standing::Suspended) => "suspended",
        Ok(Standing::RemovedBefore { .. }) => "removed_before",
        Err(_) => "refused",
    }
}
