//! Settings → API keys: the keys by which programs act in the account (LT-01, LT-02, R37).

use super::{
    Failed, loaded,
    login_methods::parts::{Forms, Sending, hidden, sign_in_again},
    roles::form::{Chosen, Fields},
    use_slug,
};
use crate::{
    api::api_keys::{
        ApiKeyLine, ApiKeyMade, ApiKeyState, ApiKeysView, ListApiKeys, MakeApiKey, RevokeApiKey, TakeOverApiKey,
    },
    components::{
        Badge, Button, EmptyState, ErrorBox, Field, Icon, Look, Note, NoteTone, SelectField, Time, Tone,
        copy_to_clipboard, problem_at,
    },
    domain::{
        api_key::{NEVER, USUAL_KEY_DAYS},
        fields,
        name::{MAX_ROLE_NAME_CHARS, check_shape},
        permission::Permissions,
        policy::Whose,
        role::Roles,
    },
    i18n::{Locale, permission_list, text, use_locale},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_meta::Title;

lazy_page!(ApiKeysRoute, administration, ApiKeysPage);

/// The days on offer; a year is told as one.
const LIFETIMES_IN_DAYS: [u32; 4] = [7, 30, USUAL_KEY_DAYS, 365];

/// The page.
#[component]
fn ApiKeysPage() -> impl IntoView {
    let locale = use_locale();
    let slug = use_slug();
    let keys = Query::new(move || ListApiKeys { account: slug.get() });
    let forms = Forms::new(locale, slug, move || keys.refetch());
    let make = FormAction::<MakeApiKey>::new();
    make.on_success(move |_| {
        keys.refetch();
        window().scroll_to_with_x_and_y(0.0, 0.0);
    });
    let made = move || make.output().get().map(|made| shown_key(locale, made));
    let page = loaded(move || async move {
        match keys.await {
            Ok(view) => {
                forms.loaded();
                page(forms, make, view)
            }
            Err(error) => view! { <Failed error account=slug.get_untracked() /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, api_keys.title) />
        <div class="form-page">{forms.error_box()} {made} {page}</div>
    }
}

fn page(forms: Forms, make: FormAction<MakeApiKey>, view: ApiKeysView) -> AnyView {
    let locale = forms.locale();
    let here = paths::api_keys(view.facts.slug.as_str());
    let new = if view.recently_authenticated {
        view! { <NewKeyForm make view=view.clone() /> }.into_any()
    } else {
        sign_in_again(locale, &view.facts.slug, &here)
    };
    view! {
        <header class="page-head">
            <div>
                <h1>{text!(locale, api_keys.title)}</h1>
                <p class="page-lead">{text!(locale, api_keys.lead, account = view.facts.name.clone())}</p>
            </div>
            <a class="button" href=paths::API_DOCS rel="external" target="_blank">
                {text!(locale, api_keys.docs)}
            </a>
        </header>
        {forms.notice()}
        {list(forms, &view)}
        <section class="panel" aria-labelledby="new-api-key">
            <h2 id="new-api-key">{text!(locale, api_keys.new)}</h2>
            <p>{text!(locale, api_keys.new_text)}</p>
            {new}
        </section>
    }
    .into_any()
}

/// The keys, or what to do while there are none.
fn list(forms: Forms, view: &ApiKeysView) -> AnyView {
    let locale = forms.locale();
    if view.keys.is_empty() {
        return view! {
            <EmptyState icon="key" title=text!(locale, api_keys.none_title)>
                <p>{text!(locale, api_keys.none_text)}</p>
            </EmptyState>
        }
        .into_any();
    }
    let can_take_over = view.facts.my.is_owner && view.recently_authenticated;
    let roles = &view.facts.roles;
    let lines: Vec<_> = view.keys.iter().map(|key| line(forms, key.clone(), roles, can_take_over)).collect();
    view! {
        <section class="panel" aria-labelledby="api-keys">
            <h2 id="api-keys">{text!(locale, api_keys.list)}</h2>
            <ul class="factors api-keys">{lines}</ul>
        </section>
    }
    .into_any()
}

fn line(forms: Forms, key: ApiKeyLine, roles: &Roles, can_take_over: bool) -> AnyView {
    let locale = forms.locale();
    let takes_over = can_take_over && key.state.can_be_taken_over();
    let take_over = takes_over.then(|| take_over(forms, &key));
    let revoke = revoke(forms, &key);
    let expires = key.expires.map(|at| {
        let words = match key.state {
            ApiKeyState::Expired => text!(locale, api_keys.expired_at),
            ApiKeyState::Live
            | ApiKeyState::Resting
            | ApiKeyState::NeedsSecondFactor
            | ApiKeyState::LoginChanged
            | ApiKeyState::OwnerGone => text!(locale, api_keys.expires),
        };
        view! { {words} " " <Time at /> }.into_any()
    });
    let expires = expires.unwrap_or_else(|| text!(locale, api_keys.never).into_any());
    let used = match key.last_used {
        Some(at) => view! { {text!(locale, api_keys.last_used)} " " <Time at relative=true /> }.into_any(),
        None => text!(locale, api_keys.never_used).into_any(),
    };
    view! {
        <li>
            <Icon name="key" />
            <div class="factors-name">
                <strong>{key.name.clone()}</strong>
                <small>
                    <code>{format!("{}…", key.hint)}</code>
                    " · "
                    {text!(locale, api_keys.acts_for, name = key.owner.clone())}
                </small>
                <small>{text!(locale, api_keys.created)} " " <Time at=key.created /> " · " {expires} " · " {used}</small>
                {rights(locale, &key, roles)}
            </div>
            {badge(locale, key.state)}
            {take_over}
            {revoke}
        </li>
    }
    .into_any()
}

/// What a key can do, and what it cannot do although it was given it; or why it can do nothing.
fn rights(locale: Locale, key: &ApiKeyLine, roles: &Roles) -> AnyView {
    let name = key.owner.clone();
    let why = match key.state {
        ApiKeyState::Live | ApiKeyState::Expired => None,
        ApiKeyState::Resting => Some(text!(locale, api_keys.resting_text, name = name)),
        ApiKeyState::NeedsSecondFactor => Some(text!(locale, api_keys.needs_factor_text, name = name)),
        ApiKeyState::LoginChanged => Some(text!(locale, api_keys.login_changed_text, name = name)),
        ApiKeyState::OwnerGone => Some(text!(locale, api_keys.owner_gone_text, name = name)),
    };
    if let Some(why) = why {
        return view! { <small>{why}</small> }.into_any();
    }
    let list = |keys: &Permissions| permission_list(locale, keys, Some(roles));
    let idle: Permissions = key.permissions.difference(&key.effective).cloned().collect();
    let is_live = key.state == ApiKeyState::Live;
    let can = is_live.then(|| {
        if key.effective.is_empty() {
            text!(locale, api_keys.can_do_nothing).to_owned()
        } else {
            text!(locale, api_keys.can_do, permissions = list(&key.effective))
        }
    });
    let cannot = (is_live && !idle.is_empty()).then(|| text!(locale, api_keys.given, permissions = list(&idle)));
    view! {
        {can.map(|words| view! { <small>{words}</small> })}
        {cannot.map(|words| view! { <small>{words}</small> })}
    }
    .into_any()
}

fn badge(locale: Locale, state: ApiKeyState) -> AnyView {
    let (tone, icon, words) = match state {
        ApiKeyState::Live => (Tone::Good, "check", text!(locale, api_keys.state_live)),
        ApiKeyState::Expired => (Tone::Neutral, "clock", text!(locale, api_keys.state_expired)),
        ApiKeyState::Resting => (Tone::Warn, "pause", text!(locale, api_keys.state_resting)),
        ApiKeyState::NeedsSecondFactor => (Tone::Warn, "pause", text!(locale, api_keys.state_resting)),
        ApiKeyState::LoginChanged | ApiKeyState::OwnerGone => {
            (Tone::Bad, "ban", text!(locale, api_keys.state_owner_gone))
        }
    };
    view! {
        <Badge tone icon>
            {words}
        </Badge>
    }
    .into_any()
}

fn revoke(forms: Forms, key: &ApiKeyLine) -> AnyView {
    let (locale, id) = (forms.locale(), key.id);
    let form = forms.form::<RevokeApiKey>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("key", id)}
            <Button look=Look::Danger busy>{text!(locale, api_keys.revoke_confirm)}</Button>
        }
        .into_any()
    });
    view! {
        <details class="asks">
            <summary class="button button-small">
                <span aria-hidden="true">{text!(locale, api_keys.revoke)} " …"</span>
                <span class="visually-hidden">{text!(locale, api_keys.revoke_named, name = key.name.clone())}</span>
            </summary>
            <Note tone=NoteTone::Warn icon="alert">
                <p>{text!(locale, api_keys.revoke_text)}</p>
            </Note>
            {form}
        </details>
    }
    .into_any()
}

