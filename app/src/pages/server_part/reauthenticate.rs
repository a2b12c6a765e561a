//! Proving anew who one is, before what is most dangerous (AZ-16): which proof counts, and why where the account's provider cannot give it.

use super::{
    kit::{button, form, hidden, note, notice, refused, time},
    render::Place,
};
use crate::{
    api::login_methods::{
        MailReauthenticationCode, ReauthenticateByCode, ReauthenticateByPassword, ReauthenticationView,
    },
    api::session::WayIn,
    domain::{
        fields::Field,
        oauth::{OtherProof, Recency},
    },
    i18n::{problem_text, text},
};
use leptos::prelude::*;

/// The page.
pub(super) fn page(place: &Place<'_>, view: ReauthenticationView) -> (String, AnyView) {
    let locale = place.locale;
    let title = text!(locale, methods.prove_title);
    let notice = notice(locale, view.notice.clone());
    let refused = refused(locale, &view.errors);
    let ways = if view.fresh {
        view! {
            {note("note note-good", "check", view! { <p>{text!(locale, methods.prove_fresh)}</p> })}
            <div class="actions">
                <a class="button button-primary" href=view.next.clone()>{text!(locale, methods.prove_go_on)}</a>
            </div>
        }
        .into_any()
    } else {
        ways(place, &view)
    };
    let lead = text!(locale, methods.prove_lead, minutes = view.minutes);
    let page = view! {
        <header class="page-head">
            <div>
                <h1>{title}</h1>
                <p class="page-lead">{lead}</p>
            </div>
        </header>
        {notice}
        {refused}
        {ways}
    };
    (title.to_owned(), page.into_any())
}

fn ways(place: &Place<'_>, view: &ReauthenticationView) -> AnyView {
    let Some(provider) = &view.provider else {
        return view! { <section class="panel">{by_password(place, view)}</section> }.into_any();
    };
    let locale = place.locale;
    let name = provider.name.clone();
    let why = view.shortfall.as_ref().and_then(|shortfall| why(place, provider, shortfall));
    let other = view.shortfall.as_ref().map(|_| other(place, view));
    // Plain OAuth 2.0 proves nothing however often it is tried, unless there is nothing else.
    let leads_on = view.shortfall != Some(Recency::Unsupported) || view.other.is_none();
    let again = leads_on.then(|| {
        view! {
            <section class="panel">
                <h2>{text!(locale, methods.prove_provider_title, provider = name.clone())}</h2>
                <p>{text!(locale, methods.prove_provider_text)}</p>
                <div class="actions">
                    <a class="button" href=provider.start.clone() rel="external">
                        {text!(locale, session.continue_with, method = name)}
                    </a>
                </div>
            </section>
        }
    });
    view! {
        {why}
        {other}
        {again}
    }
    .into_any()
}

/// Why the provider's word is no proof.
fn why(place: &Place<'_>, provider: &WayIn, shortfall: &Recency) -> Option<AnyView> {
    let locale = place.locale;
    let name = provider.name.clone();
    let (words, at) = match shortfall {
        Recency::Recent(_) => return None,
        Recency::Stale(at) => (text!(locale, methods.prove_stale, provider = name), Some(*at)),
        Recency::Unknown => (text!(locale, methods.prove_unknown, provider = name), None),
        Recency::Missing => (text!(locale, methods.prove_missing, provider = name), None),
        Recency::Implausible(value) => {
            (text!(locale, methods.prove_implausible, provider = name, value = value.clone()), None)
        }
        Recency::Unsupported => (text!(locale, methods.prove_unsupported, provider = name), None),
    };
    let at = at.map(|at| view! { <p>{time(at)}</p> });
    Some(note("note note-warn", "alert", view! { <p>{words}</p> {at} }))
}

/// What counts instead.
fn other(place: &Place<'_>, view: &ReauthenticationView) -> AnyView {
    let locale = place.locale;
    let proof = match view.other {
        Some(OtherProof::Password) => view! {
            <p>{text!(locale, methods.prove_other_password)}</p>
            {by_password(place, view)}
        }
        .into_any(),
        Some(OtherProof::Code) => view! {
            <p>{text!(locale, methods.prove_other_code, email = view.email.clone())}</p>
            {by_code(place, view)}
        }
        .into_any(),
        None => view! { <p>{text!(locale, methods.prove_other_none)}</p> }.into_any(),
    };
    view! {
        <section class="panel">
            <h2>{text!(locale, methods.prove_other_title)}</h2>
            {proof}
        </section>
    }
    .into_any()
}

fn by_password(place: &Place<'_>, view: &ReauthenticationView) -> AnyView {
    let locale = place.locale;
    let fields = view! {
        {hidden("form[next]", &view.next)}
        // For password managers, which look for a name beside a password.
        <input type="email" value=view.email.clone() autocomplete="username" readonly hidden />
        <div class="field">
            <label for="form-password">{text!(locale, methods.prove_password_label)}</label>
            <p class="field-hint" id="form-password-hint">
                {text!(locale, methods.prove_password_text, email = view.email.clone())}
            </p>
            <input
                id="form-password"
                name="form[password]"
                type="password"
                autocomplete="current-password"
                required
                aria-describedby="form-password-hint"
            />
        </div>
        <div class="actions">{button("button button-primary", text!(locale, methods.prove_confirm), true)}</div>
    };
    form::<ReauthenticateByPassword>(place.slug, "form", fields)
}

fn by_code(place: &Place<'_>, view: &ReauthenticationView) -> AnyView {
    let locale = place.locale;
    let problem = view.errors.of(Field::Code).map(|problem| problem_text(locale, problem));
    let mail = view! {
        {hidden("form[next]", &view.next)}
        {button("button", text!(locale, methods.prove_mail_code), true)}
    };
    let typed = view! {
        {hidden("form[next]", &view.next)}
        <div class="field">
            <label for="form-code">{text!(locale, methods.prove_code)}</label>
            <input
                id="form-code"
                name="form[code]"
                type="text"
                inputmode="numeric"
                autocomplete="one-time-code"
                required
                aria-describedby="form-code-problem"
                aria-invalid=problem.is_some().then_some("true")
            />
            <p class="field-problem" id="form-code-problem">{problem}</p>
        </div>
        <div class="actions">{button("button button-primary", text!(locale, methods.prove_confirm), true)}</div>
    };
    view! {
        {form::<MailReauthenticationCode>(place.slug, "inline", mail)}
        {form::<ReauthenticateByCode>(place.slug, "form", typed)}
    }
    .into_any()
}
