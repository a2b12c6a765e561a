//! The page of one person: all that this account knows of them, in any state.

use super::{
    row_actions::{Rows, row_actions},
    status::status,
    table::initials,
    words::method_name,
};
use crate::{
    api::{
        members::AccountFacts,
        person::{PersonHistory, PersonInvitation, PersonPage as Known, ShowPerson},
    },
    components::{ErrorBox, PermissionSummary, Time, focus_soon},
    domain::{
        invitation::InvitationState,
        list::ListQuery,
        member::{Event, MemberRow, ShownState},
        permission::Gate,
        role::Grant,
    },
    i18n::{Locale, permission_name, role_name, text, use_locale},
    pages::{Failed, audit, loaded, outbox, use_slug, users::link::LinkDialog},
    paths::{self, with_view},
    rpc::Query,
};
use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

lazy_page!(PersonRoute, administration, PersonPage);

/// The parameter of the address that says before which event a page of the history begins; `before` belongs to the list.
const BEFORE_EVENT: &str = "before_event";

/// One person of the account.
#[component]
fn PersonPage() -> impl IntoView {
    let (locale, slug) = (use_locale(), use_slug());
    let (of_path, of_url) = (use_params_map(), use_query_map());
    let query = Memo::new(move |_| of_url.with(|map| ListQuery::from_url(|name| map.get(name))));
    let before = Memo::new(move |_| of_url.with(|map| map.get(BEFORE_EVENT).unwrap_or_default()));
    let person = Query::new(move || ShowPerson {
        account: slug.get(),
        member: of_path.with(|map| map.get("id").unwrap_or_default()),
        before: before.get(),
    });
    let rows = Rows::new(locale, slug, query);
    rows.tell_what_became(move |_| person.refetch());
    // True while somebody is on the way to another page of the history.
    let paging = StoredValue::new(false);
    let page = loaded(move || async move {
        match person.await {
            Ok(known) => {
                if paging.get_value() {
                    paging.set_value(false);
                    focus_soon(".person-history-status");
                }
                let view = View { locale, rows, older: !before.get().is_empty(), paging };
                untrack(|| view.page(known)).into_any()
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <div class="person-page">
            <ErrorBox error=rows.error() />
            {page}
        </div>
        <LinkDialog rows />
    }
}

/// What the parts of the page share.
#[derive(Clone, Copy)]
struct View {
    locale: Locale,
    rows: Rows,
    /// Is it a further page of the history?
    older: bool,
    paging: StoredValue<bool>,
}

impl View {
    fn page(self, known: Known) -> impl IntoView {
        let Known { facts, row, identifier, changed, invitations, mails, keys, history } = known;
        let locale = self.locale;
        let name = row.label().to_owned();
        let list = with_view(paths::users(facts.slug.as_str()), &self.rows.query.get());
        let you = (facts.me == row.id).then(|| view! { <span class="tag">{text!(locale, users.you)}</span> });
        let address = row.name.is_some().then(|| view! { <p class="page-lead">{row.email.clone()}</p> });
        let sponsor = invitations.first().and_then(|invitation| invitation.sponsor.clone());
        let mails = if mails.is_empty() {
            Either::Left(view! { <p class="muted">{text!(locale, person.mails_none)}</p> })
        } else {
            Either::Right(outbox::table(locale, &facts, mails))
        };
        view! {
            <Title text=name.clone() />
            <p class="back">
                <a href=list>{text!(locale, common.back_to_users)}</a>
            </p>
            <header class="page-head">
                <div class="person-line" data-focus="" tabindex="-1">
                    {initials(&row)}
                    <div>
                        <h1>{name.clone()} " " {you}</h1>
                        {address}
                    </div>
                </div>
                {row_actions(self.rows, &facts, &row)}
            </header>
            <section class="panel" aria-label=text!(locale, person.about, name = name.clone())>
                {about(locale, &row, identifier, sponsor, changed, keys)}
            </section>
            <section class="panel">
                <h2>{text!(locale, person.access_title)}</h2>
                {access(locale, &facts, &row)}
            </section>
            <section class="person-part">
                <h2>{text!(locale, person.invitations_title)}</h2>
                {invitation_table(locale, &name, invitations)}
            </section>
            <section class="person-part">
                <h2>{text!(locale, person.mails_title)}</h2>
                {mails}
            </section>
            <section class="person-part" id="history">
                <h2>{text!(locale, person.history_title)}</h2>
                {self.history(&facts, &row, history)}
            </section>
        }
    }

    /// What happened, or who can see it.
    fn history(self, facts: &AccountFacts, row: &MemberRow, history: Option<PersonHistory>) -> AnyView {
        let locale = self.locale;
        let name = row.label().to_owned();
        let Some(PersonHistory { lines, next }) = history else {
            let permission = permission_name(locale, &Gate::AuditRead.permission(), Some(&facts.roles));
            let words = text!(locale, person.history_hidden, name = name, permission = permission);
            return view! { <p class="muted">{words}</p> }.into_any();
        };
        let here = with_view(paths::person(facts.slug.as_str(), row.id), &self.rows.query.get());
        let older = next.map(|next| {
            let joint = if here.contains('?') { '&' } else { '?' };
            format!("{here}{joint}{BEFORE_EVENT}={next}#history")
        });
        let status = match self.older {
            true => text!(locale, person.history_from, name = name.clone()),
            false => text!(locale, person.history_lead, name = name.clone(), account = facts.name.clone()),
        };
        let events = if lines.is_empty() {
            Either::Left(view! { <p class="muted">{text!(locale, person.history_none)}</p> })
        } else {
            Either::Right(audit::table(locale, facts, lines))
        };
        let turn = move |href: String, label: &'static str| {
            let paging = self.paging;
            view! { <a class="button" href=href on:click=move |_| paging.set_value(true)>{label}</a> }
        };
        view! {
            <p class="person-history-status" role="status" tabindex="-1">{status}</p>
            {events}
            <nav class="pages" aria-label=text!(locale, person.history_pages)>
                {self.older.then(|| turn(format!("{here}#history"), text!(locale, audit.newest)))}
                {older.map(|older| turn(older, text!(locale, audit.older)))}
            </nav>
        }
        .into_any()
    }
}

/// Who it is, how they sign in, and when what became of them.
fn about(
    locale: Locale,
    row: &MemberRow,
    identifier: Option<String>,
    sponsor: Option<String>,
    changed: Event,
    keys: Vec<String>,
) -> impl IntoView + use<> {
    let event = |label: &'static str, at, by: Option<String>| {
        let by = by.map(|name| text!(locale, person.by, name = name));
        view! {
            <dt>{label}</dt>
            <dd><Time at /> " " {by}</dd>
        }
    };
    let fact = |label: &'static str, value: String| {
        view! {
            <dt>{label}</dt>
            <dd>{value}</dd>
        }
    };
    let last_active = match row.last_active {
        Some(at) => Either::Left(view! { <Time at relative=true /> }),
        None => Either::Right(view! { <span class="muted">{text!(locale, users.never_active)}</span> }),
    };
    let vouched = row.vouched_by.clone();
    view! {
        <dl class="facts">
            <dt>{text!(locale, person.status)}</dt>
            <dd>{status(locale, row)}</dd>
            {fact(text!(locale, person.email), row.email.clone())}
            {fact(text!(locale, person.method), method_name(locale, &row.method))}
            {identifier.map(|identifier| fact(text!(locale, users.identifier), identifier))}
            {row.invited.clone().map(|invited| event(text!(locale, person.invited), invited.at, sponsor))}
            {row.joined.map(|at| event(text!(locale, person.joined), at, None))}
            {vouched.map(|name| fact(text!(locale, person.mailbox), text!(locale, users.vouched_by, name = name)))}
            {row.removed.clone().map(|removed| event(text!(locale, person.removed), removed.at, removed.by))}
            {event(text!(locale, person.changed), changed.at, changed.by)}
            {(!keys.is_empty()).then(|| fact(text!(locale, person.api_keys), keys.join(", ")))}
            <dt>{text!(locale, person.last_active)}</dt>
            <dd>
                {last_active}
                // No sessions: they are the user's, who may be signed in for other accounts by them (R49).
                <p class="field-hint">{text!(locale, person.last_active_hint)}</p>
            </dd>
        </dl>
    }
}

