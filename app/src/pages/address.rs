//! `/address`: where the links of a change of address lead, signed in or not (R48, PW-11).

use super::{Failed, loaded, shell::Card};
use crate::{
    api::address::{
        AddressChangeView, AddressChanged, AddressRestored, ConfirmAddressChange, UndoAddressChange, ViewAddressChange,
    },
    components::{Button, ErrorBox, Look, Time},
    error::AppError,
    i18n::{Locale, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(AddressRoute, joining, AddressPage);

/// The page.
#[component]
fn AddressPage() -> impl IntoView {
    let locale = use_locale();
    let change = Query::new(|| ViewAddressChange {});
    let (confirm, undo) = (FormAction::<ConfirmAddressChange>::new(), FormAction::<UndoAddressChange>::new());
    let page = loaded(move || async move {
        match change.await {
            Ok(change) => view! {
                {move || outcome(locale, confirm, undo).unwrap_or_else(|| present(locale, confirm, undo, change.clone()))}
            }
            .into_any(),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, own_login.address_title) />
        <Card>{page}</Card>
    }
}

/// What came of the button that was pressed; `None` before.
fn outcome(
    locale: Locale,
    confirm: FormAction<ConfirmAddressChange>,
    undo: FormAction<UndoAddressChange>,
) -> Option<AnyView> {
    // A link that ended while the page was open is no fault of the person's.
    let ended = Some(AppError::OpenTheLinkAgain);
    if confirm.error().get() == ended || undo.error().get() == ended {
        return Some(self::ended(locale));
    }
    match (confirm.output().get(), undo.output().get()) {
        (Some(AddressChanged::Done { email }), _) => Some(view! {
            {words(text!(locale, own_login.confirmed_title), text!(locale, own_login.confirmed_text, email = email))}
            <p>
                <a class="button button-primary" href=paths::ME>{text!(locale, own_login.go_to_login)}</a>
            </p>
        }
        .into_any()),
        (_, Some(AddressRestored::Done { email })) => Some(view! {
            {words(text!(locale, own_login.undone_title), text!(locale, own_login.undone_text, email = email))}
            <p>
                <a class="button button-primary" href=paths::FORGOTTEN_PASSWORD>
                    {text!(locale, own_login.choose_new_password)}
                </a>
            </p>
        }
        .into_any()),
        (Some(AddressChanged::Taken { email }), _) | (_, Some(AddressRestored::Taken { email })) => {
            Some(words(text!(locale, own_login.taken_title), text!(locale, own_login.taken_text, email = email)))
        }
        (None, None) => None,
    }
}

/// What the link can do.
fn present(
    locale: Locale,
    confirm: FormAction<ConfirmAddressChange>,
    undo: FormAction<UndoAddressChange>,
    change: AddressChangeView,
) -> AnyView {
    match change {
        AddressChangeView::Confirm { old, new, until } => view! {
            {words(
                text!(locale, own_login.confirm_title),
                text!(locale, own_login.confirm_text, new = new.clone(), old = old),
            )}
            <ErrorBox error=confirm.error() />
            <ActionForm action=confirm>
                <Button busy=confirm.pending()>{text!(locale, own_login.confirm, new = new)}</Button>
            </ActionForm>
            <p class="field-hint">{text!(locale, own_login.valid_until)} " " <Time at=until /></p>
        }
        .into_any(),
        AddressChangeView::Undo { old, until } => view! {
            {words(text!(locale, own_login.undo_title), text!(locale, own_login.undo_text, old = old))}
            <ErrorBox error=undo.error() />
            <ActionForm action=undo>
                <Button look=Look::Danger busy=undo.pending()>{text!(locale, own_login.undo)}</Button>
            </ActionForm>
            <p class="field-hint">{text!(locale, own_login.valid_until)} " " <Time at=until /></p>
        }
        .into_any(),
        AddressChangeView::Ended => ended(locale),
    }
}

fn ended(locale: Locale) -> AnyView {
    words(text!(locale, own_login.address_ended_title), text!(locale, own_login.address_ended_text))
}

fn words(title: &'static str, text: impl Into<String>) -> AnyView {
    view! {
        <h1 tabindex="-1">{title}</h1>
        <p class="page-lead">{text.into()}</p>
    }
    .into_any()
}
