//! + New user: login method first, then address, role, extra permissions (R1 to R7, R21, R30).

use super::{
    HandedOver, OverList, Users,
    choice::{Choice, Purpose, first_role},
    close_link,
    grant_picker::GrantPicker,
    invite_outcome::{NotMailed, other_forms, outcome},
    loaded_once,
    login_method::{CurrentMethod, login_method_fields},
    scroll_into_view_when,
    words::invited_words,
};
use crate::{
    api::{
        invitations::{InviteUser, Invited},
        members::AccountFacts,
    },
    components::{Button, ErrorBox, Field, Kind, RefusalNote, problem_at, use_toasts},
    domain::{
        email::check_shape,
        fields,
        ids::MemberId,
        invitation::LIFETIMES_IN_HOURS,
        language::Language,
        member::{LoginMethod, LoginMethodKind},
        pasted_people::finished_len,
        permission::{Gate, Permissions},
        policy::{Verdict, can_pass},
        role::Grant,
        time::Span,
    },
    flash::old_input,
    i18n::{Locale, lifetime_words, text},
    paths,
    rpc::{ActionForm, FormAction, flashed_error},
};
use leptos::{ev, prelude::*};
use leptos_router::hooks::use_query_map;
use std::sync::Arc;
use web_sys::{HtmlSelectElement, wasm_bindgen::JsCast};

lazy_page!(InviteRoute, user_dialogs, InviteDialog);

/// The dialog for inviting, over the list. Its address may name whom to invite: `?email=`.
#[component]
fn InviteDialog() -> impl IntoView {
    let users = expect_context::<Users>();
    // Once it is there it stays: a list that is read again must not take away what was typed.
    loaded_once(async move {
        // A list that fails says so itself.
        users.page.await.ok().map(|page| view! { <Invitation users facts=Arc::new(page.facts) /> }).into_any()
    })
}

#[component]
fn Invitation(users: Users, facts: Arc<AccountFacts>) -> impl IntoView {
    // If somebody was invited although no mail could be sent, the dialog stays, to hand the link over.
    let not_mailed = RwSignal::new(None::<(MemberId, String)>);
    let first_email = use_query_map().with_untracked(|map| map.get("email").unwrap_or_default());
    let content = match can_pass(&facts.my, Gate::UsersInvite) {
        Verdict::No(refusal) => {
            view! { <RefusalNote refusal roles=facts.roles.clone() /> {close_link(users)} }.into_any()
        }
        Verdict::Yes => (move || match not_mailed.get() {
            Some((member, email)) => view! { <NotMailed users member email again=not_mailed /> }.into_any(),
            None => view! { <InviteForm users facts=facts.clone() email=first_email.clone() not_mailed /> }.into_any(),
        })
        .into_any(),
    };
    let several = move || users.over(paths::new_users(&users.slug.get()));
    view! {
        <OverList users title=text!(users.locale, users.invite_title)>
            <p class="invite-several"><a href=several data-noscroll="">{text!(users.locale, users.several_link)}</a></p>
            {content}
        </OverList>
    }
}

