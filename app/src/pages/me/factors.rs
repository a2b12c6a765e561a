//! The second factors of one's login, and the recovery codes: a section of how one signs in.

use super::{saved, sessions::name as browser_name};
use crate::{
    api::second_factors::{
        AddPasskey, BeginPasskey, BeginTotp, ForgetBrowser, ListSecondFactors, MakeRecoveryCodes, PasskeyForm,
        RecoveryCodes, RememberedBrowser, RemoveSecondFactor, RequiringAccount, SecondFactorAdded, SecondFactorLine,
        SecondFactorsView,
    },
    components::{Button, Ceremony, ErrorBox, Field, Icon, Look, Note, NoteTone, Time, passkey_button},
    domain::second_factor::{RECOVERY_CODES, SecondFactorKind},
    i18n::{Locale, text, use_locale},
    pages::{Failed, loaded},
    paths,
    rpc::{ActionForm, FormAction, Query},
};
use leptos::prelude::*;
use leptos_router::{hooks::use_navigate, location::Url};

/// The section.
#[component]
pub(super) fn SecondFactors() -> impl IntoView {
    let locale = use_locale();
    let listed = Query::new(|| ListSecondFactors {});
    let remove = FormAction::<RemoveSecondFactor>::new();
    remove.on_success(move |()| listed.refetch());
    let renew = FormAction::<MakeRecoveryCodes>::new();
    renew.on_success(move |_| listed.refetch());
    let forget = FormAction::<ForgetBrowser>::new();
    forget.on_success(move |()| listed.refetch());
    let added = RwSignal::new(None::<SecondFactorAdded>);
    let adds = Callback::new(move |done| {
        added.set(Some(done));
        listed.refetch();
    });
    let section = loaded(move || async move {
        match listed.await {
            Ok(view) => section(locale, view, remove, renew, forget, adds),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <section class="panel" aria-labelledby="second-factors">
            <h2 id="second-factors">{text!(locale, factors.title)}</h2>
            <p>{text!(locale, factors.text)}</p>
            <ErrorBox error=remove.error() />
            <ErrorBox error=renew.error() />
            <ErrorBox error=forget.error() />
            {move || forget.output().get().map(|()| saved(text!(locale, factors.forgotten)))}
            {move || remove.output().get().map(|()| saved(text!(locale, factors.removed)))}
            {move || added.get().map(|added| passkey_added(locale, &added))}
            {section}
        </section>
    }
}

fn section(
    locale: Locale,
    view: SecondFactorsView,
    remove: FormAction<RemoveSecondFactor>,
    renew: FormAction<MakeRecoveryCodes>,
    forget: FormAction<ForgetBrowser>,
    added: Callback<SecondFactorAdded>,
) -> AnyView {
    let changes = view.may_change && view.recently_authenticated;
    let has_any = !view.factors.is_empty();
    let list = if has_any {
        let lines: Vec<_> = view.factors.into_iter().map(|factor| line(locale, factor, remove, changes)).collect();
        view! { <ul class="factors">{lines}</ul> }.into_any()
    } else {
        view! { <p>{text!(locale, factors.none)}</p> }.into_any()
    };
    let ask = if !view.may_change {
        ().into_any()
    } else if view.recently_authenticated {
        view! {
            {add_app(locale)}
            {if view.passkeys { add_passkey(locale, added) } else { no_passkeys(locale) }}
        }
        .into_any()
    } else {
        confirm_first(locale)
    };
    let codes = has_any.then(|| recovery_codes(locale, view.recovery_codes_left, renew, changes));
    let remembered =
        (!view.remembered.is_empty()).then(|| remembered(locale, view.remembered, forget, view.may_change));
    let requiring = (!view.requiring.is_empty()).then(|| requiring(locale, view.requiring, has_any));
    let list_title = requiring.as_ref().map(|_| view! { <h3>{text!(locale, factors.yours)}</h3> });
    view! {
        {requiring}
        {list_title}
        {list}
        {ask}
        {codes}
        {remembered}
    }
    .into_any()
}

/// The accounts that require a factor: what is still to be done, or the way back to them.
fn requiring(locale: Locale, accounts: Vec<RequiringAccount>, has_any: bool) -> AnyView {
    let lines: Vec<_> = accounts
        .into_iter()
        .map(|account| {
            let when = if account.in_force {
                text!(locale, factors.requiring_now).into_any()
            } else {
                view! {
                    {text!(locale, factors.requiring_from)}
                    " "
                    <Time at=account.starts />
                }
                .into_any()
            };
            let open = has_any.then(|| {
                view! {
                    <a class="button button-small" href=paths::account(account.slug.as_str())>
                        {text!(locale, factors.requiring_open, account = account.name.clone())}
                    </a>
                }
            });
            view! {
                <li>
                    <Icon name="users" />
                    <div class="factors-name">
                        <strong>{account.name.clone()}</strong>
                        <small>{when}</small>
                    </div>
                    {open}
                </li>
            }
        })
        .collect();
    view! {
        <h3>{text!(locale, factors.requiring_title)}</h3>
        <ul class="factors">{lines}</ul>
    }
    .into_any()
}

fn passkey_added(locale: Locale, added: &SecondFactorAdded) -> AnyView {
    let codes = added.recovery_codes.as_ref().map(|codes| shown_codes(locale, codes));
    view! {
        {saved(text!(locale, factors.passkey_added))}
        {codes}
    }
    .into_any()
}

/// A factor as it is called.
pub(super) fn factor_name(locale: Locale, factor: &SecondFactorLine) -> String {
    if factor.name.is_empty() { kind_name(locale, factor.kind).to_owned() } else { factor.name.clone() }
}

pub(super) fn kind_name(locale: Locale, kind: SecondFactorKind) -> &'static str {
    match kind {
        SecondFactorKind::Totp => text!(locale, factors.app),
        SecondFactorKind::Passkey => text!(locale, factors.passkey),
    }
}

fn line(
    locale: Locale,
    factor: SecondFactorLine,
    remove: FormAction<RemoveSecondFactor>,
    changes: bool,
) -> impl IntoView {
    let name = factor_name(locale, &factor);
    let kind = (!factor.name.is_empty()).then(|| kind_name(locale, factor.kind));
    let used = match factor.last_used {
        Some(at) => view! {
            {text!(locale, factors.last_used)}
            " "
            <Time at relative=true />
        }
        .into_any(),
        None => text!(locale, factors.never_used).into_any(),
    };
    let full_name = name.clone();
    let form = changes.then(|| {
        view! {
            <ActionForm action=remove>
                <input type="hidden" name="factor" value=factor.id.to_string() />
                <Button look=Look::Small busy=remove.pending()>
                    <span aria-hidden="true">{text!(locale, factors.remove)}</span>
                    <span class="visually-hidden">{text!(locale, factors.remove_named, name = full_name)}</span>
                </Button>
            </ActionForm>
        }
    });
    view! {
        <li>
            <Icon name="lock" />
            <div class="factors-name">
                <strong>{name}</strong>
                <small>
                    {kind.map(|kind| format!("{kind} · "))} {text!(locale, factors.added)} " " <Time at=factor.added />
                    " · " {used}
                </small>
            </div>
            {form}
        </li>
    }
}

/// The browsers in which signing in does not ask for a second factor.
fn remembered(
    locale: Locale,
    browsers: Vec<RememberedBrowser>,
    forget: FormAction<ForgetBrowser>,
    may_change: bool,
) -> AnyView {
    let lines: Vec<_> = browsers
        .into_iter()
        .map(|remembered| {
            let name = browser_name(locale, remembered.browser, remembered.system);
            let full_name = name.clone();
            let form = may_change.then(|| {
                view! {
                    <ActionForm action=forget>
                        <input type="hidden" name="browser" value=remembered.id.to_string() />
                        <Button look=Look::Small busy=forget.pending()>
                            <span aria-hidden="true">{text!(locale, factors.forget)}</span>
                            <span class="visually-hidden">{text!(locale, factors.forget_named, name = full_name)}</span>
                        </Button>
                    </ActionForm>
                }
            });
            view! {
                <li>
                    <Icon name="globe" />
                    <div class="factors-name">
                        <strong>{name}</strong>
                        <small>{text!(locale, factors.remembered_until)} " " <Time at=remembered.expires /></small>
                    </div>
                    {form}
                </li>
            }
        })
        .collect();
    view! {
        <h3>{text!(locale, factors.remembered_title)}</h3>
        <p>{text!(locale, factors.remembered_text)}</p>
        <ul class="factors">{lines}</ul>
    }
    .into_any()
}

fn add_app(locale: Locale) -> AnyView {
    let begin = FormAction::<BeginTotp>::new();
    let navigate = use_navigate();
    begin.on_success(move |path| navigate(&path, Default::default()));
    view! {
        <ErrorBox error=begin.error() />
        <ActionForm action=begin class="actions">
            <Button busy=begin.pending()>{text!(locale, factors.set_up_app)}</Button>
        </ActionForm>
    }
    .into_any()
}

/// Why there are no passkeys here.
fn no_passkeys(locale: Locale) -> AnyView {
    view! { <p class="field-hint">{text!(locale, factors.passkey_unavailable)}</p> }.into_any()
}

fn add_passkey(locale: Locale, added: Callback<SecondFactorAdded>) -> AnyView {
    let name = RwSignal::new(String::new());
    let finish = move |challenge, credential| AddPasskey {
        form: PasskeyForm { challenge, credential, name: name.get_untracked(), ..PasskeyForm::default() },
    };
    let begin = || BeginPasskey {};
    let label = text!(locale, factors.add_passkey);
    let button = passkey_button(locale, label, Look::Primary, Ceremony::Create, begin, finish, move |done| {
        added.run(done);
    });
    view! {
        <h3>{text!(locale, factors.passkey)}</h3>
        <p>{text!(locale, factors.passkey_text)}</p>
        <div class="only-with-scripting">
            <Field
                name="passkey_name"
                label=text!(locale, factors.passkey_name)
                hint=text!(locale, factors.totp_name_hint)
                optional=true
                on_input=move |text| name.set(text)
            />
        </div>
        {button}
    }
    .into_any()
}

/// Changes ask for a proof of the last minutes (AZ-16): said before anybody does anything.
pub(super) fn confirm_first(locale: Locale) -> AnyView {
    view! {
        <Note tone=NoteTone::Plain icon="lock">
            <p>{text!(locale, factors.not_recent)}</p>
            <p>
                <a class="button" href=paths::reauthenticate_own_login(paths::ME_SIGN_IN)>
                    {text!(locale, factors.confirm_first)}
                </a>
            </p>
        </Note>
    }
    .into_any()
}

fn recovery_codes(locale: Locale, left: u32, renew: FormAction<MakeRecoveryCodes>, changes: bool) -> AnyView {
    let shown = move || renew.output().get().map(|codes| shown_codes(locale, &codes));
    let form = changes.then(|| {
        view! {
            <ActionForm action=renew class="actions">
                <Button look=Look::Plain busy=renew.pending()>{text!(locale, factors.codes_renew)}</Button>
            </ActionForm>
            <p class="field-hint">{text!(locale, factors.codes_renew_text)}</p>
        }
    });
    view! {
        <h3>{text!(locale, factors.codes_title)}</h3>
        <p>{text!(locale, factors.codes_text)} " " {text!(locale, factors.codes_left, left = left)}</p>
        {shown}
        {form}
    }
    .into_any()
}

/// New codes, which are shown this once, and as a file.
pub(super) fn shown_codes(locale: Locale, codes: &RecoveryCodes) -> AnyView {
    let lines: Vec<_> = codes.codes.iter().map(|code| view! { <li><code>{code.clone()}</code></li> }).collect();
    debug_assert_eq!(lines.len(), RECOVERY_CODES);
    let file = format!("{}\n\n{}\n", text!(locale, factors.codes_file), codes.codes.join("\n"));
    let file = format!("data:text/plain;charset=utf-8,{}", Url::escape(&file));
    view! {
        <Note tone=NoteTone::Good icon="check">
            <p>{text!(locale, factors.codes_new)}</p>
            <ul class="recovery-codes">{lines}</ul>
            <p>
                <a class="button" href=file download="roster-recovery-codes.txt" rel="external">
                    {text!(locale, factors.codes_download)}
                </a>
            </p>
        </Note>
    }
    .into_any()
}
