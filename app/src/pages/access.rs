//! Settings → Audit: who had access at one moment, rebuilt from the account's events (R60).

use super::{Failed, loaded, use_slug};
use crate::{
    api::{
        audit::{AccessPage as Then, PersonThen, ShowAccess},
        members::AccountFacts,
    },
    components::{Icon, Note, NoteTone, Time, in_utc},
    domain::{access::AccessQuery, permission::Gate},
    i18n::{Locale, permission_name, role_name, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

lazy_page!(AccessRoute, audit, AccessPage);

/// Who had access, and to which moment that belongs.
#[component]
fn AccessPage() -> impl IntoView {
    let locale = use_locale();
    let (slug, of_url) = (use_slug(), use_query_map());
    let query = Memo::new(move |_| of_url.with(|map| AccessQuery::from_url(|name| map.get(name))));
    let then = Query::new(move || ShowAccess { account: slug.get(), query: query.get() });
    let page = loaded(move || async move {
        match then.await {
            Ok(then) => content(locale, then, &query.get()).into_any(),
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, audit.access_title) />
        <section class="audit">{page}</section>
    }
}

fn content(locale: Locale, page: Then, query: &AccessQuery) -> impl IntoView + use<> {
    let Then { facts, at, active, active_count, suspended, suspended_count } = page;
    let slug = facts.slug.as_str();
    let export = paths::with_parameters(paths::access_export(slug), query.to_url());
    let (count, shown) = (active_count + suspended_count, active.len() + suspended.len());
    let status =
        text!(locale, audit.access_status, at = in_utc(at), active = active_count, suspended = suspended_count);
    let more = (shown as u64 != count).then(|| {
        view! {
            <Note tone=NoteTone::Plain icon="info">
                <p>{text!(locale, audit.access_more, shown = shown, count = count)}</p>
            </Note>
        }
    });
    let of_suspended = (suspended_count > 0).then(|| {
        view! {
            <h2>{text!(locale, audit.access_suspended)}</h2>
            <p class="page-lead">{text!(locale, audit.access_suspended_text)}</p>
            {table(locale, &facts, text!(locale, audit.access_suspended), suspended)}
        }
    });
    let of_active = if active_count > 0 {
        Either::Left(table(locale, &facts, text!(locale, audit.access_active), active))
    } else {
        Either::Right(view! { <p>{text!(locale, audit.access_none)}</p> })
    };
    view! {
        <p class="back">
            <a href=paths::audit(slug)>{text!(locale, audit.access_back)}</a>
        </p>
        <header class="page-head">
            <div>
                <h1>{text!(locale, audit.access_title)}</h1>
                <p class="page-lead">{text!(locale, audit.access_lead, account = facts.name.clone())}</p>
            </div>
            <div class="actions">
                <a
                    class="button"
                    href=export
                    rel="external"
                    download=""
                    aria-label=format!("{} {}", text!(locale, audit.export), text!(locale, audit.export_csv))
                >
                    <Icon name="download" />
                    {text!(locale, audit.export_csv)}
                </a>
            </div>
        </header>
        {form(locale, slug, query)}
        <p class="access-status" role="status" tabindex="-1" data-focus="">{status}</p>
        {more}
        <h2>{text!(locale, audit.access_active)}</h2>
        {of_active}
        {of_suspended}
        <p class="field-hint">{text!(locale, audit.access_roles)}</p>
    }
}

/// The moment to ask about.
fn form(locale: Locale, slug: &str, query: &AccessQuery) -> impl IntoView + use<> {
    view! {
        <form class="filters audit-filters" method="get" action=paths::access(slug)>
            <label class="filters-choice">
                <span class="filters-label">{text!(locale, audit.access_day)}</span>
                <input type="date" name="day" value=query.day.clone() aria-describedby="access-utc" />
            </label>
            <label class="filters-choice">
                <span class="filters-label">{text!(locale, audit.access_time)}</span>
                <input type="time" name="time" value=query.time.clone() aria-describedby="access-utc" />
            </label>
            <button type="submit" class="button">{text!(locale, audit.apply)}</button>
            <p class="field-hint" id="access-utc">{text!(locale, audit.access_utc)}</p>
        </form>
    }
}

fn table(
    locale: Locale,
    facts: &AccountFacts,
    caption: &'static str,
    people: Vec<PersonThen>,
) -> impl IntoView + use<> {
    let rows: Vec<_> = people.into_iter().map(|person| row(locale, facts, person)).collect();
    view! {
        <table class="outbox-table" role="table">
            <caption class="visually-hidden">{caption}</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">{text!(locale, audit.access_person)}</th>
                    <th scope="col" role="columnheader">{text!(locale, audit.access_role)}</th>
                    <th scope="col" role="columnheader">{text!(locale, audit.access_extras)}</th>
                    <th scope="col" role="columnheader">{text!(locale, audit.access_since)}</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

fn row(locale: Locale, facts: &AccountFacts, person: PersonThen) -> impl IntoView + use<> {
    let label = match person.label() {
        "" => text!(locale, audit.access_erased).to_owned(),
        label => label.to_owned(),
    };
    let address =
        person.email.filter(|email| *email != label).map(|email| view! { <span class="audit-detail">{email}</span> });
    // Whoever reads the log sees the pages of people only with the right to the list.
    let known = person.row.filter(|_| facts.my.opens(Gate::UsersRead));
    let label = match known {
        Some(row) => Either::Left(view! { <a href=paths::person(facts.slug.as_str(), row)>{label}</a> }),
        None => Either::Right(label),
    };
    let role = role_name(locale, &person.grant.role, Some(&facts.roles));
    let extras: Vec<_> =
        person.grant.extras.iter().map(|key| permission_name(locale, key, Some(&facts.roles))).collect();
    let extras = match extras.as_slice() {
        [] => Either::Left(view! { <span class="muted">{text!(locale, audit.access_no_extras)}</span> }),
        some => Either::Right(some.join(", ")),
    };
    view! {
        <tr role="row">
            <th scope="row" role="rowheader">{label} {address}</th>
            <td role="cell" data-label=text!(locale, audit.access_role)>{role}</td>
            <td role="cell" data-label=text!(locale, audit.access_extras)>{extras}</td>
            <td role="cell" data-label=text!(locale, audit.access_since)><Time at=person.since /></td>
        </tr>
    }
}
