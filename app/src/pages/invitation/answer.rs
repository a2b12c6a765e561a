//! Joining or declining with the login that is signed in (R15), and leaving it for another (R14).

use super::{
    Page,
    parts::{heading, offer},
};
use crate::{
    api::{
        joining::{DeclineInvitation, JoinAccount, OpenInvitation},
        session::SignOut,
    },
    components::{Button, ErrorBox, Look},
    i18n::text,
    pages::full_page_load,
    paths,
    rpc::{ActionForm, FormAction},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

impl Page {
    /// One page, two buttons (R15).
    pub(super) fn join(self, open: OpenInvitation, email: String) -> impl IntoView {
        let locale = self.locale;
        let (join, decline) = (FormAction::<JoinAccount>::new(), FormAction::<DeclineInvitation>::new());
        let error = Signal::derive(move || join.error().get().or_else(|| decline.error().get()));
        let navigate = use_navigate();
        join.on_success(move |joined| match joined.path_or("").as_str() {
            "" => self.invitation.refetch(),
            path => navigate(path, Default::default()),
        });
        decline.on_success(move |()| self.invitation.refetch());
        view! {
            <h1>{text!(locale, joining.join_title, account = open.account.clone())}</h1>
            <ErrorBox error />
            {offer(locale, &open)}
            <p class="field-hint">{text!(locale, joining.joining_as, email = email)}</p>
            <div class="actions">
                <ActionForm action=join>
                    <input type="hidden" name="invitation" value=open.id.to_string() />
                    <Button busy=join.pending()>{text!(locale, joining.join)}</Button>
                </ActionForm>
                <ActionForm action=decline>
                    <input type="hidden" name="invitation" value=open.id.to_string() />
                    <Button look=Look::Plain busy=decline.pending()>{text!(locale, joining.decline)}</Button>
                </ActionForm>
            </div>
        }
    }

    /// Another person is signed in (R14): nothing about the invitation is told but that it is not theirs.
    pub(super) fn somebody_else(self, open: OpenInvitation, email: String) -> impl IntoView {
        let locale = self.locale;
        let sign_out = FormAction::<SignOut>::new();
        sign_out.on_success(|path| full_page_load(&path));
        view! {
            {heading(text!(locale, joining.somebody_else_title), text!(locale, joining.somebody_else_text, email = email))}
            <ErrorBox error=sign_out.error() />
            <div class="actions">
                <ActionForm action=sign_out>
                    <input type="hidden" name="next" value=paths::invitation(open.id) />
                    <Button busy=sign_out.pending()>{text!(locale, joining.sign_out_and_continue)}</Button>
                </ActionForm>
                <a class="button" href=paths::ACCOUNTS>{text!(locale, joining.stay)}</a>
            </div>
        }
    }
}
