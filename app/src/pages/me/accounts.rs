//! `/me/accounts`: the accounts that one is in, with the way out of each, and the invitations to more (R6, R32).

use super::{read_only, saved};
use crate::{
    api::{
        accounts::{AccountLine, LeaveAccount, ListAccounts, MyAccounts, OtherAccount},
        joining::Joined,
        own_login::{
            DeclineOwnInvitation, JoinOwnInvitation, ListOwnInvitations, OwnInvitation, OwnLogin, ShowOwnLogin,
        },
    },
    components::{Button, ErrorBox, Look, Note, NoteTone, Time},
    error::AppError,
    i18n::{Locale, role_name_or, text, use_locale},
    pages::{Failed, loaded},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_navigate;

lazy_page!(OwnAccountsRoute, own_login, OwnAccountsPage);

/// What can be sent from this page.
#[derive(Clone, Copy)]
struct Actions {
    leave: FormAction<LeaveAccount>,
    join: FormAction<JoinOwnInvitation>,
    decline: FormAction<DeclineOwnInvitation>,
}

/// The page.
#[component]
fn OwnAccountsPage() -> impl IntoView {
    let locale = use_locale();
    let (login, mine) = (Query::new(|| ShowOwnLogin {}), Query::new(|| ListAccounts {}));
    let invitations = Query::new(|| ListOwnInvitations {});
    let actions = Actions { leave: FormAction::new(), join: FormAction::new(), decline: FormAction::new() };
    let navigate = use_navigate();
    actions.leave.on_success(move |_| {
        actions.decline.clear();
        mine.refetch();
    });
    actions.join.on_success(move |joined| match joined.path_or("").as_str() {
        "" => invitations.refetch(),
        path => navigate(path, Default::default()),
    });
    actions.decline.on_success(move |_| {
        actions.leave.clear();
        invitations.refetch();
    });
    let page = loaded(move || async move {
        match all(login, mine, invitations).await {
            Ok((login, mine, invitations)) => page(locale, actions, login, mine, invitations),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, own_login.accounts) />
        {outcome(locale, actions)}
        {page}
    }
}

async fn all(
    login: Query<ShowOwnLogin>,
    mine: Query<ListAccounts>,
    invitations: Query<ListOwnInvitations>,
) -> Result<(OwnLogin, MyAccounts, Vec<OwnInvitation>), AppError> {
    Ok((login.await?, mine.await?, invitations.await?))
}

/// What came of the form that was sent last.
fn outcome(locale: Locale, Actions { leave, join, decline }: Actions) -> impl IntoView {
    let done = move || {
        let left = leave.output().get().map(|account| text!(locale, own_login.left, account = account));
        let declined = decline.output().get().map(|account| text!(locale, own_login.declined, account = account));
        let waits = (join.output().get() == Some(Joined::AwaitingApproval))
            .then(|| text!(locale, own_login.awaiting_approval).to_owned());
        left.or(declined).or(waits).map(saved)
    };
    // An owner who leaves signs in anew first: the page says where.
    let failed = move || leave.error().get().filter(|error| *error != AppError::ReauthenticationRequired);
    view! {
        <ErrorBox error=Signal::derive(failed) />
        <ErrorBox error=join.error() />
        <ErrorBox error=decline.error() />
        {done}
    }
}

fn page(
    locale: Locale,
    actions: Actions,
    login: OwnLogin,
    MyAccounts { accounts, others, .. }: MyAccounts,
    invitations: Vec<OwnInvitation>,
) -> AnyView {
    let none = accounts.is_empty() && others.is_empty();
    let owned: Vec<_> = accounts.iter().filter(|account| account.grant.makes_owner()).cloned().collect();
    let lines: Vec<_> = accounts.into_iter().map(|account| line(locale, actions.leave, account)).collect();
    let others: Vec<_> = others.into_iter().map(|account| other(locale, account)).collect();
    view! {
        {(!login.may_change).then(|| read_only(locale))}
        {sign_in_anew(locale, actions.leave, owned)}
        <section class="panel">
            <h2>{text!(locale, own_login.accounts_title)}</h2>
            {none.then(|| view! { <p>{text!(locale, own_login.accounts_none)}</p> })}
            <ul class="lines">{lines} {others}</ul>
        </section>
        {login.may_change.then(|| open_invitations(locale, actions, invitations))}
    }
    .into_any()
}

/// Leaving as an owner asks for a sign-in of the last minutes (AZ-16).
fn sign_in_anew(locale: Locale, leave: FormAction<LeaveAccount>, owned: Vec<AccountLine>) -> impl IntoView {
    move || {
        let links = owned.iter().map(|account| {
            let href = paths::reauthenticate(account.slug.as_str(), paths::ME_ACCOUNTS);
            let words = text!(locale, own_login.reauthenticate, account = account.name.clone());
            view! {
                <p>
                    <a href=href>{words}</a>
                </p>
            }
        });
        let links: Vec<_> = links.collect();
        (leave.error().get() == Some(AppError::ReauthenticationRequired)).then(|| {
            view! {
                <Note tone=NoteTone::Bad icon="lock">
                    <p>{text!(locale, errors.reauthentication_required)}</p>
                    {links}
                </Note>
            }
        })
    }
}

fn line(locale: Locale, leave: FormAction<LeaveAccount>, account: AccountLine) -> impl IntoView {
    let role = role_name_or(locale, &account.grant.role, account.role_name.as_deref());
    let role = text!(locale, own_login.role_in, role = role);
    let what = text!(locale, session.leave_text, account = account.name.clone());
    let confirm = text!(locale, session.leave_confirm, account = account.name.clone());
    let label = text!(locale, own_login.leave_account, account = account.name.clone());
    view! {
        <li>
            <div class="lines-what">
                <a href=paths::account(account.slug.as_str())>
                    <strong>{account.name}</strong>
                </a>
                <p>{role}</p>
                <details class="disclosure">
                    <summary aria-label=label>{text!(locale, own_login.leave)}</summary>
                    <p>{what}</p>
                    <ActionForm action=leave>
                        <input type="hidden" name="account" value=account.slug.to_string() />
                        <Button look=Look::Danger busy=leave.pending()>{confirm}</Button>
                    </ActionForm>
                </details>
            </div>
        </li>
    }
}

/// An account that another login method opens.
fn other(locale: Locale, OtherAccount { name, way, .. }: OtherAccount) -> impl IntoView {
    view! {
        <li>
            <div class="lines-what">
                <a href=way.start rel="external">
                    <strong>{name}</strong>
                </a>
                <p>{text!(locale, own_login.by_method, method = way.name)}</p>
            </div>
        </li>
    }
}

fn open_invitations(locale: Locale, actions: Actions, invitations: Vec<OwnInvitation>) -> impl IntoView {
    let none = invitations.is_empty();
    let lines: Vec<_> = invitations.into_iter().map(|invitation| offer(locale, actions, invitation)).collect();
    view! {
        <section class="panel">
            <h2>{text!(locale, own_login.invitations_title)}</h2>
            {none.then(|| view! { <p>{text!(locale, own_login.invitations_none)}</p> })}
            <ul class="lines">{lines}</ul>
        </section>
    }
}

fn offer(locale: Locale, Actions { join, decline, .. }: Actions, invitation: OwnInvitation) -> impl IntoView {
    let id = invitation.id.to_string();
    let same_id = id.clone();
    let inviter = match invitation.inviter {
        Some(inviter) => text!(locale, own_login.invited_by, name = inviter.name, email = inviter.email),
        None => text!(locale, own_login.invited_by_operator).to_owned(),
    };
    let role = role_name_or(locale, &invitation.role, invitation.role_name.as_deref());
    let role = text!(locale, own_login.invited_as, role = role);
    let way_in = if invitation.by_password {
        let label = text!(locale, own_login.join_account, account = invitation.account.clone());
        view! {
            <ActionForm action=join>
                <input type="hidden" name="invitation" value=same_id />
                <button type="submit" class="button button-primary" aria-label=label>
                    {text!(locale, own_login.join)}
                </button>
            </ActionForm>
        }
        .into_any()
    } else {
        view! { <p>{text!(locale, own_login.join_by_link)}</p> }.into_any()
    };
    let label = text!(locale, own_login.decline_account, account = invitation.account.clone());
    view! {
        <li>
            <div class="lines-what">
                <strong>{invitation.account}</strong>
                <p>{inviter}</p>
                <p>{role}</p>
                <p>{text!(locale, own_login.expires)} " " <Time at=invitation.expires /></p>
            </div>
            <div class="actions">
                {way_in}
                <ActionForm action=decline>
                    <input type="hidden" name="invitation" value=id />
                    <button type="submit" class="button" aria-label=label>
                        {text!(locale, own_login.decline)}
                    </button>
                </ActionForm>
            </div>
        </li>
    }
}
