//! What a test sign-in brought back (OA-23).

use super::parts::{Forms, Sending, hidden, more, values};
use crate::{
    api::login_methods::{MakeLive, MethodView, ShownClaim, TestResult, TestView, UseForMe},
    components::{Badge, Button, Icon, Look, Note, NoteTone, Time, Tone},
    domain::oauth::{Failure, Fault, Person, Recency, Warning},
    i18n::{Locale, fault_text, text},
};
use leptos::prelude::*;

/// Why a test did not succeed.
pub(super) fn failed(locale: Locale, failure: &Failure) -> AnyView {
    let fault = failure.fault;
    // A test that is not back may yet come.
    let (tone, icon, title) = if fault == Fault::NoReturn {
        (NoteTone::Warn, "clock", text!(locale, methods.test_not_back))
    } else {
        (NoteTone::Bad, "alert", text!(locale, methods.test_failed))
    };
    let values = values(locale, failure);
    view! {
        <Note tone icon>
            <h2>{title}</h2>
            <p>{fault_text(locale, fault)}</p>
            {values}
            {more(locale, fault)}
        </Note>
    }
    .into_any()
}

/// What the test brought back.
pub(super) fn shown_test(forms: Forms, view: &MethodView, test: &TestView) -> AnyView {
    let locale = forms.locale();
    let (claims, person, warnings, recency, live) = match &test.result {
        TestResult::Failed(failure) => return failed(locale, failure),
        TestResult::Returned { claims, person, warnings, recency, live } => (claims, person, warnings, recency, *live),
    };
    let verdict = match person {
        Err(fault) => failed(locale, &(*fault).into()),
        Ok(_) if live => view! {
            <Note tone=NoteTone::Good icon="check">
                <h2>{text!(locale, methods.test_passed)}</h2>
                <p>{text!(locale, methods.test_passed_text)}</p>
            </Note>
        }
        .into_any(),
        Ok(_) => asks_first(forms, view, test),
    };
    let about = person.as_ref().ok().map(|person| whom(locale, person));
    let warnings: Vec<_> = warnings.iter().map(|warning| warns(locale, *warning)).collect();
    let in_use = view.line.members + view.line.invited > 0;
    let choose = if in_use {
        text!(locale, methods.claims_received_in_use)
    } else {
        text!(locale, methods.claims_received_choose)
    };
    let rows: Vec<_> = claims.iter().map(|claim| row(forms, view, test, claim, in_use)).collect();
    let (id, attempt, recently_authenticated) = (view.line.method.id, test.attempt, view.recently_authenticated);
    let me = (person.is_ok() && live && view.line.enabled && !view.mine).then(|| {
        let form = forms.form::<UseForMe>("inline", move |Sending { busy, .. }| {
            view! {
                {hidden("form[method]", id)}
                {hidden("form[attempt]", attempt)}
                <Button look=Look::Plain busy disabled=!recently_authenticated>
                    {text!(locale, methods.use_for_me)}
                </Button>
            }
            .into_any()
        });
        view! {
            <div class="use-for-me">
                <p>{text!(locale, methods.use_for_me_text)}</p>
                {form}
            </div>
        }
    });
    view! {
        <section class="panel">
            {verdict}
            {about}
            {warnings}
            {fresh_sign_ins(locale, recency)}
            {me}
            <div>
                <h3>{text!(locale, methods.claims_received)}</h3>
                <p class="field-hint">{text!(locale, methods.claims_received_hint)} " " {choose}</p>
            </div>
            <table class="claims">
                <thead>
                    <tr>
                        <th scope="col">{text!(locale, methods.claim)}</th>
                        <th scope="col">{text!(locale, methods.value)}</th>
                        <th scope="col"><span class="visually-hidden">{text!(locale, methods.use_claim)}</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

/// The test passed, but making it live takes something away (R45).
fn asks_first(forms: Forms, view: &MethodView, test: &TestView) -> AnyView {
    let locale = forms.locale();
    let (id, attempt, recently_authenticated) = (view.line.method.id, test.attempt, view.recently_authenticated);
    let people = view.line.members + view.line.invited;
    let form = forms.form::<MakeLive>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("form[method]", id)}
            {hidden("form[attempt]", attempt)}
            {hidden("form[confirmed]", "yes")}
            <Button look=Look::Danger busy disabled=!recently_authenticated>
                {text!(locale, methods.make_live)}
            </Button>
        }
        .into_any()
    });
    view! {
        <Note tone=NoteTone::Warn icon="alert">
            <h2>{text!(locale, methods.asks_first)}</h2>
            <p>{text!(locale, methods.asks_first_text, people = people)}</p>
            {form}
        </Note>
    }
    .into_any()
}

