//! One webhook: what is sent by it, its settings, its secret, its end.

use super::{
    super::{
        Failed,
        live::on_account_change,
        loaded,
        login_methods::parts::{Forms, Sending, hidden, sign_in_again, use_query},
        use_slug,
    },
    answers, badge,
    deliveries::{deliveries, nobody_reads},
    form::fields,
    shown_secret,
};
use crate::{
    api::webhooks::{
        ChangeWebhook, RemoveWebhook, RotateWebhookSecret, ShowWebhook, SwitchWebhook, WebhookSecret, WebhookView,
    },
    components::{Button, ErrorBox, Look, Note, NoteTone, Time},
    domain::webhook::{WebhookStatus, host_of},
    i18n::{Locale, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

lazy_page!(WebhookRoute, administration, WebhookPage);

/// The page of one webhook.
#[component]
fn WebhookPage() -> impl IntoView {
    let locale = use_locale();
    let (slug, parameters, after) = (use_slug(), use_params_map(), use_query("after"));
    let id = Memo::new(move |_| parameters.with(|map| map.get("id").unwrap_or_default()));
    let show = move |after| ShowWebhook { account: slug.get(), webhook: id.get(), after };
    let webhook = Query::new(move || show(String::new()));
    // By itself, so that what happens meanwhile takes no form away that somebody fills in.
    let sent = Query::new(move || show(after.get()));
    on_account_change(move || {
        if nobody_reads() {
            sent.refetch_in_background();
        }
    });
    let forms = Forms::new(locale, slug, move || {
        webhook.refetch();
        sent.refetch();
    });
    let rotate = FormAction::<RotateWebhookSecret>::new();
    rotate.on_success(move |_| {
        webhook.refetch();
        window().scroll_to_with_x_and_y(0.0, 0.0);
    });
    let rotated = move || rotate.output().get().map(|new| shown_rotated(locale, new));
    let page = loaded(move || async move {
        match webhook.await {
            Ok(view) => {
                forms.loaded();
                head(forms, &view)
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    let is_further = move || !after.get().is_empty();
    let list = loaded(move || async move {
        sent.await.map_or_else(|_| ().into_any(), |view| deliveries(forms, &view, untrack(is_further)))
    });
    let below =
        loaded(
            move || async move { webhook.await.map_or_else(|_| ().into_any(), |view| settings(forms, rotate, &view)) },
        );
    view! { <div class="form-page">{forms.error_box()} {rotated} {page} {list} {below}</div> }
}

fn head(forms: Forms, view: &WebhookView) -> AnyView {
    let (locale, slug, webhook) = (forms.locale(), &view.slug, &view.webhook);
    let title = match webhook.description.as_str() {
        "" => host_of(&webhook.url),
        description => description.to_owned(),
    };
    let here = paths::webhook(slug.as_str(), webhook.id);
    view! {
        <Title text=title.clone() />
        <header class="page-head">
            <div>
                <p class="back">
                    <a href=paths::webhooks(slug.as_str())>{text!(locale, webhooks.title)}</a>
                </p>
                <h1>{title}</h1>
                <p class="page-lead">
                    <code>{webhook.url.clone()}</code>
                </p>
                <p>{badge(locale, webhook)} " " {answers(locale, webhook)}</p>
            </div>
        </header>
        {forms.notice()}
        {(!view.recently_authenticated).then(|| sign_in_again(locale, slug, &here))}
        {state(forms, view)}
    }
    .into_any()
}

/// Why it is told nothing, or that nothing arrives, and what to do.
fn state(forms: Forms, view: &WebhookView) -> AnyView {
    let (locale, id) = (forms.locale(), view.webhook.id);
    let words = match view.webhook.status {
        WebhookStatus::On => {
            return view.webhook.failing_since.map_or_else(
                || ().into_any(),
                |at| {
                    view! {
                        <Note tone=NoteTone::Warn icon="alert">
                            <p>{text!(locale, webhooks.failing_note)} " " <Time at />"."</p>
                        </Note>
                    }
                    .into_any()
                },
            );
        }
        WebhookStatus::Off => text!(locale, webhooks.off_text),
        WebhookStatus::Failing => text!(locale, webhooks.failing_text),
        WebhookStatus::Gone => text!(locale, webhooks.gone_text),
        WebhookStatus::Ownerless => text!(locale, webhooks.ownerless_text),
    };
    let recently_authenticated = view.recently_authenticated;
    let switch_on = forms.form::<SwitchWebhook>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("webhook", id)}
            {hidden("on", "on")}
            <Button busy disabled=!recently_authenticated>
                {text!(locale, webhooks.switch_on)}
            </Button>
        }
        .into_any()
    });
    view! {
        <Note tone=NoteTone::Warn icon="pause">
            <p>{words}</p>
            {switch_on}
        </Note>
    }
    .into_any()
}

fn shown_rotated(locale: Locale, new: WebhookSecret) -> AnyView {
    let until = new.earlier_until.map(|at| view! { <p><Time at /></p> });
    let (title, words) = (text!(locale, webhooks.rotated), text!(locale, webhooks.rotated_text));
    shown_secret(locale, title, words, new.secret, until.into_any())
}

fn settings(forms: Forms, rotate: FormAction<RotateWebhookSecret>, view: &WebhookView) -> AnyView {
    let (locale, id, recently_authenticated) = (forms.locale(), view.webhook.id, view.recently_authenticated);
    let (webhook, account) = (view.webhook.clone(), view.slug.to_string());
    let change = forms.form::<ChangeWebhook>("form", move |Sending { busy, error }| {
        view! {
            {hidden("webhook", id)}
            {fields(locale, Some(&webhook), error)}
            <div class="actions">
                <Button busy disabled=!recently_authenticated>
                    {text!(locale, webhooks.save)}
                </Button>
            </div>
        }
        .into_any()
    });
    let overlap = view.earlier_secret_until.map(|at| {
        view! { <p>{text!(locale, webhooks.secret_overlap)} " " <Time at />"."</p> }
    });
    let switch_off = (view.webhook.status == WebhookStatus::On).then(|| switch_off(forms, view));
    view! {
        <section class="panel" aria-labelledby="webhook-settings">
            <h2 id="webhook-settings">{text!(locale, webhooks.settings)}</h2>
            <p>{text!(locale, webhooks.settings_text)}</p>
            {change}
        </section>
        <section class="panel" aria-labelledby="webhook-secret-title">
            <h2 id="webhook-secret-title">{text!(locale, webhooks.secret_title)}</h2>
            <p>{text!(locale, webhooks.secret_text)}</p>
            {overlap}
            <details class="asks">
                <summary class="button">{text!(locale, webhooks.rotate)} " …"</summary>
                <Note tone=NoteTone::Warn icon="alert">
                    <p>{text!(locale, webhooks.rotate_text)}</p>
                </Note>
                <ActionForm action=rotate class="inline">
                    <ErrorBox error=rotate.error() />
                    <input type="hidden" name="account" value=account />
                    {hidden("webhook", id)}
                    <Button busy=rotate.pending() disabled=!recently_authenticated>
                        {text!(locale, webhooks.rotate_confirm)}
                    </Button>
                </ActionForm>
            </details>
        </section>
        {switch_off}
        {remove(forms, view)}
    }
    .into_any()
}

fn switch_off(forms: Forms, view: &WebhookView) -> AnyView {
    let (locale, id) = (forms.locale(), view.webhook.id);
    let form = forms.form::<SwitchWebhook>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("webhook", id)}
            {hidden("on", "off")}
            <Button look=Look::Danger busy>{text!(locale, webhooks.switch_off_confirm)}</Button>
        }
        .into_any()
    });
    view! {
        <section class="panel" aria-labelledby="webhook-off">
            <h2 id="webhook-off">{text!(locale, webhooks.switch_off)}</h2>
            <details class="asks">
                <summary class="button">{text!(locale, webhooks.switch_off)} " …"</summary>
                <Note tone=NoteTone::Warn icon="alert">
                    <p>{text!(locale, webhooks.switch_off_text)}</p>
                </Note>
                {form}
            </details>
        </section>
    }
    .into_any()
}

fn remove(forms: Forms, view: &WebhookView) -> AnyView {
    let (locale, id) = (forms.locale(), view.webhook.id);
    let form = forms.form::<RemoveWebhook>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("webhook", id)}
            <Button look=Look::Danger busy>{text!(locale, webhooks.remove_confirm)}</Button>
        }
        .into_any()
    });
    view! {
        <section class="panel" aria-labelledby="webhook-remove">
            <h2 id="webhook-remove">{text!(locale, webhooks.remove_title)}</h2>
            <details class="asks">
                <summary class="button">{text!(locale, webhooks.remove)} " …"</summary>
                <Note tone=NoteTone::Warn icon="alert">
                    <p>{text!(locale, webhooks.remove_text)}</p>
                </Note>
                {form}
            </details>
        </section>
    }
    .into_any()
}
