//! “Never again”: refusing all further invitations of the account, and taking that back (R51).

use super::{Page, parts::note};
use crate::{
    api::joining::{RefusalView, RefuseInvitations},
    components::{Button, ErrorBox, Look},
    i18n::text,
    pages::loaded,
    rpc::{ActionForm, FormAction},
};
use leptos::prelude::*;

impl Page {
    /// What stands below the page of an invitation, for whoever came by a mailed link.
    pub(super) fn refusal(self) -> AnyView {
        loaded(move || async move {
            match self.refusal.await {
                Ok(Some(view)) if view.refused => self.allow(view),
                Ok(Some(view)) => self.refuse(view),
                Ok(None) | Err(_) => ().into_any(),
            }
        })
    }

    /// Shows both once more.
    pub(super) fn reload(self) {
        self.invitation.refetch();
        self.refusal.refetch();
    }

    fn refuse(self, view: RefusalView) -> AnyView {
        let (locale, id) = (self.locale, view.id.map(|id| id.to_string()).unwrap_or_default());
        let refuse = FormAction::<RefuseInvitations>::new();
        refuse.on_success(move |()| self.reload());
        view! {
            <details class="disclosure">
                <summary>{text!(locale, joining.refuse_title)}</summary>
                <p>{text!(locale, joining.refuse_text, account = view.account)}</p>
                <ErrorBox error=refuse.error() />
                <ActionForm action=refuse>
                    <input type="hidden" name="invitation" value=id />
                    <Button look=Look::Danger busy=refuse.pending()>{text!(locale, joining.refuse)}</Button>
                </ActionForm>
            </details>
        }
        .into_any()
    }

    fn allow(self, view: RefusalView) -> AnyView {
        let (locale, allow) = (self.locale, self.allow);
        // Of an invitation that is gone, the link alone says which refusal is meant.
        let id = view.id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
        view! {
            {note(text!(locale, joining.refused, account = view.account))}
            <p class="field-hint">{text!(locale, joining.refused_hint)}</p>
            <ErrorBox error=allow.error() />
            <ActionForm action=allow>
                <input type="hidden" name="invitation" value=id />
                <Button look=Look::Plain busy=allow.pending()>{text!(locale, joining.allow)}</Button>
            </ActionForm>
        }
        .into_any()
    }
}
