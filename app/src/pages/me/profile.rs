//! `/me`: what one is called and addressed in.

use super::{address::change_address, read_only, saved};
use crate::{
    api::own_login::{ChangeProfile, OwnLogin, ShowOwnLogin},
    components::{Button, ErrorBox, Field, SelectField, problem_at},
    domain::{fields, language::Language, name::check_shape, theme::Theme, time_zone::TimeZone},
    i18n::{Locale, text, use_locale},
    pages::{Failed, full_page_load, loaded_once, shell::ShownName},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

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
                <p>
                    <a href=paths::ME_DELETE>{text!(locale, own_login.delete_title)}</a>
                </p>
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
        if profile.other_page {
            full_page_load(&paths::with_notice(paths::ME, paths::PROFILE_SAVED));
        } else if let Some(ShownName(shown)) = shown {
            shown.set(profile.name);
        }
    });
    // The page was made anew after a change of what it looks like.
    let query = use_query_map();
    let saved_before = move || query.with(|query| query.get("notice").as_deref() == Some(paths::PROFILE_SAVED));
    let is_saved = move || save.output().with(Option::is_some) || (!save.is_answered() && saved_before());
    view! {
        <section class="panel">
            <h2>{text!(locale, own_login.profile)}</h2>
            <ActionForm action=save class="form">
                <ErrorBox error />
                {move || is_saved().then(|| saved(text!(locale, own_login.profile_saved)))}
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
                    options=languages(locale)
                    chosen=login.language.map_or("", Language::tag)
                    problem=problem_at(error, fields::Field::Language)
                />
                <SelectField
                    name="form[time_zone]"
                    label=text!(locale, own_login.time_zone)
                    hint=text!(locale, own_login.time_zone_hint)
                    options=zones(locale, &login.time_zones)
                    chosen=login.time_zone.map_or_else(String::new, |zone| zone.name().to_owned())
                    problem=problem_at(error, fields::Field::TimeZone)
                />
                <SelectField
                    name="form[theme]"
                    label=text!(locale, own_login.theme)
                    options=themes(locale)
                    chosen=login.theme.map_or("", Theme::key)
                    problem=problem_at(error, fields::Field::Theme)
                />
                <div class="actions">
                    <Button busy=save.pending()>{text!(locale, own_login.save)}</Button>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

/// The languages, and the browser's own.
fn languages(locale: Locale) -> Vec<(String, String)> {
    let all = Language::ALL.map(|language| (language.tag().to_owned(), language.own_name().to_owned()));
    left_to(text!(locale, own_login.language_of_browser), all)
}

/// The time zones, and the browser's own.
fn zones(locale: Locale, all: &[TimeZone]) -> Vec<(String, String)> {
    let all = all.iter().map(|zone| (zone.name().to_owned(), zone.name().replace('_', " ")));
    left_to(text!(locale, own_login.time_zone_of_browser), all)
}

/// Light, dark, or as the system is.
fn themes(locale: Locale) -> Vec<(String, String)> {
    let words = |theme| match theme {
        Theme::Light => text!(locale, own_login.theme_light),
        Theme::Dark => text!(locale, own_login.theme_dark),
    };
    let all = Theme::ALL.map(|theme| (theme.key().to_owned(), words(theme).to_owned()));
    left_to(text!(locale, own_login.theme_of_system), all)
}

/// Choices after that of making none.
fn left_to(nothing: &str, all: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    std::iter::once((String::new(), nothing.to_owned())).chain(all).collect()
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
