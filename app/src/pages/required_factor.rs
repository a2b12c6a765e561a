//! `/a/{slug}/second-factor`: where an account that requires a second factor asks for one, and where one is set up.

use super::{Failed, full_page_load, loaded, me::scan, use_next, use_slug};
use crate::{
    api::{
        required_factor::{
            AccountApp, BeginAccountApp, BegunApp, ConfirmAccountApp, ProveRequiredFactor, RemoveAccountApp,
            RequiredFactorStep, RequiredFactorView, ViewRequiredFactor,
        },
        second_factors::{BeginPasskeyReauthentication, PasskeyForm, ReauthenticateByPasskey},
    },
    components::{
        Button, Ceremony, ErrorBox, Field, Kind, Look, Note, NoteTone, Time, passkey_button, problem_at, stays_open,
    },
    domain::{
        fields,
        role::{Grant, Roles},
    },
    i18n::{Locale, permission_label, role_name, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

lazy_page!(RequiredFactorRoute, own_login, RequiredFactorPage);

/// The page.
#[component]
fn RequiredFactorPage() -> impl IntoView {
    let locale = use_locale();
    let (slug, next, query) = (use_slug(), use_next(), use_query_map());
    let begun = Memo::new(move |_| query.with(|map| map.get("app").unwrap_or_default()));
    let view = Query::new(move || ViewRequiredFactor { account: slug.get(), begun: begun.get(), next: next.get() });
    let page = loaded(move || async move {
        match view.await {
            Ok(view) => page(locale, slug.get_untracked(), view),
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, factors.required_title) />
        <section class="page-narrow">{page}</section>
    }
}

fn page(locale: Locale, slug: String, view: RequiredFactorView) -> AnyView {
    let RequiredFactorView { account, starts, in_force, next, step, grant, roles } = view;
    let lead = match (starts, in_force) {
        (None, _) => text!(locale, factors.required_not, account = account.clone()),
        (Some(_), true) => text!(locale, factors.required_now, account = account.clone()),
        (Some(_), false) => text!(locale, factors.required_soon, account = account.clone()),
    };
    let starts = starts.filter(|_| !in_force).map(|at| view! { " " <Time at /> });
    let step = match step {
        RequiredFactorStep::GoOn { app } => go_on(locale, slug, account, next, app),
        RequiredFactorStep::Prove { app, passkey, recovery } => view! {
            <p>{text!(locale, factors.required_prove)}</p>
            {prove(locale, slug, next, Factors { app, passkey, recovery })}
            {(!recovery).then(|| view! { <p class="field-hint">{text!(locale, factors.required_lost)}</p> })}
        }
        .into_any(),
        RequiredFactorStep::SetUpLogin => view! {
            {what_waits(locale, &grant, &roles)}
            {set_up_login(locale)}
        }
        .into_any(),
        RequiredFactorStep::SetUpAccount { begun: Some(begun), .. } => set_up_app(locale, slug, next, begun),
        RequiredFactorStep::SetUpAccount { begun: None, may_set_up } => view! {
            {what_waits(locale, &grant, &roles)}
            {begin(locale, slug, account, next, may_set_up)}
        }
        .into_any(),
    };
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, factors.required_title)}</h1>
                <p class="page-lead">{lead} {starts}</p>
            </div>
        </header>
        <section class="panel">{step}</section>
    }
    .into_any()
}

/// What the person has in the account as soon as there is a second factor.
fn what_waits(locale: Locale, grant: &Grant, roles: &Roles) -> AnyView {
    let extras = roles.catalogue.entries().iter().filter(|entry| grant.extras.contains(&entry.key));
    let extras: Vec<_> = extras.map(|entry| permission_label(locale, entry)).collect();
    let extras = (!extras.is_empty()).then(|| {
        view! {
            <dt>{text!(locale, session.extras)}</dt>
            <dd>{extras.join(", ")}</dd>
        }
    });
    view! {
        <p>{text!(locale, factors.required_waits)}</p>
        <dl class="facts">
            <dt>{text!(locale, factors.required_role)}</dt>
            <dd>{role_name(locale, &grant.role, Some(roles))}</dd>
            {extras}
        </dl>
    }
    .into_any()
}

