//! First run: the first account and its owner.

use super::{Failed, full_page_load, loaded, shell::Card};
use crate::{
    api::setup::{SETUP_LINK_HOURS, SetUp, SetUpView, ViewSetUp},
    components::{Button, ErrorBox, Field, Kind, NewPasswordField, ProposedSlug, problem_at},
    domain::{email::check_shape, fields, name, password},
    i18n::{Locale, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(SetUpRoute, joining, SetUpPage);

/// First run.
#[component]
fn SetUpPage() -> impl IntoView {
    let locale = use_locale();
    let state = Query::new(|| ViewSetUp {});
    let view = loaded(move || async move {
        match state.await {
            Ok(SetUpView::Open) => form(locale).into_any(),
            Ok(SetUpView::Done) => done(locale).into_any(),
            Ok(SetUpView::NeedsLink { command }) => needs_link(locale, command).into_any(),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, session.set_up_title) />
        <Card>
            {view}
        </Card>
    }
}

fn form(locale: Locale) -> impl IntoView {
    let set_up = FormAction::<SetUp>::new();
    let error = set_up.error();
    set_up.on_success(|path| full_page_load(&path));
    let (account, person, email) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let own_words = Signal::derive(move || vec![account.get(), person.get(), email.get()]);
    view! {
        <h1>{text!(locale, session.set_up_title)}</h1>
        <p class="page-lead">{text!(locale, session.set_up_text)}</p>
        <ActionForm action=set_up class="form">
            <ErrorBox error />
            <fieldset>
                <legend>{text!(locale, session.account_section)}</legend>
                <Field
                    name="form[account_name]"
                    label=text!(locale, session.account_name)
                    hint=text!(locale, session.account_name_hint)
                    autocomplete="organization"
                    required=true
                    autofocus=true
                    check=check_name
                    problem=problem_at(error, fields::Field::AccountName)
                    on_input=move |text| account.set(text)
                />
                <ProposedSlug name="form[slug]" of=account problem=problem_at(error, fields::Field::Slug) />
            </fieldset>
            <fieldset>
                <legend>{text!(locale, session.owner_section)}</legend>
                <Field
                    name="form[name]"
                    label=text!(locale, session.your_name)
                    autocomplete="name"
                    required=true
                    check=check_name
                    problem=problem_at(error, fields::Field::Name)
                    on_input=move |text| person.set(text)
                />
                <Field
                    name="form[email]"
                    label=text!(locale, session.your_email)
                    kind=Kind::Email
                    autocomplete="username"
                    required=true
                    check=check_shape
                    problem=problem_at(error, fields::Field::Email)
                    on_input=move |text| email.set(text)
                />
                <NewPasswordField
                    name="form[password]"
                    label=text!(locale, session.password)
                    shortest=password::MIN_CHARS
                    own_words
                    problem=problem_at(error, fields::Field::Password)
                />
            </fieldset>
            <div class="actions">
                <Button busy=set_up.pending()>{text!(locale, session.set_up)}</Button>
            </div>
        </ActionForm>
    }
}

fn check_name(text: &str) -> Result<(), fields::Problem> {
    name::check_shape(text)
}

fn done(locale: Locale) -> impl IntoView {
    view! {
        <h1>{text!(locale, session.set_up_done_title)}</h1>
        <p class="page-lead">{text!(locale, session.set_up_done_text)}</p>
        <p>
            <a class="button button-primary" href=paths::LOGIN>{text!(locale, session.sign_in)}</a>
        </p>
    }
}

fn needs_link(locale: Locale, command: String) -> impl IntoView {
    view! {
        <h1>{text!(locale, session.set_up_link_title)}</h1>
        <p class="page-lead">{text!(locale, session.set_up_link_text)}</p>
        <p>{text!(locale, session.set_up_link_again, hours = SETUP_LINK_HOURS)}</p>
        <pre class="command"><code>{command}</code></pre>
    }
}
