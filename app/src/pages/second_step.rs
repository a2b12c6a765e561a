//! The second step of signing in, after the password: `/second-factor`.

use super::{Failed, full_page_load, loaded, shell::Card};
use crate::{
    api::second_factors::{
        BeginPasskeyStep, FinishByPasskey, FinishSignIn, PasskeyForm, SecondStepView, ViewSecondStep,
    },
    components::{Button, Ceremony, ErrorBox, Field, Kind, Look, passkey_button, problem_at, stays_open},
    domain::{fields, second_factor::REMEMBERED_BROWSER_DAYS},
    error::AppError,
    i18n::{Locale, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::{html, prelude::*};
use leptos_meta::Title;

lazy_page!(SecondStepRoute, own_login, SecondStepPage);

/// The page.
#[component]
fn SecondStepPage() -> impl IntoView {
    let locale = use_locale();
    let state = Query::new(|| ViewSecondStep {});
    let finish = FormAction::<FinishSignIn>::new();
    finish.on_success(|path| full_page_load(&path));
    // A sign-in that ended while the form was open is no fault in the form.
    let is_over = Memo::new(move |_| finish.error().with(|error| *error == Some(AppError::Unauthenticated)));
    let page = loaded(move || async move {
        match state.await {
            Ok(SecondStepView::Waiting { email, app, passkey }) => view! {
                {move || if is_over.get() { ended(locale) } else { form(locale, finish, email.clone(), app, passkey) }}
            }
            .into_any(),
            Ok(SecondStepView::Ended) => ended(locale),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, factors.step_title) />
        <Card>{page}</Card>
    }
}

fn form(locale: Locale, finish: FormAction<FinishSignIn>, email: String, app: bool, passkey: bool) -> AnyView {
    let error = finish.error();
    let recovery_open = stays_open(!(app || passkey), error, &[fields::Field::RecoveryCode]);
    let by_app = app.then(|| {
        view! {
            <ActionForm action=finish class="form">
                <Field
                    name="form[code]"
                    label=text!(locale, factors.step_app_code)
                    hint=text!(locale, factors.step_app_hint)
                    kind=Kind::Code
                    required=true
                    autofocus=true
                    problem=problem_at(error, fields::Field::Code)
                />
                {remember(locale)}
                <div class="actions">
                    <Button busy=finish.pending()>{text!(locale, factors.step_confirm)}</Button>
                </div>
            </ActionForm>
        }
    });
    let by_passkey = passkey.then(|| {
        let look = if app { Look::Plain } else { Look::Primary };
        let remember = NodeRef::<html::Input>::new();
        let finish = move |challenge, credential| {
            let remembers = remember.get_untracked().is_some_and(|remember| remember.checked());
            let remember = if remembers { "on".to_owned() } else { String::new() };
            FinishByPasskey { form: PasskeyForm { challenge, credential, remember, ..PasskeyForm::default() } }
        };
        let begin = || BeginPasskeyStep {};
        let label = text!(locale, factors.step_passkey);
        view! {
            {passkey_button(locale, label, look, Ceremony::Get, begin, finish, |path| full_page_load(&path))}
            <label class="check only-with-scripting">
                <input type="checkbox" node_ref=remember />
                <span>{text!(locale, factors.step_remember_passkey, days = REMEMBERED_BROWSER_DAYS)}</span>
            </label>
        }
    });
    view! {
        <h1>{text!(locale, factors.step_title)}</h1>
        <p class="page-lead">{text!(locale, factors.step_lead, email = email)}</p>
        <ErrorBox error />
        {by_app}
        {by_passkey}
        <details class="disclosure" open=recovery_open>
            <summary>{text!(locale, factors.step_recovery)}</summary>
            <p>{text!(locale, factors.step_recovery_text)}</p>
            <ActionForm action=finish class="form">
                <Field
                    name="form[recovery_code]"
                    label=text!(locale, factors.step_recovery_code)
                    kind=Kind::Verbatim
                    required=true
                    problem=problem_at(error, fields::Field::RecoveryCode)
                />
                {remember(locale)}
                <div class="actions">
                    <Button look=Look::Plain busy=finish.pending()>{text!(locale, factors.step_confirm)}</Button>
                </div>
            </ActionForm>
        </details>
        <p>
            <a href=paths::LOGIN>{text!(locale, factors.step_other)}</a>
        </p>
    }
    .into_any()
}

/// Whether this browser asks for the second factor again before long.
fn remember(locale: Locale) -> impl IntoView {
    view! {
        <label class="check">
            <input type="checkbox" name="form[remember]" value="on" />
            <span>{text!(locale, factors.step_remember, days = REMEMBERED_BROWSER_DAYS)}</span>
        </label>
    }
}

fn ended(locale: Locale) -> AnyView {
    view! {
        <h1>{text!(locale, factors.step_ended_title)}</h1>
        <p class="page-lead">{text!(locale, factors.step_ended_text)}</p>
        <p>
            <a class="button button-primary" href=paths::LOGIN>{text!(locale, factors.step_again)}</a>
        </p>
    }
    .into_any()
}