fn whom(locale: Locale, person: &Person) -> AnyView {
    let nothing = || text!(locale, methods.nothing).to_owned();
    view! {
        <dl class="facts">
            <dt>{text!(locale, methods.identifier)}</dt>
            <dd><code>{person.identifier.clone()}</code></dd>
            <dt>{text!(locale, methods.email)}</dt>
            <dd>{person.email.clone().unwrap_or_else(nothing)}</dd>
            <dt>{text!(locale, methods.full_name)}</dt>
            <dd>{person.name().unwrap_or_else(nothing)}</dd>
        </dl>
    }
    .into_any()
}

fn warns(locale: Locale, warning: Warning) -> AnyView {
    let words = match warning {
        Warning::MutableIdentifier => text!(locale, methods.warn_mutable),
        Warning::NoEmail => text!(locale, methods.warn_no_email),
        Warning::EmailNotVerified => text!(locale, methods.warn_not_verified),
        Warning::NoPkce => text!(locale, methods.warn_no_pkce),
    };
    view! {
        <Note tone=NoteTone::Warn icon="alert">
            <p>{words}</p>
        </Note>
    }
    .into_any()
}

/// What the provider can prove of when somebody signed in there, said before anybody depends on it (AZ-16).
fn fresh_sign_ins(locale: Locale, recency: &Recency) -> AnyView {
    let (tone, icon, words) = match recency {
        Recency::Recent(_) => (NoteTone::Plain, "check", text!(locale, methods.recency_recent).to_owned()),
        Recency::Stale(_) => (NoteTone::Warn, "alert", text!(locale, methods.recency_stale).to_owned()),
        Recency::Unknown => (NoteTone::Warn, "alert", text!(locale, methods.recency_unknown).to_owned()),
        Recency::Missing => (NoteTone::Warn, "alert", text!(locale, methods.recency_missing).to_owned()),
        Recency::Implausible(value) => {
            (NoteTone::Warn, "alert", text!(locale, methods.recency_implausible, value = value.clone()))
        }
        Recency::Unsupported => (NoteTone::Plain, "lock", text!(locale, methods.recency_unsupported).to_owned()),
    };
    let at = match recency {
        Recency::Recent(at) | Recency::Stale(at) => Some(view! { <p><code>"auth_time"</code> " " <Time at=*at /></p> }),
        Recency::Unknown | Recency::Missing | Recency::Implausible(_) | Recency::Unsupported => None,
    };
    view! {
        <Note tone icon>
            <h3>{text!(locale, methods.recency_title)}</h3>
            <p>{words}</p>
            {at}
        </Note>
    }
    .into_any()
}

fn row(forms: Forms, view: &MethodView, test: &TestView, claim: &ShownClaim, in_use: bool) -> AnyView {
    let locale = forms.locale();
    let is_it = view.form.identifier == claim.path;
    let action = if is_it {
        view! { <span class="is-identifier"><Icon name="check" /> " " {text!(locale, methods.is_identifier)}</span> }
            .into_any()
    } else if in_use || !claim.names_somebody {
        ().into_any()
    } else {
        let (id, attempt, path, recently_authenticated) =
            (view.line.method.id, test.attempt, claim.path.clone(), view.recently_authenticated);
        forms.form::<MakeLive>("inline", move |Sending { busy, .. }| {
            view! {
                {hidden("form[method]", id)}
                {hidden("form[attempt]", attempt)}
                {hidden("form[claim]", path)}
                <Button look=Look::Small busy disabled=!recently_authenticated>
                    {text!(locale, methods.use_claim)}
                </Button>
            }
            .into_any()
        })
    };
    let mutable = claim
        .mutable
        .then(|| view! { <Badge tone=Tone::Warn icon="alert">{text!(locale, methods.can_change)}</Badge> });
    view! {
        <tr>
            <th scope="row"><code>{claim.path.clone()}</code></th>
            <td>{claim.value.clone()} " " {mutable}</td>
            <td>{action}</td>
        </tr>
    }
    .into_any()
}
