//! A bulk action: who it is for, who is left out and why, and then what came of it for each.

mod in_parts;
mod people;
mod results;
mod selection;

pub(super) use selection::{bulk_bar, check_all, may_select, row_check_box};

use super::{OverList, Users, close_link, loaded_once, scroll_into_view_when};
use crate::{
    api::members::{AccountFacts, BulkForm, ChangeSeveral, SelectMatching, Selection},
    components::{Button, ErrorBox, FieldProblem, Look, Note, NoteTone, problem_at, use_toasts},
    domain::{
        bulk::{BulkAction, LeftOut, MAX_CHANGED_AT_ONCE, Selected},
        fields::Field,
        permission::PermissionKey,
        policy::{Verdict, can_give, can_grant},
        role::{Grant, Roles},
    },
    error::AppError,
    flash::old_input,
    i18n::{Locale, area_label, error_text, grouped, permission_label, refusal_text, role_name, text},
    rpc::{ActionForm, FormAction, Query},
};
use in_parts::{InParts, in_parts_view};
use leptos::{html, prelude::*};
use leptos_router::hooks::use_query_map;
use people::{People, groups};
use results::{bulk_results, is_done};
use std::sync::Arc;
use web_sys::{HtmlInputElement, HtmlSelectElement, wasm_bindgen::JsCast};

lazy_page!(ChangeSeveralRoute, administration, ChangeSeveralDialog);

/// The parameter that selects everybody whom the view of the list matches.
const ALL: &str = "all";

fn action_name(locale: Locale, action: BulkAction) -> &'static str {
    match action {
        BulkAction::ChangeRole => text!(locale, users.bulk_role),
        BulkAction::GivePermission | BulkAction::TakePermission => text!(locale, users.bulk_permission),
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
    let (action, members, all) = parameters.with_untracked(|map| {
        let action = map.get("do").and_then(|key| BulkAction::from_key(&key));
        (action, map.get_all("member").unwrap_or_default(), map.get(ALL).is_some())
    });
    let matching = all.then(|| {
        Query::new(move || SelectMatching {
            account: users.slug.get_untracked(),
            query: users.query.get_untracked(),
            from: None,
        })
    });
    // Once it is there it stays: what changes behind the dialog must not take it away.
    loaded_once(async move {
        // A list that fails says so itself.
        let Ok(page) = users.page.await else { return ().into_any() };
        let selection = match matching {
            Some(matching) => matching.await,
            None => {
                let rows = page.rows.iter().filter(|row| members.contains(&row.id.to_string()));
                Ok(Selection { people: rows.map(Selected::from).collect(), next: None })
            }
        };
        view! { <Change users facts=Arc::new(page.facts) action selection /> }.into_any()
    })
}

#[component]
fn Change(
    users: Users,
    facts: Arc<AccountFacts>,
    action: Option<BulkAction>,
    selection: Result<Selection, AppError>,
) -> impl IntoView {
    let locale = users.locale;
    let change = FormAction::<ChangeSeveral>::new();
    let in_parts = InParts::new();
    let toasts = use_toasts();
    change.on_success(move |results| {
        users.page.refetch();
        // Where all went well, there is nothing to read.
        if results.iter().all(|one| is_done(&one.result)) {
            toasts.show(text!(locale, users.bulk_done, count = results.len()));
            users.focus_status.set_value(true);
            users.back_to_list();
        }
    });
    let sent = old_input("form[action]").and_then(|key| BulkAction::from_key(&key));
    let action = sent.or(action);
    let title = match action {
        Some(action) => action_name(locale, action),
        None => text!(locale, users.bulk_title),
    };
    let action = RwSignal::new(action);
    let (failed, selection) = match selection {
        Ok(selection) => (None, selection),
        Err(error) => (Some(error), Selection { people: Vec::new(), next: None }),
    };
    let people = People::new(users, selection);
    let chosen = Chosen { action, permission: RwSignal::new(old_input("form[permission]").unwrap_or_default()) };
    let nobody = people.is_nobody();
    // What was chosen outlives an error.
    let results = Memo::new(move |_| change.output().get());
    let content = move || match (results.get(), in_parts.has_begun(), failed.clone(), chosen.action.get_untracked()) {
        (Some(results), _, _, action) => bulk_results(users, &facts.roles, action, results),
        (None, true, _, _) => in_parts_view(users, facts.clone(), in_parts),
        (None, false, Some(error), _) => nothing(users, NoteTone::Bad, error_text(locale, &error)),
        (None, false, None, Some(_)) if !nobody => {
            view! { <ChangeForm users facts=facts.clone() people chosen change in_parts /> }.into_any()
        }
        (None, false, None, _) => nothing(users, NoteTone::Plain, text!(locale, users.bulk_nobody).to_owned()),
    };
    view! {
        <OverList users title busy=in_parts.is_under_way()>{content}</OverList>
    }
}

