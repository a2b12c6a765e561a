//! Asking for another address, on `/me` (R48, PW-11).

use super::{present_password, saved};
use crate::{
    api::own_login::{AddressChangeAsked, AskForAddressChange, DropAddressChange, OwnLogin},
    components::{Button, ErrorBox, Field, Kind, Look, Note, NoteTone, Time, problem_at},
    domain::{email::check_shape, fields, time::Timestamp},
    i18n::{Locale, text},
    rpc::{ActionForm, FormAction},
};
use leptos::prelude::*;

/// The present address, the one that waits to be confirmed, and the form for another.
pub(super) fn change_address(locale: Locale, login: OwnLogin) -> AnyView {
    let (ask, drop) = (FormAction::<AskForAddressChange>::new(), FormAction::<DropAddressChange>::new());
    let error = ask.error();
    let awaited = RwSignal::new(login.awaited_email);
    ask.on_success(move |asked| {
        drop.clear();
        if let AddressChangeAsked::Mailed { email, until } = asked {
            awaited.set(Some((email, until)));
        }
    });
    drop.on_success(move |()| {
        ask.clear();
        awaited.set(None);
    });
    let asked = move || ask.output().get().map(|asked| outcome(locale, asked));
    let dropped = move || drop.output().get().map(|()| saved(text!(locale, own_login.address_dropped)));
    let waits = move || awaited.get().map(|(email, until)| waiting(locale, drop, email, until));
    view! {
        <section class="panel">
            <h2>{text!(locale, own_login.address_title)}</h2>
            <p>{text!(locale, own_login.address_text)}</p>
            <p>{text!(locale, own_login.address_now, email = login.email)}</p>
            <ErrorBox error=drop.error() />
            {asked}
            {dropped}
            {waits}
            <ActionForm action=ask class="form">
                <ErrorBox error />
                <Field
                    name="form[email]"
                    label=text!(locale, own_login.new_email)
                    kind=Kind::Email
                    required=true
                    check=check_shape
                    problem=problem_at(error, fields::Field::Email)
                />
                <label class="check">
                    <input type="checkbox" name="form[tell_inviters]" value="on" />
                    <span>{text!(locale, own_login.tell_inviters)}</span>
                </label>
                {present_password(locale, error)}
                <div class="actions">
                    <Button busy=ask.pending()>{text!(locale, own_login.ask_for_address)}</Button>
                </div>
            </ActionForm>
        </section>
    }
    .into_any()
}

fn outcome(locale: Locale, asked: AddressChangeAsked) -> AnyView {
    match asked {
        AddressChangeAsked::Mailed { email, .. } => saved(text!(locale, own_login.address_mailed, email = email)),
        AddressChangeAsked::NoMailServer => view! {
            <Note tone=NoteTone::Bad icon="alert">
                <p>{text!(locale, own_login.address_no_mail_server)}</p>
            </Note>
        }
        .into_any(),
    }
}

fn waiting(locale: Locale, drop: FormAction<DropAddressChange>, email: String, until: Timestamp) -> AnyView {
    view! {
        <Note tone=NoteTone::Plain icon="clock">
            <p>{text!(locale, own_login.address_awaited, email = email)} " " <Time at=until /></p>
            <ActionForm action=drop>
                <Button look=Look::Plain busy=drop.pending()>{text!(locale, own_login.drop_address_change)}</Button>
            </ActionForm>
        </Note>
    }
    .into_any()
}
