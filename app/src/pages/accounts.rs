//! The chooser of accounts, and opening another one.

use super::{Failed, loaded, shell::Card, shell::Shell};
use crate::{
    api::{
        accounts::{AccountLine, LeaveAccount, ListAccounts, MyAccounts, OpenAccount, OtherAccount},
        session::{Me, Whoami},
    },
    components::{Button, EmptyState, ErrorBox, Field, Icon, Note, NoteTone, ProposedSlug, done, problem_at},
    domain::fields,
    error::AppError,
    i18n::{Locale, role_name_or, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query, flashed_output},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_navigate;

lazy_page!(AccountsRoute, account, AccountsPage);

/// The accounts of the signed-in user.
#[component]
fn AccountsPage() -> impl IntoView {
    let locale = use_locale();
    let (me, mine) = (Query::new(|| Whoami {}), Query::new(|| ListAccounts {}));
    let view = loaded(move || async move {
        match both(me, mine).await {
            Ok((me, mine)) => view! { <Shell me>{accounts(locale, mine)}</Shell> }.into_any(),
            Err(error) => view! {
                <Card>
                    <Failed error />
                </Card>
            }
            .into_any(),
        }
    });
    view! {
        <Title text=text!(locale, session.accounts_title) />
        {view}
    }
}

async fn both(me: Query<Whoami>, mine: Query<ListAccounts>) -> Result<(Me, MyAccounts), AppError> {
    Ok((me.await?.ok_or(AppError::Unauthenticated)?, mine.await?))
}

fn accounts(locale: Locale, MyAccounts { accounts, others, invitations, may_open }: MyAccounts) -> impl IntoView {
    let list = if accounts.is_empty() && !others.is_empty() {
        ().into_any()
    } else if accounts.is_empty() {
        view! {
            <EmptyState icon="mail" title=text!(locale, session.accounts_empty_title)>
                <p>{text!(locale, session.accounts_empty_text)}</p>
            </EmptyState>
        }
        .into_any()
    } else {
        let lines: Vec<_> = accounts.into_iter().map(|account| line(locale, account)).collect();
        view! { <ul class="accounts">{lines}</ul> }.into_any()
    };
    let invited = (invitations > 0).then(|| {
        let words = match invitations {
            1 => text!(locale, session.one_invitation).to_owned(),
            several => text!(locale, session.invitations, count = several),
        };
        view! {
            <Note tone=NoteTone::Plain icon="mail">
                <p>
                    {words} " " <a href=paths::ME_ACCOUNTS>{text!(locale, session.answer_invitations)}</a>
                </p>
            </Note>
        }
    });
    let left = flashed_output::<LeaveAccount>().map(|account| done(text!(locale, session.left, account = account)));
    view! {
        <section class="page-narrow">
            <header class="page-head">
                <h1>{text!(locale, session.accounts_title)}</h1>
            </header>
            {left}
            {invited}
            {list}
            {(!others.is_empty()).then(|| by_other_methods(locale, others))}
            {may_open.then(|| open_form(locale))}
        </section>
    }
}

/// The accounts that the password does not open: each leads to its own login method.
fn by_other_methods(locale: Locale, others: Vec<OtherAccount>) -> impl IntoView {
    let lines: Vec<_> = others
        .into_iter()
        .map(|OtherAccount { slug, name, way }| {
            view! {
                <li>
                    <a href=way.start rel="external">
                        {mark(&name)}
                        <span class="accounts-name">
                            <strong>{name}</strong>
                            <small>"/a/" {slug.to_string()}</small>
                        </span>
                        <span class="accounts-role">{text!(locale, session.continue_with, method = way.name)}</span>
                        <Icon name="chevron-right" />
                    </a>
                </li>
            }
        })
        .collect();
    view! {
        <section class="accounts-others">
            <h2>{text!(locale, session.other_methods_title)}</h2>
            <p>{text!(locale, session.other_methods_text)}</p>
            <ul class="accounts">{lines}</ul>
        </section>
    }
}

/// The first letter of an account's name, as its picture.
fn mark(name: &str) -> impl IntoView + use<> {
    let first = name.chars().next().map(|first| first.to_uppercase().to_string());
    view! { <span class="accounts-mark" aria-hidden="true">{first}</span> }
}

fn line(locale: Locale, account: AccountLine) -> impl IntoView {
    view! {
        <li>
            <a href=paths::account(account.slug.as_str())>
                {mark(&account.name)}
                <span class="accounts-name">
                    <strong>{account.name}</strong>
                    <small>"/a/" {account.slug.to_string()}</small>
                </span>
                <span class="accounts-role">{role_name_or(locale, &account.grant.role, account.role_name.as_deref())}</span>
                <Icon name="chevron-right" />
            </a>
        </li>
    }
}

fn open_form(locale: Locale) -> impl IntoView {
    let open = FormAction::<OpenAccount>::new();
    let error = open.error();
    let navigate = use_navigate();
    open.on_success(move |new| navigate(&paths::users(new.slug.as_str()), Default::default()));
    let name = RwSignal::new(String::new());
    view! {
        <section class="panel">
            <h2>{text!(locale, session.open_account_title)}</h2>
            <p>{text!(locale, session.open_account_text)}</p>
            <ActionForm action=open class="form">
                <ErrorBox error />
                <Field
                    name="form[account_name]"
                    label=text!(locale, session.account_name)
                    autocomplete="organization"
                    required=true
                    problem=problem_at(error, fields::Field::AccountName)
                    on_input=move |text| name.set(text)
                />
                <ProposedSlug name="form[slug]" of=name problem=problem_at(error, fields::Field::Slug) />
                <div class="actions">
                    <Button busy=open.pending()>{text!(locale, session.open_account)}</Button>
                </div>
            </ActionForm>
        </section>
    }
}
