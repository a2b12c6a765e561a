//! Settings → Login methods: the list.

use super::{
    kit::{button, form, hidden, note, notice, sign_in_again, time},
    render::Place,
};
use crate::{
    api::login_methods::{AddLoginMethod, MethodLine, MethodsView, RemoveLoginMethod, SwitchLoginMethod},
    components::{Badge, Tone},
    domain::{member::LoginMethodKind, oauth::Preset},
    i18n::{preset_name, text},
    paths,
};
use leptos::prelude::*;

/// The list, and how to add to it.
pub(super) fn page(place: &Place<'_>, view: MethodsView) -> (String, AnyView) {
    let (locale, slug) = (place.locale, place.slug);
    let here = paths::login_methods(slug.as_str());
    let fresh = view.fresh;
    let lines: Vec<_> = view.lines.iter().map(|method| line(place, method, fresh)).collect();
    let presets: Vec<_> = Preset::ALL.into_iter().map(|preset| add(place, preset, fresh)).collect();
    let title = text!(locale, methods.title);
    let page = view! {
        <header class="page-head">
            <div>
                <h1>{title}</h1>
                <p class="page-lead">{text!(locale, methods.lead)}</p>
            </div>
            <a class="button" href=paths::LOGIN_METHODS_GUIDE rel="external" target="_blank">
                {text!(locale, methods.guide)}
            </a>
        </header>
        {notice(locale, view.notice)}
        {(!fresh).then(|| sign_in_again(locale, slug, &here))}
        <ul class="login-methods">{lines}</ul>
        <section class="panel">
            <h2>{text!(locale, methods.add_title)}</h2>
            <p>{text!(locale, methods.add_text)}</p>
            <div class="presets">{presets}</div>
        </section>
    };
    (title.to_owned(), page.into_any())
}

fn add(place: &Place<'_>, preset: Preset, fresh: bool) -> AnyView {
    let name = preset_name(place.locale, preset);
    form::<AddLoginMethod>(
        place.slug,
        "preset",
        view! { {hidden("preset", preset.key())} {button("button", name, fresh)} },
    )
}

fn line(place: &Place<'_>, line: &MethodLine, fresh: bool) -> AnyView {
    let (locale, slug, id) = (place.locale, place.slug, line.method.id);
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
    let tested = line.tested.map(|at| view! { <span>" · " {text!(locale, methods.tested_at)} " " {time(at)}</span> });
    let set_up = (!is_password).then(|| {
        view! { <a class="button" href=paths::login_method(slug.as_str(), id)>{text!(locale, methods.set_up)}</a> }
    });
    let in_use = line.members + line.invited > 0;
    let (to, words) = match (line.enabled, in_use) {
        (true, true) => ("off", text!(locale, methods.switch_off_yes)),
        (true, false) => ("off", text!(locale, methods.switch_off)),
        (false, _) => ("on", text!(locale, methods.switch_on)),
    };
    let switch = form::<SwitchLoginMethod>(
        slug,
        "inline",
        view! { {hidden("method", id)} {hidden("on", to)} {button("button", words, fresh)} },
    );
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
        let (words, yes) = (text!(locale, common.remove), text!(locale, methods.remove_yes));
        let remove = form::<RemoveLoginMethod>(
            slug,
            "inline",
            view! { {hidden("method", id)} {button("button button-danger", yes, fresh)} },
        );
        asks(words, text!(locale, methods.remove_text).to_owned(), remove)
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
            {note("note note-warn", "alert", view! { <p>{warning}</p> })}
            {action}
        </details>
    }
    .into_any()
}
