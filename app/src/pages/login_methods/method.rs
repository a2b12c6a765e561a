//! One login method: its set-up, its redirect URI, its test.

use super::{
    super::{Failed, loaded, use_slug},
    form::configuration_form,
    parts::{Forms, Sending, hidden, sign_in_again, use_query},
    test_result::{failed, shown_test},
};
use crate::{
    api::login_methods::{DropDraft, LostLinks, MethodView, ShowLoginMethod},
    components::{Badge, Button, Look, Note, NoteTone, Time, Tone, copy_to_clipboard},
    domain::oauth::{Fault, Preset},
    i18n::{Locale, preset_line, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

lazy_page!(LoginMethodRoute, login_methods, LoginMethodPage);

/// The page of one method.
#[component]
fn LoginMethodPage() -> impl IntoView {
    let locale = use_locale();
    let (slug, parameters) = (use_slug(), use_params_map());
    let (attempt, problem) = (use_query("attempt"), use_query("problem"));
    let method = Query::new(move || ShowLoginMethod {
        account: slug.get(),
        method: parameters.with(|map| map.get("id").unwrap_or_default()),
        attempt: attempt.get(),
    });
    let forms = Forms::new(locale, slug, move || method.refetch());
    let page = loaded(move || async move {
        match method.await {
            Ok(view) => {
                forms.loaded();
                page(forms, view, Fault::from_key(&problem.get_untracked()))
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! { <div class="form-page">{forms.error_box()} {page}</div> }
}

fn page(forms: Forms, view: MethodView, problem: Option<Fault>) -> AnyView {
    let (locale, slug) = (forms.locale(), &view.slug);
    let here = paths::login_method(slug.as_str(), view.line.method.id);
    let title = view.line.method.name.clone().unwrap_or_default();
    let preset = Preset::from_key(&view.form.preset).unwrap_or(Preset::OAuth);
    let fault = problem.or(view.no_return.then_some(Fault::NoReturn));
    let problem = fault.map(|fault| failed(locale, &fault.into()));
    let draft = view.line.has_draft.then(|| draft_note(forms, &view));
    let test = view.test.as_ref().map(|test| shown_test(forms, &view, test));
    view! {
        <Title text=title.clone() />
        <header class="page-head">
            <div>
                <p class="back">
                    <a href=paths::login_methods(slug.as_str())>{text!(locale, methods.title)}</a>
                </p>
                <h1>{title}</h1>
                <p class="page-lead">{text!(locale, methods.method_lead)}</p>
            </div>
            <a class="button" href=paths::login_methods_guide(preset.key()) rel="external" target="_blank">
                {text!(locale, methods.guide)}
            </a>
        </header>
        {forms.notice()}
        {(!view.recently_authenticated).then(|| sign_in_again(locale, slug, &here))}
        {problem}
        {draft}
        {test}
        {step_one(locale, preset, &view)}
        {configuration_form(forms, preset, &view)}
        {step_three(locale, &view)}
    }
    .into_any()
}

/// What goes with the configuration that is live now (R45): people have to be linked again, and open invitations need another identifier.
fn lost_links(locale: Locale, lost: &LostLinks) -> AnyView {
    let people = (lost.people > 0)
        .then(|| view! { <p><strong>{text!(locale, methods.loses_links, people = lost.people)}</strong></p> });
    let invitations = (lost.invitations > 0).then(|| {
        let more = lost.invitations.saturating_sub(lost.invited.len() as u64);
        let more =
            (more > 0 && !lost.invited.is_empty()).then(|| text!(locale, methods.loses_identifiers_more, count = more));
        let named: Vec<_> = lost.invited.iter().cloned().chain(more).collect();
        view! {
            <p><strong>{text!(locale, methods.loses_identifiers, count = lost.invitations)}</strong></p>
            <p>{named.join(", ")}</p>
        }
    });
    view! {
        {people}
        {invitations}
    }
    .into_any()
}

/// What a draft means, and what it will do (R45).
fn draft_note(forms: Forms, view: &MethodView) -> AnyView {
    let locale = forms.locale();
    let loses = view.loses.as_ref().map(|lost| lost_links(locale, lost));
    let words = if view.line.tested.is_some() {
        text!(locale, methods.draft_over_live)
    } else {
        text!(locale, methods.draft_first)
    };
    let (id, recently_authenticated) = (view.line.method.id, view.recently_authenticated);
    let drop_draft = forms.form::<DropDraft>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("method", id)}
            <Button look=Look::Quiet busy disabled=!recently_authenticated>
                {text!(locale, methods.drop_draft)}
            </Button>
        }
        .into_any()
    });
    view! {
        <Note tone=NoteTone::Warn icon="clock">
            <p>{words}</p>
            {loses}
            {drop_draft}
        </Note>
    }
    .into_any()
}

/// What to register at the provider (OA-13).
fn step_one(locale: Locale, preset: Preset, view: &MethodView) -> AnyView {
    let uri = StoredValue::new(view.redirect_uri.clone());
    let copied = RwSignal::new(false);
    let copy = move |_| {
        copy_to_clipboard(&uri.get_value(), move || {
            copied.try_set(true);
        });
    };
    let words = move || if copied.get() { text!(locale, common.copied) } else { text!(locale, common.copy) };
    view! {
        <section class="panel">
            <h2>{text!(locale, methods.step_register)}</h2>
            <p>{preset_line(locale, preset)}</p>
            <div class="field">
                <label for="redirect-uri">{text!(locale, methods.redirect_uri)}</label>
                <p class="field-hint">{text!(locale, methods.redirect_uri_hint)}</p>
                <div class="link-line">
                    <input id="redirect-uri" type="text" readonly value=uri.get_value() />
                    <button type="button" class="button only-with-scripting" on:click=copy>
                        {words}
                    </button>
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// Testing what is saved: by a link, as the policy lets no form lead to a provider (BR-01).
fn step_three(locale: Locale, view: &MethodView) -> AnyView {
    let saved = view.line.has_draft || view.line.tested.is_some();
    let test = if saved && view.recently_authenticated {
        let test = paths::oauth_test(view.slug.as_str(), view.line.method.id);
        view! {
            <a class="button button-primary" href=test rel="external">
                {text!(locale, methods.test)}
            </a>
        }
        .into_any()
    } else {
        view! { <p class="muted">{text!(locale, methods.test_after_saving)}</p> }.into_any()
    };
    let live = view.line.tested.map(|at| {
        view! { <p><Badge tone=Tone::Good icon="check">{text!(locale, methods.tested_at)} " " <Time at /></Badge></p> }
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