/// The role, and every permission with where it comes from (R65).
fn access(locale: Locale, facts: &AccountFacts, row: &MemberRow) -> impl IntoView + use<> {
    let (name, account) = (row.label().to_owned(), facts.name.clone());
    let lead = match row.state {
        ShownState::Active => text!(locale, person.access_active, name = name, account = account),
        ShownState::Invited | ShownState::Expired | ShownState::Declined | ShownState::AwaitingApproval => {
            text!(locale, person.access_invited, name = name, account = account)
        }
        ShownState::Suspended => text!(locale, person.access_suspended, name = name),
        ShownState::Removed => text!(locale, person.access_removed, name = name),
    };
    let Grant { role, extras } = &row.grant;
    let permissions = facts.roles.permissions_of(&row.grant);
    let is_gone = facts.roles.find(role).is_none();
    let gone = is_gone.then(|| view! { <p>{text!(locale, person.access_role_gone)}</p> });
    let none = (permissions.is_empty() && !is_gone).then(|| view! { <p>{text!(locale, person.no_permissions)}</p> });
    let unknown: Vec<_> =
        extras.iter().filter(|key| !facts.roles.catalogue.knows(key)).map(ToString::to_string).collect();
    let unknown = (!unknown.is_empty())
        .then(|| view! { <p class="muted">{text!(locale, person.unknown)} " " {unknown.join(", ")}</p> });
    view! {
        <p>{lead}</p>
        <p class="person-role">{text!(locale, person.role, role = role_name(locale, role, Some(&facts.roles)))}</p>
        {gone}
        {none}
        <PermissionSummary permissions roles=facts.roles.clone() held_by=row.grant.clone() />
        {unknown}
    }
}

