//! The page of an invitation, for the person invited: every state of a link in calm words.

use super::{Failed, load_anew, loaded, problem::problem_note, shell::Card, with_next};
use crate::{
    api::{
        joining::{
            AskForNewLink, ByMethod, DeclineInvitation, InvitationView, JoinAccount, JoinByMethod, MailCode,
            MethodStep, NewLink, OpenInvitation, SignUp, Standing, ViewInvitation,
        },
        session::SignOut,
    },
    ask::{Load, Post, PostForm},
    components::{Button, ErrorBox, Field, Icon, Kind, Look, NewPasswordField, PermissionSummary, Time, problem_at},
    domain::{fields, name, time::Timestamp},
    error::AppError,
    i18n::{Locale, role_name, text, use_locale},
    paths,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_navigate, use_params_map, use_query_map};

/// What a page of an invitation shares with its parts.
#[derive(Clone, Copy)]
struct Page {
    locale: Locale,
    invitation: Load<ViewInvitation>,
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
    let ask = move || ViewInvitation { invitation: id.get(), attempt: attempt.get() };
    let page = Page { locale, invitation: Load::new(ask) };
    let view = loaded(move || async move {
        match page.invitation.await {
            Ok(view) => page.show(view),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, joining.title) />
        <Card>{view}</Card>
    }
}

impl Page {
    fn show(self, view: InvitationView) -> AnyView {
        let locale = self.locale;
        match view {
            InvitationView::Unknown => says(text!(locale, joining.unknown_title), text!(locale, joining.unknown_text)),
            InvitationView::OpenTheLinkAgain => {
                says(text!(locale, joining.again_title), text!(locale, joining.again_text))
            }
            InvitationView::Withdrawn(account) => {
                says(text!(locale, joining.withdrawn_title), text!(locale, joining.withdrawn_text, account = account))
            }
            InvitationView::Replaced { account, at } => self.replaced(account, at).into_any(),
            InvitationView::LinkEnded(account) => {
                says(text!(locale, joining.ended_title), text!(locale, joining.ended_text, account = account))
            }
            InvitationView::Expired { id, account, inviter, may_ask } => {
                let text = match inviter {
                    Some(inviter) => text!(locale, joining.expired_text_by, inviter = inviter, account = account),
                    None => text!(locale, joining.expired_text, account = account),
                };
                view! {
                    {says(text!(locale, joining.expired_title), text)}
                    {self.ask(id.to_string(), may_ask)}
                }
                .into_any()
            }
            InvitationView::Declined(account) => {
                says(text!(locale, joining.declined_title), text!(locale, joining.declined_text, account = account))
            }
            InvitationView::Used { account, mine: Some(slug) } => view! {
                {says(text!(locale, joining.mine_title, account = account.clone()), text!(locale, joining.mine_text))}
                <p>
                    <a class="button button-primary" href=paths::account(slug.as_str())>
                        {text!(locale, joining.open_account, account = account)}
                    </a>
                </p>
            }
            .into_any(),
            InvitationView::Used { account, mine: None } => view! {
                {says(text!(locale, joining.used_title), text!(locale, joining.used_text, account = account))}
                <p>
                    <a class="button button-primary" href=paths::LOGIN>{text!(locale, joining.sign_in)}</a>
                </p>
            }
            .into_any(),
            InvitationView::Held(account) => {
                says(text!(locale, joining.held_title), text!(locale, joining.held_text, account = account))
            }
            InvitationView::Open(open) => self.open(*open),
        }
    }

    fn replaced(self, account: String, at: Timestamp) -> impl IntoView {
        let locale = self.locale;
        view! {
            {says(text!(locale, joining.replaced_title), text!(locale, joining.replaced_text, account = account))}
            <p>{text!(locale, joining.replaced_at)} " " <Time at /></p>
        }
    }

