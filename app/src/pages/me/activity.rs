//! `/me/activity`: what happened to one's login.

use super::{factors::kind_name, read_only, sessions};
use crate::{
    api::own_login::{ListOwnEvents, OwnActivity, OwnEvent},
    components::Time,
    domain::user_event::UserEvent,
    i18n::{Locale, text, use_locale},
    pages::{Failed, loaded},
    paths,
    rpc::Query,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

lazy_page!(ActivityRoute, own_login, ActivityPage);

/// The page.
#[component]
fn ActivityPage() -> impl IntoView {
    let locale = use_locale();
    let query = use_query_map();
    let before = Memo::new(move |_| query.with(|map| map.get("before").unwrap_or_default()));
    let events = Query::new(move || ListOwnEvents { before: before.get() });
    let list = loaded(move || async move {
        match events.await {
            Ok(activity) => list(locale, activity),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, own_login.activity) />
        {list}
    }
}

fn list(locale: Locale, OwnActivity { events, next, may_change }: OwnActivity) -> AnyView {
    if !may_change {
        return read_only(locale);
    }
    let none = events.is_empty();
    let lines: Vec<_> = events.into_iter().map(|event| line(locale, event)).collect();
    view! {
        <section class="panel">
            <h2>{text!(locale, own_login.activity_title)}</h2>
            <p>{text!(locale, own_login.activity_text)}</p>
            {none.then(|| view! { <p>{text!(locale, own_login.activity_none)}</p> })}
            <ul class="lines">{lines}</ul>
            {next
                .map(|next| {
                    let href = format!("{}?before={next}", paths::ME_ACTIVITY);
                    view! {
                        <div class="actions">
                            <a class="button" href=href>{text!(locale, own_login.activity_earlier)}</a>
                        </div>
                    }
                })}
        </section>
    }
    .into_any()
}

fn line(locale: Locale, OwnEvent { at, event, ip, browser, system }: OwnEvent) -> impl IntoView {
    let from = match ip {
        Some(ip) => {
            format!("{} {}", sessions::name(locale, browser, system), text!(locale, own_login.from_ip, ip = ip))
        }
        None => text!(locale, own_login.by_operator).to_owned(),
    };
    view! {
        <li>
            <div class="lines-what">
                <strong>{words(locale, &event)}</strong>
                <p>{from}</p>
            </div>
            <Time at />
        </li>
    }
}

fn words(locale: Locale, event: &UserEvent) -> String {
    match event {
        UserEvent::SignedIn { own_password: true, .. } => text!(locale, own_login.event_signed_in).into(),
        UserEvent::SignedIn { own_password: false, .. } => text!(locale, own_login.event_signed_in_by_provider).into(),
        UserEvent::WentToPlatform { name } => {
            text!(locale, own_login.event_went_to_platform, platform = name.clone())
        }
        UserEvent::PasswordChanged => text!(locale, own_login.event_password_changed).into(),
        UserEvent::PasswordReset { operator: false } => text!(locale, own_login.event_password_reset).into(),
        UserEvent::PasswordReset { operator: true } => text!(locale, own_login.event_password_reset_operator).into(),
        UserEvent::AddressChangeAsked => text!(locale, own_login.event_address_change_asked).into(),
        UserEvent::AddressChanged => text!(locale, own_login.event_address_changed).into(),
        UserEvent::AddressChangeUndone => text!(locale, own_login.event_address_change_undone).into(),
        UserEvent::SecondFactorAdded { factor } => {
            text!(locale, factors.event_added, factor = kind_name(locale, *factor))
        }
        UserEvent::SecondFactorRemoved { factor } => {
            text!(locale, factors.event_removed, factor = kind_name(locale, *factor))
        }
        UserEvent::RecoveryCodesMade => text!(locale, factors.event_codes_made).into(),
        UserEvent::RecoveryCodeUsed => text!(locale, factors.event_code_used).into(),
        UserEvent::SecondFactorsReset => text!(locale, factors.event_reset).into(),
        UserEvent::SecondFactorsTakenBack => text!(locale, factors.event_taken_back).into(),
        UserEvent::DeletionAsked => text!(locale, own_login.event_deletion_asked).into(),
        UserEvent::LoginKept => text!(locale, own_login.event_login_kept).into(),
        UserEvent::PasskeyCopied => text!(locale, factors.event_copied).into(),
        UserEvent::SessionEnded { .. } => text!(locale, own_login.event_session_ended).into(),
        UserEvent::OtherSessionsEnded { ended: 1 } => text!(locale, own_login.event_other_session_ended).into(),
        UserEvent::OtherSessionsEnded { ended } => {
            text!(locale, own_login.event_other_sessions_ended, ended = *ended)
        }
    }
}
