//! Role and extra permissions, as the dialogs for inviting and editing offer them.

use super::{
    choice::{Choice, Purpose},
    words::role_line,
};
use crate::{
    api::members::AccountFacts,
    components::{FieldProblem, problem_at, source_words},
    domain::{fields::Field, permission::CatalogueEntry, policy::Verdict, role::Roles},
    error::AppError,
    i18n::{Locale, area_label, permission_label, permission_list, refusal_text, role_name, text, use_locale},
};
use leptos::prelude::*;
use std::sync::Arc;

/// A select for the role and a box for each extra permission, grouped by area. What the role holds is shown as included; what the
/// policy refuses is shown, and says why.
#[component]
pub(super) fn GrantPicker(
    facts: Arc<AccountFacts>,
    purpose: Purpose,
    choice: Choice,
    error: Signal<Option<AppError>>,
) -> impl IntoView {
    let locale = use_locale();
    let problem = problem_at(error, Field::Role);
    let verdicts: Vec<_> = facts
        .roles
        .roles
        .iter()
        .map(|role| {
            (role.key.clone(), role_name(locale, &role.key, Some(&facts.roles)), purpose.of_role(&facts, &role.key))
        })
        .collect();
    let refusals: Vec<_> = verdicts
        .iter()
        .filter_map(|(_, name, verdict)| {
            let reason = refusal_text(locale, verdict.refusal()?, Some(&facts.roles));
            Some(view! { <li>{text!(locale, users.roles_refused, role = name.clone(), reason = reason)}</li> })
        })
        .collect();
    let first = untrack(|| choice.role());
    let options: Vec<_> = verdicts
        .into_iter()
        .map(|(key, name, verdict)| {
            let selected = key == first;
            view! { <option value=key.to_string() selected=selected disabled=!verdict.is_yes()>{name}</option> }
        })
        .collect();
    let line = {
        let facts = facts.clone();
        move || {
            let role = choice.role();
            role_line(locale, &role).map(str::to_owned).or_else(|| custom_role_line(locale, &facts.roles, choice))
        }
    };
    view! {
        <div class="field">
            <label for="form-role">{text!(locale, users.invite_role)}</label>
            <select
                id="form-role"
                name="form[role]"
                aria-describedby="form-role-line form-role-problem"
                aria-invalid=move || problem.get().map(|_| "true")
                on:change:target=move |event| choice.set_role(event.target().value())
            >
                {options}
            </select>
            <p class="field-hint" id="form-role-line" aria-live="polite">{line}</p>
            <FieldProblem id="form-role-problem" problem />
            {(!refusals.is_empty()).then(|| view! {
                <details class="refusals">
                    <summary>{text!(locale, users.why_greyed)}</summary>
                    <ul>{refusals}</ul>
                </details>
            })}
        </div>
        {extras(locale, &facts, &purpose, choice, error)}
    }
}

/// An account's own role is told by its permissions.
fn custom_role_line(locale: Locale, roles: &Roles, choice: Choice) -> Option<String> {
    let role = roles.find(&choice.role())?;
    Some(match role.permissions.is_empty() {
        true => text!(locale, users.role_line_none).to_owned(),
        false => permission_list(locale, &role.permissions, Some(roles)),
    })
}

fn extras(
    locale: Locale,
    facts: &Arc<AccountFacts>,
    purpose: &Purpose,
    choice: Choice,
    error: Signal<Option<AppError>>,
) -> impl IntoView + use<> {
    let mut areas: Vec<(&str, Vec<AnyView>)> = Vec::new();
    let mut any_refused = false;
    for entry in facts.roles.catalogue.entries() {
        let refused = match purpose.of_extra(facts, &entry.key) {
            Verdict::Yes => false,
            Verdict::No(_) => true,
        };
        any_refused |= refused;
        let one = extra(locale, facts.clone(), entry, choice, refused).into_any();
        match areas.iter_mut().find(|(area, _)| *area == entry.area) {
            Some((_, boxes)) => boxes.push(one),
            None => areas.push((&entry.area, vec![one])),
        }
    }
    let areas: Vec<_> = areas
        .into_iter()
        .map(|(area, boxes)| {
            view! {
                <fieldset class="area">
                    <legend>{area_label(locale, area)}</legend>
                    {boxes}
                </fieldset>
            }
        })
        .collect();
    view! {
        <fieldset class="extras" aria-describedby="extras-hint extras-problem">
            <legend>{text!(locale, users.invite_extras)}</legend>
            <p class="field-hint" id="extras-hint">{text!(locale, users.invite_extras_hint)}</p>
            <div class="areas">{areas}</div>
            {any_refused.then(|| view! {
                <p class="field-hint" id="extras-refused">{text!(locale, users.extras_refused)}</p>
            })}
            <FieldProblem id="extras-problem" problem=problem_at(error, Field::Extras) />
        </fieldset>
    }
}

/// One permission: a box, and where the person has it from (R65).
fn extra(
    locale: Locale,
    facts: Arc<AccountFacts>,
    entry: &CatalogueEntry,
    choice: Choice,
    refused: bool,
) -> impl IntoView + use<> {
    let key = entry.key.clone();
    let source_id = format!("source-{}", key.as_str().replace('.', "-"));
    let described_by = if refused { format!("{source_id} extras-refused") } else { source_id.clone() };
    let included = {
        let (facts, key) = (facts.clone(), key.clone());
        Memo::new(move |_| choice.is_included(&facts, &key))
    };
    let checked = {
        let key = key.clone();
        Memo::new(move |_| included.get() || choice.has_extra(&key))
    };
    let source = {
        let key = key.clone();
        move || {
            let grant = choice.grant();
            let words = source_words(locale, &grant, &key, &facts.roles).filter(|_| choice.is_live());
            words.unwrap_or_default()
        }
    };
    let is_fixed = move || refused || included.get();
    let label = permission_label(locale, entry);
    let value = key.to_string();
    view! {
        <div class="extra" class:extra-refused=refused>
            <label>
                <input
                    type="checkbox"
                    // What cannot be chosen can be reached and read, and is not sent.
                    name=move || (!is_fixed()).then_some("form[extras][]")
                    value=value
                    checked=untrack(move || checked.get())
                    prop:checked=move || checked.get()
                    disabled=move || refused && !choice.is_live()
                    aria-disabled=move || is_fixed().then_some("true")
                    aria-describedby=described_by
                    on:click=move |event| {
                        if is_fixed() {
                            event.prevent_default();
                        }
                    }
                    on:change:target=move |event| choice.set_extra(&key, event.target().checked())
                />
                <span>{label}</span>
            </label>
            <span class="extra-source" id=source_id>{source}</span>
        </div>
    }
}
