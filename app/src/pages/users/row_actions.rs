//! What can be done with a row. What the policy refuses is shown, and says why (R30 to R32).

use super::{Users, url::with_parameters};
use crate::{
    api::{
        invitations::{CopyLink, ResendInvitation},
        members::{AccountFacts, ReactivateMember},
    },
    domain::{
        member::{MemberRow, ShownState},
        permission::Gate,
        policy::{Verdict, Whose, can_handle_invitation, can_pass, can_reactivate, can_remove, can_start_editing},
    },
    i18n::{refusal_text, text},
    paths,
};
use leptos::{prelude::*, server_fn::ServerFn};

/// Whose row is it, seen from the caller?
pub(super) fn whose(facts: &AccountFacts, row: &MemberRow) -> Whose {
    if facts.me == row.id { Whose::Own } else { Whose::Others }
}

/// The buttons and links at the end of a row.
pub(super) fn row_actions(users: Users, facts: &AccountFacts, row: &MemberRow) -> impl IntoView + use<> {
    let locale = users.locale;
    let name = row.label().to_owned();
    let action =
        |verb: &'static str, label: &'static str, named: String, verdict: Verdict, allowed: AnyView| match verdict {
            Verdict::Yes => allowed,
            Verdict::No(refusal) => {
                let reason = refusal_text(locale, &refusal, Some(&facts.roles));
                refused(format!("why-{verb}-{}", row.id), label, named, reason).into_any()
            }
        };
    let link = |label: &'static str, named: String, href: String| {
        view! { <a class="row-action" href=href aria-label=named data-noscroll="">{label}</a> }.into_any()
    };

    let handle = can_handle_invitation(&facts.my, &row.grant, &facts.roles);
    let whose = whose(facts, row);
    let edit = || {
        let named = text!(locale, users.edit_named, name = name.clone());
        let href = users.over(paths::edit(facts.slug.as_str(), row.id));
        let label = text!(locale, users.edit);
        let verdict = can_start_editing(&facts.my, whose, &row.grant, &facts.roles);
        action("edit", label, named.clone(), verdict, link(label, named, href))
    };
    let remove = || {
        let named = text!(locale, users.remove_named, name = name.clone());
        let href = users.over(paths::remove(facts.slug.as_str(), row.id));
        let label = text!(locale, users.remove);
        let verdict = can_remove(&facts.my, whose, &row.grant, &facts.roles);
        action("remove", label, named.clone(), verdict, link(label, named, href))
    };
    let resend = || {
        let named = text!(locale, users.resend_named, name = name.clone());
        let label = text!(locale, users.resend);
        let send = move |member| {
            users.resend.dispatch(ResendInvitation { account: users.slug.get_untracked(), member });
        };
        let form = row_form(users, row, ResendInvitation::PATH, label, named.clone(), send);
        action("resend", label, named, handle.clone(), form)
    };
    let copy = || {
        let named = text!(locale, users.copy_link_named, name = name.clone());
        let label = text!(locale, users.copy_link);
        let send = move |member| users.copy.dispatch(CopyLink { account: users.slug.get_untracked(), member });
        let form = row_form(users, row, CopyLink::PATH, label, named.clone(), send);
        action("copy", label, named, handle.clone(), form)
    };
    let reactivate = || {
        let named = text!(locale, users.reactivate_named, name = name.clone());
        let label = text!(locale, users.reactivate);
        let send = move |member| {
            users.reactivate.dispatch(ReactivateMember { account: users.slug.get_untracked(), member });
        };
        let form = row_form(users, row, ReactivateMember::PATH, label, named.clone(), send);
        action("reactivate", label, named, can_reactivate(&facts.my, &row.grant, &facts.roles), form)
    };
    let invite_again = || {
        let named = text!(locale, users.invite_again_named, name = name.clone());
        let label = text!(locale, users.invite_again);
        let mut parameters = users.query.get().to_url();
        parameters.push(("email", row.email.clone()));
        let href = with_parameters(paths::new_user(facts.slug.as_str()), parameters);
        action("again", label, named.clone(), can_pass(&facts.my, Gate::UsersInvite), link(label, named, href))
    };

    let actions = match row.state {
        ShownState::Invited => vec![copy(), resend(), edit(), remove()],
        ShownState::Expired | ShownState::Declined | ShownState::AwaitingApproval => vec![resend(), edit(), remove()],
        ShownState::Active => vec![edit(), remove()],
        ShownState::Suspended => vec![reactivate(), edit(), remove()],
        ShownState::Removed => vec![invite_again()],
    };
    view! { <div class="row-actions">{actions}</div> }
}

/// An action that is refused: it can be reached, does nothing, and says why.
pub(super) fn refused(id: String, label: &'static str, named: String, reason: String) -> impl IntoView {
    view! {
        <span class="refused">
            <button type="button" class="row-action" aria-disabled="true" aria-label=named aria-describedby=id.clone()>
                {label}
            </button>
            <span class="refused-why" role="tooltip" id=id>{reason}</span>
        </span>
    }
}

/// A button in a form of its own, so that it works without scripting.
fn row_form(
    users: Users,
    row: &MemberRow,
    action: &'static str,
    label: &'static str,
    named: String,
    send: impl Fn(String) + 'static,
) -> AnyView {
    let member = row.id.to_string();
    let sent = member.clone();
    view! {
        <form
            method="post"
            action=action
            on:submit=move |event| {
                event.prevent_default();
                users.copy.clear();
                users.resend.clear();
                users.reactivate.clear();
                send(sent.clone());
            }
        >
            <input type="hidden" name="account" value=users.slug.get() />
            <input type="hidden" name="member" value=member />
            <button type="submit" class="row-action" aria-label=named>{label}</button>
        </form>
    }
    .into_any()
}
