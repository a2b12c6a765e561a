//! Joining as the person whom the account's provider names (R9, R42).

use super::{
    Page,
    code::{code_field, code_form},
    parts::offer,
    sign_up::name_field,
};
use crate::{
    api::joining::{JoinByMethod, OpenInvitation},
    components::{Button, ErrorBox},
    domain::ids::AttemptId,
    i18n::text,
    pages::full_page_load,
    paths,
    rpc::{ActionForm, FormAction},
};
use leptos::prelude::*;

impl Page {
    /// To the account's provider, and back here: by a link, as the policy lets no form lead there (BR-01).
    pub(super) fn go_to_provider(
        self,
        open: OpenInvitation,
        method: String,
        start: String,
        expected: Option<String>,
    ) -> impl IntoView {
        let locale = self.locale;
        let expected = expected.map(|identifier| {
            view! { <p class="field-hint">{text!(locale, joining.provider_expected, method = method.clone(), identifier = identifier)}</p> }
        });
        let (account, button) = (open.account.clone(), text!(locale, joining.provider_button, method = method.clone()));
        view! {
            <h1>{text!(locale, joining.join_title, account = account.clone())}</h1>
            <p class="page-lead">{text!(locale, joining.provider_text, account = account, method = method)}</p>
            {offer(locale, &open)}
            {expected}
            <div class="actions">
                <a class="button button-primary" href=start rel="external">
                    {button}
                </a>
            </div>
        }
    }

    /// The last step of somebody whom the provider named (R9, R50).
    pub(super) fn returned_from_provider(
        self,
        open: OpenInvitation,
        method: String,
        attempt: AttemptId,
        name: Option<String>,
        needs_code: bool,
    ) -> impl IntoView {
        let locale = self.locale;
        let join = FormAction::<JoinByMethod>::new();
        let error = join.error();
        let page = paths::invitation(open.id);
        join.on_success(move |joined| full_page_load(&joined.path_or(&page)));
        let id = open.id.to_string();
        let mailing = needs_code.then(|| code_form(locale, id.clone()));
        let (code_sent, code_form) = mailing.unzip();
        let code = needs_code.then(|| code_field(locale, error, code_sent));
        let name = name.map(|name| name_field(locale, error, name, None));
        view! {
            <h1>{text!(locale, joining.join_title, account = open.account.clone())}</h1>
            <p class="page-lead">{text!(locale, joining.returned_text, method = method)}</p>
            {offer(locale, &open)}
            {code_form}
            <ActionForm action=join class="form">
                <ErrorBox error />
                <input type="hidden" name="form[invitation]" value=id />
                <input type="hidden" name="form[attempt]" value=attempt.to_string() />
                {name}
                {code}
                <div class="actions">
                    <Button busy=join.pending()>{text!(locale, joining.join)}</Button>
                </div>
            </ActionForm>
        }
    }
}
