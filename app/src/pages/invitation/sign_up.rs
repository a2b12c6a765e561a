//! Making a login, and joining with it (R9, R11, R12).

use super::{
    Page,
    code::{code_field, code_form},
    parts::offer,
    sign_in_and_back,
};
use crate::{
    api::joining::{OpenInvitation, SignUp},
    components::{Button, ErrorBox, Field, Kind, NewPasswordField, problem_at},
    domain::{fields, name},
    error::AppError,
    i18n::{Locale, text},
    pages::full_page_load,
    rpc::{ActionForm, FormAction},
};
use leptos::prelude::*;

impl Page {
    /// Making a login, and joining with it (R9, R11, R12).
    pub(super) fn sign_up(self, open: OpenInvitation, new: NewLogin, or_sign_in: bool) -> impl IntoView {
        let locale = self.locale;
        let sign_up = FormAction::<SignUp>::new();
        let error = sign_up.error();
        sign_up.on_success(move |joined| match joined.path_or("").as_str() {
            "" => self.invitation.refetch(),
            path => full_page_load(path),
        });
        let id = open.id.to_string();
        let mailing = new.needs_code.then(|| code_form(locale, id.clone()));
        let (code_sent, code_form) = mailing.unzip();
        let sign_in = or_sign_in.then(|| {
            view! {
                <p class="card-aside">
                    {text!(locale, joining.or_sign_in)} " "
                    <a href=sign_in_and_back(&open)>{text!(locale, joining.or_sign_in_link)}</a>
                </p>
            }
        });
        view! {
            <h1>{text!(locale, joining.join_title, account = open.account.clone())}</h1>
            {offer(locale, &open)}
            <h2>{text!(locale, joining.sign_up_title)}</h2>
            <p>{text!(locale, joining.sign_up_text)}</p>
            {code_form}
            <ActionForm action=sign_up class="form">
                <ErrorBox error />
                <input type="hidden" name="form[invitation]" value=id />
                {new.fields(locale, error, code_sent)}
                <div class="actions">
                    <Button busy=sign_up.pending()>{text!(locale, joining.sign_up)}</Button>
                </div>
            </ActionForm>
            {sign_in}
        }
    }
}

/// What a sign-up form starts from.
pub(super) struct NewLogin {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) needs_code: bool,
    pub(super) shortest_password: u32,
}

impl NewLogin {
    pub(super) fn fields(
        self,
        locale: Locale,
        error: Signal<Option<AppError>>,
        code_sent: Option<AnyView>,
    ) -> impl IntoView {
        let typed_name = RwSignal::new(self.name.clone());
        let email = self.email.clone();
        let own_words = Signal::derive(move || vec![email.clone(), typed_name.get()]);
        let code = self.needs_code.then(|| code_field(locale, error, code_sent));
        view! {
            <Field
                name="form[email]"
                label=text!(locale, joining.email)
                hint=text!(locale, joining.email_hint)
                kind=Kind::Email
                autocomplete="username"
                initial=self.email
                readonly=true
                problem=problem_at(error, fields::Field::Email)
            />
            {code}
            {name_field(locale, error, self.name, Some(typed_name))}
            <NewPasswordField
                name="form[password]"
                label=text!(locale, common.password)
                shortest=self.shortest_password
                own_words
                problem=problem_at(error, fields::Field::Password)
            />
        }
    }
}

/// The field of the person's name; `typed` follows what stands in it.
pub(super) fn name_field(
    locale: Locale,
    error: Signal<Option<AppError>>,
    name: String,
    typed: Option<RwSignal<String>>,
) -> AnyView {
    let heard = move |text| {
        if let Some(typed) = typed {
            typed.set(text);
        }
    };
    view! {
        <Field
            name="form[name]"
            label=text!(locale, joining.name)
            autocomplete="name"
            initial=name
            required=true
            check=check_name
            problem=problem_at(error, fields::Field::Name)
            on_input=heard
        />
    }
    .into_any()
}

fn check_name(text: &str) -> Result<(), fields::Problem> {
    name::check_shape(text)
}
