//! Settings → Account: what an account's owners settle for it.

use super::{
    Failed, loaded,
    login_methods::parts::{Forms, Sending, hidden, sign_in_again},
    shell::ShownAccount,
    use_slug,
};
use crate::{
    api::{
        account_settings::{AccountSettingsView, ChangeAccountSettings, ShowAccountSettings},
        ownership::{OfferOwnership, OwnershipOffer, WithdrawOwnership},
    },
    components::{Button, Field, Kind, Look, SelectField, Time, problem_at},
    domain::{
        email::check_shape,
        fields,
        invitation::LIFETIMES_IN_HOURS,
        language::Language,
        name::{self, Slug},
    },
    i18n::{lifetime_words, person_words, role_name, text, use_locale},
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
        {settings(forms, view.clone())}
        {ownership(forms, view)}
    }
    .into_any()
}

/// Handing the account over (R34): the open offer, or the form for one.
fn ownership(forms: Forms, view: AccountSettingsView) -> AnyView {
    let locale = forms.locale();
    let content = match view.offer {
        Some(offer) => waiting(forms, offer),
        None => offering(forms, &view.slug, view.recently_authenticated),
    };
    view! {
        <section class="panel">
            <h2>{text!(locale, settings.ownership_title)}</h2>
            {content}
        </section>
    }
    .into_any()
}

fn waiting(forms: Forms, offer: OwnershipOffer) -> AnyView {
    let locale = forms.locale();
    let words = text!(locale, settings.ownership_waits, person = person_words(offer.name.as_deref(), &offer.email));
    let id = offer.id;
    let withdraw = forms.form::<WithdrawOwnership>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("offer", id)}
            <Button look=Look::Plain busy>
                {text!(locale, settings.ownership_withdraw)}
            </Button>
        }
        .into_any()
    });
    view! {
        <p>{words} " " <Time at=offer.expires /></p>
        {withdraw}
    }
    .into_any()
}

fn offering(forms: Forms, slug: &Slug, recently_authenticated: bool) -> AnyView {
    let locale = forms.locale();
    let ask = (!recently_authenticated).then(|| sign_in_again(locale, slug, &paths::account_settings(slug.as_str())));
    let form = forms.form::<OfferOwnership>("form", move |Sending { busy, error }| {
        view! {
            <Field
                name="form[email]"
                label=text!(locale, settings.ownership_email)
                kind=Kind::Email
                autocomplete="off"
                required=true
                check=check_shape
                problem=problem_at(error, fields::Field::Email)
            />
            <div class="actions">
                <Button look=Look::Plain busy disabled=!recently_authenticated>
                    {text!(locale, settings.ownership_offer)}
                </Button>
            </div>
        }
        .into_any()
    });
    view! {
        <p>{text!(locale, settings.ownership_text)}</p>
        {ask}
        {form}
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
