//! Joining or declining with the login that is signed in (R15), leaving it for another, and asking to be invited by it (R14).

use super::{
    Page,
    parts::{heading, note, offer},
};
use crate::{
    api::{
        joining::{AskAs, AskToBeInvited, DeclineInvitation, JoinAccount, OpenInvitation},
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

    /// Another person is signed in (R14): nothing about the invitation is told but for whom it is.
    pub(super) fn somebody_else(
        self,
        open: OpenInvitation,
        email: String,
        invited: String,
        ask_as: AskAs,
    ) -> impl IntoView {
        let locale = self.locale;
        let sign_out = FormAction::<SignOut>::new();
        sign_out.on_success(|path| full_page_load(&path));
        let text = text!(locale, joining.somebody_else_text, email = email.clone(), invited = invited.clone());
        view! {
            {heading(text!(locale, joining.somebody_else_title), text)}
            <ErrorBox error=sign_out.error() />
            <div class="actions">
                <ActionForm action=sign_out>
                    <input type="hidden" name="next" value=paths::invitation(open.id) />
                    <Button busy=sign_out.pending()>{text!(locale, joining.sign_out_and_continue)}</Button>
                </ActionForm>
                <a class="button" href=paths::ACCOUNTS>{text!(locale, joining.stay)}</a>
            </div>
            {self.ask_as(open, email, invited, ask_as)}
        }
    }

    /// Asking to be invited by the address that is signed in, once (R14).
    fn ask_as(self, open: OpenInvitation, email: String, invited: String, ask_as: AskAs) -> AnyView {
        let locale = self.locale;
        let ask = FormAction::<AskToBeInvited>::new();
        let error = ask.error();
        let state = Memo::new(move |_| ask.output().get().unwrap_or(ask_as));
        let (account, id) = (open.account, open.id.to_string());
        let shown = move || match state.get() {
            AskAs::Possible => {
                let (account, id, email) = (account.clone(), id.clone(), email.clone());
                let text = text!(
                    locale,
                    joining.ask_as_text,
                    account = account,
                    email = email.clone(),
                    invited = invited.clone()
                );
                view! {
                    <ActionForm action=ask class="form">
                        <ErrorBox error />
                        <input type="hidden" name="invitation" value=id />
                        <p>{text}</p>
                        <div class="actions">
                            <Button look=Look::Plain busy=ask.pending()>{text!(locale, joining.ask_as, email = email)}</Button>
                        </div>
                    </ActionForm>
                }
                .into_any()
            }
            AskAs::Asked => note(text!(locale, joining.ask_as_open, account = account.clone())).into_any(),
            AskAs::Refused => {
                view! { <p>{text!(locale, joining.ask_as_refused, account = account.clone())}</p> }.into_any()
            }
            AskAs::Member => {
                let text = text!(locale, joining.ask_as_member, account = account.clone(), email = email.clone());
                view! { <p>{text}</p> }.into_any()
            }
            AskAs::Impossible => ().into_any(),
        };
        view! { <div aria-live="polite">{shown}</div> }.into_any()
    }
}
