//! `/me`: what one is called and addressed in.

use super::{address::change_address, read_only, saved};
use crate::{
    api::own_login::{ChangeProfile, OwnLogin, ShowOwnLogin},
    components::{Button, ErrorBox, Field, SelectField, problem_at},
    domain::{fields, language::Language, name::check_shape},
    i18n::{Locale, text, use_locale},
    pages::{Failed, full_page_load, loaded_once, shell::ShownName},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(ProfileRoute, own_login, ProfilePage);

/// The page.
#[component]
fn ProfilePage() -> impl IntoView {
    let locale = use_locale();
    let login = Query::new(|| ShowOwnLogin {});
    let page = loaded_once(async move {
        match login.await {
            Ok(login) if login.may_change => view! {
                {form(locale, login.clone())}
                {change_address(locale, login)}
            }
            .into_any(),
            Ok(login) => facts(locale, login),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, own_login.title) />
        {page}
    }
}

fn form(locale: Locale, login: OwnLogin) -> AnyView {
    let save = FormAction::<ChangeProfile>::new();
    let error = save.error();
    let shown = use_context::<ShownName>();
    save.on_success(move |profile| {
        if profile.other_language {
            full_page_load(paths::ME);
        } else if let Some(ShownName(shown)) = shown {
            shown.set(profile.name);
        }
    });
    let languages = [(String::new(), text!(locale, own_login.language_of_browser).to_owned())]
        .into_iter()
        .chain(Language::ALL.map(|language| (language.tag().to_owned(), language.own_name().to_owned())))
        .collect::<Vec<_>>();
    view! {
        <section class="panel">
            <h2>{text!(locale, own_login.profile)}</h2>
            <ActionForm action=save class="form">
                <ErrorBox error />
                {move || save.output().get().map(|_| saved(text!(locale, own_login.profile_saved)))}
                <Field
                    name="form[name]"
                    label=text!(locale, own_login.name)
                    hint=text!(locale, own_login.name_hint)
                    initial=login.name
                    autocomplete="name"
                    required=true
                    check=check_shape
                    problem=problem_at(error, fields::Field::Name)
                />
                <SelectField
                    name="form[language]"
                    label=text!(locale, own_login.language)
                    hint=text!(locale, own_login.language_hint)
                    options=languages
                    chosen=login.language.map_or("", Language::tag)
                    problem=problem_at(error, fields::Field::Language)
                />
                <div class="actions">
                    <Button busy=save.pending()>{text!(locale, own_login.save)}</Button>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

/// The profile in a session that changes nothing.
fn facts(locale: Locale, login: OwnLogin) -> AnyView {
    view! {
        {read_only(locale)}
        <section class="panel">
            <h2>{text!(locale, own_login.profile)}</h2>
            <dl class="facts">
                <dt>{text!(locale, own_login.name)}</dt>
                <dd>{login.name}</dd>
                <dt>{text!(locale, own_login.email)}</dt>
                <dd>{login.email}</dd>
            </dl>
        </section>
    }
    .into_any()
}
