//! What surrounds the pages: header, navigation, footer; a card for people who are not signed in.

use super::{Failed, Loading, here, load_anew, use_slug};
use crate::{
    api::{
        accounts::{AccountLine, open_home},
        session::{Me, SignOut, whoami},
    },
    components::{Icon, Menu, on_success},
    domain::{
        language::Language,
        permission::{Catalogue, Gate},
        role::{Effective, Roles},
    },
    error::AppError,
    i18n::{role_name, text, use_locale},
    paths,
};
use leptos::prelude::*;
use leptos_router::{
    components::{A, Outlet},
    location::Url,
};

/// Everything of one account: lets in whoever belongs to it, and tells the others why not.
#[component]
pub fn AccountLayout() -> impl IntoView {
    let slug = use_slug();
    let place = Resource::new_blocking(move || slug.get(), place);
    let view = move || {
        Suspend::new(async move {
            match place.await {
                Ok((me, line)) => view! {
                    <Shell me account=line>
                        <Outlet />
                    </Shell>
                }
                .into_any(),
                Err((Some(me), error)) => view! {
                    <Shell me>
                        <Failed error account=slug.get_untracked() />
                    </Shell>
                }
                .into_any(),
                Err((None, error)) => view! {
                    <Card>
                        <Failed error account=slug.get_untracked() />
                    </Card>
                }
                .into_any(),
            }
        })
    };
    view! { <Transition fallback=Loading>{view}</Transition> }
}

/// The signed-in user's place in the account, or why there is none, with the user if anybody is signed in.
async fn place(slug: String) -> Result<(Me, AccountLine), (Option<Me>, AppError)> {
    let me = whoami().await.map_err(|error| (None, error))?.ok_or((None, AppError::Unauthenticated))?;
    match me.accounts.iter().find(|line| line.slug.as_str() == slug).cloned() {
        Some(line) => Ok((me, line)),
        // The account itself knows why: never been in it, no longer in it, another way of signing in asked for.
        None => Err((Some(me), open_home(slug).await.err().unwrap_or(AppError::NotFound))),
    }
}

/// The frame of signed-in pages.
#[component]
pub(super) fn Shell(
    /// The signed-in user.
    me: Me,
    /// The account that the page belongs to.
    #[prop(optional)]
    account: Option<AccountLine>,
    /// The page.
    children: Children,
) -> impl IntoView {
    let navigation = account.as_ref().map(settings);
    view! {
        <SkipLink />
        <header class="top">
            <div class="top-bar">
                <a class="brand" href=paths::ACCOUNTS>
                    <Icon name="roster" />
                    {text!(use_locale(), common.product)}
                </a>
                {switcher(&me, account)}
                {user_menu(me)}
            </div>
            {navigation}
        </header>
        <main id="main" class="page" tabindex="-1">
            {children()}
        </main>
        <Footer />
    }
}

/// The account of this page, with the way to the others.
fn switcher(me: &Me, account: Option<AccountLine>) -> impl IntoView + use<> {
    let locale = use_locale();
    let present = account.as_ref().map(|line| line.slug.clone());
    let name = account.map_or_else(|| text!(locale, common.choose_account).to_owned(), |line| line.name);
    let lines: Vec<_> = me
        .accounts
        .iter()
        .map(|line| {
            let is_present = present.as_ref() == Some(&line.slug);
            view! {
                <li>
                    <a href=paths::account(line.slug.as_str()) aria-current=is_present.then_some("true")>
                        <span>{line.name.clone()}</span>
                        <small>{role_name(locale, &line.grant.role, None)}</small>
                    </a>
                </li>
            }
        })
        .collect();
    view! {
        <Menu
            label=text!(locale, common.switch_account)
            button=move || view! { <span class="menu-name">{name.clone()}</span> }
        >
            <ul class="menu-list">{lines}</ul>
            <a class="menu-last" href=paths::ACCOUNTS>{text!(locale, common.all_accounts)}</a>
        </Menu>
    }
}

/// Who is signed in, and signing out.
fn user_menu(me: Me) -> impl IntoView {
    let locale = use_locale();
    let sign_out = ServerAction::<SignOut>::new();
    on_success(sign_out, |path| load_anew(&path));
    let name = me.name.clone();
    view! {
        <div class="top-user">
            <Menu
                label=text!(locale, common.your_menu)
                button=move || view! { <Icon name="user" /> <span class="menu-name">{name.clone()}</span> }
            >
                <div class="menu-about">
                    <small>{text!(locale, common.signed_in_as)}</small>
                    <strong>{me.name}</strong>
                    <span>{me.email}</span>
                </div>
                <ActionForm action=sign_out>
                    <button type="submit" class="menu-last">
                        <Icon name="sign-out" />
                        {text!(locale, common.sign_out)}
                    </button>
                </ActionForm>
            </Menu>
        </div>
    }
}

/// The pages of an account that its member may see. The roles are the built-in ones, so what opens them can be told here.
fn settings(line: &AccountLine) -> impl IntoView + use<> {
    let locale = use_locale();
    let slug = line.slug.as_str();
    let mine = Effective::of(&line.grant, &Roles::built_in(Catalogue::with([])));
    let users = mine.opens(Gate::UsersRead).then(|| {
        let href = paths::users(slug);
        view! { <A href=href>{text!(locale, common.users)}</A> }
    });
    let outbox = mine.opens(Gate::UsersInvite).then(|| {
        let href = paths::outbox(slug);
        view! { <A href=href>{text!(locale, common.outbox)}</A> }
    });
    let home = paths::account(slug);
    view! {
        <nav class="tabs" aria-label=text!(locale, common.settings)>
            <A href=home exact=true>
                {text!(locale, common.overview)}
            </A>
            {users}
            {outbox}
        </nav>
    }
}

/// The frame of pages for people who are not signed in.
#[component]
pub(super) fn Card(
    /// The page.
    children: Children,
) -> impl IntoView {
    view! {
        <SkipLink />
        <div class="card-page">
            <header>
                <a class="brand" href="/">
                    <Icon name="roster" />
                    {text!(use_locale(), common.product)}
                </a>
            </header>
            <main id="main" class="card" tabindex="-1">
                {children()}
            </main>
        </div>
        <Footer />
    }
}

/// Past the header, for those who come by keyboard. The browser itself moves the focus; the router would only scroll.
#[component]
fn SkipLink() -> impl IntoView {
    view! {
        <a class="skip" href="#main" rel="external">
            {text!(use_locale(), common.skip_to_content)}
        </a>
    }
}

/// The choice of language: plain links, as the whole page changes.
#[component]
fn Footer() -> impl IntoView {
    let locale = use_locale();
    let here = here();
    let links = Language::ALL.map(|language| {
        let href = move || format!("/language/{}?next={}", language.tag(), Url::escape(&here.get()));
        let current = (language == Language::from(locale)).then_some("true");
        view! {
            <a href=href rel="external" lang=language.tag() hreflang=language.tag() aria-current=current>
                {language.own_name()}
            </a>
        }
    });
    view! {
        <footer class="foot">
            <nav aria-label=text!(locale, common.language)>
                <Icon name="globe" />
                {links.into_iter().collect_view()}
            </nav>
        </footer>
    }
}
