//! Settings → Account: what an account's owners settle for it.

use super::{
    Failed,
    live::on_account_change,
    loaded,
    login_methods::parts::{Forms, Sending, hidden, sign_in_again},
    shell::{ShownAccount, ShownDeletion},
    use_slug,
};
use crate::{
    api::{
        account_settings::{
            AccountSettingsView, ChangeAccountAddress, ChangeAccountSettings, DeleteAccount, KeepAccount,
            ShowAccountSettings,
        },
        accounts::AccountDeletion,
        login_methods::Notice,
        ownership::{OfferOwnership, OwnershipOffer, WithdrawOwnership},
    },
    components::{Button, Field, Kind, Look, SelectField, Time, problem_at},
    domain::{
        email::check_shape,
        fields,
        invitation::LIFETIMES_IN_HOURS,
        language::Language,
        name::{self, MAX_SLUG_CHARS, Slug},
    },
    error::AppError,
    i18n::{Locale, lifetime_words, person_words, role_name, text, use_locale},
    paths,
    rpc::{FormAction, Query, call, call_in_background},
};
use leptos::{prelude::*, server_fn::ServerFn, task::spawn_local};
use leptos_meta::Title;

lazy_page!(AccountSettingsRoute, login_methods, AccountSettingsPage);

/// What the server answered after the page was loaded, and whether the page asked by itself.
#[derive(Clone)]
struct News {
    in_background: bool,
    answer: Result<AccountSettingsView, AppError>,
}

/// The page. Once it is loaded, what the server says later changes the panels that it concerns: what somebody is typing in another stays.
#[component]
fn AccountSettingsPage() -> impl IntoView {
    let locale = use_locale();
    let slug = use_slug();
    let settings = Query::new(move || ShowAccountSettings { account: slug.get() });
    let news = RwSignal::new(None::<News>);
    let reload = move |in_background| {
        let form = ShowAccountSettings { account: slug.get_untracked() };
        spawn_local(async move {
            let answer = if in_background { call_in_background(form).await } else { call(form).await };
            news.try_set(Some(News { in_background, answer }));
        });
    };
    let forms = Forms::new(locale, slug, move || reload(false));
    on_account_change(move || reload(true));
    let page = loaded(move || async move {
        match settings.await {
            Ok(view) => page(forms, view, news),
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, settings.title) />
        <div class="form-page">{forms.error_box()} {page}</div>
    }
}

fn page(forms: Forms, view: AccountSettingsView, news: RwSignal<Option<News>>) -> AnyView {
    let locale = forms.locale();
    let (shown, saved) = (RwSignal::new(view.clone()), RwSignal::new(view));
    let failed = RwSignal::new(None::<AppError>);
    Effect::watch(
        move || news.get(),
        move |latest, _, _| {
            let Some(News { in_background, answer }) = latest.clone() else { return };
            match answer {
                Ok(view) => {
                    // The form of the settings goes by what its owner saw (R66).
                    if !in_background && forms.achieved(&Notice::AccountSaved) {
                        saved.set(view.clone());
                    }
                    shown.set(view);
                    forms.loaded();
                }
                Err(error) if error.may_pass() => {}
                Err(error) => failed.set(Some(error)),
            }
        },
        false,
    );
    let (name, deletion) = (use_context::<ShownAccount>(), use_context::<ShownDeletion>());
    Effect::new(move |_| {
        let view = shown.get();
        if let Some(ShownAccount(name)) = name {
            name.set(Some(view.name));
        }
        if let Some(ShownDeletion(deletion)) = deletion {
            deletion.set(view.deletion);
        }
    });
    let panels = move || match failed.get() {
        Some(error) => view! { <Failed error account=forms.slug() /> }.into_any(),
        None => view! {
            {forms.notice()}
            {settings(forms, saved)}
            {address(forms, shown)}
            {ownership(forms, shown)}
            {deletion_of(forms, shown)}
        }
        .into_any(),
    };
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, settings.title)}</h1>
                <p class="page-lead">
                    {move || text!(locale, settings.lead, account = shown.with(|view| view.name.clone()))}
                </p>
            </div>
        </header>
        {panels}
    }
    .into_any()
}

