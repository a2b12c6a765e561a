//! Settings → Audit: what was changed in the account, by whom, in words (R60).

use super::{Failed, loaded, use_slug};
use crate::{
    api::{
        audit::{AuditLine, AuditPage as Events, ListAuditEvents},
        members::AccountFacts,
    },
    components::{EmptyState, Icon, Note, NoteTone, Time, focus_soon},
    domain::audit::{AuditQuery, EventKind},
    i18n::{Locale, audit_actor_name, event_details, event_kind_name, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

lazy_page!(AuditRoute, administration, AuditPage);

/// The events, newest first.
#[component]
fn AuditPage() -> impl IntoView {
    let locale = use_locale();
    let (slug, of_url) = (use_slug(), use_query_map());
    let query = Memo::new(move |_| of_url.with(|map| AuditQuery::from_url(|name| map.get(name))));
    let events = Query::new(move || ListAuditEvents { account: slug.get(), query: query.get() });
    // True while somebody is on the way to another page of the list.
    let paging = StoredValue::new(false);
    let page = loaded(move || async move {
        match events.await {
            Ok(events) => {
                if paging.get_value() {
                    paging.set_value(false);
                    focus_soon(".audit-status");
                }
                content(locale, events, query.get(), paging).into_any()
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, audit.title) />
        <section class="audit">{page}</section>
    }
}

fn content(locale: Locale, page: Events, query: AuditQuery, paging: StoredValue<bool>) -> impl IntoView {
    let Events { facts, lines, next, unknown_person } = page;
    let slug = facts.slug.to_string();
    let with = |query: &AuditQuery| paths::with_parameters(paths::audit(&slug), query.to_url());
    let (newest, further) = (with(&query.from_the_start()), !query.before.is_empty());
    let older = next.map(|next| with(&AuditQuery { before: next.to_string(), ..query.clone() }));
    let (everything, person) = (paths::audit(&slug), query.person.clone());
    let nobody = unknown_person.then(|| {
        view! {
            <Note tone=NoteTone::Warn icon="alert">
                <p>{text!(locale, audit.unknown_person, email = person)}</p>
            </Note>
        }
    });
    let events = if lines.is_empty() {
        view! {
            <EmptyState icon="search" title=text!(locale, audit.none_title)>
                <p>{text!(locale, audit.none_text)}</p>
                <a class="button" href=everything>{text!(locale, audit.clear)}</a>
            </EmptyState>
        }
        .into_any()
    } else {
        table(locale, &facts, lines).into_any()
    };
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, audit.title)}</h1>
                <p class="page-lead">{text!(locale, audit.lead, account = facts.name.clone())}</p>
            </div>
            {exports(locale, &slug, &query)}
        </header>
        {filters(locale, &slug, &query)}
        {nobody}
        <p class="visually-hidden audit-status" role="status" tabindex="-1" data-focus="">{text!(locale, audit.table)}</p>
        {events}
        <nav class="pages" aria-label=text!(locale, audit.pages)>
            {further.then(|| view! {
                <a class="button" href=newest on:click=move |_| paging.set_value(true)>{text!(locale, audit.newest)}</a>
            })}
            {older.map(|older| view! {
                <a class="button" rel="next" href=older on:click=move |_| paging.set_value(true)>
                    {text!(locale, audit.older)}
                </a>
            })}
        </nav>
    }
}

/// What is shown, as files: responses of their own, which the router does not know.
fn exports(locale: Locale, slug: &str, query: &AuditQuery) -> impl IntoView + use<> {
    let link = |form: &'static str, label: &'static str| {
        let href = paths::with_parameters(paths::audit_export(slug, form), query.from_the_start().to_url());
        view! {
            <a class="button" href=href rel="external" download="" aria-label=format!("{} {label}", text!(locale, audit.export))>
                <Icon name="download" />
                {label}
            </a>
        }
    };
    view! {
        <div class="actions">
            <a class="button" href=paths::access(slug)>{text!(locale, audit.access_link)}</a>
            {link("csv", text!(locale, audit.export_csv))}
            {link("jsonl", text!(locale, audit.export_json))}
        </div>
    }
}

fn filters(locale: Locale, slug: &str, query: &AuditQuery) -> impl IntoView + use<> {
    let kinds: Vec<_> = EventKind::ALL
        .iter()
        .map(|&kind| {
            let selected = kind.key() == query.kind;
            view! { <option value=kind.key() selected=selected>{event_kind_name(locale, kind)}</option> }
        })
        .collect();
    let clear = query.is_filtered().then(|| {
        view! { <a class="filters-clear" href=paths::audit(slug)>{text!(locale, audit.clear)}</a> }
    });
    view! {
        <form class="filters audit-filters" role="search" method="get" action=paths::audit(slug)>
            <label class="filters-search">
                <span class="filters-label">{text!(locale, audit.person)}</span>
                <input
                    type="text"
                    name="person"
                    inputmode="email"
                    autocomplete="off"
                    maxlength="254"
                    placeholder=text!(locale, audit.person_hint)
                    value=query.person.clone()
                />
            </label>
            <label class="filters-choice">
                <span class="filters-label">{text!(locale, audit.kind)}</span>
                <select name="kind">
                    <option value="">{text!(locale, audit.any_kind)}</option>
                    {kinds}
                </select>
            </label>
            <label class="filters-choice">
                <span class="filters-label">{text!(locale, audit.from)}</span>
                <input type="date" name="from" value=query.from.clone() aria-describedby="audit-utc" />
            </label>
            <label class="filters-choice">
                <span class="filters-label">{text!(locale, audit.until)}</span>
                <input type="date" name="until" value=query.until.clone() aria-describedby="audit-utc" />
            </label>
            <button type="submit" class="button">{text!(locale, audit.apply)}</button>
            {clear}
            <p class="field-hint" id="audit-utc">{text!(locale, audit.utc)}</p>
        </form>
    }
}

/// Events as a table, for this page and that of a person.
pub(super) fn table(locale: Locale, facts: &AccountFacts, lines: Vec<AuditLine>) -> impl IntoView + use<> {
    let rows: Vec<_> = lines.into_iter().map(|event| line(locale, facts, event)).collect();
    view! {
        <table class="outbox-table audit-table" role="table">
            <caption class="visually-hidden">{text!(locale, audit.table)}</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">{text!(locale, audit.column_what)}</th>
                    <th scope="col" role="columnheader">{text!(locale, audit.column_whom)}</th>
                    <th scope="col" role="columnheader">{text!(locale, audit.column_who)}</th>
                    <th scope="col" role="columnheader">{text!(locale, audit.column_when)}</th>
                    <th scope="col" role="columnheader">{text!(locale, audit.column_from)}</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

fn line(locale: Locale, facts: &AccountFacts, line: AuditLine) -> impl IntoView + use<> {
    let kind = EventKind::from_key(&line.kind).map_or(line.kind, |kind| event_kind_name(locale, kind).to_owned());
    let details: Vec<_> = line
        .event
        .iter()
        .flat_map(|event| event_details(locale, event, &facts.roles))
        .map(|words| view! { <span class="audit-detail">{words}</span> })
        .collect();
    let who = audit_actor_name(locale, line.actor);
    view! {
        <tr role="row">
            <th scope="row" role="rowheader">{kind} {details}</th>
            <td role="cell" data-label=text!(locale, audit.column_whom)>{line.target}</td>
            <td role="cell" data-label=text!(locale, audit.column_who)>{who}</td>
            <td role="cell" data-label=text!(locale, audit.column_when)><Time at=line.at /></td>
            <td role="cell" data-label=text!(locale, audit.column_from)>{line.ip}</td>
        </tr>
    }
}
