//! One login method: its set-up, its redirect URI, its test.

use super::{
    kit::{
        Line, button, choice, form, hidden, more, note, notice, refused, sign_in_again, text_area_content, time, values,
    },
    render::Place,
};
use crate::{
    api::login_methods::{
        DropDraft, MakeLive, MethodView, Notice, SaveLoginMethod, ShownClaim, TestResult, TestView, UseForMe,
    },
    components::{Badge, Icon, Tone},
    domain::{
        fields::Field,
        oauth::{Failure, Fault, Person, Preset, Recency, Warning},
    },
    i18n::{Locale, fault_text, preset_line, text},
    paths,
};
use leptos::prelude::*;

/// The page of one method.
pub(super) fn page(place: &Place<'_>, view: MethodView, problem: Option<&str>) -> (String, AnyView) {
    let (locale, slug) = (place.locale, place.slug);
    let id = view.line.method.id;
    let here = paths::login_method(slug.as_str(), id);
    let title = view.line.method.name.clone().unwrap_or_default();
    let preset = Preset::from_key(&view.form.preset).unwrap_or(Preset::OAuth);
    let fault = problem.and_then(Fault::from_key).or(view.no_return.then_some(Fault::NoReturn));
    let problem = fault.map(|fault| failed(locale, &fault.into()));
    let draft = view.line.has_draft.then(|| draft_note(place, &view));
    let test = view.test.as_ref().map(|test| shown_test(place, &view, test));
    let page = view! {
        <header class="page-head">
            <div>
                <p class="back"><a href=paths::login_methods(slug.as_str())>{text!(locale, methods.title)}</a></p>
                <h1>{title.clone()}</h1>
                <p class="page-lead">{text!(locale, methods.method_lead)}</p>
            </div>
            <a class="button" href=paths::login_methods_guide(preset.key()) rel="external" target="_blank">
                {text!(locale, methods.guide)}
            </a>
        </header>
        {notice(locale, view.notice.clone())}
        {refused(locale, &view.errors)}
        {(!view.fresh).then(|| sign_in_again(locale, slug, &here))}
        {problem}
        {draft}
        {test}
        {step_one(locale, preset, &view)}
        {step_two(place, preset, &view)}
        {step_three(place, &view)}
    };
    (title, page.into_any())
}

/// What a draft means, and what it will do (R45).
fn draft_note(place: &Place<'_>, view: &MethodView) -> AnyView {
    let locale = place.locale;
    let loses = view
        .loses
        .map(|people| view! { <p><strong>{text!(locale, methods.loses_links, people = people)}</strong></p> });
    let words = if view.line.tested.is_some() {
        text!(locale, methods.draft_over_live)
    } else {
        text!(locale, methods.draft_first)
    };
    let fields = view! {
        {hidden("method", view.line.method.id)}
        {button("button button-quiet", text!(locale, methods.drop_draft), view.fresh)}
    };
    note(
        "note note-warn",
        "clock",
        view! {
            <p>{words}</p>
            {loses}
            {form::<DropDraft>(place.slug, "inline", fields)}
        },
    )
}

