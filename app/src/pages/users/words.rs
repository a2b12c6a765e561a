//! What the list and its dialogs say about roles, login methods, states and numbers.

use crate::{
    api::{
        invitations::{Invited, Resent},
        members::{Edited, Reactivated, RemovalUndone, Removed, Suspended, UsersPage},
    },
    domain::{
        list::{Count, MAX_COUNTED_ROWS, Sort},
        member::{LoginMethod, LoginMethodKind, MailState, ShownState},
        role::{BuiltInRole, RoleKey},
    },
    i18n::{Locale, grouped, text},
};

/// The name of a login method: the account's own, or the built-in one in this language.
pub(super) fn method_name(locale: Locale, method: &LoginMethod) -> String {
    match (&method.name, method.kind) {
        (Some(name), _) => name.clone(),
        (None, LoginMethodKind::Password) => text!(locale, catalogue.method_password).to_owned(),
        // A provider has a name from its set-up on.
        (None, LoginMethodKind::OAuth) => String::new(),
    }
}

/// What a login method asks of the invited person.
pub(super) fn method_line(locale: Locale, method: &LoginMethod) -> String {
    match (method.kind, &method.hint) {
        (LoginMethodKind::Password, _) => text!(locale, catalogue.method_password_line).to_owned(),
        (LoginMethodKind::OAuth, Some(hint)) => text!(locale, catalogue.method_oauth_claim, claim = hint.claim.clone()),
        (LoginMethodKind::OAuth, None) => text!(locale, catalogue.method_oauth_line).to_owned(),
    }
}

/// What a built-in role is for. An account's own role speaks through its permissions.
pub(super) fn role_line(locale: Locale, key: &RoleKey) -> Option<&'static str> {
    Some(match BuiltInRole::from_key(key)? {
        BuiltInRole::Owner => text!(locale, catalogue.role_line_owner),
        BuiltInRole::Admin => text!(locale, catalogue.role_line_admin),
        BuiltInRole::Editor => text!(locale, catalogue.role_line_editor),
        BuiltInRole::Agent => text!(locale, catalogue.role_line_agent),
        BuiltInRole::Analyst => text!(locale, catalogue.role_line_analyst),
        BuiltInRole::Viewer => text!(locale, catalogue.role_line_viewer),
    })
}

/// A state of the list.
pub(super) fn state_name(locale: Locale, state: ShownState) -> &'static str {
    match state {
        ShownState::Invited => text!(locale, catalogue.state_invited),
        ShownState::Expired => text!(locale, catalogue.state_expired),
        ShownState::Declined => text!(locale, catalogue.state_declined),
        ShownState::AwaitingApproval => text!(locale, catalogue.state_awaiting_approval),
        ShownState::Active => text!(locale, catalogue.state_active),
        ShownState::Suspended => text!(locale, catalogue.state_suspended),
        ShownState::Removed => text!(locale, catalogue.state_removed),
    }
}

/// An order of the list.
pub(super) fn sort_name(locale: Locale, sort: Sort) -> &'static str {
    match sort {
        Sort::NameUp => text!(locale, users.sort_name),
        Sort::NameDown => text!(locale, users.sort_name_down),
        Sort::LastActiveDown => text!(locale, users.sort_active_down),
        Sort::LastActiveUp => text!(locale, users.sort_active),
        Sort::InvitedDown => text!(locale, users.sort_invited_down),
        Sort::InvitedUp => text!(locale, users.sort_invited),
        Sort::RoleUp => text!(locale, users.sort_role),
        Sort::RoleDown => text!(locale, users.sort_role_down),
        Sort::StatusUp => text!(locale, users.sort_status),
        Sort::StatusDown => text!(locale, users.sort_status_down),
    }
}

/// How many people there are, or were found.
pub(super) fn count_words(locale: Locale, count: Count, filtered: bool) -> String {
    match (count, filtered) {
        (Count::Exactly(1), false) => text!(locale, users.count_one).to_owned(),
        (Count::Exactly(1), true) => text!(locale, users.found_one).to_owned(),
        (Count::Exactly(n), false) => text!(locale, users.count_many, count = grouped(locale, n)),
        (Count::Exactly(n), true) => text!(locale, users.found_many, count = grouped(locale, n)),
        (Count::Many, false) => text!(locale, users.count_more, count = grouped(locale, MAX_COUNTED_ROWS)),
        (Count::Many, true) => text!(locale, users.found_more, count = grouped(locale, MAX_COUNTED_ROWS)),
    }
}

