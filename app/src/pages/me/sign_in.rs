//! `/me/sign-in`: how one signs in.

use super::{factors::SecondFactors, present_password, read_only, saved};
use crate::{
    api::own_login::{ChangePassword, OwnLogin, ShowOwnLogin},
    components::{Button, ErrorBox, NewPasswordField, problem_at},
    domain::fields,
    i18n::{Locale, text, use_locale},
    pages::{Failed, loaded_once},
    rpc::{ActionForm, FormAction, Query},
};
use leptos::{html, prelude::*, wasm_bindgen::JsCast};
use leptos_meta::Title;

lazy_page!(SignInRoute, own_login, SignInPage);

/// The page.
#[component]
fn SignInPage() -> impl IntoView {
    let locale = use_locale();
    let login = Query::new(|| ShowOwnLogin {});
    let page = loaded_once(async move {
        match login.await {
            Ok(login) if login.may_change => change_password(locale, login),
            Ok(_) => read_only(locale),
            Err(error) => view! { <Failed error /> }.into_any(),
        }
    });
    view! {
        <Title text=text!(locale, own_login.sign_in) />
        {page}
        <SecondFactors />
    }
}

fn change_password(locale: Locale, login: OwnLogin) -> AnyView {
    let change = FormAction::<ChangePassword>::new();
    let error = change.error();
    let form = NodeRef::<html::Div>::new();
    change.on_success(move |_| forget_passwords(form));
    let done = move || {
        change.output().get().map(|changed| {
            saved(match changed.ended {
                0 => text!(locale, own_login.password_changed).to_owned(),
                1 => text!(locale, own_login.password_changed_other).to_owned(),
                ended => text!(locale, own_login.password_changed_others, ended = ended),
            })
        })
    };
    let own_words = vec![login.name, login.email.clone()];
    view! {
        <section class="panel">
            <h2>{text!(locale, own_login.password_title)}</h2>
            <p>{text!(locale, own_login.password_text)}</p>
            <div node_ref=form>
                <ActionForm action=change class="form">
                    <ErrorBox error />
                    {done}
                    // For password managers, which look for a name beside a password.
                    <input type="email" value=login.email autocomplete="username" readonly hidden />
                    {present_password(locale, error)}
                    <NewPasswordField
                        name="form[password]"
                        label=text!(locale, own_login.new_password)
                        shortest=login.shortest_password
                        own_words=Signal::stored(own_words)
                        problem=problem_at(error, fields::Field::Password)
                    />
                    <label class="check">
                        <input type="checkbox" name="form[sign_out_others]" value="on" checked />
                        <span>{text!(locale, own_login.sign_out_others)}</span>
                    </label>
                    <div class="actions">
                        <Button busy=change.pending()>{text!(locale, own_login.change_password)}</Button>
                    </div>
                </ActionForm>
            </div>
        </section>
    }
    .into_any()
}

/// Empties the fields: what they hold is no present password any more, and no new one.
fn forget_passwords(form: NodeRef<html::Div>) {
    let Some(form) = form.try_get_untracked().flatten() else { return };
    if let Ok(Some(form)) = form.query_selector("form")
        && let Ok(form) = form.dyn_into::<web_sys::HtmlFormElement>()
    {
        form.reset();
    }
}
