//! One role: what it holds; an own one can be changed here, and deleted once nobody has it (R28, R30, R31, R65, R66).

use super::{
    super::{Failed, loaded_once, use_slug},
    copy_link, deleted_words, edited_words,
    form::{Chosen, Fields, name_field},
    people_link, people_words,
};
use crate::{
    api::roles::{DeleteRole, EditRole, RoleEdited, RoleView, ShowRole},
    components::{
        Button, ErrorBox, Field, Icon, Look, Note, NoteTone, PermissionSummary, RefusalNote, problem_at, use_toasts,
    },
    domain::{
        fields,
        list::Count,
        permission::Permissions,
        policy::{Change, Refusal, Whose},
        role_edit::{RoleEdit, can_delete_role, can_start_changing_role},
    },
    error::AppError,
    i18n::{Locale, permission_list, refusal_text, role_name, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query, call},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::{use_navigate, use_params_map};

lazy_page!(RoleRoute, administration, RolePage);

/// The page.
#[component]
fn RolePage() -> impl IntoView {
    let locale = use_locale();
    let (slug, parameters) = (use_slug(), use_params_map());
    let key = Memo::new(move |_| parameters.with(|map| map.get("id").unwrap_or_default()));
    let role = Query::new(move || ShowRole { account: slug.get(), role: key.get() });
    // Once it is there it stays: nothing must take the form away that somebody fills in.
    let page = loaded_once(async move {
        match role.await {
            Ok(view) => content(locale, view),
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! { <div class="form-page">{page}</div> }
}

fn content(locale: Locale, view: RoleView) -> AnyView {
    let RoleView { facts, role, people, .. } = &view;
    let title = role_name(locale, &role.key, Some(&facts.roles));
    let verdict = can_start_changing_role(&facts.my, &role.permissions);
    let held = || view! { <PermissionSummary permissions=role.permissions.clone() roles=facts.roles.clone() /> };
    let body = match (role.is_own(), verdict.refusal().cloned()) {
        (false, _) => view! {
            <section class="panel">
                <p>{text!(locale, roles.built_in_text)}</p>
                {held()}
            </section>
        }
        .into_any(),
        (true, Some(refusal)) => view! {
            <section class="panel">
                <RefusalNote refusal roles=facts.roles.clone() />
                {held()}
            </section>
        }
        .into_any(),
        (true, None) => view! {
            <section class="panel">
                <RoleForm view=view.clone() />
            </section>
            {deletion(locale, &view)}
        }
        .into_any(),
    };
    let page = view! {
        <Title text=title.clone() />
        <header class="page-head">
            <div>
                <p class="back">
                    <a href=paths::roles(facts.slug.as_str())>{text!(locale, roles.title)}</a>
                </p>
                <h1>{title}</h1>
                <p class="page-lead">
                    {text!(locale, roles.held_by)} " " {people_link(locale, facts, &role.key, *people)}
                </p>
            </div>
            {copy_link(locale, facts, &role.key)}
        </header>
        {body}
    };
    page.into_any()
}

#[component]
fn RoleForm(view: RoleView) -> impl IntoView {
    let locale = use_locale();
    let facts = view.facts.clone();
    let whose = facts.whose(&view.role.key);
    let save = FormAction::<EditRole>::new();
    let error = save.error();
    // The role as it is now: loaded again when somebody else was faster (R66).
    let present = RwSignal::new(view.clone());
    let is_unchanged = matches!(save.output().get_untracked(), Some(RoleEdited::Unchanged));
    let is_reloaded = matches!(error.get_untracked(), Some(AppError::ChangedMeanwhile { .. }));
    let (unchanged, reloaded) = (RwSignal::new(is_unchanged), RwSignal::new(is_reloaded));

    let (toasts, navigate) = (use_toasts(), use_navigate());
    let back = paths::roles(facts.slug.as_str());
    let next = back.clone();
    save.on_success(move |edited| match edited_words(locale, edited) {
        Some(words) => {
            toasts.show(words);
            navigate(&next, Default::default());
        }
        None => unchanged.set(true),
    });
    let (slug, key) = (facts.slug.to_string(), view.role.key.to_string());
    let again = (slug.clone(), key.clone());
    Effect::new(move |began: Option<()>| {
        let changed = matches!(error.get(), Some(AppError::ChangedMeanwhile { .. }));
        // A form that the browser itself sent came back with the present values.
        if changed && began.is_some() {
            let (account, role) = again.clone();
            spawn_local(async move {
                if let Ok(fresh) = call(ShowRole { account, role }).await {
                    present.try_set(fresh);
                    reloaded.try_set(true);
                }
            });
        }
    });

    let chosen = Chosen::starting_from(view.role.permissions.clone());
    let fields = Fields { locale, facts: &facts, whose, present: &view.role.permissions, chosen, error };
    let boxes = fields.boxes();
    let roles = StoredValue::new(facts.roles.clone());
    let step = Memo::new(move |_| {
        let wanted = chosen.permissions();
        present.with(|view| edit(whose, view, &wanted).change())
    });
    let confirm =
        Memo::new(move |_| whose == Whose::Own && (!chosen.is_live() || !step.with(|step| step.lost.is_empty())));
    Effect::new(move |began: Option<()>| {
        step.track();
        if began.is_some() {
            unchanged.set(false);
        }
    });
    // Without scripting nothing here could follow the choice.
    let changes = move || {
        chosen.is_live().then(|| {
            let lines = move || {
                let people = present.with(|view| view.people);
                step.with(|step| {
                    roles.with_value(|roles| {
                        change_lines(locale, step, people, &|keys| permission_list(locale, keys, Some(roles)))
                    })
                })
            };
            let refused = move || {
                let wanted = chosen.permissions();
                let refusal =
                    present.with(|view| edit(whose, view, &wanted).can_take(&view.facts.my).refusal().cloned());
                refusal.map(|refusal| {
                    let words = roles.with_value(|roles| refusal_text(locale, &refusal, Some(roles)));
                    view! { <p class="note note-warn">{words}</p> }
                })
            };
            view! {
                <section class="changes" aria-live="polite">
                    <h2>{text!(locale, users.edit_changes)}</h2>
                    {lines}
                    {refused}
                </section>
            }
        })
    };
    let confirmation = {
        let slug = slug.clone();
        move || {
            confirm.get().then(|| {
                view! {
                    <Field
                        name="form[confirmation]"
                        label=text!(locale, users.edit_confirm, slug = slug.clone())
                        hint=text!(locale, users.edit_confirm_hint)
                        problem=problem_at(error, fields::Field::Confirmation)
                    />
                }
            })
        }
    };
    let now = move || {
        reloaded.get().then(|| {
            let name = present.with(|view| view.role.name.clone().unwrap_or_default());
            let held = present
                .with(|view| roles.with_value(|roles| permission_list(locale, &view.role.permissions, Some(roles))));
            view! { <p class="note note-info">{text!(locale, roles.reloaded, name = name, permissions = held)}</p> }
        })
    };
    let own = (whose == Whose::Own).then(|| view! { <p class="note note-info">{text!(locale, roles.own_role)}</p> });
    view! {
        <ActionForm action=save class="form role-form">
            <ErrorBox error roles=Signal::stored(Some(facts.roles.clone())) />
            <div class="answer" role="status">{now}</div>
            <input type="hidden" name="account" value=slug />
            <input type="hidden" name="form[role]" value=key />
            <input type="hidden" name="form[version]" value=move || present.with(|view| view.version.to_string()) />
            {own}
            {name_field(locale, view.role.name.unwrap_or_default(), error)}
            {boxes}
            {changes}
            {confirmation}
            <div class="answer" role="status">
                {move || unchanged.get().then(|| view! { <p class="note note-info">{text!(locale, roles.unchanged)}</p> })}
            </div>
            <div class="actions">
                <Button busy=save.pending()>{text!(locale, common.save)}</Button>
                <a class="button" href=back>{text!(locale, common.cancel)}</a>
            </div>
        </ActionForm>
    }
}

/// What the server enforces with, to preview with (R65).
const fn edit<'a>(whose: Whose, view: &'a RoleView, wanted: &'a Permissions) -> RoleEdit<'a> {
    RoleEdit { whose, present: &view.role.permissions, wanted, extras_of_people: &view.extras, confirmed: false }
}

/// Who gains and loses what.
fn change_lines(locale: Locale, change: &Change, people: Count, list: &dyn Fn(&Permissions) -> String) -> Vec<AnyView> {
    let line = |class: &'static str, icon: &'static str, words: String| {
        view! { <p class=format!("change change-{class}")><Icon name=icon /> {words}</p> }.into_any()
    };
    let mut lines = Vec::new();
    if !change.gained.is_empty() {
        lines.push(line("gains", "plus", text!(locale, users.edit_gains, permissions = list(&change.gained))));
    }
    if !change.lost.is_empty() {
        lines.push(line("loses", "minus", text!(locale, users.edit_loses, permissions = list(&change.lost))));
    }
    if lines.is_empty() {
        return vec![line("none", "check", text!(locale, users.edit_no_change).to_owned())];
    }
    let whom = match people {
        Count::Exactly(0) => text!(locale, roles.concerns_nobody).to_owned(),
        Count::Exactly(_) | Count::Many => text!(locale, roles.concerns, people = people_words(locale, people)),
    };
    lines.push(view! { <p class="muted">{whom}</p> }.into_any());
    lines
}

/// Deleting, with what stands in the way of it.
fn deletion(locale: Locale, view: &RoleView) -> AnyView {
    let RoleView { facts, role, people, .. } = view;
    let verdict = can_delete_role(&facts.my, &role.permissions, *people);
    let content = match verdict.refusal() {
        None => view! { <DeleteForm view=view.clone() /> }.into_any(),
        Some(refusal) => {
            let show = paths::users_with_role(facts.slug.as_str(), &role.key);
            view! {
                <p>{refusal_text(locale, refusal, Some(&facts.roles))}</p>
                <p>
                    <a class="button" href=show>{text!(locale, roles.show_people)}</a>
                </p>
            }
            .into_any()
        }
    };
    view! {
        <section class="panel">
            <h2>{text!(locale, roles.delete_title)}</h2>
            {content}
        </section>
    }
    .into_any()
}

#[component]
fn DeleteForm(view: RoleView) -> impl IntoView {
    let locale = use_locale();
    let delete = FormAction::<DeleteRole>::new();
    let (toasts, navigate) = (use_toasts(), use_navigate());
    let next = paths::roles(view.facts.slug.as_str());
    delete.on_success(move |deleted| {
        toasts.show(deleted_words(locale, deleted));
        navigate(&next, Default::default());
    });
    let (slug, key) = (view.facts.slug.to_string(), view.role.key.to_string());
    // Somebody was given the role while this page was looked at.
    let show = paths::users_with_role(&slug, &view.role.key);
    let is_in_use =
        move || delete.error().with(|error| matches!(error, Some(AppError::Refused(Refusal::RoleInUse { .. }))));
    let people = move || {
        is_in_use().then(|| view! { <p><a class="button" href=show.clone()>{text!(locale, roles.show_people)}</a></p> })
    };
    view! {
        <ErrorBox error=delete.error() roles=Signal::stored(Some(view.facts.roles)) />
        {people}
        <details class="asks">
            <summary class="button">{text!(locale, roles.delete)}</summary>
            <Note tone=NoteTone::Warn icon="alert">
                <p>{text!(locale, roles.delete_text)}</p>
            </Note>
            <ActionForm action=delete>
                <input type="hidden" name="account" value=slug />
                <input type="hidden" name="form[role]" value=key />
                <Button look=Look::Danger busy=delete.pending()>{text!(locale, roles.delete_yes)}</Button>
            </ActionForm>
        </details>
    }
}
