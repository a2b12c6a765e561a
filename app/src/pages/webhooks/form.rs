//! The fields of a webhook: where it is told, and of what.

use crate::{
    api::webhooks::WebhookLine,
    components::{Field, FieldProblem, Kind, problem_at},
    domain::{
        fields,
        name::MAX_ROLE_NAME_CHARS,
        webhook::{MAX_URL_CHARS, Subscription, told_events},
    },
    error::AppError,
    flash::{old_input, old_inputs},
    i18n::{Locale, event_kind_name, text},
};
use leptos::prelude::*;

/// The fields, with what a webhook has now. They belong to the browser, so that they work before the page is taken over and without scripting.
pub(super) fn fields(locale: Locale, present: Option<&WebhookLine>, error: Signal<Option<AppError>>) -> AnyView {
    let (url, description) =
        present.map(|webhook| (webhook.url.clone(), webhook.description.clone())).unwrap_or_default();
    view! {
        <Field
            name="form[url]"
            label=text!(locale, webhooks.url)
            hint=text!(locale, webhooks.url_hint)
            kind=Kind::Verbatim
            initial=url
            most=MAX_URL_CHARS
            required=true
            problem=problem_at(error, fields::Field::WebhookUrl)
        />
        <Field
            name="form[description]"
            label=text!(locale, webhooks.description)
            hint=text!(locale, webhooks.description_hint)
            initial=description
            most=MAX_ROLE_NAME_CHARS
            optional=true
            problem=problem_at(error, fields::Field::WebhookDescription)
        />
        {events(locale, present.map(|webhook| &webhook.subscription), error)}
    }
    .into_any()
}

/// Everything, or a box for each event. The style sheet shows the boxes while they count.
fn events(locale: Locale, present: Option<&Subscription>, error: Signal<Option<AppError>>) -> AnyView {
    let (mut all, mut chosen): (bool, Vec<String>) = match present {
        None | Some(Subscription::All) => (true, Vec::new()),
        Some(Subscription::Some(events)) => (false, events.iter().cloned().collect()),
    };
    // What was chosen in a form that came back; other forms of the page have no such field.
    if let Some(told) = old_input("form[told]") {
        all = told == "all";
        chosen = old_inputs("form[events][]").unwrap_or_default();
    }
    let mut areas: Vec<(&str, Vec<AnyView>)> = Vec::new();
    for (kind, name) in told_events() {
        let area = name.split_once('.').map_or(name, |(area, _)| area);
        let checked = chosen.iter().any(|chosen| chosen == name);
        let one = view! {
            <div class="extra">
                <label>
                    <input type="checkbox" name="form[events][]" value=name checked=checked />
                    <span>
                        <code>{name}</code>
                        <small>{event_kind_name(locale, kind)}</small>
                    </span>
                </label>
            </div>
        }
        .into_any();
        match areas.iter_mut().find(|(known, _)| *known == area) {
            Some((_, boxes)) => boxes.push(one),
            None => areas.push((area, vec![one])),
        }
    }
    let areas: Vec<_> = areas
        .into_iter()
        .map(|(area, boxes)| {
            view! {
                <fieldset class="area">
                    <legend>
                        <code>{area}</code>
                    </legend>
                    {boxes}
                </fieldset>
            }
        })
        .collect();
    let choice = |value: &'static str, words: &'static str, checked: bool| {
        view! {
            <label class="webhook-told">
                <input type="radio" name="form[told]" value=value checked=checked />
                <span>{words}</span>
            </label>
        }
    };
    view! {
        <fieldset class="extras webhook-events" aria-describedby="webhook-events-problem">
            <legend>{text!(locale, webhooks.events)}</legend>
            {choice("all", text!(locale, webhooks.events_all), all)}
            {choice("some", text!(locale, webhooks.events_some), !all)}
            <div class="areas">{areas}</div>
            <FieldProblem id="webhook-events-problem" problem=problem_at(error, fields::Field::WebhookEvents) />
        </fieldset>
    }
    .into_any()
}