/// Why there is nothing to do here.
fn nothing(users: Users, tone: NoteTone, words: String) -> AnyView {
    view! {
        <Note tone icon="info">
            <p>{words}</p>
        </Note>
        {close_link(users)}
    }
    .into_any()
}

/// What is to be done.
#[derive(Clone, Copy)]
struct Chosen {
    action: RwSignal<Option<BulkAction>>,
    /// The permission that is given or taken; empty until one is chosen.
    permission: RwSignal<String>,
}

impl Chosen {
    fn permission(self) -> Option<PermissionKey> {
        self.permission.with(|key| (!key.is_empty()).then(|| PermissionKey::new(key.clone())))
    }

    /// Takes over what was chosen before hydration.
    fn take_over(self, form: NodeRef<html::Div>) {
        let Some(form) = form.get_untracked() else { return };
        if let Some(select) = field::<HtmlSelectElement>(&form, "[name='form[permission]']") {
            self.permission.set(select.value());
        }
        if let Some(radio) = field::<HtmlInputElement>(&form, "[name='form[action]']:checked") {
            self.action.set(BulkAction::from_key(&radio.value()));
        }
    }
}

fn field<T: JsCast>(form: &web_sys::Element, selector: &str) -> Option<T> {
    form.query_selector(selector).ok()??.dyn_into().ok()
}

