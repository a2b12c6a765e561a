//! Deciding about somebody who came back from a provider as another than the one invited (R43, R44).

use super::{
    Failed, loaded,
    login_methods::parts::{Forms, Sending, hidden},
    use_slug,
};
use crate::{
    api::login_methods::{Decide, DecisionView, Notice, ShowDecision},
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

/// Invited and received, side by side, with the three ways on.
fn page(forms: Forms, open: Option<DecisionView>) -> AnyView {
    let (locale, slug) = (forms.locale(), forms.slug());
    let (done, notice) = (untrack(|| forms.achieved(&Notice::Decided)), forms.notice());
    // Is it the same person, whom the provider knows by another address (R43)?
    let same = open.as_ref().is_some_and(|view| view.identifier.0.as_ref() == Some(&view.identifier.1));
    let title = match (done, same) {
        (true, _) => text!(locale, methods.decision_done),
        (false, true) => text!(locale, methods.decision_title_address),
        (false, false) => text!(locale, methods.decision_title),
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
    let may = view.verdict.refusal().is_none();
    let refusal = view.verdict.refusal().map(|refusal| {
        let words = refusal_text(locale, refusal, None);
        view! {
            <Note tone=NoteTone::Warn icon="lock">
                <p>{words}</p>
            </Note>
        }
        .into_any()
    });
    let (member, decision) = (view.member, view.decision);
    let way = |outcome: &'static str, look: Look, words: &'static str| {
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
    };
    let (use_it, use_text) = if same {
        (text!(locale, methods.decide_let_in), text!(locale, methods.decide_let_in_text))
    } else {
        (text!(locale, methods.decide_use), text!(locale, methods.decide_use_text))
    };
    view! {
        <Title text=title.clone() />
        {back}
        <h1>{title}</h1>
        <p class="page-lead">
            {text!(locale, methods.decision_lead, label = view.label.clone(), method = view.method.clone())} " " <Time at=view.at />
        </p>
        {notice}
        {refusal}
        <table class="compare">
            <thead>
                <tr>
                    <td></td>
                    <th scope="col">{text!(locale, methods.invited)}</th>
                    <th scope="col">{text!(locale, methods.received)}</th>
                </tr>
            </thead>
            <tbody>
                {compared(locale, text!(locale, methods.identifier), view.identifier.0.clone(), Some(view.identifier.1.clone()))}
                {compared(locale, text!(locale, methods.email), Some(view.email.0.clone()), view.email.1.clone())}
            </tbody>
        </table>
        <div class="ways-on">
            <section>
                <h2>{use_it}</h2>
                <p>{use_text}</p>
                {way("use", Look::Primary, use_it)}
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
                {way("reject", Look::Plain, text!(locale, methods.decide_reject))}
            </section>
        </div>
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