/// Nothing is asked for: the way on, and the app that counts here alone.
fn go_on(locale: Locale, slug: String, account: String, next: String, app: Option<AccountApp>) -> AnyView {
    let app = app.map(|app| account_app(locale, slug, account, app));
    view! {
        <Note tone=NoteTone::Good icon="check">
            <p>{text!(locale, factors.required_done)}</p>
        </Note>
        {app}
        <div class="actions">
            <a class="button button-primary" href=next rel="external">{text!(locale, factors.reauthenticate_go_on)}</a>
        </div>
    }
    .into_any()
}

fn account_app(locale: Locale, slug: String, account: String, app: AccountApp) -> AnyView {
    let remove = FormAction::<RemoveAccountApp>::new();
    remove.on_success(|path| full_page_load(&path));
    let here = paths::required_factor(&slug, "");
    let form = if app.recently_authenticated {
        view! {
            <ErrorBox error=remove.error() />
            <ActionForm action=remove>
                <input type="hidden" name="account" value=slug />
                <input type="hidden" name="factor" value=app.id.to_string() />
                <Button look=Look::Small busy=remove.pending()>{text!(locale, factors.required_remove)}</Button>
            </ActionForm>
        }
        .into_any()
    } else {
        view! {
            <a class="button button-small" href=paths::reauthenticate(&slug, &here)>
                {text!(locale, factors.required_confirm_to_remove)}
            </a>
        }
        .into_any()
    };
    view! {
        <dl class="facts">
            <dt>{text!(locale, factors.required_app, account = account)}</dt>
            <dd>{text!(locale, factors.added)} " " <Time at=app.added /> " " {form}</dd>
        </dl>
    }
    .into_any()
}

/// Which second factors somebody has.
#[derive(Clone, Copy)]
pub(super) struct Factors {
    /// An app whose code is typed.
    pub(super) app: bool,
    /// A passkey.
    pub(super) passkey: bool,
    /// Recovery codes.
    pub(super) recovery: bool,
}

/// Proves one of them to the account, and goes on to `next`.
pub(super) fn prove(
    locale: Locale,
    slug: String,
    next: String,
    Factors { app, passkey, recovery }: Factors,
) -> AnyView {
    let prove = FormAction::<ProveRequiredFactor>::new();
    prove.on_success(|path| full_page_load(&path));
    let error = prove.error();
    let (same_slug, same_next) = (slug.clone(), next.clone());
    let (of_passkey, next_of_passkey) = (slug.clone(), next.clone());
    let by_app = app.then(|| {
        view! {
            <ActionForm action=prove class="form">
                {about_form(slug, next)}
                <Field
                    name="form[code]"
                    label=text!(locale, factors.step_app_code)
                    hint=text!(locale, factors.step_app_hint)
                    kind=Kind::Code
                    required=true
                    autofocus=true
                    problem=problem_at(error, fields::Field::Code)
                />
                <div class="actions">
                    <Button busy=prove.pending()>{text!(locale, factors.reauthenticate_confirm)}</Button>
                </div>
            </ActionForm>
        }
    });
    let by_passkey = passkey.then(|| {
        let look = if app { Look::Plain } else { Look::Primary };
        let finish = move |challenge, credential| ReauthenticateByPasskey {
            form: PasskeyForm { challenge, credential, next: next_of_passkey.clone(), ..PasskeyForm::default() },
        };
        let begin = move || BeginPasskeyReauthentication { account: of_passkey.clone() };
        let label = text!(locale, factors.step_passkey);
        passkey_button(locale, label, look, Ceremony::Get, begin, finish, |path| full_page_load(&path))
    });
    let by_recovery_code = recovery.then(|| {
        let open = stays_open(!(app || passkey), error, &[fields::Field::RecoveryCode]);
        view! {
            <details class="disclosure" open=open>
                <summary>{text!(locale, factors.step_recovery)}</summary>
                <p>{text!(locale, factors.step_recovery_text)}</p>
                <ActionForm action=prove class="form">
                    {about_form(same_slug, same_next)}
                    <Field
                        name="form[recovery_code]"
                        label=text!(locale, factors.step_recovery_code)
                        kind=Kind::Verbatim
                        required=true
                        problem=problem_at(error, fields::Field::RecoveryCode)
                    />
                    <div class="actions">
                        <Button look=Look::Plain busy=prove.pending()>
                            {text!(locale, factors.reauthenticate_confirm)}
                        </Button>
                    </div>
                </ActionForm>
            </details>
        }
    });
    view! {
        <ErrorBox error />
        {by_app}
        {by_passkey}
        {by_recovery_code}
    }
    .into_any()
}