/// Who it is for, and who is left out.
#[component]
fn ChangeForm(
    users: Users,
    facts: Arc<AccountFacts>,
    people: People,
    chosen: Chosen,
    change: FormAction<ChangeSeveral>,
    in_parts: InParts,
) -> impl IntoView {
    let locale = users.locale;
    let (form, failed) = (NodeRef::<html::Div>::new(), NodeRef::new());
    // Without scripting one request is all there is.
    let live = RwSignal::new(false);
    Effect::new(move |_| {
        chosen.take_over(form);
        live.set(true);
    });
    let error = change.error();
    scroll_into_view_when(failed, move || error.with(Option::is_some));
    let judged = {
        let facts = facts.clone();
        Memo::new(move |_| {
            let action = chosen.action.get()?;
            Some(Arc::new(people.judged(action, chosen.permission().as_ref(), &facts)))
        })
    };
    let is_many = Memo::new(move |_| {
        live.get()
            && judged.with(|judged| judged.as_ref().is_some_and(|judged| judged.concerned.len() > MAX_CHANGED_AT_ONCE))
    });
    let hidden = move || {
        let judged = judged.get().filter(|_| !is_many.get())?;
        let members = judged.concerned.iter().take(MAX_CHANGED_AT_ONCE).map(key_of_row);
        Some(members.map(|key| view! { <input type="hidden" name="form[members][]" value=key /> }).collect_view())
    };
    let what = {
        let facts = facts.clone();
        move || {
            let (judged, action) = (judged.get()?, chosen.action.get()?);
            Some(what_happens(locale, &facts, action, chosen.permission().as_ref(), judged.concerned.len()))
        }
    };
    let who = {
        let facts = facts.clone();
        move || Some(groups(locale, &facts.roles, chosen.action.get()?, &*judged.get()?))
    };
    let role =
        (chosen.action.get_untracked() == Some(BulkAction::ChangeRole)).then(|| role_field(locale, &facts, error));
    let permission = match chosen.action.get_untracked() {
        Some(BulkAction::GivePermission | BulkAction::TakePermission) => {
            Some(permission_fields(locale, &facts, chosen, error).into_any())
        }
        Some(action) => Some(view! { <input type="hidden" name="form[action]" value=action.key() /> }.into_any()),
        None => None,
    };
    let account = facts.slug.to_string();
    let begin = {
        let account = account.clone();
        Callback::new(move |()| {
            let (Some(judged), Some(action)) = (judged.get_untracked(), chosen.action.get_untracked()) else { return };
            let select = |selector| form.get_untracked().and_then(|form| field::<HtmlSelectElement>(&form, selector));
            let (role, permission) = (select("[name='form[role]']"), select("[name='form[permission]']"));
            // No form is sent that would ask for the choice.
            if [&role, &permission].into_iter().flatten().any(|select| !select.report_validity()) {
                return;
            }
            let value = |select: Option<HtmlSelectElement>| select.map(|select| select.value()).unwrap_or_default();
            let (role, permission) = (value(role), value(permission));
            let choice = BulkForm { action: action.key().to_owned(), members: Vec::new(), role, permission };
            in_parts.begin(account.clone(), choice, &judged);
        })
    };
    let send = move || {
        let (judged, action) = (judged.get()?, chosen.action.get()?);
        if judged.concerned.is_empty() || live.get() && people.are_too_many() {
            return None;
        }
        let look = match action {
            BulkAction::Suspend | BulkAction::Remove => Look::Danger,
            BulkAction::ChangeRole | BulkAction::GivePermission | BulkAction::TakePermission | BulkAction::Resend => {
                Look::Primary
            }
        };
        let name = action_name(locale, action);
        Some(match is_many.get() || live.get() && people.are_incomplete() {
            true => view! { <Button look on_click=begin busy=people.is_looking()>{name}</Button> }.into_any(),
            false => view! { <Button look busy=change.pending()>{name}</Button> }.into_any(),
        })
    };
    let first_of_them = move || {
        let cut = judged.with(|judged| judged.as_ref().is_some_and(|one| one.concerned.len() > MAX_CHANGED_AT_ONCE));
        (!live.get() && (cut || people.are_incomplete())).then(|| {
            let count = MAX_CHANGED_AT_ONCE;
            view! {
                <p class="only-without-scripting">{text!(locale, users.bulk_without_scripting, count = count)}</p>
            }
        })
    };
    view! {
        <ActionForm action=change class="form">
            <div class="answer" node_ref=failed>
                <ErrorBox error roles=Signal::stored(Some(facts.roles.clone())) />
            </div>
            <input type="hidden" name="account" value=account />
            {hidden}
            <div class="form" node_ref=form>
                {role}
                {permission}
            </div>
            {people.looking(locale)}
            <p aria-live="polite">{what}</p>
            {first_of_them}
            {who}
            <div class="actions">
                {send}
                <a class="button" href=move || users.list() data-noscroll="" data-autofocus="">
                    {text!(locale, common.cancel)}
                </a>
            </div>
        </ActionForm>
    }
}

/// A person and the version of the row that is shown, as the form names them.
fn key_of_row(person: &Selected) -> String {
    format!("{}.{}", person.id, person.version)
}

/// What comes of it, for how many.
fn what_happens(
    locale: Locale,
    facts: &AccountFacts,
    action: BulkAction,
    permission: Option<&PermissionKey>,
    count: usize,
) -> String {
    let (shown, account) = (grouped(locale, count as u64), facts.name.clone());
    match (action, count) {
        (BulkAction::GivePermission | BulkAction::TakePermission, _) if permission.is_none() => {
            text!(locale, users.bulk_permission_first).to_owned()
        }
        (_, 0) => text!(locale, users.bulk_none).to_owned(),
        (BulkAction::ChangeRole, _) => text!(locale, users.bulk_role_what, count = shown),
        (BulkAction::GivePermission, _) => text!(locale, users.bulk_give_what, count = shown),
        (BulkAction::TakePermission, _) => text!(locale, users.bulk_take_what, count = shown),
        (BulkAction::Resend, _) => text!(locale, users.bulk_resend_what, count = shown),
        (BulkAction::Suspend, _) => text!(locale, users.bulk_suspend_what, count = shown, account = account),
        (BulkAction::Remove, _) => text!(locale, users.bulk_remove_what, count = shown, account = account),
    }
}

