//! The rows, and the way to the next ones.

use super::{
    Users, mail_state,
    row_actions::row_actions,
    url::{from_the_start, with_view},
    words::{method_name, state_name},
};
use crate::{
    api::members::{AccountFacts, UsersPage as ListPage},
    components::{Badge, Icon, Time, Tone},
    domain::{
        list::{ListQuery, Sort},
        member::{MemberRow, ShownState},
        role::Grant,
    },
    i18n::{Locale, permission_name, role_name, text},
    paths,
};
use leptos::prelude::*;

/// The table. Its roles are spelled out, because browsers forget them once the style sheet lays rows out as cards.
pub(super) fn table(users: Users, page: ListPage) -> impl IntoView {
    let locale = users.locale;
    let query = users.query.get();
    let ListPage { facts, rows, next, .. } = page;
    let rows: Vec<_> = rows.into_iter().map(|row| table_row(users, &facts, row)).collect();
    view! {
        <table class="users-table" role="table">
            <caption class="visually-hidden">{text!(locale, users.table, account = facts.name.clone())}</caption>
            <thead role="rowgroup">
                <tr role="row">
                    {sortable(users, text!(locale, users.column_person), Sort::NameUp, Sort::NameDown)}
                    <th scope="col" role="columnheader">{text!(locale, users.column_role)}</th>
                    <th scope="col" role="columnheader">{text!(locale, users.column_method)}</th>
                    <th scope="col" role="columnheader">{text!(locale, users.column_state)}</th>
                    {sortable(users, text!(locale, users.column_active), Sort::LastActiveDown, Sort::LastActiveUp)}
                    <th scope="col" role="columnheader">
                        <span class="visually-hidden">{text!(locale, users.column_actions)}</span>
                    </th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
        <nav class="pages" aria-label=text!(locale, users.pages)>
            {query.after.is_some().then(|| view! {
                <a
                    class="button"
                    href=with_view(paths::users(facts.slug.as_str()), &from_the_start(&query))
                    on:click=move |_| users.focus_status.set_value(true)
                >
                    {text!(locale, users.first_page)}
                </a>
            })}
            {next.map(|next| view! {
                <a
                    class="button"
                    rel="next"
                    href=with_view(paths::users(facts.slug.as_str()), &ListQuery { after: Some(next), ..query.clone() })
                    on:click=move |_| users.focus_status.set_value(true)
                >
                    {text!(locale, users.next_page)}
                </a>
            })}
        </nav>
    }
}

/// A heading that sorts: first one way, then, if there is one, the other.
fn sortable(users: Users, label: &'static str, first: Sort, other: Sort) -> impl IntoView {
    let query = users.query.get();
    let sorted = [first, other].contains(&query.sort);
    let next = if query.sort == first { other } else { first };
    let href = with_view(paths::users(&users.slug.get()), &ListQuery { sort: next, ..from_the_start(&query) });
    let (direction, icon) = match query.sort {
        Sort::NameUp | Sort::LastActiveUp => ("ascending", "chevron-up"),
        Sort::NameDown | Sort::LastActiveDown | Sort::InvitedDown => ("descending", "chevron-down"),
    };
    view! {
        <th scope="col" role="columnheader" aria-sort=sorted.then_some(direction)>
            <a class="sort" href=href data-noscroll="">{label} {sorted.then(|| view! { <Icon name=icon /> })}</a>
        </th>
    }
}

fn table_row(users: Users, facts: &AccountFacts, row: MemberRow) -> impl IntoView + use<> {
    let locale = users.locale;
    let actions = row_actions(users, facts, &row);
    let me = facts.me == row.id;
    let you = me.then(|| view! { <span class="tag">{text!(locale, users.you)}</span> });
    let email = row.name.is_some().then(|| view! { <span class="person-email">{row.email.clone()}</span> });
    let vouched = row.vouched_by.clone().map(|name| {
        view! { <span class="person-note">{text!(locale, users.vouched_by, name = name)}</span> }
    });
    let active = match row.last_active {
        Some(at) => view! { <Time at relative=true /> }.into_any(),
        None => view! { <span class="muted">{text!(locale, users.never_active)}</span> }.into_any(),
    };
    view! {
        <tr role="row">
            <th scope="row" role="rowheader" class="person">
                <span class="person-name">{row.label().to_owned()} " " {you}</span>
                {email}
                {vouched}
            </th>
            <td role="cell" data-label=text!(locale, users.column_role)>{grant(locale, facts, &row.grant)}</td>
            <td role="cell" data-label=text!(locale, users.column_method)>{method_name(locale, &row.method)}</td>
            <td role="cell" data-label=text!(locale, users.column_state)>{state(locale, facts, &row)}</td>
            <td role="cell" data-label=text!(locale, users.column_active)>{active}</td>
            <td role="cell" class="cell-actions">{actions}</td>
        </tr>
    }
}

