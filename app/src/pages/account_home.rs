//! `/a/{slug}`: what joining and signing in lead to.

use super::{
    Failed,
    live::on_account_change,
    loaded,
    login_methods::parts::{Forms, Sending, hidden, sign_in_again},
    use_slug,
};
use crate::{
    api::{
        accounts::{AccountHome, LeaveAccount, ShowAccount, Waiting},
        ownership::{AcceptOwnership, DeclineOwnership, OwnershipOffer, OwnershipOffers},
    },
    components::{
        Badge, Button, ErrorBox, Icon, Look, Note, NoteTone, PermissionSummary, RefusalNote, Time, Tone, use_toasts,
    },
    domain::{
        list::{ListQuery, StateFilter},
        member::{Attention, ShownState},
        permission::Gate,
        policy::Refusal,
    },
    i18n::{Locale, permission_name, person_words, role_name, text, use_locale},
    paths::{self, with_view},
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_navigate;

lazy_page!(AccountHomeRoute, account, AccountHomePage);

/// An account's front page: one's role, what it allows, and the way out.
#[component]
fn AccountHomePage() -> impl IntoView {
    let locale = use_locale();
    let slug = use_slug();
    let home = Query::new(move || ShowAccount { account: slug.get() });
    let forms = Forms::new(locale, slug, move || home.refetch());
    on_account_change(move || home.refetch_in_background());
    let page = loaded(move || async move {
        match home.await {
            Ok(home) => {
                forms.loaded();
                page(forms, home).into_any()
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        {forms.error_box()}
        {page}
    }
}

fn page(forms: Forms, home: AccountHome) -> impl IntoView {
    let locale = forms.locale();
    let users = home.effective.opens(Gate::UsersRead).then(|| {
        view! {
            <a class="button button-primary" href=paths::users(home.slug.as_str())>
                <Icon name="users" />
                {text!(locale, session.manage_users)}
            </a>
        }
    });
    let platform = home.platform_url.clone().map(|url| {
        view! {
            <a class="button" href=url rel="external noreferrer">
                <Icon name="external" />
                {text!(locale, session.go_to_platform)}
            </a>
        }
    });
    view! {
        <Title text=home.name.clone() />
        <section class="page-narrow">
            <header class="page-head">
                <div>
                    <h1>{home.name.clone()}</h1>
                    <p class="page-lead">{next_step(locale, &home)}</p>
                </div>
                <div class="actions">{platform} {users}</div>
            </header>
            {forms.notice()}
            {ownership(forms, &home)}
            {requirement(locale, &home)}
            {people(locale, &home)}
            {place(locale, &home)}
            {leaving(locale, home)}
        </section>
    }
}

/// Offers of owners to hand the account over (R34).
fn ownership(forms: Forms, home: &AccountHome) -> Option<AnyView> {
    let locale = forms.locale();
    let OwnershipOffers { offers, recently_authenticated } = home.ownership.clone();
    if offers.is_empty() {
        return None;
    }
    let here = paths::account(home.slug.as_str());
    let ask = (!recently_authenticated).then(|| sign_in_again(locale, &home.slug, &here));
    let offers: Vec<_> = offers.iter().map(|offer| offer_to_me(forms, offer, home, recently_authenticated)).collect();
    Some(
        view! {
            <section class="panel">
                <h2>{text!(locale, settings.ownership_to_you_title)}</h2>
                {ask}
                {offers}
            </section>
        }
        .into_any(),
    )
}

fn offer_to_me(forms: Forms, offer: &OwnershipOffer, home: &AccountHome, recently_authenticated: bool) -> AnyView {
    let locale = forms.locale();
    let person = person_words(offer.name.as_deref(), &offer.email);
    let words = text!(locale, settings.ownership_to_you, person = person, account = home.name.clone());
    let (id, expires) = (offer.id, offer.expires);
    let accept = forms.form::<AcceptOwnership>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("offer", id)}
            <Button busy disabled=!recently_authenticated>
                {text!(locale, settings.ownership_accept)}
            </Button>
        }
        .into_any()
    });
    let decline = forms.form::<DeclineOwnership>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("offer", id)}
            <Button look=Look::Plain busy>
                {text!(locale, settings.ownership_decline)}
            </Button>
        }
        .into_any()
    });
    view! {
        <p>{words} " " <Time at=expires /></p>
        <div class="actions">{accept} {decline}</div>
    }
    .into_any()
}

/// The account will ask for a second factor that the person does not have yet.
fn requirement(locale: Locale, home: &AccountHome) -> impl IntoView + use<> {
    let page = paths::required_factor(home.slug.as_str(), "");
    let name = home.name.clone();
    home.second_factor_from.map(|starts| {
        view! {
            <Note tone=NoteTone::Warn icon="lock">
                <p>{text!(locale, session.home_factor, account = name)} " " <Time at=starts /></p>
                <p>
                    <a class="button" href=page>{text!(locale, session.home_factor_set_up)}</a>
                </p>
            </Note>
        }
    })
}

/// What somebody who has just joined does next.
fn next_step(locale: Locale, home: &AccountHome) -> &'static str {
    if home.platform_url.is_some() {
        text!(locale, session.home_platform)
    } else if home.effective.opens(Gate::UsersRead) {
        text!(locale, session.home_users)
    } else {
        text!(locale, session.home_nothing)
    }
}

