//! The rows, and the way to those before and after them.

use super::{
    Users,
    change_several::{bulk_bar, check_all, may_select, row_check_box},
    row_actions::row_actions,
    status::status,
    words::{method_name, range_words},
};
use crate::{
    api::members::{AccountFacts, UsersPage as ListPage},
    components::{Icon, Time},
    domain::{
        list::{ListQuery, Sort},
        member::{LoginMethodKind, MemberRow},
        role::Grant,
    },
    i18n::{Locale, permission_name, role_name, text},
    paths::{self, with_view},
};
use leptos::prelude::*;

/// How many colours there are for initials.
const INITIALS_COLOURS: usize = 6;

/// The table. Its roles are spelled out, because browsers forget them once the style sheet lays rows out otherwise.
pub(super) fn table(users: Users, page: ListPage) -> impl IntoView {
    let locale = users.locale;
    let pages = pages(users, &page);
    let may_select = may_select(&page.facts);
    let bulk_bar = may_select.then(|| bulk_bar(users, &page));
    let ListPage { facts, rows, .. } = page;
    let rows: Vec<_> = rows.into_iter().map(|row| table_row(users, &facts, row, may_select)).collect();
    view! {
        <table class="users-table" class:users-compact=users.query.get().compact role="table">
            <caption class="visually-hidden">{text!(locale, users.table, account = facts.name.clone())}</caption>
            <thead role="rowgroup">
                <tr role="row">
                    {may_select.then(|| view! {
                        <th scope="col" role="columnheader" class="cell-select">{check_all(locale)}</th>
                    })}
                    {sortable(users, text!(locale, users.column_person), Sort::NameUp, None)}
                    {sortable(users, text!(locale, users.column_role), Sort::RoleUp, Some("cell-role"))}
                    {sortable(users, text!(locale, users.column_state), Sort::StatusUp, None)}
                    {sortable(users, text!(locale, users.column_active), Sort::LastActiveDown, None)}
                    <th scope="col" role="columnheader">
                        <span class="visually-hidden">{text!(locale, users.column_actions)}</span>
                    </th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
        {bulk_bar}
        {pages}
    }
}

/// Which rows these are, the ways to those before and after, how high rows are, and the order that no heading stands for.
fn pages(users: Users, page: &ListPage) -> impl IntoView + use<> {
    let locale = users.locale;
    let query = users.query.get();
    let at = |query: &ListQuery| with_view(paths::users(page.facts.slug.as_str()), query);
    let from_the_start = query.from_the_start();
    let turn = |label: &'static str, rel: &'static str, place: ListQuery| {
        view! {
            <a class="button button-small" rel=rel href=at(&place) on:click=move |_| users.focus_status.set_value(true)>
                {label}
            </a>
        }
    };
    let previous = page.previous.clone().map(|before| {
        let place = ListQuery { before: Some(before), ..from_the_start.clone() };
        turn(text!(locale, users.previous_page), "prev", place)
    });
    let next = page.next.clone().map(|after| {
        let place = ListQuery { after: Some(after), ..from_the_start.clone() };
        turn(text!(locale, users.next_page), "next", place)
    });
    let other_rows = match query.compact {
        true => text!(locale, users.comfortable_rows),
        false => text!(locale, users.compact_rows),
    };
    let newest = (query.sort != Sort::InvitedDown).then(|| {
        let href = at(&ListQuery { sort: Sort::InvitedDown, ..from_the_start.clone() });
        view! { <a class="pages-look" href=href data-noscroll="">{text!(locale, users.sort_invited_down)}</a> }
    });
    let other = at(&ListQuery { compact: !query.compact, ..query.clone() });
    let has_pages = previous.is_some() || next.is_some();
    view! {
        <nav class="pages" aria-label=text!(locale, users.pages)>
            {has_pages.then(|| view! { <span class="pages-range">{range_words(locale, page)}</span> })}
            <a class="pages-look" href=other data-noscroll="">{other_rows}</a>
            {newest}
            <span class="pages-turn">{previous} {next}</span>
        </nav>
    }
}

/// A heading that sorts: one way first, then the other.
fn sortable(users: Users, label: &'static str, first: Sort, class: Option<&'static str>) -> impl IntoView {
    let query = users.query.get();
    let sorted = [first, first.reversed()].contains(&query.sort);
    let next = if query.sort == first { first.reversed() } else { first };
    let href = with_view(paths::users(&users.slug.get()), &ListQuery { sort: next, ..query.from_the_start() });
    let (direction, icon) = match query.sort {
        Sort::NameUp | Sort::LastActiveUp | Sort::InvitedUp | Sort::RoleUp | Sort::StatusUp => {
            ("ascending", "chevron-up")
        }
        Sort::NameDown | Sort::LastActiveDown | Sort::InvitedDown | Sort::RoleDown | Sort::StatusDown => {
            ("descending", "chevron-down")
        }
    };
    view! {
        <th scope="col" role="columnheader" class=class aria-sort=sorted.then_some(direction)>
            <a class="sort" href=href data-noscroll="">{label} {sorted.then(|| view! { <Icon name=icon /> })}</a>
        </th>
    }
}