/// Which rows of how many a page shows: "51–100 of 305".
pub(super) fn range_words(locale: Locale, page: &UsersPage) -> String {
    let rows = page.rows.len() as u64;
    let Some(skipped) = page.skipped else {
        return text!(locale, users.range_beyond, count = grouped(locale, MAX_COUNTED_ROWS));
    };
    let (first, last) = (grouped(locale, skipped + 1), grouped(locale, skipped + rows));
    match page.count {
        Count::Exactly(count) if rows == 1 => {
            text!(locale, users.range_one, last = last, count = grouped(locale, count))
        }
        Count::Exactly(count) => text!(locale, users.range, first = first, last = last, count = grouped(locale, count)),
        Count::Many => {
            text!(locale, users.range_more, first = first, last = last, count = grouped(locale, MAX_COUNTED_ROWS))
        }
    }
}

/// That somebody was invited and the mail is on its way. For all else there is more to say than a sentence.
pub(super) fn invited_words(locale: Locale, invited: &Invited) -> Option<String> {
    match invited {
        Invited::Done { mail: MailState::NoMailServer, .. }
        | Invited::AlreadyMember { .. }
        | Invited::AlreadyInvited { .. }
        | Invited::Suspended { .. }
        | Invited::RemovedBefore { .. } => None,
        Invited::Done {
            email,
            mail:
                MailState::Queued { .. }
                | MailState::Accepted { .. }
                | MailState::Deferred { .. }
                | MailState::Unanswered { .. }
                | MailState::Refused { .. },
            ..
        } => Some(text!(locale, users.invited_done, email = email.clone())),
    }
}

/// What became of sending again.
pub(super) fn resent_words(locale: Locale, Resent { email, mail, .. }: Resent) -> String {
    match mail {
        MailState::NoMailServer => text!(locale, users.resent_no_mail, email = email),
        MailState::Queued { .. }
        | MailState::Accepted { .. }
        | MailState::Deferred { .. }
        | MailState::Unanswered { .. }
        | MailState::Refused { .. } => text!(locale, users.resent, email = email),
    }
}

/// That somebody was changed; `None` if nothing was different.
pub(super) fn edited_words(locale: Locale, edited: &Edited) -> Option<String> {
    match edited {
        Edited::Done { row } => Some(text!(locale, users.edited, name = row.label())),
        Edited::Unchanged => None,
    }
}

/// That somebody was removed, or an invitation withdrawn.
pub(super) fn removed_words(locale: Locale, removed: &Removed) -> String {
    match removed {
        Removed::Done { label, was_invited: true, .. } => text!(locale, users.withdrawn_toast, name = label.clone()),
        Removed::Done { label, was_invited: false, .. } => text!(locale, users.removed_toast, name = label.clone()),
        Removed::AlreadyRemoved => text!(locale, users.already_removed).to_owned(),
    }
}

/// That a removal was undone.
pub(super) fn undone_words(locale: Locale, undone: RemovalUndone) -> String {
    match undone {
        RemovalUndone::Done { label } => text!(locale, users.undone_toast, name = label),
        RemovalUndone::TooLate => text!(locale, users.undo_too_late).to_owned(),
    }
}

/// That somebody was suspended.
pub(super) fn suspended_words(locale: Locale, suspended: Suspended) -> String {
    match suspended {
        Suspended::Done { label } => text!(locale, users.suspended_toast, name = label),
        Suspended::NotActive => text!(locale, users.not_active).to_owned(),
    }
}

/// That somebody was reactivated.
pub(super) fn reactivated_words(locale: Locale, reactivated: Reactivated) -> String {
    match reactivated {
        Reactivated::Done { label } => text!(locale, users.reactivated_toast, name = label),
        Reactivated::NotSuspended => text!(locale, users.not_suspended).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::invitation::LIFETIMES_IN_HOURS, i18n::lifetime_words};

    #[test]
    fn the_count_speaks_of_one_person_and_of_more() {
        assert_eq!(count_words(Locale::en, Count::Exactly(1), false), "1 person");
        assert_eq!(count_words(Locale::en, Count::Exactly(12), false), "12 people");
        assert_eq!(count_words(Locale::en, Count::Many, false), "More than 10,000 people");
        assert_eq!(count_words(Locale::de, Count::Exactly(0), true), "0 Personen gefunden");
    }

    #[test]
    fn r21_every_life_on_offer_has_words() {
        let words: Vec<_> = LIFETIMES_IN_HOURS.iter().map(|hours| lifetime_words(Locale::en, *hours)).collect();
        assert_eq!(words, ["1 hour", "1 day", "3 days", "7 days", "14 days", "30 days"]);
    }
}
