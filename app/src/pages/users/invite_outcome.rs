//! The result of inviting somebody where it needs an answer: shown in the dialog, with what to do next (R2 to R5, R61).

use super::{Users, edit::whole_grant_words, link::LinkField};
use crate::{
    api::{
        invitations::{CopyLink, Invited, ResendInvitation},
        members::{AccountFacts, ReactivateMember},
    },
    components::{Button, ErrorBox, Icon, Look, PermissionSummary, Time},
    domain::{ids::MemberId, list::ListQuery, policy::Verdict, role::Grant},
    i18n::{Locale, refusal_text, role_name, text},
    paths::{self, with_view},
    rpc::{ActionForm, FormAction},
};
use leptos::{ev, prelude::*, server_fn::ServerFn};

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
            let resend = move |event: ev::MouseEvent| {
                event.prevent_default();
                users
                    .rows
                    .resend
                    .dispatch(ResendInvitation { account: users.slug.get_untracked(), member: member.to_string() });
                users.back_to_list();
            };
            note(view! {
                <p>{text!(locale, users.already_invited, email = email)} " " <Time at=since /> " " {by}</p>
                <p class="note-links">
                    // Without scripting it sends a form of its own.
                    <button
                        type="submit"
                        class="button"
                        form=RESEND_FORM
                        name="member"
                        value=member.to_string()
                        on:click=resend
                    >
                        {text!(locale, users.resend)}
                    </button>
                    {edit(member)} " " {show}
                </p>
            })
        }
        Invited::Suspended { member } => {
            let reactivate = move |event: ev::MouseEvent| {
                event.prevent_default();
                let (account, member) = (users.slug.get_untracked(), member.to_string());
                users.rows.reactivate.dispatch(ReactivateMember { account, member });
                users.back_to_list();
            };
            note(view! {
                <p>{text!(locale, users.already_suspended, email = email)}</p>
                <p class="note-links">
                    // Without scripting it sends a form of its own.
                    <button
                        type="submit"
                        class="button"
                        form=REACTIVATE_FORM
                        name="member"
                        value=member.to_string()
                        on:click=reactivate
                    >
                        {text!(locale, users.reactivate)}
                    </button>
                    {show}
                </p>
            })
        }
        Invited::RemovedBefore { previous, restore, .. } => {
            removed_before(locale, facts, email, previous, &restore).into_any()
        }
    })
}

fn note(content: impl IntoView + 'static) -> AnyView {
    view! { <div class="note note-info"><Icon name="info" /> <div>{content}</div></div> }.into_any()
}

const RESEND_FORM: &str = "resend-form";
const REACTIVATE_FORM: &str = "reactivate-form";

/// The forms that send an older invitation again, and reactivate somebody. They stand beside the form for inviting, where the Enter key must
/// not reach them.
pub(super) fn other_forms(users: Users) -> AnyView {
    let form = |id: &'static str, path: &'static str| {
        view! {
            <form id=id method="post" action=path hidden>
                <input type="hidden" name="account" value=users.slug.get_untracked() />
            </form>
        }
    };
    view! {
        {form(RESEND_FORM, ResendInvitation::PATH)}
        {form(REACTIVATE_FORM, ReactivateMember::PATH)}
    }
    .into_any()
}

/// Restore or start fresh: either button sends the form once more, with the answer (R4).
fn removed_before(
    locale: Locale,
    facts: &AccountFacts,
    email: String,
    previous: Grant,
    restore: &Verdict,
) -> impl IntoView + use<> {
    let refusal = restore.refusal().map(|refusal| refusal_text(locale, refusal, Some(&facts.roles)));
    let refused = refusal.is_some();
    let grant = whole_grant_words(locale, &previous, &facts.roles);
    view! {
        // The button that was pressed goes, and its focus comes here.
        <fieldset class="again" tabindex="-1" data-focus="">
            <legend>{text!(locale, users.removed_before, email = email)}</legend>
            // The Enter key presses this button: with another address by then, neither answer is meant.
            <button type="submit" hidden></button>
            <div class="again-choice">
                <button type="submit" class="button" name="form[again]" value="fresh" aria-describedby="again-fresh">
                    {text!(locale, users.start_fresh)}
                </button>
                <span class="card-line" id="again-fresh">{text!(locale, users.start_fresh_line)}</span>
            </div>
            <div class="again-choice">
                <button
                    type=if refused { "button" } else { "submit" }
                    class="button"
                    name="form[again]"
                    value="restore"
                    aria-disabled=refused.then_some("true")
                    aria-describedby="again-restore"
                >
                    {text!(locale, users.restore)} ": " {grant}
                </button>
                <span class="card-line" id="again-restore">{refusal}</span>
            </div>
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
    let copy = FormAction::<CopyLink>::new();
    let hand_over = move || match copy.output().get() {
        Some(link) => view! { <LinkField link /> }.into_any(),
        None => copy_form(users, copy, member),
    };
    view! {
        <div class="form">
            {not_mailed_note(locale, email)}
            <ErrorBox error=copy.error() />
            {hand_over}
            <div class="actions">
                <a class="button" href=move || users.list() data-noscroll="">{text!(locale, users.done)}</a>
                <Button look=Look::Plain on_click=Callback::new(move |()| again.set(None))>{text!(locale, users.invite_another)}</Button>
            </div>
        </div>
    }
}

/// Says that somebody is invited without having heard of it.
pub(super) fn not_mailed_note(locale: Locale, email: String) -> AnyView {
    view! {
        <div class="note note-warn" tabindex="-1" data-autofocus="">
            <Icon name="alert" />
            <div>
                <p><strong>{text!(locale, users.invited_no_mail_title, email = email)}</strong></p>
                <p>{text!(locale, users.invited_no_mail)}</p>
            </div>
        </div>
    }
    .into_any()
}

/// Asks for somebody's link.
pub(super) fn copy_form(users: Users, copy: FormAction<CopyLink>, member: MemberId) -> AnyView {
    view! {
        <ActionForm action=copy>
            <input type="hidden" name="account" value=users.slug.get_untracked() />
            <input type="hidden" name="member" value=member.to_string() />
            <Button icon="copy" busy=copy.pending()>
                {text!(users.locale, users.copy_link)}
            </Button>
        </ActionForm>
    }
    .into_any()
}
