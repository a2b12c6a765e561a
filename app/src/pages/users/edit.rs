//! Edit: role and extra permissions of a member in any state (R24, R30, R31, R65, R66).

use super::{
    OverList, Users,
    choice::{Choice, Purpose},
    close_link,
    grant_picker::GrantPicker,
    loaded_once,
    login_method::{CurrentMethod, login_method_fields},
    row_actions::whose,
    scroll_into_view_when,
    table::extras_words,
    words::{edited_words, method_name},
};
use crate::{
    api::members::{EditMember, Edited, MemberDetails, ShowMember},
    components::{Button, ErrorBox, Field, Icon, Kind, RefusalNote, problem_at, use_toasts},
    domain::{
        fields,
        member::{LoginMethodKind, ShownState},
        policy::{Change, Refusal, Verdict, Whose, can_change_login_method, can_correct_address, can_start_editing},
        role::{Grant, Roles},
    },
    error::AppError,
    flash::old_input,
    i18n::{Locale, permission_list, permission_name, role_name, text},
    rpc::{ActionForm, FormAction, Query, call},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_params_map;
use std::sync::Arc;

lazy_page!(EditRoute, user_dialogs, EditDialog);

/// The dialog of one member, over the list.
#[component]
fn EditDialog() -> impl IntoView {
    let users = expect_context::<Users>();
    let parameters = use_params_map();
    let member = Memo::new(move |_| parameters.with(|map| map.get("id").unwrap_or_default()));
    let details = Query::new(move || ShowMember { account: users.slug.get(), member: member.get() });
    // Once it is there it stays: what changes behind the dialog must not take the form away.
    loaded_once(async move {
        match details.await {
            Ok(details) => view! { <EditForm users details /> }.into_any(),
            Err(error) => view! { <FailedDialog users error /> }.into_any(),
        }
    })
}

/// What stands in a dialog whose row cannot be shown.
#[component]
pub(super) fn FailedDialog(users: Users, error: AppError) -> impl IntoView {
    view! {
        <OverList users title=text!(users.locale, errors.title)>
            <ErrorBox error=Signal::stored(Some(error)) />
            {close_link(users)}
        </OverList>
    }
}

#[component]
fn EditForm(users: Users, details: MemberDetails) -> impl IntoView {
    let locale = users.locale;
    let name = details.row.label().to_owned();
    let facts = Arc::new(details.facts.clone());
    let whose = whose(&facts, &details.row);
    let verdict = match details.row.state {
        ShownState::Removed => Err(text!(locale, users.already_gone, name = name.clone())),
        ShownState::Invited
        | ShownState::Expired
        | ShownState::Declined
        | ShownState::AwaitingApproval
        | ShownState::Active
        | ShownState::Suspended => Ok(can_start_editing(&facts.my, whose, &details.row.grant, &facts.roles)),
    };
    let content = match verdict {
        Ok(Verdict::Yes) => view! { <EditFields users details /> }.into_any(),
        Ok(Verdict::No(refusal)) => {
            view! { <RefusalNote refusal roles=facts.roles.clone() /> {close_link(users)} }.into_any()
        }
        Err(gone) => view! { <p>{gone}</p> {close_link(users)} }.into_any(),
    };
    view! {
        <OverList users title=text!(locale, users.edit_title, name = name)>{content}</OverList>
    }
}

#[component]
fn EditFields(users: Users, details: MemberDetails) -> impl IntoView {
    let locale = users.locale;
    let facts = Arc::new(details.facts.clone());
    let whose = whose(&facts, &details.row);
    let choice = Choice::starting_from(&details.row.grant);
    let purpose = Purpose::Edit { whose, present: details.row.grant.clone(), last_owner: details.last_owner };
    let save = FormAction::<EditMember>::new();
    let error = save.error();
    // The member as it is now: loaded again when somebody else was faster (R66).
    let present = RwSignal::new(details.row.clone());
    let is_unchanged = matches!(save.output().get_untracked(), Some(Edited::Unchanged));
    let is_reloaded = matches!(error.get_untracked(), Some(AppError::ChangedMeanwhile { .. }));
    let (unchanged, reloaded) = (RwSignal::new(is_unchanged), RwSignal::new(is_reloaded));

    let toasts = use_toasts();
    save.on_success(move |edited| match edited_words(locale, &edited) {
        Some(words) => {
            toasts.show(words);
            users.page.refetch();
            users.back_to_list();
        }
        None => unchanged.set(true),
    });
    let member = details.row.id.to_string();
    let again = member.clone();
    Effect::new(move |began: Option<()>| {
        let changed = matches!(error.get(), Some(AppError::ChangedMeanwhile { .. }));
        // A form that the browser itself sent came back with the present values.
        if changed && began.is_some() {
            let (account, member) = (users.slug.get_untracked(), again.clone());
            spawn_local(async move {
                if let Ok(fresh) = call(ShowMember { account, member }).await {
                    present.try_set(fresh.row);
                    reloaded.try_set(true);
                    users.page.refetch();
                }
            });
        }
    });

    let roles = StoredValue::new(facts.roles.clone());
    let step = Memo::new(move |_| {
        roles.with_value(|roles| present.with(|row| Step::between(&row.grant, &choice.grant(), roles)))
    });
    let confirm = Memo::new(move |_| whose == Whose::Own && (!choice.is_live() || step.with(Step::gives_something_up)));
    Effect::new(move |began: Option<()>| {
        step.track();
        if began.is_some() {
            unchanged.set(false);
        }
    });
    // Without scripting nothing here could follow the choice.
    let changes = move || {
        choice.is_live().then(|| {
            view! {
                <section class="changes" aria-live="polite">
                    <h3>{text!(locale, users.edit_changes)}</h3>
                    {move || step.with(|step| roles.with_value(|roles| step.words(locale, roles)))}
                </section>
            }
        })
    };
    let slug = facts.slug.to_string();
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
    let (answered, failed) = (NodeRef::new(), NodeRef::new());
    scroll_into_view_when(answered, move || unchanged.get());
    scroll_into_view_when(failed, move || {
        error.with(|error| error.as_ref().is_some_and(|error| error.fields().is_none()))
    });
    view! {
        <ActionForm action=save class="form">
            <p class="edit-now">
                {move || present.with(|row| text!(locale, users.edit_now, grant = roles.with_value(|roles| grant_words(locale, &row.grant, roles))))}
            </p>
            <div class="answer" node_ref=failed>
                <ErrorBox error roles=Signal::stored(Some(facts.roles.clone())) />
            </div>
            <div class="answer" role="status">
                {move || reloaded.get().then(|| view! { <p class="note note-info">{text!(locale, users.reloaded)}</p> })}
            </div>
            <input type="hidden" name="account" value=slug />
            <input type="hidden" name="form[member]" value=member />
            <input type="hidden" name="form[version]" value=move || present.with(|row| row.version.to_string()) />
            {note(users, &details, whose)}
            {address_field(locale, &details, error)}
            {login_method_section(locale, &details, error)}
            <GrantPicker facts=facts purpose choice error />
            {unknown(locale, &details)}
            {changes}
            {confirmation}
            <div class="answer" role="status" node_ref=answered>
                {move || unchanged.get().then(|| view! { <p class="note note-info">{text!(locale, users.unchanged)}</p> })}
            </div>
            <div class="actions">
                <Button busy=save.pending()>{text!(locale, users.edit_save)}</Button>
                <a class="button" href=move || users.list() data-noscroll="">{text!(locale, common.cancel)}</a>
            </div>
        </ActionForm>
    }
}

/// "Editor, +2 extras".
pub(super) fn grant_words(locale: Locale, grant: &Grant, roles: &Roles) -> String {
    let role = role_name(locale, &grant.role, Some(roles));
    match grant.extras.len() {
        0 => role,
        count => text!(locale, users.with_extras, role = role, extras = extras_words(locale, count)),
    }
}

/// A grant with its extras by their names.
pub(super) fn whole_grant_words(locale: Locale, grant: &Grant, roles: &Roles) -> String {
    let extras = grant.extras.iter().map(|key| permission_name(locale, key, Some(roles)));
    std::iter::once(role_name(locale, &grant.role, Some(roles))).chain(extras).collect::<Vec<_>>().join(" + ")
}

/// What is special about this row.
fn note(users: Users, details: &MemberDetails, whose: Whose) -> Option<AnyView> {
    let locale = users.locale;
    if details.last_owner {
        return Some(view! { <RefusalNote refusal=Refusal::LastOwner /> }.into_any());
    }
    let words = match (whose, details.row.state.is_awaiting_answer()) {
        (Whose::Own, _) => text!(locale, users.edit_self),
        (Whose::Others, true) => text!(locale, users.edit_pending),
        (Whose::Others, false) => return None,
    };
    Some(view! { <p class="note note-info">{words}</p> }.into_any())
}

/// The address of somebody who has not joined, for whoever may correct it (R25).
fn address_field(locale: Locale, details: &MemberDetails, error: Signal<Option<AppError>>) -> Option<AnyView> {
    let MemberDetails { facts, row, address_is_theirs, .. } = details;
    let open = row.state.is_awaiting_answer() && !address_is_theirs && can_correct_address(&facts.my).is_yes();
    open.then(|| {
        view! {
            <Field
                name="form[email]"
                label=text!(locale, users.invite_email)
                hint=text!(locale, users.edit_email_hint)
                kind=Kind::Email
                initial=row.email.clone()
                problem=problem_at(error, fields::Field::Email)
            />
        }
        .into_any()
    })
}

/// How the person signs in, for whoever may change it (R26, R46); for others, and where there is no choice, in words.
fn login_method_section(locale: Locale, details: &MemberDetails, error: Signal<Option<AppError>>) -> AnyView {
    let MemberDetails { facts, row, identifier, known_as, second_factor, .. } = details;
    let name = method_name(locale, &row.method);
    let by = match identifier.clone() {
        Some(identifier) => text!(locale, users.login_method_as, method = name, identifier = identifier),
        None => text!(locale, users.login_method_by, method = name),
    };
    let off = row.blocked.then(|| view! { " " <strong>{text!(locale, users.blocked)}</strong> });
    let factor = second_factor
        .map(|has_one| if has_one { text!(locale, users.has_factor) } else { text!(locale, users.has_no_factor) });
    let known_as = known_as
        .clone()
        .map(|email| view! { <p class="note note-info">{text!(locale, users.known_as, email = email)}</p> });
    let joined = !row.state.is_awaiting_answer();
    let choice = facts.methods.iter().any(|method| method.id != row.method.id)
        || row.method.kind == LoginMethodKind::OAuth && !facts.methods.is_empty();
    let fields = (choice && can_change_login_method(&facts.my, joined).is_yes()).then(|| {
        let hint =
            if joined { text!(locale, users.login_method_joined) } else { text!(locale, users.login_method_pending) };
        let present = CurrentMethod {
            method: row.method.id.to_string(),
            identifier: identifier.clone().unwrap_or_default(),
            asks_for_names: false,
            has_joined: joined,
        };
        let (methods, at_provider) = login_method_fields(locale, facts.methods.clone(), present, error);
        view! {
            <details class="member-method" open=old_input("form[identifier]").is_some()>
                <summary>{text!(locale, users.login_method_change)}</summary>
                <p class="field-hint">{hint}</p>
                {methods}
                {at_provider}
            </details>
        }
    });
    view! {
        <p class="member-method-now">{by} {off} " " {factor}</p>
        {known_as}
        {fields}
    }
    .into_any()
}

/// Extras that the catalogue has dropped: without effect, and gone after saving.
fn unknown(locale: Locale, details: &MemberDetails) -> Option<impl IntoView + use<>> {
    let keys: Vec<_> = details
        .row
        .grant
        .extras
        .iter()
        .filter(|key| !details.facts.roles.catalogue.knows(key))
        .map(ToString::to_string)
        .collect();
    (!keys.is_empty()).then(|| {
        view! { <p class="note note-warn">{text!(locale, users.edit_unknown)} " " <code>{keys.join(", ")}</code></p> }
    })
}

/// What saving would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Step {
    change: Change,
    becomes_owner: bool,
    no_longer_owner: bool,
}

