//! A bulk action: who it is for, who is left out and why, and then what came of it for each. The list sends its check boxes here by a form of
//! its own, so that it works without scripting.

use super::{
    OverList, Users, close_link, loaded_once,
    row_actions::whose,
    words::{edited_words, removed_words, resent_words, suspended_words},
};
use crate::{
    api::members::{AccountFacts, BulkOutcome, BulkResult, ChangeSeveral, Edited, UsersPage as ListPage},
    components::{Button, ErrorBox, Icon, Look, Note, NoteTone, use_toasts},
    domain::{
        bulk::{BulkAction, LeftOut},
        member::MemberRow,
        permission::Gate,
        policy::{Verdict, can_grant, can_pass},
        role::{Grant, Roles},
    },
    error::AppError,
    i18n::{Locale, error_text, refusal_text, role_name, text},
    paths,
    rpc::{ActionForm, FormAction, fields_of},
};
use leptos::{ev::SubmitEvent, prelude::*};
use leptos_router::hooks::use_query_map;
use std::sync::Arc;
use web_sys::{HtmlInputElement, wasm_bindgen::JsCast};

lazy_page!(ChangeSeveralRoute, user_dialogs, ChangeSeveralDialog);

/// The form that the check boxes of the rows belong to.
pub(super) const SELECTION_FORM: &str = "selection";

/// May the caller do anything to several people?
pub(super) fn may_select(facts: &AccountFacts) -> bool {
    let gates = [Gate::UsersInvite, Gate::UsersEdit, Gate::UsersRemove];
    gates.into_iter().any(|gate| can_pass(&facts.my, gate).is_yes())
}

/// The check box of a row.
pub(super) fn row_check_box(locale: Locale, row: &MemberRow) -> impl IntoView + use<> {
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
pub(super) fn check_all(locale: Locale) -> impl IntoView {
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
pub(super) fn bulk_bar(users: Users, facts: &AccountFacts) -> impl IntoView + use<> {
    let locale = users.locale;
    let view = users.query.get().to_url();
    let view = view.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> });
    let action = paths::change_several(facts.slug.as_str());
    let path = action.clone();
    let buttons = BulkAction::ALL.into_iter().map(|action| {
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
            {buttons.collect_view()}
        </form>
    }
}

fn action_name(locale: Locale, action: BulkAction) -> &'static str {
    match action {
        BulkAction::ChangeRole => text!(locale, users.bulk_role),
        BulkAction::Resend => text!(locale, users.bulk_resend),
        BulkAction::Suspend => text!(locale, users.bulk_suspend),
        BulkAction::Remove => text!(locale, users.bulk_remove),
    }
}

/// The dialog, over the list.
#[component]
fn ChangeSeveralDialog() -> impl IntoView {
    let users = expect_context::<Users>();
    let parameters = use_query_map();
    // Once it is there it stays: what changes behind the dialog must not take it away.
    loaded_once(async move {
        let (action, members) = parameters.with_untracked(|map| {
            (map.get("do").and_then(|key| BulkAction::from_key(&key)), map.get_all("member").unwrap_or_default())
        });
        // A list that fails says so itself.
        let page = users.page.await.ok();
        page.map(|page| view! { <Change users page=Arc::new(page) action members /> }).into_any()
    })
}

#[component]
fn Change(users: Users, page: Arc<ListPage>, action: Option<BulkAction>, members: Vec<String>) -> impl IntoView {
    let locale = users.locale;
    let change = FormAction::<ChangeSeveral>::new();
    let toasts = use_toasts();
    change.on_success(move |results| {
        users.page.refetch();
        // Where all went well, there is nothing to read.
        if results.iter().all(|one| one.result.is_ok()) {
            toasts.show(text!(locale, users.bulk_done, count = results.len()));
            users.focus_status.set_value(true);
            users.back_to_list();
        }
    });
    let rows: Vec<_> = page.rows.iter().filter(|row| members.contains(&row.id.to_string())).cloned().collect();
    let title = match action {
        Some(action) => action_name(locale, action),
        None => text!(locale, users.bulk_title),
    };
    let roles = page.facts.roles.clone();
    // What was chosen outlives an error.
    let results = Memo::new(move |_| change.output().get());
    let content = move || match (results.get(), action, rows.is_empty()) {
        (Some(results), _, _) => bulk_results(users, &roles, results),
        (None, Some(action), false) => bulk_form(users, &page.facts, action, &rows, change),
        (None, _, _) => view! {
            <Note tone=NoteTone::Plain icon="info">
                <p>{text!(locale, users.bulk_nobody)}</p>
            </Note>
            {close_link(users)}
        }
        .into_any(),
    };
    view! {
        <OverList users title>{content}</OverList>
    }
}