/// What to register at the provider (OA-13).
fn step_one(locale: Locale, preset: Preset, view: &MethodView) -> AnyView {
    let uri = view.redirect_uri.clone();
    view! {
        <section class="panel">
            <h2>{text!(locale, methods.step_register)}</h2>
            <p>{preset_line(locale, preset)}</p>
            <div class="field">
                <label for="redirect-uri">{text!(locale, methods.redirect_uri)}</label>
                <p class="field-hint">{text!(locale, methods.redirect_uri_hint)}</p>
                <div class="link-line">
                    <input id="redirect-uri" type="text" readonly value=uri.clone() />
                    <button type="button" class="button" data-copy=uri data-copied=text!(locale, common.copied)>
                        {text!(locale, common.copy)}
                    </button>
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// The form.
fn step_two(place: &Place<'_>, preset: Preset, view: &MethodView) -> AnyView {
    let (locale, errors, typed) = (place.locale, &view.errors, &view.form);
    let line = |field, name, label, hint, value| Line { field, name, label, hint, value, optional: false };
    let optional = |field, name, label, hint, value| Line { field, name, label, hint, value, optional: true };
    let endpoints = if preset.is_open_id() {
        let hint = text!(locale, methods.issuer_hint);
        line(Field::Issuer, "form[issuer]", text!(locale, methods.issuer), hint, &typed.issuer).text(locale, errors)
    } else {
        let (authorization, token, user_info) = (
            text!(locale, methods.authorization_url),
            text!(locale, methods.token_url),
            text!(locale, methods.user_info_url),
        );
        view! {
            {line(Field::AuthorizationUrl, "form[authorization_url]", authorization, "", &typed.authorization_url).text(locale, errors)}
            {line(Field::TokenUrl, "form[token_url]", token, "", &typed.token_url).text(locale, errors)}
            {line(Field::UserInfoUrl, "form[user_info_url]", user_info, "", &typed.user_info_url).text(locale, errors)}
        }
        .into_any()
    };
    let comes_back = view.errors != Default::default() || matches!(view.notice, Some(Notice::Failed(_)));
    let secret_hint = if comes_back && (!view.has_secret || view.errors.of(Field::ClientSecret).is_some()) {
        text!(locale, methods.client_secret_again)
    } else if view.has_secret {
        text!(locale, methods.client_secret_kept)
    } else {
        text!(locale, methods.client_secret_hint)
    };
    let ways = [
        ("basic", text!(locale, methods.authentication_basic)),
        ("post", text!(locale, methods.authentication_post)),
        ("none", text!(locale, methods.authentication_none)),
    ];
    let policies =
        [("strict", text!(locale, methods.policy_strict)), ("identifier", text!(locale, methods.policy_identifier))];
    let received = view.test.as_ref().and_then(claims_received);
    let fields = view! {
        {hidden("form[method]", &typed.method)}
        {hidden("form[preset]", preset.key())}
        {line(Field::MethodName, "form[name]", text!(locale, methods.name), text!(locale, methods.name_hint), &typed.name).text(locale, errors)}
        {endpoints}
        {line(Field::ClientId, "form[client_id]", text!(locale, methods.client_id), "", &typed.client_id).text(locale, errors)}
        {line(Field::ClientSecret, "form[client_secret]", text!(locale, methods.client_secret), secret_hint, "").secret(locale, errors)}
        <fieldset class="claims-fields">
            <legend>{text!(locale, methods.claims)}</legend>
            <p class="field-hint">{text!(locale, methods.claims_hint)}</p>
            {line(Field::IdentifierPath, "form[identifier]", text!(locale, methods.identifier), text!(locale, methods.identifier_hint), &typed.identifier).claim(locale, errors, received)}
            {optional(Field::EmailPath, "form[email]", text!(locale, methods.email), "", &typed.email).claim(locale, errors, received)}
            {optional(Field::FirstNamePath, "form[first_name]", text!(locale, methods.first_name), text!(locale, methods.first_name_hint), &typed.first_name).claim(locale, errors, received)}
            {optional(Field::LastNamePath, "form[last_name]", text!(locale, methods.last_name), "", &typed.last_name).claim(locale, errors, received)}
            {received.map(claims_list)}
        </fieldset>
        <details class="disclosure" open=has_problem_below(view)>
            <summary>{text!(locale, methods.more)}</summary>
            {choice("form[client_authentication]", text!(locale, methods.authentication), text!(locale, methods.authentication_hint), &typed.client_authentication, &ways)}
            {preset.is_open_id().then(|| optional(Field::DiscoveryUrl, "form[discovery_url]", text!(locale, methods.discovery_url), text!(locale, methods.discovery_url_hint), &typed.discovery_url).text(locale, errors))}
            {line(Field::Scopes, "form[scopes]", text!(locale, methods.scopes), text!(locale, methods.scopes_hint), &typed.scopes).text(locale, errors)}
            {parameters(place, view)}
            {choice("form[email_policy]", text!(locale, methods.policy), text!(locale, methods.policy_hint), &typed.email_policy, &policies)}
        </details>
        <div class="actions">{button("button button-primary", text!(locale, methods.save_draft), view.fresh)}</div>
    };
    let title = match preset.brand() {
        Some(provider) => text!(locale, methods.step_enter, provider = provider),
        None => text!(locale, methods.step_enter_any).to_owned(),
    };
    view! {
        <section class="panel">
            <h2>{title}</h2>
            {form::<SaveLoginMethod>(place.slug, "form set-up-form", fields)}
        </section>
    }
    .into_any()
}

fn has_problem_below(view: &MethodView) -> bool {
    [Field::ClientAuthentication, Field::DiscoveryUrl, Field::Scopes, Field::Parameters]
        .into_iter()
        .any(|field| view.errors.of(field).is_some())
}

fn parameters(place: &Place<'_>, view: &MethodView) -> AnyView {
    let locale = place.locale;
    let problem = view.errors.of(Field::Parameters).map(|problem| crate::i18n::problem_text(locale, problem));
    view! {
        <div class="field">
            <label for="form-parameters">
                {text!(locale, methods.parameters)} " " <span class="field-optional">{text!(locale, common.optional)}</span>
            </label>
            <p class="field-hint" id="form-parameters-hint">{text!(locale, methods.parameters_hint)}</p>
            <textarea
                id="form-parameters"
                name="form[parameters]"
                rows="3"
                spellcheck="false"
                aria-describedby="form-parameters-hint form-parameters-problem"
                aria-invalid=problem.is_some().then_some("true")
                inner_html=text_area_content(&view.form.parameters)
            ></textarea>
            <p class="field-problem" id="form-parameters-problem">{problem}</p>
        </div>
    }
    .into_any()
}

/// Testing what is saved: by a link, as the policy lets no form lead to a provider (BR-01).
fn step_three(place: &Place<'_>, view: &MethodView) -> AnyView {
    let locale = place.locale;
    let saved = view.line.has_draft || view.line.tested.is_some();
    let test = if saved && view.fresh {
        view! {
            <a class="button button-primary" href=paths::oauth_test(place.slug.as_str(), view.line.method.id) rel="external">
                {text!(locale, methods.test)}
            </a>
        }
        .into_any()
    } else {
        view! { <p class="muted">{text!(locale, methods.test_after_saving)}</p> }.into_any()
    };
    let live = view.line.tested.map(|at| {
        view! { <p><Badge tone=Tone::Good icon="check">{text!(locale, methods.tested_at)} " " {time(at)}</Badge></p> }
    });
    view! {
        <section class="panel" id="test">
            <h2>{text!(locale, methods.step_test)}</h2>
            <p>{text!(locale, methods.test_text)}</p>
            <p class="field-hint">{text!(locale, methods.test_no_return)}</p>
            {live}
            <div class="actions">{test}</div>
        </section>
    }
    .into_any()
}

fn failed(locale: Locale, failure: &Failure) -> AnyView {
    let fault = failure.fault;
    // A test that is not back may yet come.
    let (class, icon, title) = if fault == Fault::NoReturn {
        ("note note-warn", "clock", text!(locale, methods.test_not_back))
    } else {
        ("note note-bad", "alert", text!(locale, methods.test_failed))
    };
    note(
        class,
        icon,
        view! {
            <h2>{title}</h2>
            <p>{fault_text(locale, fault)}</p>
            {values(locale, failure)}
            {more(locale, fault)}
        },
    )
}

/// What the test brought back (OA-23).
fn shown_test(place: &Place<'_>, view: &MethodView, test: &TestView) -> AnyView {
    let locale = place.locale;
    let (claims, person, warnings, recency, live) = match &test.result {
        TestResult::Failed(failure) => return failed(locale, failure),
        TestResult::Returned { claims, person, warnings, recency, live } => (claims, person, warnings, recency, *live),
    };
    let verdict = match person {
        Err(fault) => failed(locale, &(*fault).into()),
        Ok(_) if live => note(
            "note note-good",
            "check",
            view! {
                <h2>{text!(locale, methods.test_passed)}</h2>
                <p>{text!(locale, methods.test_passed_text)}</p>
            },
        ),
        Ok(_) => asks_first(place, view, test),
    };
    let about = person.as_ref().ok().map(|person| whom(locale, person));
    let warnings: Vec<_> = warnings.iter().map(|warning| warns(locale, *warning)).collect();
    let in_use = view.line.members + view.line.invited > 0;
    let choose = if in_use {
        text!(locale, methods.claims_received_in_use)
    } else {
        text!(locale, methods.claims_received_choose)
    };
    let rows: Vec<_> = claims.iter().map(|claim| row(place, view, test, claim, in_use)).collect();
    let me = (person.is_ok() && live && view.line.enabled && !view.mine).then(|| {
        let fields = view! {
            {hidden("form[method]", view.line.method.id)}
            {hidden("form[attempt]", test.attempt)}
            {button("button", text!(locale, methods.use_for_me), view.fresh)}
        };
        view! {
            <div class="use-for-me">
                <p>{text!(locale, methods.use_for_me_text)}</p>
                {form::<UseForMe>(place.slug, "inline", fields)}
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
fn asks_first(place: &Place<'_>, view: &MethodView, test: &TestView) -> AnyView {
    let locale = place.locale;
    let fields = view! {
        {hidden("form[method]", view.line.method.id)}
        {hidden("form[attempt]", test.attempt)}
        {hidden("form[confirmed]", "yes")}
        {button("button button-danger", text!(locale, methods.make_live), view.fresh)}
    };
    let people = view.line.members + view.line.invited;
    note(
        "note note-warn",
        "alert",
        view! {
            <h2>{text!(locale, methods.asks_first)}</h2>
            <p>{text!(locale, methods.asks_first_text, people = people)}</p>
            {form::<MakeLive>(place.slug, "inline", fields)}
        },
    )
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
    note("note note-warn", "alert", view! { <p>{words}</p> })
}

/// What the provider can prove of when somebody signed in there, said before anybody depends on it (AZ-16).
fn fresh_sign_ins(locale: Locale, recency: &Recency) -> AnyView {
    let (class, icon, words) = match recency {
        Recency::Recent(_) => ("note", "check", text!(locale, methods.recency_recent).to_owned()),
        Recency::Stale(_) => ("note note-warn", "alert", text!(locale, methods.recency_stale).to_owned()),
        Recency::Unknown => ("note note-warn", "alert", text!(locale, methods.recency_unknown).to_owned()),
        Recency::Missing => ("note note-warn", "alert", text!(locale, methods.recency_missing).to_owned()),
        Recency::Implausible(value) => {
            ("note note-warn", "alert", text!(locale, methods.recency_implausible, value = value.clone()))
        }
        Recency::Unsupported => ("note", "lock", text!(locale, methods.recency_unsupported).to_owned()),
    };
    let at = match recency {
        Recency::Recent(at) | Recency::Stale(at) => Some(view! { <p><code>"auth_time"</code> " " {time(*at)}</p> }),
        Recency::Unknown | Recency::Missing | Recency::Implausible(_) | Recency::Unsupported => None,
    };
    note(
        class,
        icon,
        view! {
            <h3>{text!(locale, methods.recency_title)}</h3>
            <p>{words}</p>
            {at}
        },
    )
}

fn row(place: &Place<'_>, view: &MethodView, test: &TestView, claim: &ShownClaim, in_use: bool) -> AnyView {
    let locale = place.locale;
    let is_it = view.form.identifier == claim.path;
    let action = if is_it {
        view! { <span class="is-identifier"><Icon name="check" /> " " {text!(locale, methods.is_identifier)}</span> }
            .into_any()
    } else if in_use || !claim.names_somebody {
        ().into_any()
    } else {
        let fields = view! {
            {hidden("form[method]", view.line.method.id)}
            {hidden("form[attempt]", test.attempt)}
            {hidden("form[claim]", &claim.path)}
            {button("button button-small", text!(locale, methods.use_claim), view.fresh)}
        };
        form::<MakeLive>(place.slug, "inline", fields)
    };
    let mutable = claim
        .mutable
        .then(|| view! { <Badge tone=Tone::Warn icon="alert">{text!(locale, methods.can_change)}</Badge> });
    view! {
        <tr>
            <th scope="row"><code>{claim.path.clone()}</code></th>
            <td><span data-claim=claim.path.clone()>{claim.value.clone()}</span> " " {mutable}</td>
            <td>{action}</td>
        </tr>
    }
    .into_any()
}

/// What a test brought back.
fn claims_received(test: &TestView) -> Option<&[ShownClaim]> {
    match &test.result {
        TestResult::Returned { claims, .. } => Some(claims),
        TestResult::Failed(_) => None,
    }
}

/// The claims of the test, for completing what is typed.
fn claims_list(claims: &[ShownClaim]) -> AnyView {
    let options: Vec<_> = claims.iter().map(|claim| view! { <option value=claim.path.clone()></option> }).collect();
    view! {
        <datalist id="claims">{options}</datalist>
    }
    .into_any()
}
