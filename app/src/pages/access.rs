//! Settings → Audit: who had access at one moment, rebuilt from the account's events (R60).

use super::{Failed, loaded, use_slug};
use crate::{
    api::{
        audit::{AccessPage as Then, PersonThen, ShowAccess},
        members::AccountFacts,
    },
    components::{Icon, Note, NoteTone, Time, day_in_utc, in_utc},
    domain::{
        access::{AccessQuery, Week, Weeks},
        permission::Gate,
    },
    i18n::{Locale, permission_name, role_name, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

lazy_page!(AccessRoute, administration, AccessPage);

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
    let Then { facts, at, active, active_count, suspended, suspended_count, weeks } = page;
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
        {growth(locale, weeks)}
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

/// The last twelve months as two pictures, with the same in a table.
fn growth(locale: Locale, weeks: Vec<Week>) -> impl IntoView {
    let (active, invited): (Vec<_>, Vec<_>) = weeks.iter().map(|week| (week.active, week.invited)).unzip();
    let most = |of: &[u32]| of.iter().copied().max().unwrap_or_default();
    let now = active.last().copied().unwrap_or_default();
    let sum: u64 = invited.iter().copied().map(u64::from).sum();
    let of_members = text!(locale, audit.growth_members, now = now, most = most(&active));
    let of_invitations = text!(locale, audit.growth_invitations, sum = sum, most = most(&invited));
    let ends: Vec<_> =
        [weeks.first(), weeks.last()].into_iter().flatten().map(|week| day_in_utc(week.begins)).collect();
    let lines: Vec<_> = weeks
        .into_iter()
        .rev()
        .map(|week| {
            view! {
                <tr>
                    <th scope="row">{day_in_utc(week.begins)}</th>
                    <td>{week.active}</td>
                    <td>{week.invited}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <section class="panel growth">
            <h2>{text!(locale, audit.growth_title)}</h2>
            <div class="growth-pictures">
                {picture(of_members, outline(&active), "growth-members", ends.clone())}
                {picture(of_invitations, bars(&invited), "growth-invitations", ends)}
            </div>
            <details class="disclosure">
                <summary>{text!(locale, audit.growth_table)}</summary>
                <table class="readiness">
                    <thead>
                        <tr>
                            <th scope="col">{text!(locale, audit.growth_week)}</th>
                            <th scope="col">{text!(locale, audit.growth_active)}</th>
                            <th scope="col">{text!(locale, audit.growth_invited)}</th>
                        </tr>
                    </thead>
                    <tbody>{lines}</tbody>
                </table>
            </details>
        </section>
    }
}

/// How wide a week is in a picture, and how high the highest value.
const WEEK_WIDTH: u64 = 10;
const HEIGHT: u64 = 100;

/// A picture with what it says; the table has each number.
fn picture(words: String, path: String, class: &'static str, ends: Vec<String>) -> impl IntoView {
    let ends: Vec<_> = ends.into_iter().map(|day| view! { <span>{day}</span> }).collect();
    let frame = format!("0 0 {} {HEIGHT}", WEEK_WIDTH * Weeks::COUNT as u64);
    view! {
        <figure class="growth-picture">
            <figcaption>{words.clone()}</figcaption>
            <svg viewBox=frame preserveAspectRatio="none" role="img" aria-label=words class=class>
                <path d=path />
            </svg>
            <p class="growth-ends">{ends}</p>
        </figure>
    }
}

/// How high a value stands below the highest of all; what is there at all is seen.
fn height(value: u32, of: &[u32]) -> u64 {
    let most = u64::from(of.iter().copied().max().unwrap_or_default().max(1));
    if value == 0 { 0 } else { (u64::from(value) * HEIGHT / most).max(2) }
}

/// One step for each week, filled down to nothing.
fn outline(values: &[u32]) -> String {
    let steps: String =
        values.iter().map(|value| format!("V{} h{WEEK_WIDTH}", HEIGHT - height(*value, values))).collect();
    format!("M0 {HEIGHT} {steps} V{HEIGHT} Z")
}

/// One bar for each week that has any.
fn bars(values: &[u32]) -> String {
    let bar = |(week, value): (u64, &u32)| {
        let (x, high, wide) = (week * WEEK_WIDTH + 1, height(*value, values), WEEK_WIDTH - 2);
        (high > 0).then(|| format!("M{x} {HEIGHT} v-{high} h{wide} v{high} Z"))
    };
    (0..).zip(values).filter_map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_as_high_as_its_highest_week_and_shows_the_lowest() {
        assert_eq!(outline(&[1, 0, 2]), "M0 100 V50 h10V100 h10V0 h10 V100 Z");
        assert_eq!(bars(&[0, 4]), "M11 100 v-100 h8 v100 Z");
        assert_eq!((height(1, &[1, 1_000_000]), height(0, &[0, 0])), (2, 0));
    }
}
