//! Deciding about somebody who came back from a provider as another than the one invited (R43, R44), or who asks to be invited by another address
//! (R14).

use super::{
    Failed, loaded,
    login_methods::parts::{Forms, Sending, hidden},
    use_slug,
};
use crate::{
    api::login_methods::{Decide, DecisionAbout, DecisionView, Notice, ShowDecision},
    components::{Button, Look, Note, NoteTone, Time},
    i18n::{Locale, refusal_text, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

lazy_page!(DecisionRoute, login_methods, DecisionPage);

/// The page of a decision.
#[component]
fn DecisionPage() -> impl IntoView {
    let locale = use_locale();
    let (slug, parameters) = (use_slug(), use_params_map());
    let decision = Query::new(move || ShowDecision {
        account: slug.get(),
        member: parameters.with(|map| map.get("id").unwrap_or_default()),
    });
    let forms = Forms::new(locale, slug, move || decision.refetch());
    let page = loaded(move || async move {
        match decision.await {
            Ok(view) => {
                forms.loaded();
                page(forms, view)
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! { <div class="form-page">{forms.error_box()} {page}</div> }
}

/// Invited and received, side by side, with the ways on.
fn page(forms: Forms, open: Option<DecisionView>) -> AnyView {
    let (locale, slug) = (forms.locale(), forms.slug());
    let notice = forms.notice();
    let done = untrack(|| {
        [Notice::Decided, Notice::RequestGranted, Notice::RequestRefused].iter().any(|notice| forms.achieved(notice))
    });
    let title = match open.as_ref().map(|view| &view.about) {
        _ if done => text!(locale, methods.decision_done),
        Some(DecisionAbout::Request { .. }) => text!(locale, methods.request_title),
        Some(DecisionAbout::Provider { identifier, .. }) if is_same_person(identifier) => {
            text!(locale, methods.decision_title_address)
        }
        Some(DecisionAbout::Provider { .. }) | None => text!(locale, methods.decision_title),
    };
    let title = title.to_owned();
    let back =
        view! { <p class="back"><a href=paths::users(slug.as_str())>{text!(locale, common.back_to_users)}</a></p> };
    let Some(view) = open else {
        let none = (!untrack(|| forms.has_notice()))
            .then(|| view! { <p class="page-lead">{text!(locale, methods.decision_none)}</p> });
        return view! {
            <Title text=title.clone() />
            {back}
            <h1>{title}</h1>
            {notice}
            {none}
        }
        .into_any();
    };
    let refusal = view.verdict.refusal().map(|refusal| {
        let words = refusal_text(locale, refusal, None);
        view! {
            <Note tone=NoteTone::Warn icon="lock">
                <p>{words}</p>
            </Note>
        }
        .into_any()
    });
    let (lead, compared, ways_on) = match &view.about {
        DecisionAbout::Provider { method, email, identifier } => {
            about_provider(forms, &view, method, email, identifier)
        }
        DecisionAbout::Request { name, email } => about_request(forms, &view, name, email),
    };
    view! {
        <Title text=title.clone() />
        {back}
        <h1>{title}</h1>
        <p class="page-lead">{lead} " " <Time at=view.at /></p>
        {notice}
        {refusal}
        {compared}
        <div class="ways-on">{ways_on}</div>
    }
    .into_any()
}

/// Is it the same person, whom the provider knows by another address (R43)?
fn is_same_person(identifier: &(Option<String>, String)) -> bool {
    identifier.0.as_ref() == Some(&identifier.1)
}

/// A button that decides.
fn way(forms: Forms, view: &DecisionView, outcome: &'static str, look: Look, words: String) -> AnyView {
    let (member, decision, may) = (view.member, view.decision, view.verdict.refusal().is_none());
    forms.form::<Decide>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("member", member)}
            {hidden("decision", decision)}
            {hidden("outcome", outcome)}
            <Button look busy disabled=!may>
                {words}
            </Button>
        }
        .into_any()
    })
}

/// What is said, compared and to be chosen about somebody whom the provider named differently.
fn about_provider(
    forms: Forms,
    view: &DecisionView,
    method: &str,
    email: &(String, Option<String>),
    identifier: &(Option<String>, String),
) -> (String, AnyView, AnyView) {
    let (locale, slug) = (forms.locale(), forms.slug());
    let (use_it, use_text) = if is_same_person(identifier) {
        (text!(locale, methods.decide_let_in), text!(locale, methods.decide_let_in_text))
    } else {
        (text!(locale, methods.decide_use), text!(locale, methods.decide_use_text))
    };
    let lead = text!(locale, methods.decision_lead, label = view.label.clone(), method = method.to_owned());
    let rows = view! {
        {compared(locale, text!(locale, methods.identifier), identifier.0.clone(), Some(identifier.1.clone()))}
        {compared(locale, text!(locale, methods.email), Some(email.0.clone()), email.1.clone())}
    };
    let table = comparison(text!(locale, methods.invited), text!(locale, methods.received), rows.into_any());
    let ways_on = view! {
        <section>
            <h2>{use_it}</h2>
            <p>{use_text}</p>
            {way(forms, view, "use", Look::Primary, use_it.to_owned())}
        </section>
        <section>
            <h2>{text!(locale, methods.decide_correct)}</h2>
            <p>{text!(locale, methods.decide_correct_text)}</p>
            <p>
                <a class="button" href=paths::edit(slug.as_str(), view.member)>{text!(locale, methods.decide_correct)}</a>
            </p>
        </section>
        <section>
            <h2>{text!(locale, methods.decide_reject)}</h2>
            <p>{text!(locale, methods.decide_reject_text)}</p>
            {way(forms, view, "reject", Look::Plain, text!(locale, methods.decide_reject).to_owned())}
        </section>
    };
    (lead, table, ways_on.into_any())
}

/// The same about somebody who asks to be invited by another address (R14).
fn about_request(
    forms: Forms,
    view: &DecisionView,
    name: &str,
    email: &(String, String),
) -> (String, AnyView, AnyView) {
    let locale = forms.locale();
    let (name, (invited, asks)) = (name.to_owned(), email.clone());
    let lead =
        text!(locale, methods.request_lead, name = name.clone(), invited = invited.clone(), email = asks.clone());
    let row = compared(locale, text!(locale, methods.request_address), Some(invited.clone()), Some(asks.clone()));
    let table = comparison(text!(locale, methods.request_invited), text!(locale, methods.request_asks), row);
    let compared = view! {
        {table}
        <p>{text!(locale, methods.request_note, email = asks.clone(), invited = invited.clone())}</p>
    };
    let grant = text!(locale, methods.request_grant, email = asks.clone());
    let ways_on = view! {
        <section>
            <h2>{grant.clone()}</h2>
            <p>{text!(locale, methods.request_grant_text, email = asks, invited = invited.clone())}</p>
            {way(forms, view, "use", Look::Primary, grant)}
        </section>
        <section>
            <h2>{text!(locale, methods.request_refuse)}</h2>
            <p>{text!(locale, methods.request_refuse_text, invited = invited)}</p>
            {way(forms, view, "reject", Look::Plain, text!(locale, methods.request_refuse).to_owned())}
        </section>
    };
    (lead, compared.into_any(), ways_on.into_any())
}

/// Two columns side by side.
fn comparison(left: &'static str, right: &'static str, rows: AnyView) -> AnyView {
    view! {
        <table class="compare">
            <thead>
                <tr>
                    <td></td>
                    <th scope="col">{left}</th>
                    <th scope="col">{right}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn compared(locale: Locale, label: &'static str, invited: Option<String>, received: Option<String>) -> AnyView {
    let differs = invited != received;
    let words = |value: Option<String>| value.unwrap_or_else(|| text!(locale, methods.nothing).to_owned());
    let mark = differs.then(|| view! { <strong class="differs">{text!(locale, methods.differs)}</strong> });
    view! {
        <tr>
            <th scope="row">{label}</th>
            <td><code>{words(invited)}</code></td>
            <td><code>{words(received)}</code> " " {mark}</td>
        </tr>
    }
    .into_any()
}