/// Who waits for an admin, and who was invited: each leads to the list of them.
fn people(locale: Locale, home: &AccountHome) -> Option<AnyView> {
    let counts = home.people.as_ref()?;
    let active = counts.of(Some(StateFilter::In(ShownState::Active)));
    let invited = counts.of(Some(StateFilter::In(ShownState::Invited)));
    let link = |filter: StateFilter, words: String| {
        let query = ListQuery { state: Some(filter), ..ListQuery::default() };
        view! { <a href=with_view(paths::users(home.slug.as_str()), &query)>{words}</a> }
    };
    let attention = match counts.need_attention {
        0 => view! { <Badge tone=Tone::Good icon="check">{text!(locale, session.home_all_well)}</Badge> }.into_any(),
        1 => link(StateFilter::NeedsAttention, text!(locale, session.home_attention_one).to_owned()).into_any(),
        more => link(StateFilter::NeedsAttention, text!(locale, session.home_attention, count = more)).into_any(),
    };
    let sole_owner = (home.last_owner && active > 1).then(|| {
        let words = text!(locale, session.home_sole_owner, account = home.name.clone());
        view! {
            <Note tone=NoteTone::Warn icon="key">
                <p>{words}</p>
            </Note>
        }
    });
    Some(
        view! {
            <section class="panel">
                <h2>{text!(locale, session.home_people)}</h2>
                <dl class="facts">
                    <dt>{text!(locale, session.home_to_do)}</dt>
                    <dd>{attention}</dd>
                    <dt>{text!(locale, catalogue.state_active)}</dt>
                    <dd>{link(StateFilter::In(ShownState::Active), active.to_string())}</dd>
                    <dt>{text!(locale, catalogue.state_invited)}</dt>
                    <dd>{link(StateFilter::In(ShownState::Invited), invited.to_string())}</dd>
                </dl>
                {waiting(locale, home)}
                {sole_owner}
            </section>
        }
        .into_any(),
    )
}

/// Who needs attention, and why: each leads to the person's page, where something can be done about it.
fn waiting(locale: Locale, home: &AccountHome) -> Option<AnyView> {
    let slug = home.slug.as_str();
    let one = |one: &Waiting| {
        let Waiting { member, label, attention } = one;
        view! {
            <li>
                <a href=paths::person(slug, *member)>{label.clone()}</a>
                <span>{attention_words(locale, *attention)}</span>
            </li>
        }
    };
    (!home.waiting.is_empty())
        .then(|| view! { <ul class="waiting">{home.waiting.iter().map(one).collect_view()}</ul> }.into_any())
}

fn attention_words(locale: Locale, attention: Attention) -> &'static str {
    match attention {
        Attention::Decision => text!(locale, users.status_decision),
        Attention::AskedAsAnother => text!(locale, users.asked_as_fact),
        Attention::Blocked => text!(locale, users.blocked),
        Attention::NeedsIdentifier => text!(locale, users.needs_identifier),
        Attention::AskedForLink => text!(locale, session.home_asked_for_link),
        Attention::Expired => text!(locale, session.home_expired),
        Attention::Declined => text!(locale, session.home_declined),
        Attention::AwaitsApproval => text!(locale, catalogue.state_awaiting_approval),
        Attention::MailBounced => text!(locale, users.status_bounced),
        Attention::MailUncertain => text!(locale, users.mail_uncertain),
    }
}

/// One's role and what it allows.
fn place(locale: Locale, home: &AccountHome) -> impl IntoView + use<> {
    let extras: Vec<_> = home
        .grant
        .extras
        .iter()
        .filter(|key| home.roles.catalogue.knows(key))
        .map(|key| permission_name(locale, key, Some(&home.roles)))
        .collect();
    let allowed = if home.effective.is_owner {
        view! { <p>{text!(locale, session.everything_allowed)}</p> }.into_any()
    } else if home.effective.permissions.is_empty() {
        view! { <p>{text!(locale, session.nothing_allowed)}</p> }.into_any()
    } else {
        view! { <PermissionSummary permissions=home.effective.permissions.clone() roles=home.roles.clone() /> }
            .into_any()
    };
    let role = role_name(locale, &home.grant.role, Some(&home.roles));
    view! {
        <section class="panel">
            <dl class="facts">
                <dt>{text!(locale, session.your_role)}</dt>
                <dd>
                    <Badge tone=Tone::Neutral icon="key">{role}</Badge>
                </dd>
                {(!extras.is_empty())
                    .then(|| {
                        view! {
                            <dt>{text!(locale, session.extras)}</dt>
                            <dd>{extras.join(", ")}</dd>
                        }
                    })}
            </dl>
            <h2>{text!(locale, session.what_it_allows)}</h2>
            {allowed}
        </section>
    }
}

/// Leaving (R32), told in advance what it means; an account's last owner is told why not (R33).
fn leaving(locale: Locale, home: AccountHome) -> impl IntoView {
    let leave = FormAction::<LeaveAccount>::new();
    // What this page came with stands at its top.
    let came_with = leave.error().get_untracked();
    let error = Signal::derive(move || leave.error().get().filter(|error| Some(error) != came_with.as_ref()));
    let (navigate, toasts) = (use_navigate(), use_toasts());
    leave.on_success(move |account| {
        toasts.show(text!(locale, session.left, account = account));
        navigate(paths::ACCOUNTS, Default::default());
    });
    let what = text!(locale, session.leave_text, account = home.name.clone());
    let how = if home.last_owner {
        view! { <RefusalNote refusal=Refusal::LastOwner /> }.into_any()
    } else {
        view! {
            <ActionForm action=leave>
                <input type="hidden" name="account" value=home.slug.to_string() />
                <Button look=Look::Danger busy=leave.pending()>
                    {text!(locale, session.leave_confirm, account = home.name)}
                </Button>
            </ActionForm>
        }
        .into_any()
    };
    view! {
        <ErrorBox error />
        <details class="disclosure">
            <summary>{text!(locale, session.leave_title)}</summary>
            <p>{what}</p>
            {how}
        </details>
    }
}
