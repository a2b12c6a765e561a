//! Settings → Webhooks: the addresses that are told of what happens in the account (LT-10).

mod deliveries;
mod form;
mod new;
mod webhook;

pub use new::NewWebhookRoute;
pub use webhook::WebhookRoute;

use super::{Failed, loaded, login_methods::parts::Forms, use_slug};
use crate::{
    api::webhooks::{ListWebhooks, WebhookLine, WebhooksView},
    components::{Badge, EmptyState, Icon, Note, NoteTone, Tone, copy_to_clipboard},
    domain::{
        name::Slug,
        webhook::{Subscription, WebhookStatus},
    },
    i18n::{Locale, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::Outlet;

lazy_page!(WebhooksRoute, administration, WebhooksPage);

/// The list, which the dialog over it renews.
#[derive(Clone, Copy)]
struct WebhookList(Query<ListWebhooks>);

/// The account's webhooks; the dialog for a new one opens over them.
#[component]
fn WebhooksPage() -> impl IntoView {
    let locale = use_locale();
    let slug = use_slug();
    let webhooks = Query::new(move || ListWebhooks { account: slug.get() });
    provide_context(WebhookList(webhooks));
    // A webhook that was removed leads here.
    let forms = Forms::new(locale, slug, move || webhooks.refetch());
    let page = loaded(move || async move {
        match webhooks.await {
            Ok(view) => {
                forms.loaded();
                page(forms, &view)
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, webhooks.title) />
        <div class="form-page">{page}</div>
        <Outlet />
    }
}

fn page(forms: Forms, view: &WebhooksView) -> AnyView {
    let locale = forms.locale();
    let new = paths::new_webhook(view.slug.as_str());
    let list = if view.webhooks.is_empty() {
        let new = new.clone();
        view! {
            <EmptyState icon="send" title=text!(locale, webhooks.none_title)>
                <p>{text!(locale, webhooks.none_text)}</p>
                <a class="button button-primary" href=new data-noscroll="">
                    {text!(locale, webhooks.create)}
                </a>
            </EmptyState>
        }
        .into_any()
    } else {
        let lines: Vec<_> = view.webhooks.iter().map(|webhook| line(locale, &view.slug, webhook)).collect();
        view! {
            <section class="panel" aria-labelledby="webhooks">
                <h2 id="webhooks">{text!(locale, webhooks.list)}</h2>
                <ul class="factors webhooks">{lines}</ul>
            </section>
        }
        .into_any()
    };
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, webhooks.title)}</h1>
                <p class="page-lead">{text!(locale, webhooks.lead, account = view.name.clone())}</p>
            </div>
            <a class="button button-primary" href=new data-noscroll="">
                <Icon name="plus" />
                {text!(locale, webhooks.new)}
            </a>
        </header>
        {forms.notice()}
        {list}
    }
    .into_any()
}

fn line(locale: Locale, slug: &Slug, webhook: &WebhookLine) -> AnyView {
    let told = match &webhook.subscription {
        Subscription::All => text!(locale, webhooks.told_all).to_owned(),
        Subscription::Some(events) => text!(locale, webhooks.told_some, count = events.len()),
    };
    let description = (!webhook.description.is_empty()).then(|| view! { <small>{webhook.description.clone()}</small> });
    view! {
        <li>
            <Icon name="send" />
            <div class="factors-name">
                <strong>
                    <a href=paths::webhook(slug.as_str(), webhook.id)>{webhook.url.clone()}</a>
                </strong>
                {description}
                <small>{told} " · " {answers(locale, webhook)}</small>
            </div>
            {badge(locale, webhook)}
        </li>
    }
    .into_any()
}

/// Who answers for a webhook.
fn answers(locale: Locale, webhook: &WebhookLine) -> String {
    match &webhook.owner {
        Some(name) => text!(locale, webhooks.answers, name = name.clone()),
        None => text!(locale, webhooks.nobody_answers).to_owned(),
    }
}

fn badge(locale: Locale, webhook: &WebhookLine) -> AnyView {
    let (tone, icon, words) = match webhook.status {
        WebhookStatus::On if webhook.failing_since.is_some() => {
            (Tone::Warn, "alert", text!(locale, webhooks.status_trouble))
        }
        WebhookStatus::On => (Tone::Good, "check", text!(locale, webhooks.status_on)),
        WebhookStatus::Off => (Tone::Neutral, "pause", text!(locale, webhooks.status_off)),
        WebhookStatus::Failing => (Tone::Bad, "ban", text!(locale, webhooks.status_failing)),
        WebhookStatus::Gone => (Tone::Bad, "ban", text!(locale, webhooks.status_gone)),
        WebhookStatus::Ownerless => (Tone::Bad, "ban", text!(locale, webhooks.status_ownerless)),
    };
    view! {
        <Badge tone icon>
            {words}
        </Badge>
    }
    .into_any()
}

/// A new secret, which is shown this once.
fn shown_secret(locale: Locale, title: &'static str, words: &'static str, secret: String, then: AnyView) -> AnyView {
    let secret = StoredValue::new(secret);
    let copied = RwSignal::new(false);
    let copy = move |_| {
        copy_to_clipboard(&secret.get_value(), move || {
            copied.try_set(true);
        });
    };
    let label = move || if copied.get() { text!(locale, webhooks.copied) } else { text!(locale, webhooks.copy) };
    view! {
        <Note tone=NoteTone::Good icon="check">
            <p>
                <strong>{title}</strong>
            </p>
            <p>{words}</p>
            <div class="field">
                <label for="webhook-secret">{text!(locale, webhooks.secret)}</label>
                <div class="link-line">
                    <input
                        id="webhook-secret"
                        type="text"
                        readonly
                        autocomplete="off"
                        spellcheck="false"
                        value=secret.get_value()
                    />
                    <button type="button" class="button only-with-scripting" on:click=copy>
                        <Icon name="copy" />
                        {label}
                    </button>
                </div>
            </div>
            {then}
        </Note>
    }
    .into_any()
}
