//! Remove: what it will do, in words, before it is done (R29, R32, R33, R64). On an invited row it withdraws the invitation (R22).

use super::{
    OverList, Users, close_link,
    edit::FailedDialog,
    loaded_once,
    row_actions::whose,
    words::{removed_words, suspended_words},
};
use crate::{
    api::members::{PlanRemoval, RemovalPlan, RemoveMember, Removed, SuspendMember, UndoRemoval},
    components::{Button, ErrorBox, Icon, Look, RefusalNote, ToastAction, use_toasts},
    domain::{
        member::ShownState,
        policy::{Refusal, Verdict, can_grant, can_remove},
    },
    flash::old_input,
    i18n::{Locale, role_name, text},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::sync::Arc;

lazy_page!(RemoveRoute, user_dialogs, RemoveDialog);

/// The dialog of one member, over the list.
#[component]
fn RemoveDialog() -> impl IntoView {
    let users = expect_context::<Users>();
    let parameters = use_params_map();
    let member = Memo::new(move |_| parameters.with(|map| map.get("id").unwrap_or_default()));
    let plan = Query::new(move || PlanRemoval { account: users.slug.get(), member: member.get() });
    loaded_once(async move {
        match plan.await {
            Ok(plan) => view! { <Removal users plan /> }.into_any(),
            Err(error) => view! { <FailedDialog users error /> }.into_any(),
        }
    })
}

/// Which of the two this is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Removal,
    Withdrawal,
    AlreadyDone,
}

impl Kind {
    const fn of(state: ShownState) -> Self {
        match state {
            ShownState::Active | ShownState::Suspended => Self::Removal,
            ShownState::Invited | ShownState::Expired | ShownState::Declined | ShownState::AwaitingApproval => {
                Self::Withdrawal
            }
            ShownState::Removed => Self::AlreadyDone,
        }
    }
}

#[component]
fn Removal(users: Users, plan: RemovalPlan) -> impl IntoView {
    let locale = users.locale;
    let (facts, row) = (&plan.details.facts, &plan.details.row);
    let name = row.label().to_owned();
    let kind = Kind::of(row.state);
    let verdict =
        can_remove(&facts.my, whose(facts, row), &row.grant, &facts.roles).and(|| match plan.details.last_owner {
            true => Verdict::No(Refusal::LastOwner),
            false => Verdict::Yes,
        });
    let title = match kind {
        Kind::Removal | Kind::AlreadyDone => text!(locale, users.remove_title, name = name.clone()),
        Kind::Withdrawal => text!(locale, users.withdraw_title, name = name.clone()),
    };
    let content = match (kind, verdict) {
        (Kind::AlreadyDone, _) => {
            view! { <p>{text!(locale, users.already_gone, name = name)}</p> {close_link(users)} }.into_any()
        }
        (Kind::Removal | Kind::Withdrawal, Verdict::Yes) => {
            let suspend = (row.state == ShownState::Active).then(|| suspension(users, &plan));
            view! {
                <RemovalForm users plan kind />
                {suspend}
            }
            .into_any()
        }
        (Kind::Removal | Kind::Withdrawal, Verdict::No(refusal)) => {
            let leave = (refusal == Refusal::LeaveInstead).then(|| {
                view! { <p><a href=paths::account(facts.slug.as_str())>{text!(locale, users.leave_link)}</a></p> }
            });
            view! { <RefusalNote refusal roles=facts.roles.clone() /> {leave} {close_link(users)} }.into_any()
        }
    };
    view! {
        <OverList users title>{content}</OverList>
    }
}

