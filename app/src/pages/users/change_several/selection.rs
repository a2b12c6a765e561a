//! Who is selected in the list, and what can be done with them. The list sends its check boxes to the dialog by a form of its own, so that it works
//! without scripting.

use super::{super::Users, ALL, action_name};
use crate::{
    api::members::{AccountFacts, UsersPage as ListPage},
    domain::{
        bulk::{BulkAction, MAX_SELECTED},
        list::Count,
        member::MemberRow,
        permission::Gate,
        policy::can_pass,
    },
    i18n::{Locale, grouped, text},
    paths,
    rpc::fields_of,
};
use leptos::{ev::SubmitEvent, prelude::*};
use web_sys::{HtmlInputElement, wasm_bindgen::JsCast};

/// The form that the check boxes of the rows belong to.
pub(in super::super) const SELECTION_FORM: &str = "selection";

/// May the caller do anything to several people?
pub(in super::super) fn may_select(facts: &AccountFacts) -> bool {
    let gates = [Gate::UsersInvite, Gate::UsersEdit, Gate::UsersRemove];
    gates.into_iter().any(|gate| can_pass(&facts.my, gate).is_yes())
}

/// The check box of a row.
pub(in super::super) fn row_check_box(locale: Locale, row: &MemberRow) -> impl IntoView + use<> {
    view! {
        <input
            type="checkbox"
            class="row-select"
            form=SELECTION_FORM
            name="member"
            value=row.id.to_string()
            autocomplete="off"
            aria-label=text!(locale, users.select_named, name = row.label())
        />
    }
}

/// Checks all rows of the page, or none.
pub(in super::super) fn check_all(locale: Locale) -> impl IntoView {
    let all = move |event| {
        let checked = event_target_checked(&event);
        let Ok(rows) = document().query_selector_all(".row-select") else { return };
        for row in (0..rows.length()).filter_map(|at| rows.get(at)).filter_map(|row| row.dyn_into().ok()) {
            let row: HtmlInputElement = row;
            row.set_checked(checked);
        }
    };
    view! {
        <input
            type="checkbox"
            class="only-with-scripting"
            autocomplete="off"
            aria-label=text!(locale, users.select_all)
            on:change=all
        />
    }
}

/// What can be done with those who are checked. The style sheet shows it as soon as somebody is, and counts them.
pub(in super::super) fn bulk_bar(users: Users, page: &ListPage) -> impl IntoView + use<> {
    let locale = users.locale;
    let facts = &page.facts;
    let view = users.query.get().to_url();
    let view = view.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> });
    let action = paths::change_several(facts.slug.as_str());
    let path = action.clone();
    let buttons = BulkAction::OFFERED.into_iter().map(|action| {
        let look = if action == BulkAction::Remove { "button button-small button-bad" } else { "button button-small" };
        view! {
            <button type="submit" class=look name="do" value=action.key()>
                {action_name(locale, action)}
            </button>
        }
    });
    let submit = move |event: SubmitEvent| {
        if let Some(fields) = fields_of(&event) {
            event.prevent_default();
            users.go(&format!("{path}?{fields}"), false);
        }
    };
    view! {
        <form id=SELECTION_FORM class="bulk-bar" method="get" action=action on:submit=submit>
            {view.collect_view()}
            <span class="bulk-count">{text!(locale, users.selected)}</span>
            {all_that_match(users, page)}
            {buttons.collect_view()}
        </form>
    }
}

/// Selects those on the other pages too. The style sheet shows it once the whole page is selected; without scripting, as soon as somebody is.
fn all_that_match(users: Users, page: &ListPage) -> Option<impl IntoView + use<>> {
    let locale = users.locale;
    let count = match page.count {
        Count::Exactly(count) if count > page.rows.len() as u64 && count <= MAX_SELECTED as u64 => count,
        Count::Exactly(_) | Count::Many => return None,
    };
    let count = grouped(locale, count);
    let words = match users.query.get().is_filtered() {
        true => text!(locale, users.select_matching, count = count),
        false => text!(locale, users.select_everybody, count = count),
    };
    Some(view! {
        <label class="bulk-all">
            <input type="checkbox" name=ALL value="yes" autocomplete="off" />
            <span>{words}</span>
        </label>
    })
}
