//! Setting an authenticator app up: scan, type the code, keep the recovery codes.

use super::{
    factors::{confirm_first, shown_codes},
    saved,
};
use crate::{
    api::second_factors::{ConfirmTotp, SecondFactorAdded, ShowTotp, TotpView},
    components::{Button, ErrorBox, Field, Kind, problem_at},
    domain::fields,
    error::AppError,
    i18n::{Locale, text, use_locale},
    pages::{Failed, loaded_once},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

lazy_page!(AuthenticatorRoute, own_login, AuthenticatorPage);

/// The page.
#[component]
fn AuthenticatorPage() -> impl IntoView {
    let locale = use_locale();
    let parameters = use_params_map();
    let factor = parameters.with_untracked(|map| map.get("id").unwrap_or_default());
    let confirm = FormAction::<ConfirmTotp>::new();
    let shown = {
        let factor = factor.clone();
        Query::new(move || ShowTotp { factor: factor.clone() })
    };
    let steps = loaded_once(async move {
        match shown.await {
            Ok(totp) => view! {
                {move || confirm.output().get().is_none().then(|| steps(locale, factor.clone(), totp.clone(), confirm))}
            }
            .into_any(),
            // Added just now, by a form that the browser itself sent.
            Err(_) if confirm.output().get_untracked().is_some() => ().into_any(),
            Err(AppError::NotFound) => gone(locale),
            Err(AppError::ReauthenticationRequired) => confirm_first(locale),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, factors.totp_title) />
        <section class="panel">
            <h2>{text!(locale, factors.totp_title)}</h2>
            {move || confirm.output().get().map(|added| done(locale, added))}
            {steps}
        </section>
    }
}

fn steps(locale: Locale, factor: String, totp: TotpView, confirm: FormAction<ConfirmTotp>) -> AnyView {
    let error = confirm.error();
    view! {
        {scan(locale, totp)}
        <ActionForm action=confirm class="form">
            <ErrorBox error />
            <input type="hidden" name="form[factor]" value=factor />
            <Field
                name="form[code]"
                label=text!(locale, factors.totp_code)
                kind=Kind::Code
                required=true
                problem=problem_at(error, fields::Field::Code)
            />
            <Field
                name="form[name]"
                label=text!(locale, factors.totp_name)
                hint=text!(locale, factors.totp_name_hint)
                optional=true
                problem=problem_at(error, fields::Field::FactorName)
            />
            <div class="actions">
                <Button busy=confirm.pending()>{text!(locale, factors.totp_confirm)}</Button>
                <a class="button" href=paths::ME_SIGN_IN>{text!(locale, common.cancel)}</a>
            </div>
        </ActionForm>
    }
    .into_any()
}

/// What the app scans or takes, before its code is typed.
pub(in crate::pages) fn scan(locale: Locale, totp: TotpView) -> impl IntoView {
    view! {
        <p>{text!(locale, factors.totp_scan)}</p>
        <img class="qr" src=totp.qr alt=text!(locale, factors.totp_picture) />
        <p>
            <a href=totp.url rel="external">{text!(locale, factors.totp_open)}</a>
        </p>
        <p>{text!(locale, factors.totp_seed)}</p>
        <p>
            <code class="seed">{in_groups(&totp.seed)}</code>
        </p>
        <p>{text!(locale, factors.totp_then)}</p>
    }
}

/// The seed, in groups that can be read and typed. Apps take it with the spaces.
fn in_groups(seed: &str) -> String {
    let mut grouped = String::new();
    for (at, c) in seed.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            grouped.push(' ');
        }
        grouped.push(c);
    }
    grouped
}

fn done(locale: Locale, added: SecondFactorAdded) -> AnyView {
    let codes = added.recovery_codes.map(|codes| {
        view! {
            <h3>{text!(locale, factors.codes_title)}</h3>
            <p>{text!(locale, factors.codes_text)}</p>
            {shown_codes(locale, &codes)}
        }
    });
    view! {
        {saved(text!(locale, factors.totp_added))}
        {codes}
        {back(locale)}
    }
    .into_any()
}

fn gone(locale: Locale) -> AnyView {
    view! {
        <h3>{text!(locale, factors.totp_gone)}</h3>
        <p>{text!(locale, factors.totp_gone_text)}</p>
        {back(locale)}
    }
    .into_any()
}

fn back(locale: Locale) -> AnyView {
    view! {
        <p>
            <a class="button" href=paths::ME_SIGN_IN>{text!(locale, factors.back)}</a>
        </p>
    }
    .into_any()
}