    /// Asking for a new link, once a day (R20).
    fn ask(self, id: String, may_ask: bool) -> impl IntoView {
        let locale = self.locale;
        let ask = Post::<AskForNewLink>::new();
        let error = ask.error();
        let asked = move || match ask.value().get() {
            Some(Ok(answer)) => Some(answer),
            Some(Err(_)) | None => (!may_ask).then_some(NewLink::AskedBefore),
        };
        move || match asked() {
            None => {
                let id = id.clone();
                view! {
                    <PostForm post=ask class="form">
                        <ErrorBox error />
                        <input type="hidden" name="invitation" value=id />
                        <p>{text!(locale, joining.ask_hint)}</p>
                        <div class="actions">
                            <Button busy=ask.pending()>{text!(locale, joining.ask)}</Button>
                        </div>
                    </PostForm>
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
            Standing::ByMethod(by) => self.by_method(open, *by),
            Standing::Join(email) => self.join(open, email).into_any(),
            Standing::SomebodyElse(email) => self.somebody_else(open, email).into_any(),
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

    fn by_method(self, open: OpenInvitation, by: ByMethod) -> AnyView {
        let (locale, account, method) = (self.locale, open.account.clone(), by.method.clone());
        match by.step {
            MethodStep::SignInFirst => {
                let title = text!(locale, joining.link_title, method = method.clone());
                let text = text!(locale, joining.link_text, account = account, method = method);
                // It is the person's own password, which the account itself may not take.
                let sign_in = with_next(paths::LOGIN, &paths::invitation(open.id));
                self.sign_in(open, title, text, sign_in).into_any()
            }
            MethodStep::Go => self.provider(open, by).into_any(),
            MethodStep::Returned => self.returned(open, by).into_any(),
            MethodStep::Off => {
                says(text!(locale, joining.off_title), text!(locale, joining.off_text, account = account))
            }
        }
    }

    /// To the account's provider, and back here: by a link, as the policy lets no form lead there (BR-01).
    fn provider(self, open: OpenInvitation, by: ByMethod) -> impl IntoView {
        let locale = self.locale;
        let ByMethod { method, start, expected, .. } = by;
        let expected = (!expected.is_empty()).then(|| {
            view! { <p class="field-hint">{text!(locale, joining.provider_expected, method = method.clone(), identifier = expected)}</p> }
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
    fn returned(self, open: OpenInvitation, by: ByMethod) -> impl IntoView {
        let locale = self.locale;
        let join = Post::<JoinByMethod>::new();
        let error = join.error();
        let page = paths::invitation(open.id);
        join.on_success(move |joined| load_anew(&joined.path_or(&page)));
        let id = open.id.to_string();
        let mailing = by.needs_code.then(|| code_form(locale, id.clone()));
        let (code_sent, code_form) = mailing.unzip();
        let code = by.needs_code.then(|| code_field(locale, error, code_sent));
        let name = by.name.map(|name| name_field(locale, error, name, None));
        view! {
            <h1>{text!(locale, joining.join_title, account = open.account.clone())}</h1>
            <p class="page-lead">{text!(locale, joining.returned_text, method = by.method)}</p>
            {offer(locale, &open)}
            {code_form}
            <PostForm post=join class="form">
                <ErrorBox error />
                <input type="hidden" name="form[invitation]" value=id />
                <input type="hidden" name="form[attempt]" value=by.attempt />
                {name}
                {code}
                <div class="actions">
                    <Button busy=join.pending()>{text!(locale, joining.join)}</Button>
                </div>
            </PostForm>
        }
    }

    /// One page, two buttons (R15).
    fn join(self, open: OpenInvitation, email: String) -> impl IntoView {
        let locale = self.locale;
        let (join, decline) = (Post::<JoinAccount>::new(), Post::<DeclineInvitation>::new());
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
                <PostForm post=join>
                    <input type="hidden" name="invitation" value=open.id.to_string() />
                    <Button busy=join.pending()>{text!(locale, joining.join)}</Button>
                </PostForm>
                <PostForm post=decline>
                    <input type="hidden" name="invitation" value=open.id.to_string() />
                    <Button look=Look::Plain busy=decline.pending()>{text!(locale, joining.decline)}</Button>
                </PostForm>
            </div>
        }
    }

    /// Another person is signed in (R14): nothing about the invitation is told but that it is not theirs.
    fn somebody_else(self, open: OpenInvitation, email: String) -> impl IntoView {
        let locale = self.locale;
        let sign_out = Post::<SignOut>::new();
        sign_out.on_success(|path| load_anew(&path));
        view! {
            {says(text!(locale, joining.somebody_else_title), text!(locale, joining.somebody_else_text, email = email))}
            <ErrorBox error=sign_out.error() />
            <div class="actions">
                <PostForm post=sign_out>
                    <input type="hidden" name="next" value=paths::invitation(open.id) />
                    <Button busy=sign_out.pending()>{text!(locale, joining.sign_out_and_continue)}</Button>
                </PostForm>
                <a class="button" href=paths::ACCOUNTS>{text!(locale, joining.stay)}</a>
            </div>
        }
    }

    /// Making a login, and joining with it (R9, R11, R12).
    fn sign_up(self, open: OpenInvitation, new: NewLogin, or_sign_in: bool) -> impl IntoView {
        let locale = self.locale;
        let sign_up = Post::<SignUp>::new();
        let error = sign_up.error();
        sign_up.on_success(move |joined| match joined.path_or("").as_str() {
            "" => self.invitation.refetch(),
            path => load_anew(path),
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
            <PostForm post=sign_up class="form">
                <ErrorBox error />
                <input type="hidden" name="form[invitation]" value=id />
                {new.fields(locale, error, code_sent)}
                <div class="actions">
                    <Button busy=sign_up.pending()>{text!(locale, joining.sign_up)}</Button>
                </div>
            </PostForm>
            {sign_in}
        }
    }
}

/// What a sign-up form starts from.
struct NewLogin {
    email: String,
    name: String,
    needs_code: bool,
    shortest_password: u32,
}

impl NewLogin {
    fn fields(self, locale: Locale, error: Signal<Option<AppError>>, code_sent: Option<AnyView>) -> impl IntoView {
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

fn name_field(
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

fn code_field(locale: Locale, error: Signal<Option<AppError>>, code_sent: Option<AnyView>) -> AnyView {
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
fn code_form(locale: Locale, id: String) -> (AnyView, AnyView) {
    let mail = Post::<MailCode>::new();
    let sent = move || {
        let minutes = mail.value().with(|value| Some(value.as_ref()?.as_ref().ok()?.minutes));
        minutes.map(|minutes| note(text!(locale, joining.code_sent, minutes = minutes)))
    };
    let said = view! {
        <div aria-live="polite">{sent}</div>
        <ErrorBox error=mail.error() />
    };
    let form = view! {
        <PostForm post=mail id=CODE_FORM>
            <input type="hidden" name="invitation" value=id />
        </PostForm>
    };
    (said.into_any(), form.into_any())
}

fn check_name(text: &str) -> Result<(), fields::Problem> {
    name::check_shape(text)
}

/// A heading and a sentence.
fn says(title: impl Into<String>, text: impl Into<String>) -> AnyView {
    view! {
        <h1>{title.into()}</h1>
        <p class="page-lead">{text.into()}</p>
    }
    .into_any()
}

fn note(text: impl Into<String>) -> impl IntoView {
    view! {
        <div class="note note-good" tabindex="-1" data-focus="">
            <Icon name="check" />
            <p>{text.into()}</p>
        </div>
    }
}

/// Account, inviter, role, what it allows.
fn offer(locale: Locale, open: &OpenInvitation) -> impl IntoView + use<> {
    let inviter = match &open.inviter {
        Some(inviter) => {
            let (name, email) = (inviter.name.clone(), inviter.email.clone());
            view! { {name} " " <span class="quiet">{email}</span> }.into_any()
        }
        None => text!(locale, joining.inviter_unknown).into_any(),
    };
    let allowed = if open.role.is_owner() {
        view! { <p>{text!(locale, joining.everything)}</p> }.into_any()
    } else if open.permissions.is_empty() {
        view! { <p>{text!(locale, joining.nothing)}</p> }.into_any()
    } else {
        view! { <PermissionSummary permissions=open.permissions.clone() roles=open.roles.clone() /> }.into_any()
    };
    view! {
        <dl class="facts">
            <dt>{text!(locale, joining.account)}</dt>
            <dd>{open.account.clone()}</dd>
            <dt>{text!(locale, joining.invited_by)}</dt>
            <dd>{inviter}</dd>
            <dt>{text!(locale, joining.role)}</dt>
            <dd>{role_name(locale, &open.role, Some(&open.roles))}</dd>
            <dt>{text!(locale, joining.expires)}</dt>
            <dd>
                <Time at=open.expires />
            </dd>
        </dl>
        <details class="disclosure" open>
            <summary>{text!(locale, joining.what_it_allows)}</summary>
            {allowed}
        </details>
    }
}

/// The account's sign-in page, and back here.
fn sign_in_and_back(open: &OpenInvitation) -> String {
    with_next(&paths::login(open.slug.as_str()), &paths::invitation(open.id))
}