/// Who it is for, and who is left out.
fn bulk_form(
    users: Users,
    facts: &AccountFacts,
    action: BulkAction,
    rows: &[MemberRow],
    change: FormAction<ChangeSeveral>,
) -> AnyView {
    let locale = users.locale;
    let judged: Vec<_> =
        rows.iter().map(|row| (row, action.applies_to(row, whose(facts, row), &facts.my, &facts.roles))).collect();
    let concerned: Vec<_> = judged.iter().filter(|(_, applies)| applies.is_ok()).map(|(row, _)| *row).collect();
    let hidden = concerned
        .iter()
        .map(|row| view! { <input type="hidden" name="form[members][]" value=format!("{}.{}", row.id, row.version) /> })
        .collect_view();
    let what = match (action, concerned.len()) {
        (_, 0) => text!(locale, users.bulk_none).to_owned(),
        (BulkAction::ChangeRole, count) => text!(locale, users.bulk_role_what, count = count),
        (BulkAction::Resend, count) => text!(locale, users.bulk_resend_what, count = count),
        (BulkAction::Suspend, count) => {
            text!(locale, users.bulk_suspend_what, count = count, account = facts.name.clone())
        }
        (BulkAction::Remove, count) => {
            text!(locale, users.bulk_remove_what, count = count, account = facts.name.clone())
        }
    };
    let lines = judged
        .iter()
        .map(|(row, applies)| {
            let why = applies.as_ref().err().map(|left_out| left_out_words(locale, &facts.roles, left_out));
            let icon = if why.is_none() { "check" } else { "minus" };
            view! {
                <li class="several-result">
                    <Icon name=icon />
                    <span><strong>{row.label().to_owned()}</strong> " " {why}</span>
                </li>
            }
        })
        .collect_view();
    let role = (action == BulkAction::ChangeRole).then(|| role_field(locale, facts));
    let look = match action {
        BulkAction::Suspend | BulkAction::Remove => Look::Danger,
        BulkAction::ChangeRole | BulkAction::Resend => Look::Primary,
    };
    let send = (!concerned.is_empty())
        .then(|| view! { <Button look busy=change.pending()>{action_name(locale, action)}</Button> });
    let (account, roles) = (facts.slug.to_string(), facts.roles.clone());
    view! {
        <ActionForm action=change class="form">
            <ErrorBox error=change.error() roles=Signal::stored(Some(roles)) />
            <input type="hidden" name="account" value=account />
            <input type="hidden" name="form[action]" value=action.key() />
            {hidden}
            <p>{what}</p>
            {role}
            <ul class="several-results">{lines}</ul>
            <div class="actions">
                {send}
                <a class="button" href=move || users.list() data-noscroll="" data-autofocus="">
                    {text!(locale, common.cancel)}
                </a>
            </div>
        </ActionForm>
    }
    .into_any()
}

/// Why somebody is left out.
fn left_out_words(locale: Locale, roles: &Roles, left_out: &LeftOut) -> String {
    match left_out {
        LeftOut::State => text!(locale, users.bulk_not_now).to_owned(),
        LeftOut::Refused(refusal) => refusal_text(locale, refusal, Some(roles)),
    }
}

/// The roles that the caller may give.
fn role_field(locale: Locale, facts: &AccountFacts) -> impl IntoView + use<> {
    let options = facts
        .roles
        .roles
        .iter()
        .map(|role| {
            let grant = Grant { role: role.key.clone(), extras: Default::default() };
            let refused = matches!(can_grant(&facts.my, &grant, &facts.roles), Verdict::No(_));
            let name = role_name(locale, &role.key, Some(&facts.roles));
            view! { <option value=role.key.to_string() disabled=refused>{name}</option> }
        })
        .collect_view();
    view! {
        <div class="field">
            <label for="form-role">{text!(locale, users.invite_role)}</label>
            <p class="field-hint" id="form-role-hint">{text!(locale, users.bulk_role_hint)}</p>
            <select id="form-role" name="form[role]" required aria-describedby="form-role-hint">
                <option value="">{text!(locale, users.bulk_role_choose)}</option>
                {options}
            </select>
        </div>
    }
}

/// What came of it for each.
fn bulk_results(users: Users, roles: &Roles, results: Vec<BulkResult>) -> AnyView {
    let locale = users.locale;
    let done = results.iter().filter(|one| one.result.is_ok()).count();
    let title = text!(locale, users.bulk_some, count = done, all = results.len());
    let lines = results
        .into_iter()
        .map(|BulkResult { label, result }| {
            let icon = if result.is_ok() { "check" } else { "alert" };
            let words = match result {
                Ok(outcome) => outcome_words(locale, outcome),
                Err(AppError::Refused(refusal)) => refusal_text(locale, &refusal, Some(roles)),
                Err(error) => error_text(locale, &error),
            };
            view! {
                <li class="several-result">
                    <Icon name=icon />
                    <span><strong>{label}</strong> " " {words}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <div class="form">
            <Note tone=NoteTone::Plain icon="info">
                <p>{title}</p>
            </Note>
            <ul class="several-results" tabindex="-1" data-autofocus="">{lines}</ul>
            <div class="actions">
                <a class="button button-primary" href=move || users.list() data-noscroll="">{text!(locale, users.done)}</a>
            </div>
        </div>
    }
    .into_any()
}

fn outcome_words(locale: Locale, outcome: BulkOutcome) -> String {
    match outcome {
        BulkOutcome::RoleChanged(edited @ Edited::Done { .. }) => edited_words(locale, &edited).unwrap_or_default(),
        BulkOutcome::RoleChanged(Edited::Unchanged) => text!(locale, users.unchanged).to_owned(),
        BulkOutcome::Resent(resent) => resent_words(locale, resent),
        BulkOutcome::Suspended(suspended) => suspended_words(locale, suspended),
        BulkOutcome::Removed(removed) => removed_words(locale, &removed),
    }
}
