//! What surrounds the pages: header, navigation, footer; a card for people who are not signed in.

use super::{
    Failed, RedirectWithin, full_page_load, here,
    live::{Live, LiveStatus},
    loaded, use_slug,
};
use crate::{
    api::{
        accounts::{AccountDeletion, AccountHome, ShowAccount},
        session::{Me, SignOut, Whoami},
    },
    components::{Icon, Menu, ShortcutSwitch, Time},
    domain::{language::Language, permission::Gate, policy::can_change_account, webhook::can_manage_webhooks},
    error::AppError,
    i18n::{role_name_or, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::{html, prelude::*};
use leptos_router::{components::Outlet, hooks::use_location, location::Url};
use web_sys::{HtmlElement, wasm_bindgen::JsCast};

/// Everything of one account: lets in whoever belongs to it, and tells the others why not.
#[component]
pub fn AccountLayout() -> impl IntoView {
    let slug = use_slug();
    let (me, home) = (Query::new(|| Whoami {}), Query::new(move || ShowAccount { account: slug.get() }));
    let (shown, deletion) = (ShownAccount(RwSignal::new(None)), ShownDeletion(RwSignal::new(None)));
    provide_context(shown);
    provide_context(deletion);
    Live::provide(slug, me, home, deletion.0);
    // Another account has another name.
    Effect::watch(move || slug.get(), move |_, _, _| shown.0.set(None), false);
    loaded(move || async move {
        match (me.await, home.await) {
            (Ok(Some(_)), Ok(home))
                if home.former_slug.as_ref().is_some_and(|former| former.as_str() == slug.get_untracked()) =>
            {
                view! { <RedirectWithin path=paths::at_slug(&here().get_untracked(), home.slug.as_str()) moved=true /> }
                    .into_any()
            }
            (Ok(Some(me)), Ok(home)) => {
                deletion.0.set(home.deletion.clone());
                view! {
                    <Shell me account=home>
                        <Outlet />
                    </Shell>
                }
                .into_any()
            }
            // The pages that lead to a second factor are shown; the others lead to them.
            (Ok(Some(me)), Err(AppError::SecondFactorRequired)) => view! {
                <Shell me>
                    <Outlet />
                </Shell>
            }
            .into_any(),
            (Ok(Some(me)), Err(error)) => view! {
                <Shell me>
                    <Failed error account=slug.get_untracked() />
                </Shell>
            }
            .into_any(),
            (Err(error), _) | (Ok(None), Err(error)) => nobody(error, slug.get_untracked()),
            // The person signed out between the two calls.
            (Ok(None), Ok(_)) => nobody(AppError::Unauthenticated, slug.get_untracked()),
        }
    })
}

fn nobody(error: AppError, account: String) -> AnyView {
    view! {
        <Card>
            <Failed error account />
        </Card>
    }
    .into_any()
}

/// The frame of signed-in pages.
#[component]
pub(super) fn Shell(
    /// The signed-in user.
    me: Me,
    /// The account that the page belongs to.
    #[prop(optional)]
    account: Option<AccountHome>,
    /// The tabs of pages that belong to no account.
    #[prop(optional)]
    tabs: Option<AnyView>,
    /// The page.
    children: Children,
) -> impl IntoView {
    let live = account.is_some().then(|| view! { <LiveStatus /> });
    let navigation = account.as_ref().map(|home| settings(home).into_any()).or(tabs);
    let deletion = me.delete_at.map(|_| deletion());
    let account_deletion = account.as_ref().map(account_deletion);
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
            {deletion}
            {account_deletion}
            {children()}
        </main>
        {live}
        <Footer keys=true />
    }
}

/// Says on every page that the login is going to be deleted, and leads to where it is kept.
fn deletion() -> impl IntoView {
    let locale = use_locale();
    view! {
        <div class="note note-warn">
            <Icon name="alert" />
            <p>
                {text!(locale, common.login_deletion)} " " <a href=paths::ME_DELETE>{text!(locale, common.keep_login)}</a>
            </p>
        </div>
    }
}

/// Says on every page that the account is going to be deleted, and who asked for it; owners are led to where it is kept.
fn account_deletion(home: &AccountHome) -> impl IntoView + use<> {
    let locale = use_locale();
    let shown = use_context().unwrap_or_else(|| ShownDeletion(RwSignal::new(home.deletion.clone()))).0;
    let keep = can_change_account(&home.effective).is_yes().then(|| paths::account_settings(home.slug.as_str()));
    move || {
        let AccountDeletion { at, by } = shown.get()?;
        let by = by.map(|person| text!(locale, common.account_deletion_by, person = person));
        let keep = keep.clone().map(|href| view! { <a href=href>{text!(locale, common.keep_account)}</a> });
        Some(view! {
            <div class="note note-warn">
                <Icon name="alert" />
                <p>
                    {text!(locale, common.account_deletion)} " " <Time at /> ". " {by} " "
                    {text!(locale, common.account_deletion_means)} " " {keep}
                </p>
            </div>
        })
    }
}

/// The account of this page, with the way to the others.
fn switcher(me: &Me, account: Option<AccountHome>) -> impl IntoView + use<> {
    let locale = use_locale();
    let present = account.as_ref().map(|home| home.slug.clone());
    let name = account.map_or_else(|| text!(locale, common.choose_account).to_owned(), |home| home.name);
    let shown = use_context::<ShownAccount>().map(|ShownAccount(shown)| shown);
    let name = Signal::derive(move || shown.and_then(|shown| shown.get()).unwrap_or_else(|| name.clone()));
    let lines: Vec<_> = me
        .accounts
        .iter()
        .map(|line| {
            let is_present = present.as_ref() == Some(&line.slug);
            view! {
                <li>
                    <a href=paths::account(line.slug.as_str()) aria-current=is_present.then_some("true")>
                        <span>{line.name.clone()}</span>
                        <small>{role_name_or(locale, &line.grant.role, line.role_name.as_deref())}</small>
                    </a>
                </li>
            }
        })
        .collect();
    view! {
        <Menu
            label=text!(locale, common.switch_account)
            button=move || view! { <span class="menu-name">{move || name.get()}</span> }
        >
            <ul class="menu-list">{lines}</ul>
            <a class="menu-last" href=paths::ACCOUNTS>{text!(locale, common.all_accounts)}</a>
        </Menu>
    }
}

/// The name of the account that the header shows, where a page below changes it.
#[derive(Clone, Copy)]
pub(super) struct ShownAccount(pub(super) RwSignal<Option<String>>);

/// The account's deletion that the pages show, where a page below asks for it or takes it back.
#[derive(Clone, Copy)]
pub(super) struct ShownDeletion(pub(super) RwSignal<Option<AccountDeletion>>);

/// The name of the signed-in person that the header shows, where a page below changes it.
#[derive(Clone, Copy)]
pub(super) struct ShownName(pub(super) RwSignal<String>);

/// Who is signed in, the way to their own login, and signing out.
fn user_menu(me: Me) -> impl IntoView {
    let locale = use_locale();
    let sign_out = FormAction::<SignOut>::new();
    sign_out.on_success(|path| full_page_load(&path));
    let shown = use_context().unwrap_or_else(|| ShownName(RwSignal::new(me.name))).0;
    view! {
        <div class="top-user">
            <Menu
                label=text!(locale, common.your_menu)
                button=move || {
                    view! {
                        <Icon name="user" />
                        <span class="menu-name">{move || shown.get()}</span>
                    }
                }
            >
                <div class="menu-about">
                    <small>{text!(locale, common.signed_in_as)}</small>
                    <strong>{move || shown.get()}</strong>
                    <span>{me.email}</span>
                </div>
                <a href=paths::ME>
                    <Icon name="key" />
                    {text!(locale, common.own_login)}
                </a>
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

/// The pages of an account that its member may see.
fn settings(home: &AccountHome) -> impl IntoView + use<> {
    let locale = use_locale();
    let slug = home.slug.as_str();
    let users = home.effective.opens(Gate::UsersRead).then(|| {
        let decisions = paths::decisions(slug);
        tab(paths::users(slug), vec![decisions], text!(locale, common.users))
    });
    let outbox = home
        .effective
        .opens(Gate::UsersInvite)
        .then(|| tab(paths::outbox(slug), Vec::new(), text!(locale, common.outbox)));
    let audit =
        home.effective.opens(Gate::AuditRead).then(|| tab(paths::audit(slug), Vec::new(), text!(locale, common.audit)));
    let api_keys = home
        .effective
        .opens(Gate::ApiKeysManage)
        .then(|| tab(paths::api_keys(slug), Vec::new(), text!(locale, common.api_keys)));
    let webhooks = can_manage_webhooks(&home.effective)
        .is_yes()
        .then(|| tab(paths::webhooks(slug), Vec::new(), text!(locale, common.webhooks)));
    let methods = home
        .effective
        .opens(Gate::LoginMethodsManage)
        .then(|| tab(paths::login_methods(slug), Vec::new(), text!(locale, common.login_methods)));
    let security = home
        .effective
        .opens(Gate::LoginMethodsManage)
        .then(|| tab(paths::security(slug), Vec::new(), text!(locale, common.security)));
    let roles =
        home.effective.opens(Gate::UsersRead).then(|| tab(paths::roles(slug), Vec::new(), text!(locale, common.roles)));
    let account = can_change_account(&home.effective)
        .is_yes()
        .then(|| tab(paths::account_settings(slug), Vec::new(), text!(locale, common.account_settings)));
    let (tabs, path) = (NodeRef::<html::Nav>::new(), use_location().pathname);
    Effect::new(move |_| {
        path.track();
        request_animation_frame(move || show_current(tabs));
    });
    view! {
        <nav class="tabs" aria-label=text!(locale, common.settings) node_ref=tabs>
            {first_tab(paths::account(slug), text!(locale, common.overview))}
            {users}
            {roles}
            {outbox}
            {methods}
            {security}
            {api_keys}
            {webhooks}
            {audit}
            {account}
        </nav>
    }
}

/// Scrolls the tabs, where there is no room for all, to the one that is open.
fn show_current(tabs: NodeRef<html::Nav>) {
    // The page may be gone by then.
    let Some(tabs) = tabs.try_get_untracked().flatten() else { return };
    let current = tabs.query_selector("[aria-current]").ok().flatten();
    if let Some(current) = current.and_then(|current| current.dyn_into::<HtmlElement>().ok()) {
        let before = (tabs.client_width() - current.offset_width()) / 2;
        tabs.set_scroll_left(current.offset_left() - tabs.offset_left() - before);
    }
}

/// The link to the page that the others lie below; it says whether one is there.
pub(super) fn first_tab(href: String, label: &'static str) -> impl IntoView {
    let path = use_location().pathname;
    let here = href.clone();
    view! {
        <a href=href aria-current=move || path.with(|path| *path == here).then_some("page")>
            {label}
        </a>
    }
}

/// A link that says whether one is there or below it, or below another page that belongs to it.
pub(super) fn tab(href: String, also: Vec<String>, label: &'static str) -> impl IntoView {
    let path = use_location().pathname;
    let places = [vec![href.clone()], also].concat();
    let current = move || {
        let is_here = path.with(|path| places.iter().any(|place| path.starts_with(place.as_str())));
        is_here.then_some("page")
    };
    view! {
        <a href=href aria-current=current>
            {label}
        </a>
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

/// What is chosen for this browser: the language, by plain links, as the whole page changes; and whether single keys do something.
#[component]
fn Footer(
    /// Do single keys do something on pages like this one?
    #[prop(optional)]
    keys: bool,
) -> impl IntoView {
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
            {keys.then(|| view! { <ShortcutSwitch /> })}
        </footer>
    }
}