#[component]
fn RemovalForm(users: Users, plan: RemovalPlan, kind: Kind) -> impl IntoView {
    let locale = users.locale;
    let remove = FormAction::<RemoveMember>::new();
    let error = remove.error();
    let toasts = use_toasts();
    remove.on_success(move |removed| {
        let words = removed_words(locale, &removed);
        match removed {
            Removed::Done { member, was_invited: false, .. } => {
                let act = move || {
                    users.rows.undo.clear();
                    users.rows.acted_on.set_value(Some(member.to_string()));
                    users
                        .rows
                        .undo
                        .dispatch(UndoRemoval { account: users.slug.get_untracked(), member: member.to_string() });
                };
                let action = ToastAction { label: text!(locale, users.undo), act: Arc::new(act) };
                toasts.show_with_action(words, action);
            }
            Removed::Done { was_invited: true, .. } | Removed::AlreadyRemoved => toasts.show(words),
        }
        users.rows.acted_on.set_value(None);
        users.focus_status.set_value(true);
        users.page.refetch();
        users.back_to_list();
    });
    let facts = plan.details.facts.clone();
    let (name, member) = (plan.details.row.label().to_owned(), plan.details.row.id.to_string());
    let version = plan.details.row.version.to_string();
    let sponsored = sponsored(locale, &plan);
    let keys = (!plan.keys.is_empty()).then(|| text!(locale, users.remove_keys, keys = plan.keys.join(", ")));
    let consequences = match kind {
        Kind::Removal | Kind::AlreadyDone => vec![
            text!(locale, users.remove_at_once, name = name, account = facts.name.clone()),
            text!(locale, users.remove_others).to_owned(),
            text!(locale, users.remove_again).to_owned(),
        ],
        Kind::Withdrawal => {
            vec![text!(locale, users.withdraw_link).to_owned(), text!(locale, users.withdraw_again).to_owned()]
        }
    };
    let consequences: Vec<_> = consequences.into_iter().chain(keys).map(|words| view! { <li>{words}</li> }).collect();
    let button = match kind {
        Kind::Removal | Kind::AlreadyDone => text!(locale, users.remove_button),
        Kind::Withdrawal => text!(locale, users.withdraw_button),
    };
    view! {
        <ActionForm action=remove class="form">
            <ErrorBox error roles=Signal::stored(Some(facts.roles.clone())) />
            <input type="hidden" name="account" value=facts.slug.to_string() />
            <input type="hidden" name="form[member]" value=member />
            <input type="hidden" name="form[version]" value=version />
            <ul class="consequences">{consequences}</ul>
            {sponsored}
            <div class="actions">
                <Button look=Look::Danger busy=remove.pending()>{button}</Button>
                // What cannot be undone with one key is not under the first key.
                <a class="button" href=move || users.list() data-noscroll="" data-autofocus="">{text!(locale, common.cancel)}</a>
            </div>
        </ActionForm>
    }
}

/// What to do instead with somebody who is to come back (R41).
fn suspension(users: Users, plan: &RemovalPlan) -> impl IntoView + use<> {
    let (locale, details) = (users.locale, &plan.details);
    let suspend = FormAction::<SuspendMember>::new();
    let toasts = use_toasts();
    let suspended_member = details.row.id.to_string();
    suspend.on_success(move |suspended| {
        toasts.show(suspended_words(locale, suspended));
        users.rows.acted_on.set_value(Some(suspended_member.clone()));
        users.focus_status.set_value(true);
        users.page.refetch();
        users.back_to_list();
    });
    let (account, roles) = (details.facts.slug.to_string(), details.facts.roles.clone());
    let (member, version) = (details.row.id.to_string(), details.row.version.to_string());
    let text = text!(locale, users.suspend_text, name = details.row.label());
    let keys = (!plan.keys.is_empty()).then(|| text!(locale, users.suspend_keys, keys = plan.keys.join(", ")));
    view! {
        <section class="instead">
            <h3>{text!(locale, users.suspend_title)}</h3>
            <p>{text}</p>
            {keys.map(|words| view! { <p>{words}</p> })}
            <ErrorBox error=suspend.error() roles=Signal::stored(Some(roles)) />
            <ActionForm action=suspend>
                <input type="hidden" name="account" value=account />
                <input type="hidden" name="form[member]" value=member />
                <input type="hidden" name="form[version]" value=version />
                <Button look=Look::Plain busy=suspend.pending()>{text!(locale, users.suspend)}</Button>
            </ActionForm>
        </section>
    }
}

/// The open invitations that this member answers for: keep or withdraw (R29).
fn sponsored(locale: Locale, plan: &RemovalPlan) -> Option<impl IntoView + use<>> {
    let facts = &plan.details.facts;
    let title = match plan.sponsored.len() {
        0 => return None,
        1 => text!(locale, users.sponsored_one).to_owned(),
        count => text!(locale, users.sponsored_many, count = count),
    };
    let all_within = plan.sponsored.iter().all(|one| can_grant(&facts.my, &one.grant, &facts.roles).is_yes());
    let keep_line = match all_within {
        true => text!(locale, users.sponsored_keep_line),
        false => text!(locale, users.sponsored_keep_partly),
    };
    let each: Vec<_> = plan
        .sponsored
        .iter()
        .map(|one| {
            let role = role_name(locale, &one.grant.role, Some(&facts.roles));
            view! { <li><Icon name="mail" /> {one.email.clone()} <span class="muted">{role}</span></li> }
        })
        .collect();
    let revoke = old_input("form[sponsored]").is_some_and(|chosen| chosen == "revoke");
    Some(view! {
        <fieldset class="sponsored">
            <legend>{title}</legend>
            <ul class="sponsored-list">{each}</ul>
            {card("keep", !revoke, text!(locale, users.sponsored_keep), keep_line)}
            {card("revoke", revoke, text!(locale, users.sponsored_revoke), text!(locale, users.sponsored_revoke_line))}
        </fieldset>
    })
}

fn card(value: &'static str, checked: bool, title: &'static str, line: &'static str) -> impl IntoView {
    view! {
        <label class="card-choice">
            <input type="radio" name="form[sponsored]" value=value checked=checked />
            <span class="card-title">{title}</span>
            <span class="card-line">{line}</span>
        </label>
    }
}
