//! Search, filters and order: a GET form, so that every view of the list has an address. With scripting the search is live.

use super::{
    Users,
    words::{method_name, sort_name},
};
#[cfg(not(feature = "ssr"))]
use crate::hydration::is_hydrated;
use crate::{
    api::members::UsersPage as ListPage,
    components::shortcuts_are_on,
    domain::{
        list::{ListQuery, Sort},
        member::LoginMethod,
        role::Roles,
    },
    hydration::on_hydrated,
    i18n::{Locale, role_name, text},
    paths::{self, with_view},
};
use leptos::{ev, html, prelude::*};
use std::time::Duration;

/// How long the search waits for the next key.
const SEARCH_DEBOUNCE: Duration = Duration::from_millis(250);

/// The search field and its timer. They live as long as the page, so that a new answer neither takes the focus nor loses a key.
#[derive(Clone, Copy)]
pub(super) struct Search {
    field: NodeRef<html::Input>,
    clock: StoredValue<Option<TimeoutHandle>>,
}

impl Search {
    /// Watches the address bar and the key `/`.
    pub(super) fn new(query: Memo<ListQuery>) -> Self {
        let search = Self { field: NodeRef::new(), clock: StoredValue::new(None) };
        Effect::new(move |began: Option<()>| {
            let wanted = query.get().search;
            // What was typed before hydration stays.
            if began.is_some() {
                search.follow(&wanted);
            }
        });
        Effect::new(move |_| {
            let keys = window_event_listener(ev::keydown, move |event| search.focus_on_slash(&event));
            on_cleanup(move || keys.remove());
        });
        on_cleanup(move || search.stop_clock());
        search
    }

    /// Shows what the address bar says, after Back for example; spaces at the end may be on the way to another word.
    fn follow(self, wanted: &str) {
        if let Some(field) = self.field.get_untracked()
            && field.value().trim() != wanted
        {
            field.set_value(wanted);
        }
    }

    fn focus_on_slash(self, event: &ev::KeyboardEvent) {
        let typing = document().active_element().is_some_and(|element| {
            element.closest("input, textarea, select, [contenteditable], dialog").is_ok_and(|field| field.is_some())
        });
        if event.key() == "/"
            && !typing
            && shortcuts_are_on()
            && !event.ctrl_key()
            && !event.meta_key()
            && !event.alt_key()
            && let Some(field) = self.field.get_untracked()
        {
            event.prevent_default();
            field.select();
            let _ = field.focus();
        }
    }

    fn stop_clock(self) {
        self.clock.try_update_value(|clock| {
            if let Some(clock) = clock.take() {
                clock.clear();
            }
        });
    }

    /// Runs `then` once no key has been pressed for a while.
    fn after_a_pause(self, then: impl FnOnce() + 'static) {
        self.stop_clock();
        self.clock.set_value(set_timeout_with_handle(then, SEARCH_DEBOUNCE).ok());
    }
}

/// The form over the list.
pub(super) fn filters(users: Users, page: &ListPage) -> impl IntoView + use<> {
    let locale = users.locale;
    let query = users.query.get();
    let slug = users.slug.get();
    let live = move |event: ev::Event| {
        let search = event_target_value(&event).trim().to_owned();
        users.search.after_a_pause(move || {
            let now = users.query.get_untracked();
            // The first letters make an entry in the history, so that Back clears the search; the next ones do not.
            let replace = !now.search.is_empty();
            users.show(&ListQuery { search, ..now.from_the_start() }, replace);
        });
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        users.search.stop_clock();
        let search =
            users.search.field.get_untracked().map(|field| field.value().trim().to_owned()).unwrap_or_default();
        users.show(&ListQuery { search, ..users.query.get_untracked().from_the_start() }, false);
    };
    let choose = move |name: &'static str| {
        move |event: ev::Event| {
            let chosen = event_target_value(&event);
            let now = users.query.get_untracked().to_url();
            let read = |wanted: &str| {
                if wanted == name {
                    return Some(chosen.clone());
                }
                now.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value.clone())
            };
            users.show(&ListQuery::from_url(read).from_the_start(), false);
        }
    };
    let (roles, methods) = (role_options(locale, &page.facts.roles, &query), method_options(locale, page, &query));
    let (extras, mail) = (extras_options(locale, &query), mail_options(locale, &query));
    let sorts = sort_options(locale, &query);
    let made = [
        ("q", query.search.clone()),
        ("role", chosen(&roles)),
        ("method", chosen(&methods)),
        ("extras", chosen(&extras)),
        ("mail", chosen(&mail)),
        ("sort", chosen(&sorts)),
    ];
    let shown = entered_already(&made).unwrap_or_else(|| made.clone());
    if shown != made {
        let now = query.to_url();
        let asked = ListQuery::from_url(|name| {
            value_of(&shown, name).or_else(|| now.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()))
        });
        let asked = asked.from_the_start();
        on_hydrated(move || users.show(&asked, true));
    }
    let select =
        |label, name, options| select(label, name, options, value_of(&shown, name).unwrap_or_default(), choose(name));
    let clear = with_view(paths::users(&slug), &query.cleared());
    // There is something to choose between only where there are several.
    let methods = (methods.len() > 2).then(|| select(text!(locale, users.filter_method), "method", methods));
    let with_mail = page.facts.mail_server || query.mail_trouble;
    let mail = with_mail.then(|| select(text!(locale, users.filter_mail), "mail", mail));
    let kept = [("state", query.state.map(|state| state.key())), ("rows", query.compact.then_some("compact"))];
    let kept = kept.into_iter().filter_map(|(name, value)| {
        let value = value?;
        Some(view! { <input type="hidden" name=name value=value /> })
    });
    view! {
        <form class="filters" role="search" method="get" action=paths::users(&slug) on:submit=submit>
            <label class="filters-search">
                <span class="visually-hidden">{text!(locale, users.search)}</span>
                <input
                    type="search"
                    name="q"
                    maxlength="100"
                    autocomplete="off"
                    placeholder=text!(locale, users.search_hint)
                    value=query.search.clone()
                    node_ref=users.search.field
                    on:input=live
                />
            </label>
            {kept.collect_view()}
            {select(text!(locale, users.filter_role), "role", roles)}
            {methods}
            {select(text!(locale, users.filter_extras), "extras", extras)}
            {mail}
            {select(text!(locale, users.sort_by), "sort", sorts)}
            <button type="submit" class="button only-without-scripting">{text!(locale, users.apply)}</button>
            {query.is_filtered().then(|| view! { <a class="filters-clear" href=clear data-noscroll="">{text!(locale, users.clear)}</a> })}
        </form>
    }
}