/// Another address for the account. The browser itself sends this form, since every link of the page changes with it.
fn address(forms: Forms, shown: RwSignal<AccountSettingsView>) -> AnyView {
    let locale = forms.locale();
    let facts = Memo::new(move |_| shown.with(|view| (view.slug.clone(), view.recently_authenticated)));
    let content = move || {
        let (slug, recently_authenticated) = facts.get();
        let error = FormAction::<ChangeAccountAddress>::new().error();
        let address = paths::account(slug.as_str());
        let ask = ask_to_sign_in(locale, &slug, recently_authenticated);
        view! {
            <p>{text!(locale, settings.address_text, address = address)}</p>
            <p>{text!(locale, settings.address_kept)}</p>
            {ask}
            <form action=ChangeAccountAddress::PATH method="post" class="form" novalidate=true>
                {hidden("account", slug)}
                <Field
                    name="form[slug]"
                    label=text!(locale, settings.address_new)
                    hint=text!(locale, settings.address_hint)
                    kind=Kind::Verbatim
                    most=MAX_SLUG_CHARS
                    required=true
                    check=check_slug
                    problem=problem_at(error, fields::Field::Slug)
                />
                <div class="actions">
                    <Button look=Look::Plain disabled=!recently_authenticated>
                        {text!(locale, settings.address_change)}
                    </Button>
                </div>
            </form>
        }
    };
    view! {
        <section class="panel">
            <h2>{text!(locale, settings.address_title)}</h2>
            {content}
        </section>
    }
    .into_any()
}

/// Deleting the account; or when it is deleted, and keeping it.
fn deletion_of(forms: Forms, shown: RwSignal<AccountSettingsView>) -> AnyView {
    let locale = forms.locale();
    let facts = Memo::new(move |_| {
        shown.with(|view| (view.slug.clone(), view.name.clone(), view.deletion.clone(), view.recently_authenticated))
    });
    let content = move || match facts.get() {
        (_, _, Some(deletion), _) => keeping(forms, deletion),
        (slug, name, None, recently_authenticated) => deleting(forms, &slug, &name, recently_authenticated),
    };
    view! {
        <section class="panel">
            <h2>{text!(locale, settings.deletion_title)}</h2>
            <p>{text!(locale, settings.deletion_text)}</p>
            <p>{text!(locale, settings.deletion_until)}</p>
            {content}
        </section>
    }
    .into_any()
}

fn keeping(forms: Forms, deletion: AccountDeletion) -> AnyView {
    let locale = forms.locale();
    let by = deletion.by.map(|person| text!(locale, common.account_deletion_by, person = person));
    let keep = forms.form::<KeepAccount>("inline", move |Sending { busy, .. }| {
        view! { <Button busy>{text!(locale, common.keep_account)}</Button> }.into_any()
    });
    view! {
        <p>{text!(locale, common.account_deletion)} " " <Time at=deletion.at /> ". " {by}</p>
        {keep}
    }
    .into_any()
}

fn deleting(forms: Forms, slug: &Slug, name: &str, recently_authenticated: bool) -> AnyView {
    let locale = forms.locale();
    let label = text!(locale, settings.deletion_confirmation, account = name.to_owned());
    let form = forms.form::<DeleteAccount>("form", move |Sending { busy, error }| {
        view! {
            <Field
                name="form[confirmation]"
                label
                kind=Kind::Verbatim
                required=true
                problem=problem_at(error, fields::Field::Confirmation)
            />
            <div class="actions">
                <Button look=Look::Danger busy disabled=!recently_authenticated>
                    {text!(locale, settings.deletion_ask)}
                </Button>
            </div>
        }
        .into_any()
    });
    view! {
        {ask_to_sign_in(locale, slug, recently_authenticated)}
        {form}
    }
    .into_any()
}

