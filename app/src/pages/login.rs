//! Signing in: `/login`, and `/login/{slug}` for one account.

use super::{
    RedirectWithin, full_page_load, loaded, problem::problem_note, shell::Card, use_next, use_slug, with_next,
};
use crate::{
    api::{
        second_factors::{BeginPasskeySignIn, PasskeyForm, SignInByPasskey},
        session::{ListSignInOptions, Me, SignIn, SignInOptions, Whoami},
    },
    components::{Button, Ceremony, ErrorBox, Field, Icon, Kind, Look, done, passkey_button, problem_at},
    domain::{email::check_shape, fields, name::Slug},
    i18n::{Locale, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

/// Signing in by email address and password.
#[component]
pub fn LoginPage() -> impl IntoView {
    let locale = use_locale();
    let (slug, next) = (use_slug(), use_next());
    let me = Query::new(|| Whoami {});
    let title = move || match slug.get() {
        none if none.is_empty() => text!(locale, session.sign_in_title).to_owned(),
        account => text!(locale, session.sign_in_to, account = account),
    };
    let signed_in = loaded(move || async move {
        let me = me.await.ok().flatten();
        me.map(|me| already_signed_in(locale, me)).into_any()
    });
    let listed = Query::new(move || ListSignInOptions { account: slug.get(), next: next.get() });
    let ways = loaded(move || async move {
        match listed.await {
            Ok(ways) => ways_in(locale, slug, next, ways),
            Err(error) => view! { <ErrorBox error=Signal::stored(Some(error)) /> }.into_any(),
        }
    });
    // The title is plain text: the head is written outside the page's own reactive owner, where a signal may be gone already.
    let head = untrack(title);
    view! {
        <Title text=head />
        <Card>
            <h1>{title}</h1>
            {password_changed(locale)}
            {problem_note()}
            {signed_in}
            {ways}
            {move || slug.get().is_empty().then(|| account_form(locale, next))}
        </Card>
    }
}

/// Somebody signed in may still have to sign in: an account can ask for another way.
fn already_signed_in(locale: Locale, me: Me) -> impl IntoView {
    view! {
        <div class="note">
            <Icon name="user" />
            <p>
                {text!(locale, session.already_signed_in, email = me.email)} " "
                <a href=paths::ACCOUNTS>{text!(locale, session.go_to_accounts)}</a>
            </p>
        </div>
    }
}

/// The account's ways to sign in. A provider is a link, as the policy lets no form lead there (BR-01).
fn ways_in(locale: Locale, slug: Memo<String>, next: Memo<String>, ways: SignInOptions) -> AnyView {
    let form = ways.password.then(|| sign_in_form(locale, slug, next));
    let by_passkey = ways.passkey.then(|| by_passkey(locale, slug, next));
    let or =
        (ways.password && !ways.providers.is_empty()).then(|| view! { <p class="or">{text!(locale, session.or)}</p> });
    let providers: Vec<_> = ways
        .providers
        .into_iter()
        .map(|way| {
            view! {
                <a class="button" href=way.start rel="external">
                    {text!(locale, session.continue_with, method = way.name)}
                </a>
            }
        })
        .collect();
    view! {
        {form}
        {by_passkey}
        {or}
        <div class="ways">{providers}</div>
    }
    .into_any()
}

/// A passkey alone stands for the password and a second factor at once.
fn by_passkey(locale: Locale, slug: Memo<String>, next: Memo<String>) -> AnyView {
    let finish = move |challenge, credential| SignInByPasskey {
        form: PasskeyForm {
            challenge,
            credential,
            account: slug.get_untracked(),
            next: next.get_untracked(),
            ..PasskeyForm::default()
        },
    };
    let begin = || BeginPasskeySignIn {};
    let label = text!(locale, factors.sign_in_by_passkey);
    passkey_button(locale, label, Look::Plain, Ceremony::Get, begin, finish, |path| full_page_load(&path))
}

/// Whoever chose a new password by a mailed link comes here.
fn password_changed(locale: Locale) -> Option<AnyView> {
    let notice = use_query_map().read_untracked().get("notice");
    (notice.as_deref() == Some(paths::PASSWORD_CHANGED)).then(|| done(text!(locale, recovery.changed)))
}

fn sign_in_form(locale: Locale, slug: Memo<String>, next: Memo<String>) -> impl IntoView {
    let sign_in = FormAction::<SignIn>::new();
    let error = sign_in.error();
    sign_in.on_success(|path| full_page_load(&path));
    view! {
        <ActionForm action=sign_in class="form">
            <ErrorBox error />
            <input type="hidden" name="form[account]" value=move || slug.get() />
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
            <Field
                name="form[password]"
                label=text!(locale, session.password)
                kind=Kind::Password
                required=true
                problem=problem_at(error, fields::Field::Password)
            />
            <div class="actions">
                <Button busy=sign_in.pending()>{text!(locale, session.sign_in)}</Button>
                <a href=move || forgotten_password(slug, next)>{text!(locale, recovery.forgotten)}</a>
            </div>
        </ActionForm>
    }
}

/// The way to a new password, and back to this page.
fn forgotten_password(slug: Memo<String>, next: Memo<String>) -> String {
    let page = match slug.get() {
        none if none.is_empty() => paths::LOGIN.to_owned(),
        slug => paths::login(&slug),
    };
    paths::forgotten_password(&match next.get() {
        none if none.is_empty() => page,
        next => with_next(&page, &next),
    })
}

/// The way to the sign-in page of one account.
fn account_form(locale: Locale, next: Memo<String>) -> impl IntoView {
    let query = use_query_map();
    // The form comes back here, with the address of the account; a form alone cannot make it part of the path.
    let typed = Memo::new(move |_| query.with(|map| map.get("account").unwrap_or_default()));
    let account = Memo::new(move |_| Slug::parse(&typed.get()));
    let go_on = move || account.get().ok().map(|slug| view! { <RedirectWithin path=paths::login(slug.as_str()) /> });
    let problem = Signal::derive(move || account.get().err().filter(|_| !typed.get().trim().is_empty()));
    view! {
        {go_on}
        <details class="disclosure" open=move || problem.get().is_some()>
            <summary>{text!(locale, session.other_account)}</summary>
            <form method="get" action=paths::LOGIN class="form">
                <Field
                    name="account"
                    label=text!(locale, session.account_address)
                    hint=text!(locale, session.account_address_hint)
                    initial=typed.get_untracked()
                    required=true
                    problem=problem
                />
                <input type="hidden" name="next" value=move || next.get() />
                <div class="actions">
                    <Button look=Look::Plain>{text!(locale, session.go_on)}</Button>
                </div>
            </form>
        </details>
    }
}
