//! The page of an invitation, for the person invited: every state of a link in calm words.

mod answer;
mod code;
mod parts;
mod provider;
mod refusal;
mod sign_up;

use self::{
    parts::{heading, note, offer},
    sign_up::NewLogin,
};
use super::{Failed, loaded, problem::problem_note, shell::Card, with_next};
use crate::{
    api::joining::{
        AllowInvitations, AskForNewLink, InvitationView, NewLink, OpenInvitation, Standing, ViewInvitation, ViewRefusal,
    },
    components::{Button, ErrorBox, Time},
    domain::time::Timestamp,
    i18n::{Locale, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

/// What a page of an invitation shares with its parts.
#[derive(Clone, Copy)]
struct Page {
    locale: Locale,
    invitation: Query<ViewInvitation>,
    refusal: Query<ViewRefusal>,
    allow: FormAction<AllowInvitations>,
}

lazy_page!(InvitationRoute, joining, InvitationPage);

/// The page of an invitation.
#[component]
fn InvitationPage() -> impl IntoView {
    let locale = use_locale();
    let parameters = use_params_map();
    let id = Memo::new(move |_| parameters.with(|map| map.get("id").unwrap_or_default()));
    let query = use_query_map();
    let attempt = Memo::new(move |_| query.with(|map| map.get("attempt").unwrap_or_default()));
    let arguments = move || ViewInvitation { invitation: id.get(), attempt: attempt.get() };
    let refusal = Query::new(move || ViewRefusal { invitation: id.get() });
    let allow = FormAction::new();
    let page = Page { locale, invitation: Query::new(arguments), refusal, allow };
    allow.on_success(move |()| page.reload());
    let view = loaded(move || async move {
        match page.invitation.await {
            Ok(view) => page.show(view),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, joining.title) />
        <Card>{view} {page.refusal()}</Card>
    }
}

impl Page {
    fn show(self, view: InvitationView) -> AnyView {
        let locale = self.locale;
        match view {
            // Of a link that did nothing more than refuse, nothing is left when that was taken back.
            InvitationView::Unknown if self.allow.output().get_untracked().is_some() => {
                heading(text!(locale, joining.allowed_title), text!(locale, joining.allowed_text))
            }
            InvitationView::Unknown => heading(text!(locale, joining.unknown_title), text!(locale, joining.unknown_text)),
            InvitationView::OpenTheLinkAgain => {
                heading(text!(locale, joining.again_title), text!(locale, joining.again_text))
            }
            InvitationView::Withdrawn(account) => {
                heading(text!(locale, joining.withdrawn_title), text!(locale, joining.withdrawn_text, account = account))
            }
            InvitationView::InvitedAs { account, email } => view! {
                {heading(
                    text!(locale, joining.ask_as_granted_title, email = email.clone()),
                    text!(locale, joining.ask_as_granted_text, account = account, email = email),
                )}
                <p>
                    <a class="button button-primary" href=paths::ME_ACCOUNTS>{text!(locale, joining.ask_as_granted_open)}</a>
                </p>
            }
            .into_any(),
            InvitationView::AccountDeleted(account) => {
                heading(text!(locale, joining.deleted_title), text!(locale, joining.deleted_text, account = account))
            }
            InvitationView::Replaced { account, at } => self.replaced(account, at).into_any(),
            InvitationView::LinkEnded(account) => {
                heading(text!(locale, joining.ended_title), text!(locale, joining.ended_text, account = account))
            }
            InvitationView::Expired { id, account, inviter, may_ask } => {
                let text = match inviter {
                    Some(inviter) => text!(locale, joining.expired_text_by, inviter = inviter, account = account),
                    None => text!(locale, joining.expired_text, account = account),
                };
                view! {
                    {heading(text!(locale, joining.expired_title), text)}
                    {self.ask_for_new_link(id.to_string(), may_ask)}
                }
                .into_any()
            }
            InvitationView::Refused(account) => {
                heading(text!(locale, joining.refusal_title), text!(locale, joining.refusal_text, account = account))
            }
            InvitationView::Declined { id, account, may_ask } => {
                let again = may_ask.map(|may_ask| {
                    view! {
                        <p>{text!(locale, joining.declined_again)}</p>
                        {self.ask_for_new_link(id.to_string(), may_ask)}
                    }
                });
                view! {
                    {heading(text!(locale, joining.declined_title), text!(locale, joining.declined_text, account = account))}
                    {again}
                }
                .into_any()
            }
            InvitationView::Used { account, mine: Some(slug) } => view! {
                {heading(text!(locale, joining.mine_title, account = account.clone()), text!(locale, joining.mine_text))}
                <p>
                    <a class="button button-primary" href=paths::account(slug.as_str())>
                        {text!(locale, joining.open_account, account = account)}
                    </a>
                </p>
            }
            .into_any(),
            InvitationView::Used { account, mine: None } => view! {
                {heading(text!(locale, joining.used_title), text!(locale, joining.used_text, account = account))}
                <p>
                    <a class="button button-primary" href=paths::LOGIN>{text!(locale, joining.sign_in)}</a>
                </p>
            }
            .into_any(),
            InvitationView::AwaitingApproval(account) => {
                heading(text!(locale, joining.awaiting_approval_title), text!(locale, joining.awaiting_approval_text, account = account))
            }
            InvitationView::Open(open) => self.open(*open),
        }
    }

    fn replaced(self, account: String, at: Timestamp) -> impl IntoView {
        let locale = self.locale;
        view! {
            {heading(text!(locale, joining.replaced_title), text!(locale, joining.replaced_text, account = account))}
            <p>{text!(locale, joining.replaced_at)} " " <Time at /></p>
        }
    }

    /// Asking for a new link, once a day (R20).
    fn ask_for_new_link(self, id: String, may_ask: bool) -> impl IntoView {
        let locale = self.locale;
        let ask = FormAction::<AskForNewLink>::new();
        let error = ask.error();
        let asked = move || ask.output().get().or_else(|| (!may_ask).then_some(NewLink::AskedBefore));
        move || match asked() {
            None => {
                let id = id.clone();
                view! {
                    <ActionForm action=ask class="form">
                        <ErrorBox error />
                        <input type="hidden" name="invitation" value=id />
                        <p>{text!(locale, joining.ask_hint)}</p>
                        <div class="actions">
                            <Button busy=ask.pending()>{text!(locale, joining.ask)}</Button>
                        </div>
                    </ActionForm>
                }
                .into_any()
            }
            Some(NewLink::Asked) => note(text!(locale, joining.asked)).into_any(),
            Some(NewLink::AskedBefore) => note(text!(locale, joining.asked_before)).into_any(),
        }
    }

    fn open(self, open: OpenInvitation) -> AnyView {
        // What went wrong on the way to a provider concerns nobody whose invitation is answered.
        view! { {problem_note()} {self.standing(open)} }.into_any()
    }

    fn standing(self, open: OpenInvitation) -> AnyView {
        match open.standing.clone() {
            Standing::SignUp { email, name, needs_code, or_sign_in, shortest_password } => {
                let sign_up = NewLogin { email, name, needs_code, shortest_password };
                self.sign_up(open, sign_up, or_sign_in).into_any()
            }
            Standing::SignIn => {
                let title = text!(self.locale, joining.sign_in_title, account = open.account.clone());
                let sign_in = sign_in_and_back(&open);
                self.sign_in(open, title, text!(self.locale, joining.sign_in_text).to_owned(), sign_in).into_any()
            }
            Standing::SignInFirst { method } => {
                let title = text!(self.locale, joining.link_title, method = method.clone());
                let text = text!(self.locale, joining.link_text, account = open.account.clone(), method = method);
                // It is the person's own password, which the account itself may not take.
                let sign_in = with_next(paths::LOGIN, &paths::invitation(open.id));
                self.sign_in(open, title, text, sign_in).into_any()
            }
            Standing::ToProvider { method, start, expected } => {
                self.go_to_provider(open, method, start, expected).into_any()
            }
            Standing::FromProvider { method, attempt, name, needs_code } => {
                self.returned_from_provider(open, method, attempt, name, needs_code).into_any()
            }
            Standing::MethodOff => heading(
                text!(self.locale, joining.off_title),
                text!(self.locale, joining.off_text, account = open.account),
            ),
            Standing::Join(email) => self.join(open, email).into_any(),
            Standing::SomebodyElse { email, invited, ask_as } => {
                self.somebody_else(open, email, invited, ask_as).into_any()
            }
        }
    }

    /// Signing in with the login there is, and coming back (R16).
    fn sign_in(self, open: OpenInvitation, title: String, text: String, href: String) -> impl IntoView {
        let locale = self.locale;
        view! {
            <h1>{title}</h1>
            <p class="page-lead">{text}</p>
            {offer(locale, &open)}
            <div class="actions">
                <a class="button button-primary" href=href>{text!(locale, joining.sign_in)}</a>
            </div>
        }
    }
}

/// The account's sign-in page, and back here.
fn sign_in_and_back(open: &OpenInvitation) -> String {
    with_next(&paths::login(open.slug.as_str()), &paths::invitation(open.id))
}