fn take_over(forms: Forms, key: &ApiKeyLine) -> AnyView {
    let (locale, id) = (forms.locale(), key.id);
    let form = forms.form::<TakeOverApiKey>("inline", move |Sending { busy, .. }| {
        view! {
            {hidden("key", id)}
            <Button busy>{text!(locale, api_keys.take_over_confirm)}</Button>
        }
        .into_any()
    });
    view! {
        <details class="asks">
            <summary class="button button-small">
                <span aria-hidden="true">{text!(locale, api_keys.take_over)} " …"</span>
                <span class="visually-hidden">{text!(locale, api_keys.take_over_named, name = key.name.clone())}</span>
            </summary>
            <Note tone=NoteTone::Warn icon="alert">
                <p>{text!(locale, api_keys.take_over_text)}</p>
            </Note>
            {form}
        </details>
    }
    .into_any()
}

#[component]
fn NewKeyForm(make: FormAction<MakeApiKey>, view: ApiKeysView) -> impl IntoView {
    let locale = use_locale();
    let error = make.error();
    let facts = view.facts;
    let none = Permissions::new();
    let chosen = Chosen::starting_from(Permissions::new());
    let fields = Fields { locale, facts: &facts, whose: Whose::Others, present: &none, chosen, error };
    let boxes = fields.boxes();
    let lifetimes = LIFETIMES_IN_DAYS.map(|days| {
        let words = match days {
            365 => text!(locale, api_keys.year).to_owned(),
            days => text!(locale, api_keys.days, days = days),
        };
        (days.to_string(), words)
    });
    let never = (NEVER.to_owned(), text!(locale, api_keys.never).to_owned());
    view! {
        <ActionForm action=make class="form role-form">
            <ErrorBox error roles=Signal::stored(Some(facts.roles.clone())) />
            <input type="hidden" name="account" value=facts.slug.to_string() />
            <Field
                name="form[name]"
                label=text!(locale, api_keys.name)
                hint=text!(locale, api_keys.name_hint)
                most=MAX_ROLE_NAME_CHARS
                required=true
                check=check_shape
                problem=problem_at(error, fields::Field::Name)
            />
            <p class="field-hint">{text!(locale, api_keys.permissions_hint)}</p>
            {boxes}
            <SelectField
                name="form[lifetime]"
                label=text!(locale, api_keys.lifetime)
                hint=text!(locale, api_keys.lifetime_hint)
                options=lifetimes.into_iter().chain([never]).collect()
                chosen=USUAL_KEY_DAYS.to_string()
                problem=problem_at(error, fields::Field::Lifetime)
            />
            <div class="actions">
                <Button busy=make.pending()>{text!(locale, api_keys.create)}</Button>
            </div>
        </ActionForm>
    }
}