#[component]
fn InviteForm(
    users: Users,
    facts: Arc<AccountFacts>,
    email: String,
    not_mailed: RwSignal<Option<(MemberId, String)>>,
) -> impl IntoView {
    let locale = users.locale;
    let invite = FormAction::<InviteUser>::new();
    // Without scripting, sending an older invitation again comes back here too.
    let came_with = flashed_error();
    let error = Signal::derive(move || match invite.is_answered() {
        true => invite.error().get(),
        false => came_with.clone(),
    });
    let choice = Choice::starting_from(&Grant { role: first_role(&facts), extras: Permissions::new() });
    let typed = RwSignal::new(old_input("form[email]").unwrap_or_else(|| email.clone()));
    let toasts = use_toasts();
    invite.on_success(move |invited| {
        if let Some(words) = invited_words(locale, &invited) {
            toasts.show(words);
            users.page.refetch();
            users.back_to_list();
        } else if let Invited::Done { member, email, .. } = invited {
            users.page.refetch();
            not_mailed.set(Some((member, email)));
        }
    });
    // Several addresses are for the dialog that takes several; whatever is typed until it is there goes along.
    users.handed_over.set_value(None);
    let hand_over = {
        let methods = facts.methods.clone();
        move |text: String, are_several: bool| {
            let is_on_the_way = users.handed_over.with_value(Option::is_some);
            if !(is_on_the_way || are_several && is_by_password(&methods)) {
                return false;
            }
            users.handed_over.set_value(Some(HandedOver {
                text,
                grant: untrack(|| choice.grant()),
                language: chosen_in_dialog("select[name='form[language]']"),
                lifetime: chosen_in_dialog("select[name='form[lifetime]']"),
            }));
            if !is_on_the_way {
                users.go(&untrack(|| users.over(paths::new_users(&users.slug.get()))), true);
            }
            true
        }
    };
    let before_field = StoredValue::new(String::new());
    let pasted = {
        let hand_over = hand_over.clone();
        move |event: ev::ClipboardEvent| {
            let text = event.clipboard_data().and_then(|data| data.get_data("text").ok()).unwrap_or_default();
            // The field would put several lines into one.
            let are_several = text.matches('@').count() > 1 || text.trim().contains('\n');
            let all = format!("{}\n{}\n", typed.get_untracked(), text.trim()).trim_start().to_owned();
            if are_several && hand_over(all.clone(), true) {
                before_field.set_value(all);
                event.prevent_default();
            }
        }
    };
    // An answer is about the address that it was asked for.
    let on_input = Callback::new(move |email: String| {
        typed.set(email.clone());
        let are_several = email.get(..finished_len(&email)).is_some_and(|finished| finished.contains('@'));
        if hand_over(before_field.get_value() + &email, are_several) {
            return;
        }
        if untrack(|| invite.is_answered()) {
            invite.clear();
        }
    });
    let answer = {
        let facts = facts.clone();
        move || {
            let invited = invite.output().get()?;
            outcome(users, &facts, invited, typed.get_untracked().trim().to_owned())
        }
    };
    // One of the two answers sends the form then.
    let asks_which = Memo::new(move |_| matches!(invite.output().get(), Some(Invited::RemovedBefore { .. })));
    let send = move || {
        (!asks_which.get()).then(|| {
            view! { <Button busy=invite.pending()>{text!(locale, users.invite_button)}</Button> }
        })
    };
    let new = CurrentMethod { asks_for_names: true, ..CurrentMethod::default() };
    let (methods, at_provider) = login_method_fields(locale, facts.methods.clone(), new, error);
    let (answered, failed) = (NodeRef::new(), NodeRef::new());
    scroll_into_view_when(answered, move || invite.output().with(Option::is_some));
    scroll_into_view_when(failed, move || {
        error.with(|error| error.as_ref().is_some_and(|error| error.fields().is_none()))
    });
    view! {
        {other_forms(users)}
        <ActionForm action=invite class="form">
            <div class="answer" node_ref=failed>
                <ErrorBox error roles=Signal::stored(Some(facts.roles.clone())) />
            </div>
            <input type="hidden" name="account" value=facts.slug.to_string() />
            {methods}
            <div on:paste=pasted>
                <Field
                    name="form[email]"
                    label=text!(locale, users.invite_email)
                    hint=text!(locale, users.invite_email_hint)
                    kind=Kind::Email
                    autocomplete="off"
                    initial=email
                    autofocus=true
                    required=true
                    problem=problem_at(error, fields::Field::Email)
                    check=check_shape
                    on_input
                />
            </div>
            {at_provider}
            <GrantPicker facts=facts.clone() purpose=Purpose::Invite choice error />
            <div class="field-row">
                {language(locale, facts.language, None)}
                {lifetime(locale, facts.invitations.lifetime, None)}
            </div>
            <div class="answer" aria-live="polite" node_ref=answered>
                {answer}
            </div>
            <div class="actions">
                {send}
                <a class="button" href=move || users.list() data-noscroll="">{text!(locale, common.cancel)}</a>
            </div>
        </ActionForm>
    }
}

/// Is Email & password chosen in the dialog? A provider needs to know who each person is there, which a table says.
fn is_by_password(methods: &[LoginMethod]) -> bool {
    let chosen = chosen_in_dialog("input[name='form[method]']:checked");
    methods
        .iter()
        .any(|method| method.kind == LoginMethodKind::Password && chosen.as_deref() == Some(&method.id.to_string()))
}

/// The value of a field of the dialog that no signal follows.
fn chosen_in_dialog(field: &str) -> Option<String> {
    let field = document().query_selector(&format!("dialog {field}")).ok()??;
    match field.dyn_into::<HtmlSelectElement>() {
        Ok(select) => Some(select.value()),
        Err(field) => field.get_attribute("value"),
    }
}

/// The language of the mail: the account's, unless another was chosen already.
pub(super) fn language(locale: Locale, of_account: Language, chosen: Option<String>) -> impl IntoView {
    let chosen = old_input("form[language]").or(chosen).unwrap_or_else(|| of_account.tag().to_owned());
    let options: Vec<_> = Language::ALL
        .into_iter()
        .map(|language| {
            view! { <option value=language.tag() selected={language.tag() == chosen}>{language.own_name()}</option> }
        })
        .collect();
    view! {
        <div class="field">
            <label for="form-language">{text!(locale, users.invite_language)}</label>
            <select id="form-language" name="form[language]">{options}</select>
        </div>
    }
}

/// The life of the link: the account's, unless another was chosen already.
pub(super) fn lifetime(locale: Locale, of_account: Span, chosen: Option<String>) -> impl IntoView {
    let chosen = old_input("form[lifetime]").or(chosen);
    let options: Vec<_> = LIFETIMES_IN_HOURS
        .into_iter()
        .map(|hours| {
            let selected = match &chosen {
                Some(chosen) => *chosen == hours.to_string(),
                None => Span::hours(hours) == of_account,
            };
            view! { <option value=hours.to_string() selected=selected>{lifetime_words(locale, hours)}</option> }
        })
        .collect();
    view! {
        <div class="field">
            <label for="form-lifetime">{text!(locale, users.invite_lifetime)}</label>
            <select id="form-lifetime" name="form[lifetime]">{options}</select>
        </div>
    }
}