fn table_row(users: Users, facts: &AccountFacts, row: MemberRow, may_select: bool) -> impl IntoView + use<> {
    let locale = users.locale;
    let actions = row_actions(users.rows, facts, &row);
    let active = match row.last_active {
        Some(at) => view! { <Time at relative=true /> }.into_any(),
        None => view! { <span class="muted">{text!(locale, users.never_active)}</span> }.into_any(),
    };
    view! {
        <tr role="row">
            {may_select.then(|| view! { <td role="cell" class="cell-select">{row_check_box(locale, &row)}</td> })}
            <th scope="row" role="rowheader" class="person">{person(users, facts, &row)}</th>
            <td role="cell" class="cell-role">{grant(locale, facts, &row)}</td>
            <td role="cell" class="cell-state">{status(locale, &row)}</td>
            <td role="cell" class="cell-active">{active}</td>
            <td role="cell" class="cell-actions">{actions}</td>
        </tr>
    }
}

/// Initials, name (the link to the person's page) and address; beside it a provider by which the person signs in.
fn person(users: Users, facts: &AccountFacts, row: &MemberRow) -> impl IntoView + use<> {
    let locale = users.locale;
    let href = users.over(paths::person(facts.slug.as_str(), row.id));
    let you = (facts.me == row.id).then(|| view! { <span class="tag">{text!(locale, users.you)}</span> });
    let email = row.name.is_some().then(|| view! { <span class="person-email">{row.email.clone()}</span> });
    let by_provider = (row.method.kind == LoginMethodKind::OAuth)
        .then(|| view! { <span class="person-method">{method_name(locale, &row.method)}</span> });
    let more = (email.is_some() || by_provider.is_some())
        .then(|| view! { <span class="person-more">{email} " " {by_provider}</span> });
    view! {
        <span class="person-line">
            {initials(row)}
            <span class="person-text">
                <span class="person-name">
                    <a class="person-label" href=href title=row.label().to_owned()>{row.label().to_owned()}</a> " " {you}
                </span>
                {more}
            </span>
        </span>
    }
}

/// A person in two letters, in a colour of their own.
pub(super) fn initials(row: &MemberRow) -> impl IntoView + use<> {
    let (initials, known) = match &row.name {
        Some(name) => (initials_of(name), true),
        None => ("@".to_owned(), false),
    };
    let colour = row.email.bytes().map(usize::from).sum::<usize>() % INITIALS_COLOURS;
    view! {
        <span class=format!("initials initials-{colour}") class:initials-none=!known aria-hidden="true">
            {initials}
        </span>
    }
}

/// The first letters of the first word of a name and of the last.
fn initials_of(name: &str) -> String {
    let mut words = name.split_whitespace();
    let letters = [words.next(), words.next_back()].into_iter().flatten().filter_map(|word| word.chars().next());
    letters.flat_map(char::to_uppercase).collect()
}

/// Role, and how many extras; opening it tells which.
fn grant(locale: Locale, facts: &AccountFacts, row: &MemberRow) -> impl IntoView + use<> {
    let Grant { role, extras } = &row.grant;
    let extras: Vec<_> =
        extras.iter().map(|key| view! { <li>{permission_name(locale, key, Some(&facts.roles))}</li> }).collect();
    let how_many = extras_words(locale, extras.len());
    let id = format!("extras-{}", row.id);
    let more = (!extras.is_empty()).then(|| {
        view! {
            <button type="button" class="role-extras" popovertarget=id.clone()>{how_many}</button>
            <ul class="row-popover" id=id popover="">{extras}</ul>
        }
    });
    view! {
        <span class="role" title=facts.roles.own_name(role).map(str::to_owned)>
            {role_name(locale, role, Some(&facts.roles))}
        </span>
        " "
        {more}
    }
}

/// "+2 extras".
pub(super) fn extras_words(locale: Locale, count: usize) -> String {
    match count {
        1 => text!(locale, users.extras_one).to_owned(),
        more => text!(locale, users.extras_many, count = more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_word_and_the_last() {
        for (name, initials) in [
            ("Ana Example", "AE"),
            ("ben", "B"),
            ("Maximiliane Alexandra Freifrau von und zu Hohenstein", "MH"),
            ("  élodie  ", "É"),
            ("ßeta Łukasz", "SSŁ"),
        ] {
            assert_eq!(initials_of(name), initials);
        }
    }
}
