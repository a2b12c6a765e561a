//! The parts that the pages of an invitation share.

use crate::{
    api::joining::OpenInvitation,
    components::{Icon, PermissionSummary, Time},
    i18n::{Locale, role_name, text},
};
use leptos::prelude::*;

/// A heading and a sentence.
pub(super) fn heading(title: impl Into<String>, text: impl Into<String>) -> AnyView {
    view! {
        <h1>{title.into()}</h1>
        <p class="page-lead">{text.into()}</p>
    }
    .into_any()
}

/// A note that something went well.
pub(super) fn note(text: impl Into<String>) -> impl IntoView {
    view! {
        <div class="note note-good" tabindex="-1" data-focus="">
            <Icon name="check" />
            <p>{text.into()}</p>
        </div>
    }
}

/// Account, inviter, role, what it allows.
pub(super) fn offer(locale: Locale, open: &OpenInvitation) -> impl IntoView + use<> {
    let inviter = match &open.inviter {
        Some(inviter) => {
            let (name, email) = (inviter.name.clone(), inviter.email.clone());
            view! { {name} " " <span class="quiet">{email}</span> }.into_any()
        }
        None => text!(locale, joining.inviter_unknown).into_any(),
    };
    let allowed = if open.role.is_owner() {
        view! { <p>{text!(locale, joining.everything)}</p> }.into_any()
    } else if open.permissions.is_empty() {
        view! { <p>{text!(locale, joining.nothing)}</p> }.into_any()
    } else {
        view! { <PermissionSummary permissions=open.permissions.clone() roles=open.roles.clone() /> }.into_any()
    };
    view! {
        <dl class="facts">
            <dt>{text!(locale, joining.account)}</dt>
            <dd>{open.account.clone()}</dd>
            <dt>{text!(locale, joining.invited_by)}</dt>
            <dd>{inviter}</dd>
            <dt>{text!(locale, joining.role)}</dt>
            <dd>{role_name(locale, &open.role, Some(&open.roles))}</dd>
            <dt>{text!(locale, joining.expires)}</dt>
            <dd>
                <Time at=open.expires />
            </dd>
        </dl>
        <details class="disclosure" open>
            <summary>{text!(locale, joining.what_it_allows)}</summary>
            {allowed}
        </details>
    }
}
