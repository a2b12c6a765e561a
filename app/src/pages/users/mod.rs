//! Settings → Users: the list of an account's members in every state, and the dialogs over it.

mod change_several;
mod choice;
mod done;
mod edit;
mod filters;
mod grant_picker;
mod invite;
mod invite_outcome;
mod link;
mod live;
mod login_method;
mod mail_state;
mod parts;
mod person;
mod remove;
mod row_actions;
mod several;
mod status;
mod table;
mod tabs;
mod words;

pub use change_several::ChangeSeveralRoute;
pub use edit::EditRoute;
pub use invite::InviteRoute;
pub(in crate::pages) use mail_state::mail_state;
pub use person::PersonRoute;
pub use remove::RemoveRoute;
pub use several::InviteSeveralRoute;

use super::{Failed, loaded, loaded_once, use_slug};
use crate::{
    api::members::{ListMembers, UsersPage as ListPage},
    components::{Dialog, EmptyState, ErrorBox, Icon, focus_soon},
    domain::{
        list::ListQuery,
        permission::Gate,
        policy::{Verdict, can_pass},
        role::Grant,
    },
    i18n::{Locale, refusal_text, text, use_locale},
    paths::{self, with_view},
    rpc::Query,
};
use done::done_note;
use filters::{Search, filters};
use leptos::{html, prelude::*};
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    components::Outlet,
    hooks::{use_navigate, use_query_map},
};
use link::LinkDialog;
use live::Following;
use row_actions::Rows;
use table::table;
use tabs::tabs;
use words::{count_words, range_words};

type Navigate = Box<dyn Fn(&str, NavigateOptions) + Send + Sync>;

/// What was typed and chosen for one person, and turned out to be for several.
struct HandedOver {
    text: String,
    grant: Grant,
    language: Option<String>,
    lifetime: Option<String>,
}

/// What the page shares with its rows and dialogs.
#[derive(Clone, Copy)]
struct Users {
    locale: Locale,
    /// The account in the address.
    slug: Memo<String>,
    /// The view of the list in the address; it stays there while a dialog is open.
    query: Memo<ListQuery>,
    page: Query<ListMembers>,
    search: Search,
    following: Following,
    rows: Rows,
    /// What the dialog for one person hands over to the one for several.
    handed_over: StoredValue<Option<HandedOver>>,
    /// Does the focus move to the status once the list is loaded again? The element that had it is gone, or belongs to another person by then.
    focus_status: StoredValue<bool>,
    navigate: StoredValue<Navigate>,
}

impl Users {
    fn new() -> Self {
        let (slug, of_url) = (use_slug(), use_query_map());
        let query = Memo::new(move |_| of_url.with(|map| ListQuery::from_url(|name| map.get(name))));
        let locale = use_locale();
        Self {
            locale,
            slug,
            query,
            page: Query::new(move || ListMembers { account: slug.get(), query: query.get() }),
            search: Search::new(query),
            following: Following::new(),
            rows: Rows::new(locale, slug, query),
            handed_over: StoredValue::new(None),
            focus_status: StoredValue::new(false),
            navigate: StoredValue::new(Box::new(use_navigate())),
        }
    }

    /// The address of the list as it is seen now.
    fn list(self) -> String {
        with_view(paths::users(&self.slug.get()), &self.query.get())
    }

    /// The address of a dialog over the list as it is seen now.
    fn over(self, dialog: String) -> String {
        with_view(dialog, &self.query.get())
    }

    /// Shows another view of the list.
    fn show(self, query: &ListQuery, replace: bool) {
        if *query != self.query.get_untracked() {
            self.go(&with_view(paths::users(&self.slug.get_untracked()), query), replace);
        }
    }

    /// Closes a dialog after something was done.
    fn back_to_list(self) {
        self.go(&untrack(|| self.list()), false);
    }

    fn go(self, url: &str, replace: bool) {
        let options = NavigateOptions { replace, scroll: false, ..NavigateOptions::default() };
        self.navigate.with_value(|navigate| navigate(url, options));
    }
}

lazy_page!(UsersRoute, users, UsersPage);

/// The list of an account's members; its dialogs open over it.
#[component]
fn UsersPage() -> impl IntoView {
    let users = Users::new();
    provide_context(users);
    users.follow_changes();
    users.rows.tell_what_became(move |focus_is_lost| {
        if focus_is_lost {
            users.focus_status.set_value(true);
        }
        users.page.refetch();
    });
    let failed = users.rows.error();
    // A new view in the address brings new rows; both are shown at once.
    let head = loaded(move || async move {
        match users.page.await {
            Ok(page) => untrack(|| head(users, &page)).into_any(),
            Err(error) => view! { <Failed error account=users.slug.get_untracked() /> }.into_any(),
        }
    });
    let status = loaded(move || async move {
        let words = users.page.await.map_or_else(|_| String::new(), |page| untrack(|| status_words(users, &page)));
        words.into_any()
    });
    let rows = loaded(move || async move {
        let page = users.page.await.ok();
        page.map(|page| untrack(|| list(users, page))).into_any()
    });
    view! {
        <Title text=text!(users.locale, users.title) />
        <section class="users">
            <ErrorBox error=failed />
            {done_note(users)}
            {head}
            // It is there before anything is said in it, and stays: that is how it is read out (WCAG 4.1.3).
            <div class="users-status">
                <div role="status">
                    <p class="users-count" tabindex="-1" data-focus="">{status}</p>
                    {users.newer_rows()}
                </div>
                <a class="only-without-scripting" href=move || users.list() rel="external">{text!(users.locale, common.reload)}</a>
            </div>
            {rows}
        </section>
        <LinkDialog rows=users.rows />
        <Outlet />
    }
}

