//! Inviting several people at once: addresses as they were pasted, one role and extras for all, and a result for each (R1 to R7, R54).

use super::{
    OverList, Users,
    choice::{Choice, Purpose, first_role},
    close_link,
    grant_picker::GrantPicker,
    invite::{language, lifetime},
    loaded_once, scroll_into_view_when,
};
use crate::{
    api::{
        invitations::{InviteSeveral, Invited, InvitedOne},
        members::AccountFacts,
    },
    components::{Button, ErrorBox, Icon, Look, Note, NoteTone, RefusalNote, TextArea, problem_at},
    domain::{
        email::check_shape,
        fields,
        member::{LoginMethodKind, MailState},
        pasted_people::{MAX_PEOPLE_AT_ONCE, PastedPerson, pasted_people},
        permission::{Gate, Permissions},
        policy::{Verdict, can_pass},
        role::{Grant, Roles},
    },
    error::AppError,
    flash::old_input,
    i18n::{Locale, error_text, problem_text, refusal_text, role_name, text},
    paths::{self, with_parameters},
    rpc::{ActionForm, FormAction},
};
use leptos::prelude::*;
use std::sync::Arc;

lazy_page!(InviteSeveralRoute, user_dialogs, InviteSeveralDialog);

/// The dialog for inviting several people, over the list.
#[component]
fn InviteSeveralDialog() -> impl IntoView {
    let users = expect_context::<Users>();
    loaded_once(async move {
        // A list that fails says so itself.
        users.page.await.ok().map(|page| view! { <Invitations users facts=Arc::new(page.facts) /> }).into_any()
    })
}

#[component]
fn Invitations(users: Users, facts: Arc<AccountFacts>) -> impl IntoView {
    let locale = users.locale;
    let method = facts.methods.iter().find(|method| method.kind == LoginMethodKind::Password).map(|method| method.id);
    let content = match (can_pass(&facts.my, Gate::UsersInvite), method) {
        (Verdict::No(refusal), _) => {
            view! { <RefusalNote refusal roles=facts.roles.clone() /> {close_link(users)} }.into_any()
        }
        (Verdict::Yes, None) => view! {
            <Note tone=NoteTone::Plain icon="info">
                <p>{text!(locale, users.several_no_password)}</p>
            </Note>
            {close_link(users)}
        }
        .into_any(),
        (Verdict::Yes, Some(method)) => {
            let invite = FormAction::<InviteSeveral>::new();
            invite.on_success(move |_| users.page.refetch());
            // What was typed outlives an error: the form is made anew for another answer alone.
            let results = Memo::new(move |_| invite.output().get());
            (move || match results.get() {
                Some(results) => several_results(users, &facts.roles, results, invite),
                None => view! { <SeveralForm users facts=facts.clone() method=method.to_string() invite /> }.into_any(),
            })
            .into_any()
        }
    };
    view! {
        <OverList users title=text!(locale, users.several_title)>{content}</OverList>
    }
}

#[component]
fn SeveralForm(
    users: Users,
    facts: Arc<AccountFacts>,
    method: String,
    invite: FormAction<InviteSeveral>,
) -> impl IntoView {
    let locale = users.locale;
    let error = invite.error();
    let choice = Choice::starting_from(&Grant { role: first_role(&facts), extras: Permissions::new() });
    let typed = RwSignal::new(old_input("form[people]").unwrap_or_default());
    let failed = NodeRef::new();
    scroll_into_view_when(failed, move || {
        error.with(|error| error.as_ref().is_some_and(|error| error.fields().is_none()))
    });
    let found = move || typed.with(|typed| found_words(locale, &pasted_people(typed).people));
    view! {
        <ActionForm action=invite class="form">
            <div class="answer" node_ref=failed>
                <ErrorBox error roles=Signal::stored(Some(facts.roles.clone())) />
            </div>
            <input type="hidden" name="account" value=facts.slug.to_string() />
            <input type="hidden" name="form[method]" value=method />
            <TextArea
                name="form[people]"
                label=text!(locale, users.several_addresses)
                hint=text!(locale, users.several_hint, most = MAX_PEOPLE_AT_ONCE)
                rows=6
                autofocus=true
                problem=problem_at(error, fields::Field::People)
                on_input=Callback::new(move |text| typed.set(text))
            />
            <p class="field-hint" aria-live="polite">{found}</p>
            <GrantPicker facts=facts.clone() purpose=Purpose::Invite choice error />
            <div class="field-row">
                {language(locale, facts.language)}
                {lifetime(locale)}
            </div>
            <div class="actions">
                <Button busy=invite.pending()>{text!(locale, users.invite_button)}</Button>
                <a class="button" href=move || users.list() data-noscroll="">{text!(locale, common.cancel)}</a>
            </div>
        </ActionForm>
    }
}

/// How many addresses there are by now, and which of them are none.
fn found_words(locale: Locale, people: &[PastedPerson]) -> String {
    let wrong: Vec<_> = people.iter().filter(|person| check_shape(&person.email).is_err()).collect();
    let count = match people.len() - wrong.len() {
        0 if wrong.is_empty() => return String::new(),
        1 => text!(locale, users.several_found_one).to_owned(),
        count => text!(locale, users.several_found, count = count),
    };
    match wrong.first() {
        None => count,
        Some(first) => {
            let wrong = match wrong.len() {
                1 => text!(locale, users.several_wrong_one, typed = first.email.clone()),
                more => text!(locale, users.several_wrong, typed = first.email.clone(), more = more - 1),
            };
            format!("{count} {wrong}")
        }
    }
}

/// What came of each address.
fn several_results(
    users: Users,
    roles: &Roles,
    results: Vec<InvitedOne>,
    invite: FormAction<InviteSeveral>,
) -> AnyView {
    let locale = users.locale;
    let invited = results.iter().filter(|one| matches!(one.result, Ok(Invited::Done { .. }))).count();
    let title = match (invited, results.len()) {
        (1, 1) => text!(locale, users.several_all_one).to_owned(),
        (invited, all) if invited == all => text!(locale, users.several_all, count = invited),
        (invited, all) => text!(locale, users.several_some, count = invited, all = all),
    };
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

/// Why an address was not invited.
fn why_not(locale: Locale, roles: &Roles, error: &AppError) -> String {
    if let AppError::Refused(refusal) = error {
        return refusal_text(locale, refusal, Some(roles));
    }
    let problem = error.fields().and_then(|errors| errors.of(fields::Field::Email));
    problem.map_or_else(|| error_text(locale, error), |problem| problem_text(locale, problem))
}
