//! Settings → Outbox: this account's invitation mails, and where each of them is (R61, R62).

use super::{Failed, live::on_account_change, loaded, use_slug, users::mail_state};
use crate::{
    api::{
        members::AccountFacts,
        outbox::{ListMails, MailLine, OutboxPage as Mails},
    },
    components::{EmptyState, Icon, Time, focus_soon},
    i18n::{Locale, text, use_locale},
    paths,
    rpc::Query,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

lazy_page!(OutboxRoute, account, OutboxPage);

/// The mails, newest first.
#[component]
fn OutboxPage() -> impl IntoView {
    let locale = use_locale();
    let (slug, of_url) = (use_slug(), use_query_map());
    let after = Memo::new(move |_| of_url.with(|map| map.get("after").unwrap_or_default()));
    let mails = Query::new(move || ListMails { account: slug.get(), after: after.get() });
    on_account_change(move || mails.refetch_in_background());
    // True while somebody is on the way to another page of the list.
    let paging = StoredValue::new(false);
    let page = loaded(move || async move {
        match mails.await {
            Ok(mails) => {
                if paging.get_value() {
                    paging.set_value(false);
                    focus_soon(".outbox-status");
                }
                outbox(locale, mails, !after.get().is_empty(), paging).into_any()
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, outbox.title) />
        <section class="outbox">
            {page}
        </section>
    }
}

fn outbox(locale: Locale, page: Mails, further: bool, paging: StoredValue<bool>) -> impl IntoView {
    let Mails { facts, mails, next } = page;
    let status = match (mails.first().filter(|_| further), mails.is_empty()) {
        (Some(first), _) => text!(locale, outbox.table_from, email = first.to.clone()),
        (None, true) => text!(locale, outbox.empty_title).to_owned(),
        (None, false) => text!(locale, outbox.table).to_owned(),
    };
    let content = if mails.is_empty() {
        view! {
            <EmptyState icon="mail" title=text!(locale, outbox.empty_title)>
                <p>{text!(locale, outbox.empty_text)}</p>
            </EmptyState>
        }
        .into_any()
    } else {
        table(locale, &facts, mails).into_any()
    };
    let here = paths::outbox(facts.slug.as_str());
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, outbox.title)}</h1>
                <p class="page-lead">{text!(locale, outbox.lead, account = facts.name.clone())}</p>
            </div>
        </header>
        {(!facts.mail_server).then(|| no_mail_server(locale, &facts))}
        <p class="visually-hidden outbox-status" role="status" tabindex="-1" data-focus="">{status}</p>
        {content}
        <nav class="pages" aria-label=text!(locale, outbox.pages)>
            {further.then(|| view! {
                <a class="button" href=here.clone() on:click=move |_| paging.set_value(true)>
                    {text!(locale, outbox.newest)}
                </a>
            })}
            {next.map(|next| view! {
                <a
                    class="button"
                    rel="next"
                    href=format!("{here}?after={next}")
                    on:click=move |_| paging.set_value(true)
                >
                    {text!(locale, outbox.older)}
                </a>
            })}
        </nav>
    }
}

/// How to work without a mail server (R61).
fn no_mail_server(locale: Locale, facts: &AccountFacts) -> impl IntoView + use<> {
    view! {
        <section class="note note-warn">
            <Icon name="alert" />
            <div>
                <h2>{text!(locale, outbox.no_server_title)}</h2>
                <p>{text!(locale, outbox.no_server_text)}</p>
                <p>{text!(locale, outbox.no_server_operator)}</p>
                <p><a href=paths::users(facts.slug.as_str())>{text!(locale, outbox.to_users)}</a></p>
            </div>
        </section>
    }
}

/// Mails as a table, for this page and that of a person.
pub(super) fn table(locale: Locale, facts: &AccountFacts, mails: Vec<MailLine>) -> impl IntoView + use<> {
    let rows: Vec<_> = mails.into_iter().map(|mail| line(locale, facts, mail)).collect();
    view! {
        <table class="outbox-table" role="table">
            <caption class="visually-hidden">{text!(locale, outbox.table)}</caption>
            <thead role="rowgroup">
                <tr role="row">
                    <th scope="col" role="columnheader">{text!(locale, outbox.column_to)}</th>
                    <th scope="col" role="columnheader">{text!(locale, outbox.column_subject)}</th>
                    <th scope="col" role="columnheader">{text!(locale, outbox.column_written)}</th>
                    <th scope="col" role="columnheader">{text!(locale, outbox.column_state)}</th>
                    <th scope="col" role="columnheader">{text!(locale, outbox.column_text)}</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{rows}</tbody>
        </table>
    }
}

fn line(locale: Locale, facts: &AccountFacts, mail: MailLine) -> impl IntoView + use<> {
    let text = if mail.readable {
        let named = text!(locale, outbox.show_named, email = mail.to.clone());
        // The mail is no page of the router: it is a response of its own that may run nothing.
        view! {
            <a href=paths::mail(facts.slug.as_str(), mail.id) rel="external" target="_blank" aria-label=named>
                {text!(locale, outbox.show)} " " <Icon name="external" />
            </a>
        }
        .into_any()
    } else {
        view! { <span class="muted" title=text!(locale, outbox.not_readable_why)>{text!(locale, outbox.not_readable)}</span> }.into_any()
    };
    view! {
        <tr role="row">
            <th scope="row" role="rowheader">{mail.to.clone()}</th>
            <td role="cell" data-label=text!(locale, outbox.column_subject)>{mail.subject}</td>
            <td role="cell" data-label=text!(locale, outbox.column_written)><Time at=mail.written relative=true /></td>
            <td role="cell" data-label=text!(locale, outbox.column_state)>{mail_state(locale, mail.state)}</td>
            <td role="cell" data-label=text!(locale, outbox.column_text)>{text}</td>
        </tr>
    }
}
