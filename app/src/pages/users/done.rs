//! What was done by a form that the browser itself sent, said above the list that it led to.

use super::{
    Users,
    invite_outcome::{copy_form, not_mailed_note},
    words::{
        edited_words, invited_words, reactivated_words, removed_words, resent_words, suspended_words, undone_words,
    },
};
use crate::{
    api::{
        invitations::{InviteUser, Invited, ResendInvitation},
        members::{EditMember, ReactivateMember, RemoveMember, Removed, SuspendMember, UndoRemoval},
    },
    components::{Button, Look, done},
    domain::ids::MemberId,
    i18n::text,
    rpc::{ActionForm, flashed_output},
};
use leptos::prelude::*;

/// What was done, if this page came of that.
pub(super) fn done_note(users: Users) -> Option<AnyView> {
    let locale = users.locale;
    let invited = flashed_output::<InviteUser>();
    let removed = flashed_output::<RemoveMember>();
    let words = invited
        .as_ref()
        .and_then(|invited| invited_words(locale, invited))
        .or_else(|| flashed_output::<ResendInvitation>().map(|resent| resent_words(locale, resent)))
        .or_else(|| flashed_output::<EditMember>().and_then(|edited| edited_words(locale, &edited)))
        .or_else(|| removed.as_ref().map(|removed| removed_words(locale, removed)))
        .or_else(|| flashed_output::<UndoRemoval>().map(|undone| undone_words(locale, undone)))
        .or_else(|| flashed_output::<SuspendMember>().map(|suspended| suspended_words(locale, suspended)))
        .or_else(|| flashed_output::<ReactivateMember>().map(|reactivated| reactivated_words(locale, reactivated)));
    let undo = match removed {
        Some(Removed::Done { member, was_invited: false, .. }) => Some(undo_form(users, member)),
        Some(Removed::Done { was_invited: true, .. } | Removed::AlreadyRemoved) | None => None,
    };
    match (words, invited) {
        (Some(words), _) => Some(view! { {done(words)} {undo} }.into_any()),
        (None, Some(Invited::Done { member, email, .. })) => Some(
            view! {
                {not_mailed_note(locale, email)}
                {copy_form(users, users.rows.copy, member)}
            }
            .into_any(),
        ),
        (
            None,
            None
            | Some(
                Invited::AlreadyMember { .. }
                | Invited::AlreadyInvited { .. }
                | Invited::Suspended { .. }
                | Invited::RemovedBefore { .. },
            ),
        ) => None,
    }
}

/// Undoes the removal that this page tells of (R64).
fn undo_form(users: Users, member: MemberId) -> AnyView {
    view! {
        <ActionForm action=users.rows.undo>
            <input type="hidden" name="account" value=users.slug.get_untracked() />
            <input type="hidden" name="member" value=member.to_string() />
            <Button look=Look::Small icon="undo" busy=users.rows.undo.pending()>{text!(users.locale, users.undo)}</Button>
        </ActionForm>
    }
    .into_any()
}
