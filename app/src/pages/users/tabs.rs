//! The list by state: a tab for each, with how many there are under search and filters.

use super::{Users, words::state_name};
use crate::{
    api::members::UsersPage as ListPage,
    domain::{
        list::{ListQuery, StateFilter},
        member::ShownState,
    },
    i18n::{Locale, grouped, text},
    paths::{self, with_view},
};
use leptos::prelude::*;

/// The tabs, and whether each is there though nobody is in it: those that every account needs keep their place.
const TABS: [(Option<StateFilter>, bool); 9] = [
    (None, true),
    (Some(StateFilter::In(ShownState::Active)), true),
    (Some(StateFilter::In(ShownState::Invited)), true),
    (Some(StateFilter::NeedsAttention), true),
    (Some(StateFilter::In(ShownState::Expired)), false),
    (Some(StateFilter::In(ShownState::Declined)), false),
    (Some(StateFilter::In(ShownState::AwaitingApproval)), false),
    (Some(StateFilter::In(ShownState::Suspended)), false),
    (Some(StateFilter::In(ShownState::Removed)), true),
];

/// The tabs, which are links: each view of the list has an address.
pub(super) fn tabs(users: Users, page: &ListPage) -> impl IntoView + use<> {
    let locale = users.locale;
    let query = users.query.get();
    let tabs: Vec<_> = TABS
        .into_iter()
        .filter_map(|(filter, always)| {
            let count = page.counts.as_ref().map(|counts| counts.of(filter));
            let is_current = query.state == filter;
            (always || is_current || count != Some(0)).then(|| {
                let place = ListQuery { state: filter, ..query.from_the_start() };
                let href = with_view(paths::users(page.facts.slug.as_str()), &place);
                let urgent = filter == Some(StateFilter::NeedsAttention) && count.is_some_and(|count| count > 0);
                let count = count.map(|count| {
                    view! { " " <span class="tab-count" class:tab-count-urgent=urgent>{grouped(locale, count)}</span> }
                });
                view! {
                    <li>
                        <a href=href aria-current=is_current.then_some("true") data-noscroll="">
                            {tab_name(locale, filter)} {count}
                        </a>
                    </li>
                }
            })
        })
        .collect();
    view! {
        <nav class="users-tabs" aria-label=text!(locale, users.tabs)>
            <ul>{tabs}</ul>
        </nav>
    }
}

fn tab_name(locale: Locale, filter: Option<StateFilter>) -> &'static str {
    match filter {
        None => text!(locale, users.tab_all),
        Some(StateFilter::NeedsAttention) => text!(locale, users.tab_attention),
        Some(StateFilter::In(state)) => state_name(locale, state),
    }
}
