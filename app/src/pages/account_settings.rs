//! Settings → Account: what an account's owners settle for it.

use super::{
    Failed, loaded,
    login_methods::parts::{Forms, Sending, hidden},
    shell::ShownAccount,
    use_slug,
};
use crate::{
    api::account_settings::{AccountSettingsView, ChangeAccountSettings, ShowAccountSettings},
    components::{Button, Field, SelectField, problem_at},
    domain::{fields, invitation::LIFETIMES_IN_HOURS, language::Language, name},
    i18n::{lifetime_words, role_name, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(AccountSettingsRoute, login_methods, AccountSettingsPage);

/// The page.
#[component]
fn AccountSettingsPage() -> impl IntoView {
    let locale = use_locale();
    let slug = use_slug();
    let settings = Query::new(move || ShowAccountSettings { account: slug.get() });
    let forms = Forms::new(locale, slug, move || settings.refetch());
    let shown = use_context::<ShownAccount>();
    let page = loaded(move || async move {
        match settings.await {
            Ok(view) => {
                forms.loaded();
                if let Some(ShownAccount(name)) = shown {
                    name.set(Some(view.name.clone()));
                }
                page(forms, view)
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, settings.title) />
        <div class="form-page">{forms.error_box()} {page}</div>
    }
}

fn page(forms: Forms, view: AccountSettingsView) -> AnyView {
    let locale = forms.locale();
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, settings.title)}</h1>
                <p class="page-lead">{text!(locale, settings.lead, account = view.name.clone())}</p>
            </div>
        </header>
        {forms.notice()}
        {settings(forms, view)}
    }
    .into_any()
}

fn settings(forms: Forms, view: AccountSettingsView) -> AnyView {
    let locale = forms.locale();
    let slug_note = text!(locale, settings.slug_stays, address = paths::account(view.slug.as_str()));
    let languages = Language::ALL.map(|language| (language.tag().to_owned(), language.own_name().to_owned()));
    let narrowest = (String::new(), text!(locale, settings.narrowest_role).to_owned());
    let roles = view.roles.roles.iter().filter(|role| !role.key.is_owner());
    let roles = roles.map(|role| (role.key.to_string(), role_name(locale, &role.key, Some(&view.roles))));
    let roles: Vec<_> = [narrowest].into_iter().chain(roles).collect();
    let lifetimes = LIFETIMES_IN_HOURS.map(|hours| (hours.to_string(), lifetime_words(locale, hours)));
    let chosen_role = view.invitations.role.as_ref().map(ToString::to_string).unwrap_or_default();
    let form = forms.form::<ChangeAccountSettings>("form", move |Sending { busy, error }| {
        view! {
            {hidden("form[version]", view.version)}
            <h2>{text!(locale, settings.account_title)}</h2>
            <Field
                name="form[name]"
                label=text!(locale, session.account_name)
                hint=text!(locale, settings.name_hint)
                initial=view.name
                required=true
                check=check_name
                problem=problem_at(error, fields::Field::AccountName)
            />
            <p class="field-hint">{slug_note}</p>
            <SelectField
                name="form[language]"
                label=text!(locale, settings.language)
                hint=text!(locale, settings.language_hint)
                options=languages.to_vec()
                chosen=view.language.tag()
                problem=problem_at(error, fields::Field::Language)
            />
            <h2>{text!(locale, settings.invitations_title)}</h2>
            <p>{text!(locale, settings.invitations_text)}</p>
            <SelectField
                name="form[role]"
                label=text!(locale, settings.role)
                hint=text!(locale, settings.role_hint)
                options=roles
                chosen=chosen_role
                problem=problem_at(error, fields::Field::Role)
            />
            <SelectField
                name="form[lifetime]"
                label=text!(locale, settings.lifetime)
                options=lifetimes.to_vec()
                chosen=view.invitations.lifetime.as_hours().to_string()
                problem=problem_at(error, fields::Field::Lifetime)
            />
            <div class="actions">
                <Button busy>{text!(locale, common.save)}</Button>
            </div>
        }
        .into_any()
    });
    view! { <section class="panel">{form}</section> }.into_any()
}

fn check_name(text: &str) -> Result<(), fields::Problem> {
    name::check_shape(text)
}
