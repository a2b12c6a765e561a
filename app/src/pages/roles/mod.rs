//! Settings → Roles: what each role holds side by side, how many people have it, and who can do what (R65).

pub(super) mod form;
mod new;
mod role;
mod who_can;

pub use new::NewRoleRoute;
pub use role::RoleRoute;

use super::{Failed, loaded, use_slug};
use crate::{
    api::roles::{CreateRole, DeleteRole, EditRole, ListRoles, RoleDeleted, RoleEdited, RoleFacts, RolesView},
    components::{Icon, done, focus_soon},
    domain::{
        list::{Count, MAX_COUNTED_ROWS},
        permission::{CatalogueEntry, Gate},
        policy::{Whose, can_pass},
        role::{Role, RoleKey},
    },
    i18n::{Locale, area_label, grouped, permission_label, role_name, text, use_locale},
    paths,
    rpc::{Query, flashed_output},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

lazy_page!(RolesRoute, administration, RolesPage);

/// The page.
#[component]
fn RolesPage() -> impl IntoView {
    let locale = use_locale();
    let (slug, of_url) = (use_slug(), use_query_map());
    let permission = Memo::new(move |_| of_url.with(|map| map.get("permission").unwrap_or_default()));
    let roles = Query::new(move || ListRoles { account: slug.get(), permission: permission.get() });
    let said = done_words(locale);
    // What was asked for last: the focus goes to a new answer.
    let asked = StoredValue::new(permission.get_untracked());
    let page = loaded(move || {
        let said = said.clone();
        async move {
            match roles.await {
                Ok(view) => {
                    let permission = permission.get_untracked();
                    if asked.get_value() != permission {
                        asked.set_value(permission);
                        focus_soon(".roles-answer");
                    }
                    content(locale, &view, said)
                }
                Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
            }
        }
    });
    view! {
        <Title text=text!(locale, roles.title) />
        <section class="roles">{page}</section>
    }
}

/// What was done by a form that the browser itself sent.
fn done_words(locale: Locale) -> Option<String> {
    flashed_output::<CreateRole>()
        .map(|created| created_words(locale, created.name))
        .or_else(|| flashed_output::<EditRole>().and_then(|edited| edited_words(locale, edited)))
        .or_else(|| flashed_output::<DeleteRole>().map(|deleted| deleted_words(locale, deleted)))
}

fn created_words(locale: Locale, name: String) -> String {
    text!(locale, roles.created, name = name)
}

fn edited_words(locale: Locale, edited: RoleEdited) -> Option<String> {
    match edited {
        RoleEdited::Done { name } => Some(text!(locale, roles.saved, name = name)),
        RoleEdited::Unchanged => None,
    }
}

fn deleted_words(locale: Locale, deleted: RoleDeleted) -> String {
    match deleted {
        RoleDeleted::Done { name } => text!(locale, roles.deleted, name = name),
        RoleDeleted::AlreadyDeleted => text!(locale, roles.already_deleted).to_owned(),
    }
}

/// How many people have a role.
fn people_words(locale: Locale, people: Count) -> String {
    match people {
        Count::Exactly(0) => text!(locale, roles.people_none).to_owned(),
        Count::Exactly(1) => text!(locale, users.count_one).to_owned(),
        Count::Exactly(people) => text!(locale, users.count_many, count = grouped(locale, people)),
        Count::Many => text!(locale, users.count_more, count = grouped(locale, MAX_COUNTED_ROWS)),
    }
}

/// The same as a link to them.
fn people_link(locale: Locale, facts: &RoleFacts, role: &RoleKey, people: Count) -> AnyView {
    let words = people_words(locale, people);
    if people == Count::Exactly(0) {
        return view! { <span class="muted">{words}</span> }.into_any();
    }
    let name = role_name(locale, role, Some(&facts.roles));
    let label = text!(locale, roles.people_of, people = words.clone(), role = name);
    view! { <a href=paths::users_with_role(facts.slug.as_str(), role) aria-label=label>{words}</a> }.into_any()
}

/// The way to a copy of this role, for whoever may make one.
fn copy_link(locale: Locale, facts: &RoleFacts, role: &RoleKey) -> Option<AnyView> {
    can_pass(&facts.my, Gate::RolesManage).is_yes().then(|| {
        let label = text!(locale, roles.copy_named, role = role_name(locale, role, Some(&facts.roles)));
        view! {
            <a class="button button-small" href=paths::new_role(facts.slug.as_str(), role) aria-label=label>
                <Icon name="copy" />
                {text!(locale, common.copy)}
            </a>
        }
        .into_any()
    })
}

fn content(locale: Locale, view: &RolesView, said: Option<String>) -> AnyView {
    let facts = &view.facts;
    let new = can_pass(&facts.my, Gate::RolesManage).is_yes().then(|| {
        view! {
            <a class="button button-primary" href=paths::new_role(facts.slug.as_str(), &RoleKey::new(""))>
                <Icon name="plus" />
                {text!(locale, roles.new)}
            </a>
        }
    });
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, roles.title)}</h1>
                <p class="page-lead">{text!(locale, roles.lead, account = facts.name.clone())}</p>
            </div>
            {new}
        </header>
        {said.map(done)}
        {grid(locale, view)}
        {who_can::section(locale, view)}
    }
    .into_any()
}