impl Step {
    fn between(present: &Grant, wanted: &Grant, roles: &Roles) -> Self {
        Self {
            change: Change::between(present, wanted, roles),
            becomes_owner: wanted.makes_owner() && !present.makes_owner(),
            no_longer_owner: present.makes_owner() && !wanted.makes_owner(),
        }
    }

    fn gives_something_up(&self) -> bool {
        self.no_longer_owner || !self.change.lost.is_empty()
    }

    fn words(&self, locale: Locale, roles: &Roles) -> impl IntoView + use<> {
        let line = |class: &'static str, icon: &'static str, words: String| {
            view! { <p class=format!("change change-{class}")><Icon name=icon /> {words}</p> }
        };
        let list = |keys| permission_list(locale, keys, Some(roles));
        let Self { change: Change { gained, lost }, becomes_owner, no_longer_owner } = self;
        let mut lines = Vec::new();
        if *becomes_owner {
            lines.push(line("gains", "plus", text!(locale, users.edit_becomes_owner).to_owned()));
        }
        if *no_longer_owner {
            lines.push(line("loses", "minus", text!(locale, users.edit_no_longer_owner).to_owned()));
        }
        if !gained.is_empty() {
            lines.push(line("gains", "plus", text!(locale, users.edit_gains, permissions = list(gained))));
        }
        if !lost.is_empty() {
            lines.push(line("loses", "minus", text!(locale, users.edit_loses, permissions = list(lost))));
        }
        if lines.is_empty() {
            lines.push(line("none", "check", text!(locale, users.edit_no_change).to_owned()));
        }
        lines
    }
}