/// Why somebody is left out.
fn left_out_words(locale: Locale, roles: &Roles, action: Option<BulkAction>, left_out: &LeftOut) -> String {
    match left_out {
        LeftOut::State => text!(locale, users.bulk_not_now).to_owned(),
        LeftOut::Gone => text!(locale, users.bulk_gone).to_owned(),
        LeftOut::Own => text!(locale, users.bulk_own).to_owned(),
        LeftOut::HasExtra => text!(locale, users.bulk_has_extra).to_owned(),
        LeftOut::HasByRole if action == Some(BulkAction::TakePermission) => {
            text!(locale, users.bulk_keeps_by_role).to_owned()
        }
        LeftOut::HasByRole => text!(locale, users.bulk_has_by_role).to_owned(),
        LeftOut::HasNot => text!(locale, users.bulk_has_not).to_owned(),
        LeftOut::Refused(refusal) => refusal_text(locale, refusal, Some(roles)),
    }
}

/// The roles that the caller may give.
fn role_field(locale: Locale, facts: &AccountFacts, error: Signal<Option<AppError>>) -> impl IntoView + use<> {
    let problem = problem_at(error, Field::Role);
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
            <select
                id="form-role"
                name="form[role]"
                required
                aria-describedby="form-role-hint form-role-problem"
                aria-invalid=move || problem.get().map(|_| "true")
            >
                <option value="">{text!(locale, users.bulk_role_choose)}</option>
                {options}
            </select>
            <FieldProblem id="form-role-problem" problem />
        </div>
    }
}

/// Give or take, and which permission: those that the caller holds (R30).
fn permission_fields(
    locale: Locale,
    facts: &AccountFacts,
    chosen: Chosen,
    error: Signal<Option<AppError>>,
) -> impl IntoView + use<> {
    let problem = problem_at(error, Field::Extras);
    let mut areas: Vec<(&str, Vec<AnyView>)> = Vec::new();
    for entry in facts.roles.catalogue.entries() {
        let refused = !can_give(&facts.my, &[entry.key.clone()].into()).is_yes();
        let selected = chosen.permission.with_untracked(|key| key == entry.key.as_str());
        let option = view! {
            <option value=entry.key.to_string() disabled=refused selected=selected>{permission_label(locale, entry)}</option>
        }
        .into_any();
        match areas.iter_mut().find(|(area, _)| *area == entry.area) {
            Some((_, options)) => options.push(option),
            None => areas.push((&entry.area, vec![option])),
        }
    }
    let areas: Vec<_> = areas
        .into_iter()
        .map(|(area, options)| view! { <optgroup label=area_label(locale, area)>{options}</optgroup> })
        .collect();
    let radio = move |action: BulkAction, label: &'static str| {
        view! {
            <label>
                <input
                    type="radio"
                    name="form[action]"
                    value=action.key()
                    checked=chosen.action.get_untracked() == Some(action)
                    on:change=move |_| chosen.action.set(Some(action))
                />
                <span>{label}</span>
            </label>
        }
    };
    view! {
        <fieldset class="bulk-choice">
            <legend class="visually-hidden">{text!(locale, users.bulk_permission)}</legend>
            {radio(BulkAction::GivePermission, text!(locale, users.bulk_give))}
            {radio(BulkAction::TakePermission, text!(locale, users.bulk_take))}
        </fieldset>
        <div class="field">
            <label for="form-permission">{text!(locale, users.bulk_permission_label)}</label>
            <select
                id="form-permission"
                name="form[permission]"
                required
                aria-describedby="form-permission-problem"
                aria-invalid=move || problem.get().map(|_| "true")
                on:change:target=move |event| chosen.permission.set(event.target().value())
            >
                <option value="">{text!(locale, users.bulk_permission_choose)}</option>
                {areas}
            </select>
            <FieldProblem id="form-permission-problem" problem />
        </div>
    }
}
