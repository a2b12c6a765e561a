//! Confirming that it is still the same person, before changes of the login (AZ-16).

use crate::{
    api::second_factors::{
        BeginPasskeyReauthentication, OwnReauthenticationView, PasskeyForm, ReauthenticateByPasskey,
        ReauthenticateOwnLogin, ViewOwnReauthentication,
    },
    components::{Button, Ceremony, ErrorBox, Field, Kind, Look, Note, NoteTone, passkey_button, problem_at},
    domain::fields,
    i18n::{Locale, text, use_locale},
    pages::{Failed, full_page_load, loaded, use_next},
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(OwnReauthenticationRoute, own_login, OwnReauthenticationPage);

/// The page.
#[component]
fn OwnReauthenticationPage() -> impl IntoView {
    let locale = use_locale();
    let next = use_next();
    let options = Query::new(move || ViewOwnReauthentication { next: next.get() });
    let page = loaded(move || async move {
        match options.await {
            Ok(view) if view.recently_authenticated => done(locale, view.next),
            Ok(view) => ways(locale, &view),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, factors.reauthenticate_title) />
        <section class="panel">
            <h2>{text!(locale, factors.reauthenticate_title)}</h2>
            {page}
        </section>
    }
}

fn done(locale: Locale, next: String) -> AnyView {
    view! {
        <Note tone=NoteTone::Good icon="check">
            <p>{text!(locale, factors.reauthenticate_done)}</p>
        </Note>
        <div class="actions">
            <a class="button button-primary" href=next>{text!(locale, factors.reauthenticate_go_on)}</a>
        </div>
    }
    .into_any()
}

fn ways(locale: Locale, view: &OwnReauthenticationView) -> AnyView {
    let confirm = FormAction::<ReauthenticateOwnLogin>::new();
    confirm.on_success(|path| full_page_load(&path));
    let error = confirm.error();
    let (next, same_next, email) = (view.next.clone(), view.next.clone(), view.email.clone());
    let by_app = view.app.then(|| {
        view! {
            <h3>{text!(locale, factors.reauthenticate_by_app)}</h3>
            <ActionForm action=confirm class="form">
                <input type="hidden" name="form[next]" value=next />
                <Field
                    name="form[code]"
                    label=text!(locale, factors.step_app_code)
                    kind=Kind::Code
                    required=true
                    problem=problem_at(error, fields::Field::Code)
                />
                <div class="actions">
                    <Button busy=confirm.pending()>{text!(locale, factors.reauthenticate_confirm)}</Button>
                </div>
            </ActionForm>
            <h3>{text!(locale, factors.reauthenticate_by_password)}</h3>
        }
    });
    let by_passkey = view.passkey.then(|| {
        let next = view.next.clone();
        let finish = move |challenge, credential| ReauthenticateByPasskey {
            form: PasskeyForm { challenge, credential, next: next.clone(), ..PasskeyForm::default() },
        };
        let begin = || BeginPasskeyReauthentication { account: String::new() };
        let label = text!(locale, factors.reauthenticate_by_passkey);
        passkey_button(locale, label, Look::Primary, Ceremony::Get, begin, finish, |path| full_page_load(&path))
    });
    view! {
        <p>{text!(locale, factors.reauthenticate_lead, minutes = view.minutes)}</p>
        <ErrorBox error />
        {by_passkey}
        {by_app}
        <ActionForm action=confirm class="form">
            <input type="hidden" name="form[next]" value=same_next />
            // For password managers, which look for a name beside a password.
            <input type="email" value=email autocomplete="username" readonly hidden />
            <Field
                name="form[password]"
                label=text!(locale, factors.reauthenticate_password)
                kind=Kind::Password
                required=true
                problem=problem_at(error, fields::Field::Password)
            />
            <div class="actions">
                <Button busy=confirm.pending()>{text!(locale, factors.reauthenticate_confirm)}</Button>
            </div>
        </ActionForm>
    }
    .into_any()
}
