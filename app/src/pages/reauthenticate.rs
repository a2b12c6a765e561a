//! Reauthentication before what is most dangerous (AZ-16): what counts, and why where the account's provider cannot confirm it.

use super::{
    Failed, loaded,
    login_methods::parts::{Forms, Sending, hidden, use_query},
    required_factor::{Factors, prove},
    use_slug,
};
use crate::{
    api::login_methods::{
        MailReauthenticationCode, ReauthenticateByCode, ReauthenticateByPassword, ReauthenticationView, SignInOption,
        ViewReauthentication,
    },
    components::{Button, Field, Kind, Look, Note, NoteTone, Time, problem_at},
    domain::{
        fields,
        oauth::{ReauthenticationMethod, Recency},
    },
    i18n::{text, use_locale},
    rpc::Query,
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(ReauthenticationRoute, login_methods, ReauthenticationPage);

/// The page.
#[component]
fn ReauthenticationPage() -> impl IntoView {
    let locale = use_locale();
    let (slug, next) = (use_slug(), use_query("next"));
    let options = Query::new(move || ViewReauthentication { account: slug.get(), next: next.get() });
    let forms = Forms::new(locale, slug, move || options.refetch());
    let page = loaded(move || async move {
        match options.await {
            Ok(view) => {
                forms.loaded();
                page(forms, view)
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, methods.reauthenticate_title) />
        <div class="form-page">{forms.error_box()} {page}</div>
    }
}

fn page(forms: Forms, view: ReauthenticationView) -> AnyView {
    let locale = forms.locale();
    let ways = if view.recently_authenticated {
        view! {
            <Note tone=NoteTone::Good icon="check">
                <p>{text!(locale, methods.reauthenticate_fresh)}</p>
            </Note>
            <div class="actions">
                <a class="button button-primary" href=view.next.clone()>{text!(locale, methods.reauthenticate_go_on)}</a>
            </div>
        }
        .into_any()
    } else {
        ways(forms, &view)
    };
    let lead = text!(locale, methods.reauthenticate_lead, minutes = view.minutes);
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, methods.reauthenticate_title)}</h1>
                <p class="page-lead">{lead}</p>
            </div>
        </header>
        {forms.notice()}
        {ways}
    }
    .into_any()
}

fn ways(forms: Forms, view: &ReauthenticationView) -> AnyView {
    let locale = forms.locale();
    let by_factor = by_factor(forms, view);
    let Some(provider) = &view.provider else {
        return view! {
            {by_factor}
            <section class="panel">{by_password(forms, view)}</section>
        }
        .into_any();
    };
    let name = provider.name.clone();
    let why = view.shortfall.as_ref().and_then(|shortfall| why(forms, provider, shortfall));
    let other = view.shortfall.as_ref().map(|_| other(forms, view));
    // Plain OAuth 2.0 proves nothing however often it is tried, unless there is nothing else.
    let leads_on = view.shortfall != Some(Recency::Unsupported) || view.other.is_none();
    let again = leads_on.then(|| {
        view! {
            <section class="panel">
                <h2>{text!(locale, methods.reauthenticate_provider_title, provider = name.clone())}</h2>
                <p>{text!(locale, methods.reauthenticate_provider_text)}</p>
                <div class="actions">
                    <a class="button" href=provider.start.clone() rel="external">
                        {text!(locale, session.continue_with, method = name)}
                    </a>
                </div>
            </section>
        }
    });
    view! {
        {by_factor}
        {why}
        {other}
        {again}
    }
    .into_any()
}

/// A second factor that the person has counts at once.
fn by_factor(forms: Forms, view: &ReauthenticationView) -> Option<AnyView> {
    let (locale, next) = (forms.locale(), view.next.clone());
    let factors = Factors { app: view.app, passkey: view.passkey, recovery: false };
    (view.app || view.passkey).then(|| {
        view! {
            <section class="panel">
                <h2>{text!(locale, methods.reauthenticate_factor_title)}</h2>
                {prove(locale, forms.slug(), next, factors)}
            </section>
        }
        .into_any()
    })
}

