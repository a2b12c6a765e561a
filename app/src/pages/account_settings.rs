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
    error::AppError,
    i18n::{Locale, lifetime_words, person_words, role_name, text, use_locale},
    paths,
    rpc::{Query, call},
};
use leptos::{prelude::*, task::spawn_local};
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
    // The settings as they are now: loaded again when somebody else was faster (R66).
    let present = RwSignal::new(view.clone());
    let chosen_role = view.invitations.role.as_ref().map(ToString::to_string).unwrap_or_default();
    let form = forms.form::<ChangeAccountSettings>("form", move |Sending { busy, error }| {
        view! {
            {meanwhile(locale, error, present)}
            <input
                type="hidden"
                name="form[version]"
                value=move || present.with(|view| view.version.to_string())
            />
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

/// What somebody else settled meanwhile: it is shown before it can be replaced (R66).
fn meanwhile(locale: Locale, error: Signal<Option<AppError>>, present: RwSignal<AccountSettingsView>) -> impl IntoView {
    let is_changed = move || matches!(error.get(), Some(AppError::ChangedMeanwhile { .. }));
    // A form that the browser itself sent came back with the present values.
    let reloaded = RwSignal::new(untrack(is_changed));
    let slug = present.with_untracked(|view| view.slug.to_string());
    Effect::new(move |began: Option<()>| {
        if is_changed() && began.is_some() {
            let account = slug.clone();
            spawn_local(async move {
                if let Ok(fresh) = call(ShowAccountSettings { account }).await {
                    present.try_set(fresh);
                    reloaded.try_set(true);
                }
            });
        }
    });
    let words = move || {
        reloaded.get().then(|| {
            let now = present.with(|view| {
                let role = match &view.invitations.role {
                    Some(role) => role_name(locale, role, Some(&view.roles)),
                    None => text!(locale, settings.narrowest_role).to_owned(),
                };
                let lifetime = lifetime_words(locale, view.invitations.lifetime.as_hours());
                [view.name.clone(), view.language.own_name().to_owned(), role, lifetime].join(" · ")
            });
            view! { <p class="note note-info">{text!(locale, settings.reloaded, now = now)}</p> }
        })
    };
    view! {
        <div class="answer" role="status">{words}</div>
    }
}

fn check_name(text: &str) -> Result<(), fields::Problem> {
    name::check_shape(text)
}
