//! Settings → Login methods: the list.

mod form;
mod method;
pub(super) mod parts;
mod test_result;

pub use method::LoginMethodRoute;
pub use parts::provide_handed_over;

use super::{Failed, loaded, use_slug};
use crate::{
    api::login_methods::{
        AddLoginMethod, ListLoginMethods, MethodLine, MethodsView, RemoveLoginMethod, SwitchLoginMethod,
    },
    components::{Badge, Button, Look, Note, NoteTone, Time, Tone},
    domain::{member::LoginMethodKind, name::Slug, oauth::Preset},
    i18n::{preset_name, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::prelude::*;
use leptos_meta::Title;
use parts::{Forms, Sending, hidden, sign_in_again};

lazy_page!(LoginMethodsRoute, login_methods, LoginMethodsPage);

/// The account's login methods, and how to add to them.
#[component]
fn LoginMethodsPage() -> impl IntoView {
    let locale = use_locale();
    let slug = use_slug();
    let methods = Query::new(move || ListLoginMethods { account: slug.get() });
    let forms = Forms::new(locale, slug, move || methods.refetch());
    let page = loaded(move || async move {
        match methods.await {
            Ok(view) => {
                forms.loaded();
                list(forms, view)
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, methods.title) />
        <div class="form-page">{forms.error_box()} {page}</div>
    }
}

fn list(forms: Forms, MethodsView { lines, slug, recently_authenticated }: MethodsView) -> AnyView {
    let locale = forms.locale();
    let here = paths::login_methods(slug.as_str());
    let lines: Vec<_> = lines.iter().map(|method| line(forms, &slug, method, recently_authenticated)).collect();
    let presets: Vec<_> = Preset::ALL.into_iter().map(|preset| add(forms, preset, recently_authenticated)).collect();
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, methods.title)}</h1>
                <p class="page-lead">{text!(locale, methods.lead)}</p>
            </div>
            <a class="button" href=paths::LOGIN_METHODS_GUIDE rel="external" target="_blank">
                {text!(locale, methods.guide)}
            </a>
        </header>
        {forms.notice()}
        {(!recently_authenticated).then(|| sign_in_again(locale, &slug, &here))}
        <ul class="login-methods">{lines}</ul>
        <section class="panel">
            <h2>{text!(locale, methods.add_title)}</h2>
            <p>{text!(locale, methods.add_text)}</p>
            <div class="presets">{presets}</div>
        </section>
    }
    .into_any()
}

fn add(forms: Forms, preset: Preset, recently_authenticated: bool) -> AnyView {
    let name = preset_name(forms.locale(), preset);
    forms.form::<AddLoginMethod>("preset", move |Sending { busy, .. }| {
        view! {
            {hidden("preset", preset.key())}
            <Button look=Look::Plain busy disabled=!recently_authenticated>
                {name}
            </Button>
        }
        .into_any()
    })
}

fn line(forms: Forms, slug: &Slug, line: &MethodLine, recently_authenticated: bool) -> AnyView {
    let (locale, id) = (forms.locale(), line.method.id);
    let is_password = line.method.kind == LoginMethodKind::Password;
    let name = match &line.method.name {
        Some(name) => name.clone(),
        None => text!(locale, catalogue.method_password).to_owned(),
    };
    let state = match (line.enabled, line.is_ready()) {
        (false, _) => {
            view! { <Badge tone=Tone::Neutral icon="minus">{text!(locale, methods.state_off)}</Badge> }.into_any()
        }
        (true, true) => {
            view! { <Badge tone=Tone::Good icon="check">{text!(locale, methods.state_ready)}</Badge> }.into_any()
        }
        (true, false) => {
            view! { <Badge tone=Tone::Warn icon="alert">{text!(locale, methods.state_untested)}</Badge> }.into_any()
        }
    };
    let draft = line
        .has_draft
        .then(|| view! { <Badge tone=Tone::Info icon="clock">{text!(locale, methods.state_draft)}</Badge> });
    let tested = line.tested.map(|at| view! { <span>" · " {text!(locale, methods.tested_at)} " " <Time at /></span> });
    let set_up = (!is_password).then(|| {
        view! { <a class="button" href=paths::login_method(slug.as_str(), id)>{text!(locale, methods.set_up)}</a> }
    });
    let in_use = line.members + line.invited > 0;
    let (to, words) = match (line.enabled, in_use) {
        (true, true) => ("off", text!(locale, methods.switch_off_yes)),
        (true, false) => ("off", text!(locale, methods.switch_off)),
        (false, _) => ("on", text!(locale, methods.switch_on)),
    };
    let switch = forms.form::<SwitchLoginMethod>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("method", id)}
            {hidden("on", to)}
            <Button look=Look::Plain busy disabled=!recently_authenticated>
                {words}
            </Button>
        }
        .into_any()
    });
    // Switching off what people use is said before it is done (R27).
    let switch = if line.enabled && in_use {
        let warning = text!(locale, methods.switch_off_text, members = line.members, invited = line.invited);
        asks(text!(locale, methods.switch_off), warning, switch)
    } else {
        switch
    };
    // What was never ready is not offered anywhere that it could be taken from.
    let switch = (is_password || !line.enabled || line.tested.is_some()).then_some(switch);
    let unused = !is_password && !in_use && line.linked == 0;
    let remove = unused.then(|| {
        let remove = forms.form::<RemoveLoginMethod>("inline", move |Sending { busy, .. }| {
            view! {
                {hidden("method", id)}
                <Button look=Look::Danger busy disabled=!recently_authenticated>
                    {text!(locale, methods.remove_yes)}
                </Button>
            }
            .into_any()
        });
        asks(text!(locale, common.remove), text!(locale, methods.remove_text).to_owned(), remove)
    });
    view! {
        <li class="login-method">
            <div class="login-method-about">
                <h2>{name}</h2>
                <p class="login-method-states">{state} {draft}</p>
                <p class="muted">
                    {text!(locale, methods.used_by, members = line.members, invited = line.invited)} {tested}
                </p>
            </div>
            <div class="actions">{set_up} {switch} {remove}</div>
        </li>
    }
    .into_any()
}

/// What is to be thought about before it is done: a button that opens the warning, and the one that does it below.
fn asks(words: &'static str, warning: String, action: AnyView) -> AnyView {
    view! {
        <details class="asks">
            <summary class="button">{words}</summary>
            <Note tone=NoteTone::Warn icon="alert">
                <p>{warning}</p>
            </Note>
            {action}
        </details>
    }
    .into_any()
}
