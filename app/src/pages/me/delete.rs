//! `/me/delete`: deleting one's login, and keeping it after all.

use super::{present_password, read_only, saved};
use crate::{
    api::own_login::{DeleteLogin, DeletionAsked, KeepLogin, OwnLogin, ShowOwnLogin},
    components::{Button, ErrorBox, Field, Kind, Look, Note, NoteTone, Time, problem_at},
    domain::{email, fields, time::Timestamp},
    i18n::{Locale, text, use_locale},
    pages::{Failed, full_page_load, loaded_once},
    paths,
    rpc::{ActionForm, FormAction, Query, flashed_output},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

lazy_page!(DeleteLoginRoute, own_login, DeleteLoginPage);

/// The page. While a login is going to be deleted, every page leads here.
#[component]
fn DeleteLoginPage() -> impl IntoView {
    let locale = use_locale();
    let login = Query::new(|| ShowOwnLogin {});
    let query = use_query_map();
    let noted = query.with_untracked(|query| query.get("notice").as_deref() == Some(paths::LOGIN_KEPT));
    let kept = noted || flashed_output::<KeepLogin>().is_some();
    let page = loaded_once(async move {
        match login.await {
            Ok(login) if !login.may_change => read_only(locale),
            Ok(login) => match login.delete_at {
                Some(at) => keep(locale, at),
                None => form(locale, login),
            },
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, own_login.delete_title) />
        {kept.then(|| saved(text!(locale, own_login.login_kept)))}
        {page}
    }
}

/// When the login is deleted, and keeping it.
fn keep(locale: Locale, at: Timestamp) -> AnyView {
    let keep = FormAction::<KeepLogin>::new();
    keep.on_success(|()| full_page_load(&paths::with_notice(paths::ME_DELETE, paths::LOGIN_KEPT)));
    view! {
        <Note tone=NoteTone::Warn icon="clock">
            <p>{text!(locale, own_login.delete_at)} " " <Time at /></p>
            <ErrorBox error=keep.error() />
            <ActionForm action=keep>
                <Button busy=keep.pending()>{text!(locale, own_login.keep_login)}</Button>
            </ActionForm>
        </Note>
        {what_happens(locale)}
    }
    .into_any()
}

/// What goes, and what stays where.
fn what_happens(locale: Locale) -> AnyView {
    view! {
        <section class="panel">
            <h2>{text!(locale, own_login.delete_title)}</h2>
            <p>{text!(locale, own_login.delete_text)}</p>
            <p>{text!(locale, own_login.delete_goes)}</p>
            <p>{text!(locale, own_login.delete_stays)}</p>
        </section>
    }
    .into_any()
}

fn form(locale: Locale, login: OwnLogin) -> AnyView {
    let delete = FormAction::<DeleteLogin>::new();
    let error = delete.error();
    delete.on_success(|asked| {
        if matches!(asked, DeletionAsked::At { .. }) {
            full_page_load(paths::ME_DELETE);
        }
    });
    let needed = move || match delete.output().get() {
        Some(DeletionAsked::LastOwnerOf { accounts }) => {
            let accounts: Vec<_> = accounts
                .into_iter()
                .map(|account| {
                    view! {
                        <li>
                            <a href=paths::users(account.slug.as_str())>{account.name}</a>
                        </li>
                    }
                })
                .collect();
            Some(view! {
                <Note tone=NoteTone::Bad icon="alert">
                    <p>{text!(locale, own_login.delete_last_owner)}</p>
                    <ul>{accounts}</ul>
                </Note>
            })
        }
        Some(DeletionAsked::At { .. }) | None => None,
    };
    view! {
        {what_happens(locale)}
        <section class="panel">
            <ActionForm action=delete class="form">
                <ErrorBox error />
                {needed}
                <Field
                    name="form[confirmation]"
                    label=text!(locale, own_login.delete_confirmation, email = login.email)
                    kind=Kind::Verbatim
                    most=email::MAX_BYTES as u32
                    required=true
                    problem=problem_at(error, fields::Field::Confirmation)
                />
                {present_password(locale, error)}
                <div class="actions">
                    <Button look=Look::Danger busy=delete.pending()>{text!(locale, own_login.delete_button)}</Button>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}