/// Why the provider's word is no proof.
fn why(forms: Forms, provider: &SignInOption, shortfall: &Recency) -> Option<AnyView> {
    let locale = forms.locale();
    let name = provider.name.clone();
    let (words, at) = match shortfall {
        Recency::Recent(_) => return None,
        Recency::Stale(at) => (text!(locale, methods.reauthenticate_stale, provider = name), Some(*at)),
        Recency::Unknown => (text!(locale, methods.reauthenticate_unknown, provider = name), None),
        Recency::Missing => (text!(locale, methods.reauthenticate_missing, provider = name), None),
        Recency::Implausible(value) => {
            (text!(locale, methods.reauthenticate_implausible, provider = name, value = value.clone()), None)
        }
        Recency::Unsupported => (text!(locale, methods.reauthenticate_unsupported, provider = name), None),
    };
    let at = at.map(|at| view! { <p><Time at /></p> });
    let note = view! {
        <Note tone=NoteTone::Warn icon="alert">
            <p>{words}</p>
            {at}
        </Note>
    };
    Some(note.into_any())
}

/// What counts instead.
fn other(forms: Forms, view: &ReauthenticationView) -> AnyView {
    let locale = forms.locale();
    let proof = match view.other {
        Some(ReauthenticationMethod::Password) => view! {
            <p>{text!(locale, methods.reauthenticate_other_password)}</p>
            {by_password(forms, view)}
        }
        .into_any(),
        Some(ReauthenticationMethod::Code) => view! {
            <p>{text!(locale, methods.reauthenticate_other_code, email = view.email.clone())}</p>
            {by_code(forms, view)}
        }
        .into_any(),
        None => view! { <p>{text!(locale, methods.reauthenticate_other_none)}</p> }.into_any(),
    };
    view! {
        <section class="panel">
            <h2>{text!(locale, methods.reauthenticate_other_title)}</h2>
            {proof}
        </section>
    }
    .into_any()
}

fn by_password(forms: Forms, view: &ReauthenticationView) -> AnyView {
    let locale = forms.locale();
    let (next, email) = (view.next.clone(), view.email.clone());
    forms.form::<ReauthenticateByPassword>("form", move |Sending { busy, .. }| {
        view! {
            {hidden("form[next]", next)}
            // Password managers look for a name beside a password.
            <input type="email" value=email.clone() autocomplete="username" readonly hidden />
            <Field
                name="form[password]"
                label=text!(locale, methods.reauthenticate_password_label)
                hint=text!(locale, methods.reauthenticate_password_text, email = email)
                kind=Kind::Password
                required=true
            />
            <div class="actions">
                <Button busy>{text!(locale, methods.reauthenticate_confirm)}</Button>
            </div>
        }
        .into_any()
    })
}

fn by_code(forms: Forms, view: &ReauthenticationView) -> AnyView {
    let locale = forms.locale();
    let (next, same_next) = (view.next.clone(), view.next.clone());
    let mail = forms.form::<MailReauthenticationCode>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("form[next]", next)}
            <Button look=Look::Plain busy>{text!(locale, methods.reauthenticate_mail_code)}</Button>
        }
        .into_any()
    });
    let typed = forms.form::<ReauthenticateByCode>("form", move |Sending { busy, error }| {
        let problem = problem_at(error, fields::Field::Code);
        view! {
            {hidden("form[next]", same_next)}
            <Field name="form[code]" label=text!(locale, methods.reauthenticate_code) kind=Kind::Code required=true problem />
            <div class="actions">
                <Button busy>{text!(locale, methods.reauthenticate_confirm)}</Button>
            </div>
        }
        .into_any()
    });
    view! {
        {mail}
        {typed}
    }
    .into_any()
}
