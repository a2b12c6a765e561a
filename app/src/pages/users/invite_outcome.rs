//! What came of inviting somebody, where it was not simply done: said in the dialog, with the way on (R2 to R5, R61).

use super::{Users, link::LinkField, url::with_view};
use crate::{
    api::{
        invitations::{CopyLink, Invited, ResendInvitation},
        members::AccountFacts,
    },
    ask::Post,
    components::{Button, ErrorBox, Icon, Look, PermissionSummary, Time},
    domain::{ids::MemberId, list::ListQuery, policy::Verdict, role::Grant},
    i18n::{Locale, refusal_text, role_name, text},
    paths,
};
use leptos::prelude::*;

/// The answer to an invitation that was not sent; `None` for one that was.
pub(super) fn outcome(users: Users, facts: &AccountFacts, invited: Invited, email: String) -> Option<AnyView> {
    let locale = users.locale;
    let edit = move |member: MemberId| {
        let href = users.over(paths::edit(&users.slug.get(), member));
        view! { <a href=href data-noscroll="">{text!(locale, users.edit)}</a> }
    };
    let found =
        with_view(paths::users(facts.slug.as_str()), &ListQuery { search: email.clone(), ..ListQuery::default() });
    let show = view! { <a href=found data-noscroll="">{text!(locale, users.show_in_list)}</a> };
    Some(match invited {
        Invited::Done { .. } => return None,
        Invited::AlreadyMember { member, role } => {
            let role = role_name(locale, &role, Some(&facts.roles));
            note(view! {
                <p>{text!(locale, users.already_member, email = email, role = role)}</p>
                <p class="note-links">{edit(member)} " " {show}</p>
            })
        }
        Invited::AlreadyInvited { member, since, by } => {
            let by = by.map(|name| text!(locale, users.already_invited_by, name = name));
            let resend = move |()| {
                users
                    .resend
                    .dispatch(ResendInvitation { account: users.slug.get_untracked(), member: member.to_string() });
                users.back_to_list();
            };
            note(view! {
                <p>{text!(locale, users.already_invited, email = email)} " " <Time at=since /> " " {by}</p>
                <p class="note-links">
                    <Button look=Look::Plain on_click=Callback::new(resend)>{text!(locale, users.resend)}</Button>
                    {edit(member)} " " {show}
                </p>
            })
        }
        Invited::Suspended { .. } => note(view! {
            <p>{text!(locale, users.already_suspended, email = email)}</p>
            <p class="note-links">{show}</p>
        }),
        Invited::RemovedBefore { previous, restore, .. } => {
            removed_before(locale, facts, email, previous, &restore).into_any()
        }
    })
}

fn note(content: impl IntoView + 'static) -> AnyView {
    view! { <div class="note note-info"><Icon name="info" /> <div>{content}</div></div> }.into_any()
}

/// Restore or start fresh: part of the form, which is sent once more with the answer (R4).
fn removed_before(
    locale: Locale,
    facts: &AccountFacts,
    email: String,
    previous: Grant,
    restore: &Verdict,
) -> impl IntoView + use<> {
    let refusal = restore.refusal().map(|refusal| {
        view! { <span class="card-line">{refusal_text(locale, refusal, Some(&facts.roles))}</span> }
    });
    let refused = refusal.is_some();
    let role = role_name(locale, &previous.role, Some(&facts.roles));
    view! {
        <fieldset class="again">
            <legend>{text!(locale, users.removed_before, email = email)}</legend>
            <label class="card-choice">
                <input type="radio" name="form[again]" value="fresh" checked />
                <span class="card-title">{text!(locale, users.start_fresh)}</span>
                <span class="card-line">{text!(locale, users.start_fresh_line)}</span>
            </label>
            <label class="card-choice">
                <input type="radio" name="form[again]" value="restore" disabled=refused />
                <span class="card-title">{text!(locale, users.restore)} ": " {role}</span>
                {refusal}
            </label>
            <details>
                <summary>{text!(locale, users.restore_details)}</summary>
                <PermissionSummary permissions=facts.roles.permissions_of(&previous) roles=facts.roles.clone() />
            </details>
        </fieldset>
    }
}

/// Invited, but nothing was sent: the link is handed over here and now (R61).
#[component]
pub(super) fn NotMailed(
    users: Users,
    member: MemberId,
    email: String,
    /// Emptied to invite somebody else.
    again: RwSignal<Option<(MemberId, String)>>,
) -> impl IntoView {
    let locale = users.locale;
    let copy = Post::<CopyLink>::new();
    let link = RwSignal::new(None);
    copy.on_success(move |copied| link.set(Some(copied)));
    let ask = move |()| {
        copy.dispatch(CopyLink { account: users.slug.get_untracked(), member: member.to_string() });
    };
    let name = email.clone();
    let hand_over = move || match link.get() {
        Some(link) => view! { <LinkField link name=name.clone() /> }.into_any(),
        None => view! {
            <Button look=Look::Plain icon="copy" busy=copy.pending() on_click=Callback::new(ask)>
                {text!(locale, users.copy_link)}
            </Button>
        }
        .into_any(),
    };
    view! {
        <div class="form">
            <div class="note note-warn" role="status">
                <Icon name="alert" />
                <div>
                    <p><strong>{text!(locale, users.invited_no_mail_title, email = email)}</strong></p>
                    <p>{text!(locale, users.invited_no_mail)}</p>
                </div>
            </div>
            <ErrorBox error=copy.error() />
            {hand_over}
            <div class="actions">
                <a class="button button-primary" href=move || users.list() data-noscroll="">{text!(locale, users.done)}</a>
                <Button look=Look::Plain on_click=Callback::new(move |()| again.set(None))>{text!(locale, users.invite_another)}</Button>
            </div>
        </div>
    }
}