/// A new key, which is shown this once, with a request to try it by.
fn shown_key(locale: Locale, made: ApiKeyMade) -> AnyView {
    let ApiKeyMade { name, key, try_at } = made;
    let example = format!("curl -H \"Authorization: Bearer {key}\" {try_at}");
    let key = StoredValue::new(key);
    let copied = RwSignal::new(false);
    let copy = move |_| {
        copy_to_clipboard(&key.get_value(), move || {
            copied.try_set(true);
        });
    };
    let words = move || if copied.get() { text!(locale, api_keys.copied) } else { text!(locale, api_keys.copy) };
    view! {
        <Note tone=NoteTone::Good icon="check">
            <p>
                <strong>{text!(locale, api_keys.made, name = name)}</strong>
            </p>
            <p>{text!(locale, api_keys.made_text)}</p>
            <div class="field">
                <label for="api-key">{text!(locale, api_keys.key)}</label>
                <div class="link-line">
                    <input id="api-key" type="text" readonly autocomplete="off" spellcheck="false" value=key.get_value() />
                    <button type="button" class="button only-with-scripting" on:click=copy>
                        <Icon name="copy" />
                        {words}
                    </button>
                </div>
            </div>
            <p>{text!(locale, api_keys.try_it)}</p>
            <pre class="example">
                <code>{example}</code>
            </pre>
        </Note>
    }
    .into_any()
}