/// What is most dangerous here asks for a recent sign-in (AZ-16).
fn ask_to_sign_in(locale: Locale, slug: &Slug, recently_authenticated: bool) -> Option<AnyView> {
    (!recently_authenticated).then(|| sign_in_again(locale, slug, &paths::account_settings(slug.as_str())))
}

/// Handing the account over (R34): the open offer, or the form for one.
fn ownership(forms: Forms, shown: RwSignal<AccountSettingsView>) -> AnyView {
    let locale = forms.locale();
    let facts =
        Memo::new(move |_| shown.with(|view| (view.slug.clone(), view.offer.clone(), view.recently_authenticated)));
    let content = move || match facts.get() {
        (_, Some(offer), _) => waiting(forms, offer),
        (slug, None, recently_authenticated) => offering(forms, &slug, recently_authenticated),
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
    let ask = ask_to_sign_in(locale, slug, recently_authenticated);
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

/// Name, language and what invitations begin with. `present` holds them as they are as far as their owner has seen: loaded again when somebody
/// else was faster (R66).
fn settings(forms: Forms, present: RwSignal<AccountSettingsView>) -> AnyView {
    let locale = forms.locale();
    let view = present.get_untracked();
    let languages = Language::ALL.map(|language| (language.tag().to_owned(), language.own_name().to_owned()));
    let narrowest = (String::new(), text!(locale, settings.narrowest_role).to_owned());
    let roles = view.roles.roles.iter().filter(|role| !role.key.is_owner());
    let roles = roles.map(|role| (role.key.to_string(), role_name(locale, &role.key, Some(&view.roles))));
    let roles: Vec<_> = [narrowest].into_iter().chain(roles).collect();
    let lifetimes = LIFETIMES_IN_HOURS.map(|hours| (hours.to_string(), lifetime_words(locale, hours)));
    let reminders =
        [true, false].map(|on| (if on { "on" } else { "off" }.to_owned(), reminders_words(locale, on).to_owned()));
    let replies =
        [false, true].map(|on| (if on { "on" } else { "off" }.to_owned(), replies_words(locale, on).to_owned()));
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
            <SelectField
                name="form[reminders]"
                label=text!(locale, settings.reminders)
                hint=text!(locale, settings.reminders_hint)
                options=reminders.to_vec()
                chosen=if view.reminders { "on" } else { "off" }
                problem=problem_at(error, fields::Field::Reminders)
            />
            <SelectField
                name="form[replies]"
                label=text!(locale, settings.replies)
                hint=text!(locale, settings.replies_hint)
                options=replies.to_vec()
                chosen=if view.replies { "on" } else { "off" }
                problem=problem_at(error, fields::Field::Replies)
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
                let reminders = reminders_words(locale, view.reminders).to_owned();
                let replies = replies_words(locale, view.replies).to_owned();
                [view.name.clone(), view.language.own_name().to_owned(), role, lifetime, reminders, replies].join(" · ")
            });
            view! { <p class="note note-info">{text!(locale, settings.reloaded, now = now)}</p> }
        })
    };
    view! {
        <div class="answer" role="status">{words}</div>
    }
}

fn reminders_words(locale: Locale, on: bool) -> &'static str {
    if on { text!(locale, settings.reminders_on) } else { text!(locale, settings.reminders_off) }
}

fn replies_words(locale: Locale, on: bool) -> &'static str {
    if on { text!(locale, settings.replies_on) } else { text!(locale, settings.replies_off) }
}

fn check_slug(text: &str) -> Result<(), fields::Problem> {
    Slug::parse(text).map(drop)
}

fn check_name(text: &str) -> Result<(), fields::Problem> {
    name::check_shape(text)
}
