//! `/me/sessions`: the browsers that one is signed in with.

use super::{read_only, saved};
use crate::{
    api::own_login::{EndOtherSessions, EndSession, ListSessions, OwnSession, OwnSessions},
    components::{Badge, Button, ErrorBox, Look, Time, Tone},
    i18n::{Locale, text, use_locale},
    pages::{Failed, loaded},
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(SessionsRoute, own_login, SessionsPage);

/// The page.
#[component]
fn SessionsPage() -> impl IntoView {
    let locale = use_locale();
    let sessions = Query::new(|| ListSessions {});
    let (end, end_others) = (FormAction::<EndSession>::new(), FormAction::<EndOtherSessions>::new());
    end.on_success(move |()| {
        end_others.clear();
        sessions.refetch();
    });
    end_others.on_success(move |_| {
        end.clear();
        sessions.refetch();
    });
    let list = loaded(move || async move {
        match sessions.await {
            Ok(sessions) => list(locale, end, end_others, sessions),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    let done = move || {
        let one = end.output().get().map(|()| text!(locale, own_login.session_ended).to_owned());
        let all = end_others.output().get().map(|all| match all.ended {
            0 => text!(locale, own_login.no_others).to_owned(),
            1 => text!(locale, own_login.other_ended).to_owned(),
            ended => text!(locale, own_login.others_ended, ended = ended),
        });
        one.or(all).map(saved)
    };
    view! {
        <Title text=text!(locale, own_login.sessions) />
        <ErrorBox error=end.error() />
        <ErrorBox error=end_others.error() />
        {done}
        {list}
    }
}

fn list(
    locale: Locale,
    end: FormAction<EndSession>,
    end_others: FormAction<EndOtherSessions>,
    OwnSessions { sessions, may_change }: OwnSessions,
) -> AnyView {
    let others = sessions.iter().any(|session| !session.present);
    let lines: Vec<_> = sessions.into_iter().map(|session| line(locale, end, session)).collect();
    view! {
        {(!may_change).then(|| read_only(locale))}
        <section class="panel">
            <h2>{text!(locale, own_login.sessions_title)}</h2>
            {may_change.then(|| view! { <p>{text!(locale, own_login.sessions_text)}</p> })}
            <ul class="lines">{lines}</ul>
            {(others && may_change)
                .then(|| {
                    view! {
                        <ActionForm action=end_others>
                            <Button look=Look::Danger busy=end_others.pending()>
                                {text!(locale, own_login.end_others)}
                            </Button>
                        </ActionForm>
                    }
                })}
        </section>
    }
    .into_any()
}

fn line(locale: Locale, end: FormAction<EndSession>, session: OwnSession) -> impl IntoView {
    let name = name(locale, session.browser, session.system);
    let way_out = if session.present {
        view! { <Badge tone=Tone::Good icon="check">{text!(locale, own_login.this_one)}</Badge> }.into_any()
    } else {
        let label = text!(locale, own_login.end_session_of, browser = name.clone(), ip = session.ip.clone());
        view! {
            <ActionForm action=end>
                <input type="hidden" name="session" value=session.id.to_string() />
                <button type="submit" class="button button-small" aria-label=label>
                    {text!(locale, own_login.end_session)}
                </button>
            </ActionForm>
        }
        .into_any()
    };
    view! {
        <li>
            <div class="lines-what">
                <strong>{name}</strong>
                <dl class="facts">
                    <dt>{text!(locale, own_login.last_used)}</dt>
                    <dd>
                        <Time at=session.last_used />
                    </dd>
                    <dt>{text!(locale, own_login.began)}</dt>
                    <dd>
                        <Time at=session.began />
                    </dd>
                    <dt>{text!(locale, own_login.ip)}</dt>
                    <dd>{session.ip}</dd>
                </dl>
            </div>
            {way_out}
        </li>
    }
}

/// The browser and its system, as far as they are known.
pub(super) fn name(locale: Locale, browser: Option<String>, system: Option<String>) -> String {
    match (browser, system) {
        (Some(browser), Some(system)) => text!(locale, own_login.browser_on, browser = browser, system = system),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => text!(locale, own_login.unknown_browser).to_owned(),
    }
}