/// Role, and how many extras; opening it tells which.
fn grant(locale: Locale, facts: &AccountFacts, grant: &Grant) -> impl IntoView + use<> {
    let role = role_name(locale, &grant.role, Some(&facts.roles));
    let extras: Vec<_> =
        grant.extras.iter().map(|key| view! { <li>{permission_name(locale, key, Some(&facts.roles))}</li> }).collect();
    let how_many = extras_words(locale, extras.len());
    let details = (!extras.is_empty()).then(|| {
        view! {
            <details class="role-extras">
                <summary>{how_many}</summary>
                <ul>{extras}</ul>
            </details>
        }
    });
    view! {
        <span class="role">{role}</span>
        {details}
    }
}

/// "+2 extras".
pub(super) fn extras_words(locale: Locale, count: usize) -> String {
    match count {
        1 => text!(locale, users.extras_one).to_owned(),
        more => text!(locale, users.extras_many, count = more),
    }
}

/// The state, with what there is to know about it: the mail, the end of the link, who did it.
fn state(locale: Locale, facts: &AccountFacts, row: &MemberRow) -> impl IntoView + use<> {
    let (tone, icon) = match row.state {
        ShownState::Invited => (Tone::Info, "mail"),
        ShownState::Expired => (Tone::Warn, "clock"),
        ShownState::Declined => (Tone::Warn, "x"),
        ShownState::AwaitingApproval => (Tone::Warn, "alert"),
        ShownState::Active => (Tone::Good, "check"),
        ShownState::Suspended => (Tone::Bad, "pause"),
        ShownState::Removed => (Tone::Neutral, "trash"),
    };
    let by = match row.state {
        ShownState::Invited | ShownState::Expired | ShownState::Declined | ShownState::AwaitingApproval => {
            row.invited.clone().map(|event| (event, true))
        }
        ShownState::Removed => row.removed.clone().map(|event| (event, false)),
        ShownState::Active | ShownState::Suspended => None,
    };
    let by = by.map(|(event, invited)| {
        let name = event.by.map(|name| match invited {
            true => text!(locale, users.invited_by, name = name),
            false => text!(locale, users.removed_by, name = name),
        });
        view! { " " <Time at=event.at relative=true /> " " {name} }
    });
    let mail = row.mail.clone().filter(|_| row.state == ShownState::Invited);
    let mail = mail.map(|mail| mail_state(locale, mail));
    // These need an admin's decision: who came was not the one invited (R43, R44), or the method is switched off (R27).
    let decision = row.awaits_decision.then(|| {
        view! {
            <a class="state-todo" href=paths::decide(facts.slug.as_str(), row.id)>
                <Icon name="alert" />
                {text!(locale, users.decision_needed)}
            </a>
        }
    });
    let blocked = row
        .blocked
        .then(|| view! { <span class="state-todo"><Icon name="lock" />{text!(locale, users.blocked)}</span> });
    let nameless = row.needs_identifier.then(|| {
        view! { <span class="state-todo"><Icon name="alert" />{text!(locale, users.needs_identifier)}</span> }
    });
    let name = state_name(locale, row.state);
    let words = match row.state {
        ShownState::Invited => Some(text!(locale, users.expires)),
        ShownState::Expired => Some(text!(locale, users.expired_at)),
        ShownState::Declined
        | ShownState::AwaitingApproval
        | ShownState::Active
        | ShownState::Suspended
        | ShownState::Removed => None,
    };
    let end = words.zip(row.expires).map(|(words, at)| {
        view! { <span class="state-end">{words} " " <Time at relative=true /></span> }
    });
    view! {
        <div class="state">
            <span class="state-line"><Badge tone icon>{name}</Badge> {by}</span>
            {decision}
            {blocked}
            {nameless}
            {(mail.is_some() || end.is_some()).then(|| view! { <span class="state-line">{mail} " " {end}</span> })}
        </div>
    }
}