/// What goes with every form here: the account, and where to go on.
fn about_form(slug: String, next: String) -> impl IntoView {
    view! {
        <input type="hidden" name="account" value=slug />
        <input type="hidden" name="form[next]" value=next />
    }
}

/// Somebody who has a password sets a factor up once for all accounts.
fn set_up_login(locale: Locale) -> AnyView {
    view! {
        <p>{text!(locale, factors.required_set_up_login)}</p>
        <div class="actions">
            <a class="button button-primary" href=paths::ME_SIGN_IN>{text!(locale, factors.required_set_up)}</a>
            <a class="button" href=paths::ACCOUNTS>{text!(locale, session.go_to_accounts)}</a>
        </div>
    }
    .into_any()
}

/// Somebody for whom an account's provider vouches sets one up for this account.
fn begin(locale: Locale, slug: String, account: String, next: String, may_set_up: bool) -> AnyView {
    let begin = FormAction::<BeginAccountApp>::new();
    begin.on_success(|path| full_page_load(&path));
    let here = paths::required_factor(&slug, &next);
    let button = if may_set_up {
        view! {
            <ErrorBox error=begin.error() />
            <ActionForm action=begin class="actions">
                <input type="hidden" name="account" value=slug />
                <input type="hidden" name="next" value=next />
                <Button busy=begin.pending()>{text!(locale, factors.set_up_app)}</Button>
                <a class="button" href=paths::ACCOUNTS>{text!(locale, session.go_to_accounts)}</a>
            </ActionForm>
        }
        .into_any()
    } else {
        view! {
            <Note tone=NoteTone::Plain icon="lock">
                <p>{text!(locale, factors.not_recent)}</p>
                <p>
                    <a class="button" href=paths::reauthenticate(&slug, &here)>
                        {text!(locale, factors.confirm_first)}
                    </a>
                </p>
            </Note>
        }
        .into_any()
    };
    view! {
        <p>{text!(locale, factors.required_set_up_account, account = account)}</p>
        {button}
    }
    .into_any()
}

fn set_up_app(locale: Locale, slug: String, next: String, begun: BegunApp) -> AnyView {
    let confirm = FormAction::<ConfirmAccountApp>::new();
    confirm.on_success(|path| full_page_load(&path));
    let error = confirm.error();
    let cancel = paths::required_factor(&slug, &next);
    view! {
        <h2>{text!(locale, factors.totp_title)}</h2>
        {scan(locale, begun.totp)}
        <ActionForm action=confirm class="form">
            <ErrorBox error />
            {about_form(slug, next)}
            <input type="hidden" name="form[factor]" value=begun.id.to_string() />
            <Field
                name="form[code]"
                label=text!(locale, factors.totp_code)
                kind=Kind::Code
                required=true
                problem=problem_at(error, fields::Field::Code)
            />
            <div class="actions">
                <Button busy=confirm.pending()>{text!(locale, factors.totp_confirm)}</Button>
                <a class="button" href=cancel>{text!(locale, common.cancel)}</a>
            </div>
        </ActionForm>
    }
    .into_any()
}