/// Permissions by area down the side, roles along the top.
fn grid(locale: Locale, view: &RolesView) -> impl IntoView + use<> {
    let facts = &view.facts;
    let heads: Vec<_> = facts.roles.roles.iter().map(|role| head(locale, view, role)).collect();
    let columns = facts.roles.roles.len() + 1;
    let mut areas: Vec<(&str, Vec<AnyView>)> = Vec::new();
    for entry in facts.roles.catalogue.entries() {
        let row = row(locale, facts, entry);
        match areas.iter_mut().find(|(area, _)| *area == entry.area) {
            Some((_, rows)) => rows.push(row),
            None => areas.push((&entry.area, vec![row])),
        }
    }
    let bodies: Vec<_> = areas
        .into_iter()
        .map(|(area, rows)| {
            view! {
                <tbody>
                    <tr class="roles-area">
                        <th scope="rowgroup" colspan=columns>
                            <span>{area_label(locale, area)}</span>
                        </th>
                    </tr>
                    {rows}
                </tbody>
            }
        })
        .collect();
    view! {
        // What scrolls within itself can be scrolled by the keyboard too.
        <div class="roles-scroll" role="region" aria-label=text!(locale, roles.grid) tabindex="0">
            <table class="roles-grid">
                <caption class="visually-hidden">{text!(locale, roles.grid)}</caption>
                <thead>
                    <tr>
                        <th scope="col">{text!(locale, roles.permission)}</th>
                        {heads}
                    </tr>
                </thead>
                {bodies}
            </table>
        </div>
    }
}

/// A role at the head of its column: its name leads to it.
fn head(locale: Locale, view: &RolesView, role: &Role) -> impl IntoView + use<> {
    let facts = &view.facts;
    let people = view.people.iter().find(|(key, _)| *key == role.key).map_or(Count::Exactly(0), |(_, people)| *people);
    let kind = if role.is_own() { text!(locale, roles.own) } else { text!(locale, roles.built_in) };
    let yours = (facts.whose(&role.key) == Whose::Own).then(|| text!(locale, roles.yours));
    view! {
        <th scope="col">
            <a class="roles-name" href=paths::role(facts.slug.as_str(), &role.key)>
                {role_name(locale, &role.key, Some(&facts.roles))}
            </a>
            <span class="roles-kind">{kind} {yours.map(|yours| format!(" · {yours}"))}</span>
            <span class="roles-people">{people_link(locale, facts, &role.key, people)}</span>
            {copy_link(locale, facts, &role.key)}
        </th>
    }
}

/// A permission, and which roles hold it.
fn row(locale: Locale, facts: &RoleFacts, entry: &CatalogueEntry) -> AnyView {
    let cells: Vec<_> = facts
        .roles
        .roles
        .iter()
        .map(|role| {
            let is_held = role.permissions.contains(&entry.key);
            let words = if is_held { text!(locale, roles.yes) } else { text!(locale, roles.no) };
            let mark = if is_held {
                view! { <Icon name="check" /> }.into_any()
            } else {
                view! { <span aria-hidden="true">"–"</span> }.into_any()
            };
            view! {
                <td class:roles-held=is_held>
                    {mark} <span class="visually-hidden">{words}</span>
                </td>
            }
        })
        .collect();
    let who = paths::who_can(facts.slug.as_str(), &entry.key);
    view! {
        <tr>
            <th scope="row">
                <a href=format!("{who}#who-can")>{permission_label(locale, entry)}</a>
            </th>
            {cells}
        </tr>
    }
    .into_any()
}
