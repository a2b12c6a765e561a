//! What a webhook was sent: each delivery with its request, the answer and how long that took.

use super::super::login_methods::parts::{Forms, Sending, hidden};
use crate::{
    api::webhooks::{Attempt, DeliveryLine, Redeliver, TestWebhook, WebhookView},
    components::{Badge, Button, Look, Time, Tone},
    domain::{
        ids::WebhookId,
        webhook::{DeliveryFault, DeliveryState, WebhookStatus},
    },
    i18n::{Locale, text},
    paths,
};
use leptos::prelude::*;

/// Is nothing open that would be closed if the list were shown anew?
pub(super) fn nobody_reads() -> bool {
    document().query_selector(".webhook-deliveries details[open]").ok().flatten().is_none()
}

/// The deliveries, and the button that sends a test event.
pub(super) fn deliveries(forms: Forms, view: &WebhookView, is_further: bool) -> AnyView {
    let (locale, webhook, slug) = (forms.locale(), view.webhook.id, view.slug.as_str());
    let is_on = view.webhook.status == WebhookStatus::On;
    let test = is_on.then(|| {
        forms.form::<TestWebhook>("inline", move |Sending { busy, .. }| {
            view! {
                {hidden("webhook", webhook)}
                <Button look=Look::Plain icon="send" busy>
                    {text!(locale, webhooks.test)}
                </Button>
            }
            .into_any()
        })
    });
    let list = if view.deliveries.is_empty() {
        view! { <p class="muted">{text!(locale, webhooks.no_deliveries)}</p> }.into_any()
    } else {
        let lines: Vec<_> = view.deliveries.iter().map(|delivery| line(forms, webhook, is_on, delivery)).collect();
        view! { <ul class="factors webhook-deliveries">{lines}</ul> }.into_any()
    };
    let newest = is_further.then(|| {
        view! { <a class="button" href=paths::webhook(slug, webhook)>{text!(locale, webhooks.newest)}</a> }
    });
    let older = view.next.map(|next| {
        let href = paths::webhook_deliveries(slug, webhook, next);
        view! { <a class="button" rel="next" href=href>{text!(locale, webhooks.older)}</a> }
    });
    view! {
        <section class="panel" aria-labelledby="webhook-deliveries">
            <h2 id="webhook-deliveries">{text!(locale, webhooks.deliveries)}</h2>
            <p>{text!(locale, webhooks.deliveries_text)}</p>
            {test}
            {list}
            <nav class="pages" aria-label=text!(locale, webhooks.deliveries)>{newest} {older}</nav>
        </section>
    }
    .into_any()
}

fn line(forms: Forms, webhook: WebhookId, is_on: bool, delivery: &DeliveryLine) -> AnyView {
    let locale = forms.locale();
    let last = delivery.last.as_ref().map(|last| view! { <small>{outcome(locale, last)}</small> });
    let next = delivery.next.filter(|_| delivery.attempts > 0).map(|at| {
        view! { <small>{text!(locale, webhooks.next_attempt)} " " <Time at relative=true /></small> }
    });
    view! {
        <li>
            <div class="factors-name">
                <strong>
                    <code>{delivery.event.clone()}</code>
                </strong>
                <small><Time at=delivery.written /> " · " {text!(locale, webhooks.attempts, count = delivery.attempts)}</small>
                {last}
                {next}
            </div>
            {badge(locale, delivery.state)}
            {is_on.then(|| redeliver(forms, webhook, delivery))}
            {details(locale, delivery)}
        </li>
    }
    .into_any()
}

/// What came of the last attempt, in a line.
fn outcome(locale: Locale, last: &Attempt) -> String {
    let status = last.status.map(|status| text!(locale, webhooks.answer_status, status = status));
    let fault = last.fault.map(|fault| fault_words(locale, fault).to_owned());
    let duration = text!(locale, webhooks.duration, milliseconds = last.duration_ms);
    [status, Some(duration), fault].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn fault_words(locale: Locale, fault: DeliveryFault) -> &'static str {
    match fault {
        DeliveryFault::AddressRefused => text!(locale, webhooks.fault_address_refused),
        DeliveryFault::Unreachable => text!(locale, webhooks.fault_unreachable),
        DeliveryFault::Tls => text!(locale, webhooks.fault_tls),
        DeliveryFault::TimedOut => text!(locale, webhooks.fault_timed_out),
        DeliveryFault::Redirected => text!(locale, webhooks.fault_redirected),
        DeliveryFault::Refused => text!(locale, webhooks.fault_refused),
        DeliveryFault::Gone => text!(locale, webhooks.fault_gone),
        DeliveryFault::NoSecret => text!(locale, webhooks.fault_no_secret),
    }
}

fn badge(locale: Locale, state: DeliveryState) -> AnyView {
    let (tone, icon, words) = match state {
        DeliveryState::Queued => (Tone::Info, "clock", text!(locale, webhooks.state_queued)),
        DeliveryState::Delivered => (Tone::Good, "check", text!(locale, webhooks.state_delivered)),
        DeliveryState::Failed => (Tone::Bad, "alert", text!(locale, webhooks.state_failed)),
        DeliveryState::Dropped => (Tone::Neutral, "minus", text!(locale, webhooks.state_dropped)),
    };
    view! {
        <Badge tone icon>
            {words}
        </Badge>
    }
    .into_any()
}

fn redeliver(forms: Forms, webhook: WebhookId, delivery: &DeliveryLine) -> AnyView {
    let (locale, id, event) = (forms.locale(), delivery.id, delivery.event.clone());
    forms.form::<Redeliver>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("webhook", webhook)}
            {hidden("delivery", id)}
            <Button look=Look::Small busy>
                <span aria-hidden="true">{text!(locale, webhooks.redeliver)}</span>
                <span class="visually-hidden">{text!(locale, webhooks.redeliver_named, event = event)}</span>
            </Button>
        }
        .into_any()
    })
}

/// What was sent, and what came back.
fn details(locale: Locale, delivery: &DeliveryLine) -> AnyView {
    let answer = delivery.last.as_ref().filter(|last| last.status.is_some()).map(|last| {
        let text = if last.answer.is_empty() {
            view! { <p class="muted">{text!(locale, webhooks.answer_empty)}</p> }.into_any()
        } else {
            view! { <pre class="example"><code>{last.answer.clone()}</code></pre> }.into_any()
        };
        view! {
            <h3>{text!(locale, webhooks.answer)}</h3>
            {text}
        }
    });
    view! {
        <details class="asks">
            <summary class="button button-small">
                <span aria-hidden="true">{text!(locale, webhooks.details)}</span>
                <span class="visually-hidden">
                    {text!(locale, webhooks.details_named, event = delivery.event.clone())}
                </span>
            </summary>
            <p>
                {text!(locale, webhooks.message_id)} " " <code>{delivery.id.to_string()}</code>
            </p>
            <h3>{text!(locale, webhooks.request)}</h3>
            <pre class="example">
                <code>{delivery.payload.clone()}</code>
            </pre>
            {answer}
        </details>
    }
    .into_any()
}
