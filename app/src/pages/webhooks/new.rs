//! The dialog for a new webhook, over the list. It shows the secret once, and leads on to the webhook.

use super::{
    super::{loaded_once, login_methods::parts::sign_in_again},
    WebhookList,
    form::fields,
    shown_secret,
};
use crate::{
    api::webhooks::{AddWebhook, WebhookSecret, WebhooksView},
    components::{Button, Dialog, ErrorBox, Note, NoteTone},
    domain::name::Slug,
    i18n::{Locale, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction},
};
use leptos::prelude::*;

lazy_page!(NewWebhookRoute, administration, NewWebhookDialog);

/// The dialog.
#[component]
fn NewWebhookDialog() -> impl IntoView {
    let list = expect_context::<WebhookList>();
    loaded_once(async move {
        match list.0.await {
            Ok(view) => view! { <NewWebhook list view /> }.into_any(),
            // The list says what is wrong.
            Err(_) => ().into_any(),
        }
    })
}

#[component]
fn NewWebhook(list: WebhookList, view: WebhooksView) -> impl IntoView {
    let locale = use_locale();
    let add = FormAction::<AddWebhook>::new();
    add.on_success(move |_| list.0.refetch());
    let output = add.output();
    let made = Memo::new(move |_| output.get());
    let slug = view.slug;
    let back = paths::webhooks(slug.as_str());
    let content = move || match made.get() {
        Some(made) => shown(locale, &slug, made),
        None if view.recently_authenticated => form(locale, &slug, add),
        None => sign_in_again(locale, &slug, &paths::new_webhook(slug.as_str())),
    };
    view! {
        <Dialog
            title=text!(locale, webhooks.new)
            back_to=Signal::stored(back)
            back_label=text!(locale, webhooks.back)
        >
            {content}
        </Dialog>
    }
}

fn form(locale: Locale, slug: &Slug, add: FormAction<AddWebhook>) -> AnyView {
    let (error, account) = (add.error(), slug.to_string());
    view! {
        <ActionForm action=add class="form">
            <ErrorBox error />
            <Note tone=NoteTone::Plain icon="info">
                <p>{text!(locale, webhooks.new_text)}</p>
            </Note>
            <input type="hidden" name="account" value=account />
            {fields(locale, None, error)}
            <div class="actions">
                <Button busy=add.pending()>{text!(locale, webhooks.create)}</Button>
            </div>
        </ActionForm>
    }
    .into_any()
}

fn shown(locale: Locale, slug: &Slug, made: WebhookSecret) -> AnyView {
    let open = view! {
        <p>
            <a class="button" href=paths::webhook(slug.as_str(), made.webhook)>{text!(locale, webhooks.open)}</a>
        </p>
    };
    let (title, words) = (text!(locale, webhooks.made), text!(locale, webhooks.made_text));
    shown_secret(locale, title, words, made.secret, open.into_any())
}
