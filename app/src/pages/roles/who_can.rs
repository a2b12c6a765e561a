//! Who can …? A permission leads to the people who have it, with where it comes from (R65).

use super::people_link;
use crate::{
    api::roles::{Holder, RoleFacts, RolesView, WhoCan},
    domain::{list::Count, policy::Source, role::Role},
    i18n::{Locale, area_label, permission_label, permission_name, role_name, text},
    paths,
};
use leptos::{ev, html, prelude::*};
use leptos_router::hooks::use_navigate;

/// The question and, once it is asked, the answer.
pub(super) fn section(locale: Locale, view: &RolesView) -> impl IntoView + use<> {
    let facts = &view.facts;
    let answer = view.who_can.as_ref().map(|who_can| answer(locale, view, who_can));
    view! {
        <section class="panel roles-who" id="who-can">
            <h2>{text!(locale, roles.who_can)}</h2>
            {question(locale, facts, view.who_can.as_ref())}
            {answer}
        </section>
    }
}

fn question(locale: Locale, facts: &RoleFacts, asked: Option<&WhoCan>) -> impl IntoView + use<> {
    let mut areas: Vec<(&str, Vec<AnyView>)> = Vec::new();
    for entry in facts.roles.catalogue.entries() {
        let selected = asked.is_some_and(|asked| asked.permission == entry.key);
        let label = permission_label(locale, entry);
        let option = view! { <option value=entry.key.to_string() selected=selected>{label}</option> }.into_any();
        match areas.iter_mut().find(|(area, _)| *area == entry.area) {
            Some((_, options)) => options.push(option),
            None => areas.push((&entry.area, vec![option])),
        }
    }
    let groups: Vec<_> = areas
        .into_iter()
        .map(|(area, options)| view! { <optgroup label=area_label(locale, area)>{options}</optgroup> })
        .collect();
    let (select, navigate) = (NodeRef::<html::Select>::new(), use_navigate());
    let page = paths::roles(facts.slug.as_str());
    let action = format!("{page}#who-can");
    let ask = move |event: ev::SubmitEvent| {
        if let Some(select) = select.get_untracked() {
            event.prevent_default();
            let path = paths::with_parameters(page.clone(), [("permission", select.value())]);
            navigate(&path, leptos_router::NavigateOptions { scroll: false, ..Default::default() });
        }
    };
    view! {
        <form class="filters" method="get" action=action on:submit=ask>
            <label class="filters-choice">
                <span class="filters-label">{text!(locale, roles.permission)}</span>
                <select name="permission" node_ref=select>
                    {groups}
                </select>
            </label>
            <button type="submit" class="button">{text!(locale, roles.who_can_show)}</button>
        </form>
    }
}

fn answer(locale: Locale, view: &RolesView, who_can: &WhoCan) -> AnyView {
    let facts = &view.facts;
    let permission = permission_name(locale, &who_can.permission, Some(&facts.roles));
    let lead = match (who_can.people.len(), who_can.more) {
        (0, _) => text!(locale, roles.who_can_nobody, permission = permission),
        (1, false) => text!(locale, roles.who_can_one, permission = permission),
        (people, false) => text!(locale, roles.who_can_many, people = people, permission = permission),
        (people, true) => text!(locale, roles.who_can_more, people = people, permission = permission),
    };
    let lines: Vec<_> = who_can.people.iter().map(|holder| line(locale, facts, holder)).collect();
    let by_role = who_can.more.then(|| by_role(locale, view, who_can));
    view! {
        <p class="roles-answer" tabindex="-1">
            {lead}
        </p>
        <ul class="roles-holders">{lines}</ul>
        {by_role}
    }
    .into_any()
}

fn line(locale: Locale, facts: &RoleFacts, holder: &Holder) -> impl IntoView + use<> {
    let role = role_name(locale, &holder.role, Some(&facts.roles));
    let source = match holder.source {
        Source::Owner => text!(locale, roles.by_owner).to_owned(),
        Source::Role => text!(locale, roles.by_role, role = role),
        Source::Extra => text!(locale, roles.by_extra, role = role),
    };
    let email = (holder.label != holder.email).then(|| holder.email.clone());
    view! {
        <li>
            <span>{holder.label.clone()} " " <small class="muted">{email}</small></span>
            <span class="muted">{source}</span>
        </li>
    }
}

/// Where the others are: the people of each role that holds it.
fn by_role(locale: Locale, view: &RolesView, who_can: &WhoCan) -> impl IntoView + use<> {
    let people = |role: &Role| view.people.iter().find(|(key, _)| *key == role.key).map(|(_, people)| *people);
    let lines: Vec<_> = view
        .facts
        .roles
        .roles
        .iter()
        .filter(|role| role.permissions.contains(&who_can.permission))
        .filter_map(|role| Some((role, people(role).filter(|people| *people != Count::Exactly(0))?)))
        .map(|(role, people)| {
            let name = role_name(locale, &role.key, Some(&view.facts.roles));
            view! { <li>{name} ": " {people_link(locale, &view.facts, &role.key, people)}</li> }
        })
        .collect();
    view! {
        <p>{text!(locale, roles.who_can_by_role)}</p>
        <ul class="roles-by-role">
            {lines}
            <li>
                <a href=paths::users_with_extras(view.facts.slug.as_str())>{text!(locale, roles.with_extras)}</a>
            </li>
        </ul>
    }
}