/// The fields of the form, and what stands in them.
type Fields = [(&'static str, String); 6];

fn value_of(fields: &Fields, name: &str) -> Option<String> {
    fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
}

/// What somebody typed and chose in the form as the server `made` it, before hydration. Under a dialog the list stays.
#[cfg(not(feature = "ssr"))]
fn entered_already(made: &Fields) -> Option<Fields> {
    use web_sys::wasm_bindgen::JsValue;
    if is_hydrated() || document().query_selector("dialog").ok()?.is_some() {
        return None;
    }
    let value = |name: &str| {
        let field = document().query_selector(&format!(".filters [name={name}]")).ok()??;
        js_sys::Reflect::get(&field, &JsValue::from_str("value")).ok()?.as_string()
    };
    Some(made.clone().map(|(name, made)| (name, value(name).unwrap_or(made))))
}

#[cfg(feature = "ssr")]
const fn entered_already(_: &Fields) -> Option<Fields> {
    None
}

/// A value, its text, and whether it is chosen.
type Choice = (String, String, bool);

/// The value that is chosen.
fn chosen(options: &[Choice]) -> String {
    options.iter().find(|(_, _, chosen)| *chosen).map(|(value, _, _)| value.clone()).unwrap_or_default()
}

/// The account's roles, and the one that is chosen, if it was deleted.
fn role_options(locale: Locale, roles: &Roles, query: &ListQuery) -> Vec<Choice> {
    let any = (String::new(), text!(locale, users.any_role).to_owned(), query.role.is_none());
    let former = query.role.as_ref().filter(|role| roles.former.contains_key(role));
    let each = roles
        .roles
        .iter()
        .map(|role| &role.key)
        .chain(former)
        .map(|key| (key.to_string(), role_name(locale, key, Some(roles)), query.role.as_ref() == Some(key)));
    std::iter::once(any).chain(each).collect()
}

/// The login methods that are ready, and the one that is chosen, if it is none of those any more.
fn method_options(locale: Locale, page: &ListPage, query: &ListQuery) -> Vec<Choice> {
    let any = (String::new(), text!(locale, users.any_method).to_owned(), query.method.is_none());
    let option =
        |method: &LoginMethod| (method.id.to_string(), method_name(locale, method), query.method == Some(method.id));
    std::iter::once(any).chain(page.facts.methods.iter().map(option)).collect()
}

fn extras_options(locale: Locale, query: &ListQuery) -> Vec<Choice> {
    vec![
        (String::new(), text!(locale, users.any_extras).to_owned(), !query.with_extras),
        ("yes".to_owned(), text!(locale, users.only_extras).to_owned(), query.with_extras),
    ]
}

fn mail_options(locale: Locale, query: &ListQuery) -> Vec<Choice> {
    vec![
        (String::new(), text!(locale, users.any_mail).to_owned(), !query.mail_trouble),
        ("trouble".to_owned(), text!(locale, users.only_mail_trouble).to_owned(), query.mail_trouble),
    ]
}

fn sort_options(locale: Locale, query: &ListQuery) -> Vec<Choice> {
    Sort::ALL
        .into_iter()
        .map(|sort| (sort.key().to_owned(), sort_name(locale, sort).to_owned(), query.sort == sort))
        .collect()
}

fn select(
    label: &'static str,
    name: &'static str,
    options: Vec<Choice>,
    chosen: String,
    choose: impl Fn(ev::Event) + 'static,
) -> impl IntoView {
    let options = options
        .into_iter()
        .map(|(value, text, chosen)| view! { <option value=value selected=chosen>{text}</option> })
        .collect_view();
    view! {
        <label class=format!("filters-choice filters-{name}")>
            <span class="filters-label">{label}</span>
            <select name=name prop:value=chosen on:change=choose>{options}</select>
        </label>
    }
}
