//! Asking for a link to choose a new password (PW-10).

use super::{shell::Card, use_next};
use crate::{
    api::recovery::{AskForPasswordReset, PasswordResetAsked, RESET_LINK_MINUTES},
    components::{Button, ErrorBox, Field, Kind, Note, NoteTone, done, problem_at},
    domain::{email::check_shape, fields},
    i18n::{text, use_locale},
    paths,
    rpc::{ActionForm, FormAction},
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(ForgottenPasswordRoute, joining, ForgottenPasswordPage);

/// The page: an address, and the same answer for every address (EN-02).
#[component]
fn ForgottenPasswordPage() -> impl IntoView {
    let locale = use_locale();
    let next = use_next();
    let ask = FormAction::<AskForPasswordReset>::new();
    let error = ask.error();
    let back = move || match next.get() {
        next if next.is_empty() => paths::LOGIN.to_owned(),
        next => next,
    };
    let answer = move || {
        Some(match ask.output().get()? {
            PasswordResetAsked::Mailed { email } => {
                let minutes = RESET_LINK_MINUTES;
                done(text!(locale, recovery.asked, email = email, minutes = minutes))
            }
            PasswordResetAsked::NoMailServer => view! {
                <Note tone=NoteTone::Warn icon="alert">
                    <p>{text!(locale, recovery.no_mail_server)}</p>
                </Note>
            }
            .into_any(),
        })
    };
    view! {
        <Title text=text!(locale, recovery.forgotten_title) />
        <Card>
            <h1>{text!(locale, recovery.forgotten_title)}</h1>
            <p class="page-lead">{text!(locale, recovery.forgotten_text)}</p>
            {answer}
            <ActionForm action=ask class="form">
                <ErrorBox error />
                <input type="hidden" name="form[next]" value=move || next.get() />
                <Field
                    name="form[email]"
                    label=text!(locale, session.email)
                    kind=Kind::Email
                    autocomplete="username"
                    required=true
                    autofocus=true
                    check=check_shape
                    problem=problem_at(error, fields::Field::Email)
                />
                <div class="actions">
                    <Button busy=ask.pending()>{text!(locale, recovery.ask)}</Button>
                    <a class="button" href=back>{text!(locale, recovery.back_to_sign_in)}</a>
                </div>
            </ActionForm>
        </Card>
    }
}
