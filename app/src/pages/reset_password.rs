//! Choosing a new password by the link that was mailed (PW-10).

use super::{Failed, full_page_load, loaded, shell::Card};
use crate::{
    api::recovery::{PasswordResetView, ResetPassword, ViewPasswordReset},
    components::{Button, ErrorBox, NewPasswordField, problem_at},
    domain::fields,
    error::AppError,
    i18n::{Locale, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(ResetPasswordRoute, joining, ResetPasswordPage);

/// The page. It signs nobody in: whoever chose the password signs in with it next (PW-08).
#[component]
fn ResetPasswordPage() -> impl IntoView {
    let locale = use_locale();
    let state = Query::new(|| ViewPasswordReset {});
    let reset = FormAction::<ResetPassword>::new();
    reset.on_success(|path| full_page_load(&path));
    // A link that ended while the form was open is no fault in the form.
    let ended = Memo::new(move |_| reset.error().with(|error| *error == Some(AppError::OpenTheLinkAgain)));
    let page = loaded(move || async move {
        match state.await {
            Ok(PasswordResetView::Open { email, own_words, shortest_password }) => {
                view! { {move || if ended.get() { self::ended(locale) } else { form(locale, reset, email.clone(), own_words.clone(), shortest_password) }} }
                    .into_any()
            }
            Ok(PasswordResetView::Ended) => self::ended(locale),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, recovery.reset_title) />
        <Card>{page}</Card>
    }
}

fn form(
    locale: Locale,
    reset: FormAction<ResetPassword>,
    email: String,
    own_words: Vec<String>,
    shortest: u32,
) -> AnyView {
    let error = reset.error();
    view! {
        <h1>{text!(locale, recovery.reset_title)}</h1>
        <p class="page-lead">{text!(locale, recovery.reset_text, email = email.clone())}</p>
        <ActionForm action=reset class="form">
            <ErrorBox error />
            // Password managers look for a name beside a password.
            <input type="email" value=email autocomplete="username" readonly hidden />
            <NewPasswordField
                name="form[password]"
                label=text!(locale, recovery.new_password)
                shortest
                own_words=Signal::stored(own_words)
                problem=problem_at(error, fields::Field::Password)
            />
            <p class="field-hint">{text!(locale, recovery.reset_consequence)}</p>
            <div class="actions">
                <Button busy=reset.pending()>{text!(locale, recovery.reset)}</Button>
            </div>
        </ActionForm>
    }
    .into_any()
}

fn ended(locale: Locale) -> AnyView {
    view! {
        <h1>{text!(locale, recovery.ended_title)}</h1>
        <p class="page-lead">{text!(locale, recovery.ended_text)}</p>
        <p>
            <a class="button button-primary" href=paths::FORGOTTEN_PASSWORD>{text!(locale, recovery.ask_again)}</a>
        </p>
    }
    .into_any()
}
