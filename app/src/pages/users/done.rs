//! What was done by a form that the browser itself sent, said above the list that it led to.

use super::{
    Users,
    invite_outcome::{copy_form, not_mailed_note},
    words::{edited_words, invited_words, reactivated_words, removed_words, resent_words, suspended_words},
};
use crate::{
    api::{
        invitations::{InviteUser, Invited, ResendInvitation},
        members::{EditMember, ReactivateMember, RemoveMember, SuspendMember},
    },
    components::done,
    rpc::flashed_output,
};
use leptos::prelude::*;

/// What was done, if this page came of that.
pub(super) fn done_note(users: Users) -> Option<AnyView> {
    let locale = users.locale;
    let invited = flashed_output::<InviteUser>();
    let words = invited
        .as_ref()
        .and_then(|invited| invited_words(locale, invited))
        .or_else(|| flashed_output::<ResendInvitation>().map(|resent| resent_words(locale, resent)))
        .or_else(|| flashed_output::<EditMember>().and_then(|edited| edited_words(locale, &edited)))
        .or_else(|| flashed_output::<RemoveMember>().map(|removed| removed_words(locale, removed)))
        .or_else(|| flashed_output::<SuspendMember>().map(|suspended| suspended_words(locale, suspended)))
        .or_else(|| flashed_output::<ReactivateMember>().map(|reactivated| reactivated_words(locale, reactivated)));
    match (words, invited) {
        (Some(words), _) => Some(done(words)),
        (None, Some(Invited::Done { member, email, .. })) => Some(
            view! {
                {not_mailed_note(locale, email)}
                {copy_form(users, users.copy, member)}
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