fn invitation_table(locale: Locale, name: &str, invitations: Vec<PersonInvitation>) -> AnyView {
    if invitations.is_empty() {
        return view! { <p class="muted">{text!(locale, person.invitations_none)}</p> }.into_any();
    }
    let rows: Vec<_> = invitations.into_iter().map(|invitation| invitation_row(locale, invitation)).collect();
    view! {
        <table class="outbox-table" role="table">
            <caption class="visually-hidden">{text!(locale, person.invitations_table, name = name.to_owned())}</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">{text!(locale, person.column_sent)}</th>
                    <th scope="col" role="columnheader">{text!(locale, person.column_status)}</th>
                    <th scope="col" role="columnheader">{text!(locale, person.column_sponsor)}</th>
                    <th scope="col" role="columnheader">{text!(locale, person.column_ends)}</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
    .into_any()
}

fn invitation_row(locale: Locale, invitation: PersonInvitation) -> impl IntoView {
    let state = match invitation.state {
        InvitationState::Pending if invitation.is_expired => text!(locale, person.state_expired),
        InvitationState::Pending => text!(locale, person.state_pending),
        InvitationState::AwaitingApproval => text!(locale, person.state_held),
        InvitationState::Accepted => text!(locale, person.state_accepted),
        InvitationState::Declined => text!(locale, person.state_declined),
        InvitationState::Revoked => text!(locale, person.state_revoked),
    };
    let answered = invitation.answered.map(|at| view! { " " <Time at /> });
    let resent = match invitation.resends {
        0 => None,
        1 => Some(text!(locale, person.resent_one).to_owned()),
        more => Some(text!(locale, person.resent_many, count = more)),
    };
    let resent = resent.map(|words| view! { <span class="audit-detail">{words}</span> });
    let sponsor = invitation.sponsor.unwrap_or_else(|| text!(locale, person.operator).to_owned());
    view! {
        <tr role="row">
            <th scope="row" role="rowheader"><Time at=invitation.created /> {resent}</th>
            <td role="cell" data-label=text!(locale, person.column_status)>{state} {answered}</td>
            <td role="cell" data-label=text!(locale, person.column_sponsor)>{sponsor}</td>
            <td role="cell" data-label=text!(locale, person.column_ends)><Time at=invitation.expires /></td>
        </tr>
    }
}
