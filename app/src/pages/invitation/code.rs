//! The mailed code that proves the mailbox, where the link proves none (R12).

use super::parts::note;
use crate::{
    api::joining::MailCode,
    components::{Button, ErrorBox, Field, Kind, Look, problem_at},
    domain::fields,
    error::AppError,
    i18n::{Locale, text},
    rpc::{ActionForm, FormAction},
};
use leptos::prelude::*;

/// The field that the code is typed into, and the button that asks for one.
pub(super) fn code_field(locale: Locale, error: Signal<Option<AppError>>, code_sent: Option<AnyView>) -> AnyView {
    view! {
        <Field
            name="form[code]"
            label=text!(locale, joining.code)
            hint=text!(locale, joining.code_hint)
            kind=Kind::Code
            required=true
            problem=problem_at(error, fields::Field::Code)
        />
        <div class="actions">
            <Button look=Look::Plain form=CODE_FORM icon="mail">
                {text!(locale, joining.mail_code)}
            </Button>
        </div>
        {code_sent}
    }
    .into_any()
}

/// The form that asks for a code stands outside of the form that uses it; a button in there sends it.
const CODE_FORM: &str = "code-form";

/// What to say once a code is on its way, and the form that asks for it.
pub(super) fn code_form(locale: Locale, id: String) -> (AnyView, AnyView) {
    let mail = FormAction::<MailCode>::new();
    let sent = move || mail.output().get().map(|code| note(text!(locale, joining.code_sent, minutes = code.minutes)));
    let said = view! {
        <div aria-live="polite">{sent}</div>
        <ErrorBox error=mail.error() />
    };
    let form = view! {
        <ActionForm action=mail id=CODE_FORM>
            <input type="hidden" name="invitation" value=id />
        </ActionForm>
    };
    (said.into_any(), form.into_any())
}