/// Heading and filters.
fn head(users: Users, page: &ListPage) -> impl IntoView + use<> {
    let locale = users.locale;
    let may_invite = can_pass(&page.facts.my, Gate::UsersInvite);
    let new_user = users.over(paths::new_user(page.facts.slug.as_str()));
    let view = users.query.get().rows_and_order();
    let export = with_view(paths::users_export(page.facts.slug.as_str()), &view);
    view! {
        <header class="page-head">
            <h1>{text!(locale, users.title)}</h1>
            <div class="actions">
                <a class="button" href=export rel="external" download="">
                    <Icon name="download" />
                    {text!(locale, users.export)}
                </a>
                {invite_link(users, page, &may_invite, new_user)}
            </div>
        </header>
        <div class="users-view">
            {tabs(users, page)}
            {filters(users, page)}
        </div>
    }
}

/// How many there are; on a further page which of them, so that turning the page changes what is said.
fn status_words(users: Users, page: &ListPage) -> String {
    let (locale, query) = (users.locale, users.query.get());
    if page.rows.is_empty() {
        return text!(locale, users.none_title).to_owned();
    }
    match page.skipped {
        Some(0) => count_words(locale, page.count, query.is_filtered()),
        Some(_) | None => range_words(locale, page),
    }
}

/// Rows and pages.
fn list(users: Users, page: ListPage) -> impl IntoView {
    let locale = users.locale;
    let query = users.query.get();
    let none_found = page.rows.is_empty();
    let alone = page.alone && !query.is_filtered();
    let below = match (none_found, alone, can_pass(&page.facts.my, Gate::UsersInvite)) {
        (true, _, _) => {
            let all = with_view(paths::users(page.facts.slug.as_str()), &query.cleared());
            view! {
                <EmptyState icon="search" title=text!(locale, users.none_title)>
                    <p>{text!(locale, users.none_text)}</p>
                    <a class="button" href=all data-noscroll="">{text!(locale, users.clear)}</a>
                </EmptyState>
            }
            .into_any()
        }
        (false, true, Verdict::Yes) => {
            let new_user = users.over(paths::new_user(page.facts.slug.as_str()));
            let how = match page.facts.mail_server {
                true => text!(locale, users.alone_text),
                false => text!(locale, users.alone_text_no_mail),
            };
            view! {
                <EmptyState icon="users" title=text!(locale, users.alone_title)>
                    <p>{how}</p>
                    <a class="button button-primary" href=new_user data-noscroll="">{text!(locale, users.invite_first)}</a>
                </EmptyState>
            }
            .into_any()
        }
        (false, _, _) => ().into_any(),
    };
    if users.focus_status.get_value() {
        users.focus_status.set_value(false);
        let acted_on = users.rows.acted_on.try_update_value(Option::take).flatten();
        let is_here = |id: &String| page.rows.iter().any(|row| row.id.to_string() == *id);
        match acted_on.filter(is_here) {
            Some(id) => focus_soon(format!("[popovertarget='more-{id}']")),
            None => focus_soon(".users-count"),
        }
    }
    view! {
        {(!none_found).then(|| table(users, page))}
        {below}
    }
}

/// + New user, or why not.
fn invite_link(users: Users, page: &ListPage, may_invite: &Verdict, href: String) -> AnyView {
    let label = text!(users.locale, users.new_user);
    match may_invite {
        Verdict::Yes => {
            view! { <a class="button button-primary" href=href data-noscroll=""><Icon name="plus" /> {label}</a> }
                .into_any()
        }
        Verdict::No(refusal) => {
            let reason = refusal_text(users.locale, refusal, Some(&page.facts.roles));
            row_actions::refused("why-new-user".to_owned(), label, label.to_owned(), reason).into_any()
        }
    }
}

/// A dialog over the list; closing it leads back to the list as it was.
#[component]
fn OverList(
    users: Users,
    #[prop(into)] title: String,
    /// Is something under way that closing would break off?
    #[prop(optional, into)]
    busy: Signal<bool>,
    children: Children,
) -> impl IntoView {
    let back_to = Signal::derive(move || users.list());
    view! {
        <Title text=title.clone() />
        <Dialog title back_to busy back_label=text!(users.locale, common.back_to_users)>
            {children()}
        </Dialog>
    }
}

/// Scrolls to what has just been said, in a form that is longer than its dialog.
fn scroll_into_view_when(what: NodeRef<html::Div>, said: impl Fn() -> bool + Send + Sync + 'static) {
    Effect::new(move |_| {
        if said() {
            request_animation_frame(move || {
                // The dialog may be gone by then.
                if let Some(what) = what.try_get_untracked().flatten() {
                    what.scroll_into_view_with_bool(false);
                }
            });
        }
    });
}

/// The link that closes a dialog in which nothing can be done.
fn close_link(users: Users) -> impl IntoView {
    view! {
        <div class="actions">
            <a class="button" href=move || users.list() data-noscroll="">
                {text!(users.locale, common.close)}
            </a>
        </div>
    }
}
